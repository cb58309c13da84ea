#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {
namespace {

// Every sql_mode of MySQL 5.7 to 9 and MariaDB 10 to 12, from their manuals.
constexpr std::string_view kSqlModes[] = {"ALLOW_INVALID_DATES",
                                          "ANSI",
                                          "ANSI_QUOTES",
                                          "DB2",
                                          "EMPTY_STRING_IS_NULL",
                                          "ERROR_FOR_DIVISION_BY_ZERO",
                                          "HIGH_NOT_PRECEDENCE",
                                          "IGNORE_BAD_TABLE_OPTIONS",
                                          "IGNORE_SPACE",
                                          "MAXDB",
                                          "MSSQL",
                                          "MYSQL323",
                                          "MYSQL40",
                                          "NO_AUTO_CREATE_USER",
                                          "NO_AUTO_VALUE_ON_ZERO",
                                          "NO_BACKSLASH_ESCAPES",
                                          "NO_DIR_IN_CREATE",
                                          "NO_ENGINE_SUBSTITUTION",
                                          "NO_FIELD_OPTIONS",
                                          "NO_KEY_OPTIONS",
                                          "NO_TABLE_OPTIONS",
                                          "NO_UNSIGNED_SUBTRACTION",
                                          "NO_ZERO_DATE",
                                          "NO_ZERO_IN_DATE",
                                          "ONLY_FULL_GROUP_BY",
                                          "ORACLE",
                                          "PAD_CHAR_TO_FULL_LENGTH",
                                          "PIPES_AS_CONCAT",
                                          "POSTGRESQL",
                                          "REAL_AS_FLOAT",
                                          "SIMULTANEOUS_ASSIGNMENT",
                                          "STRICT_ALL_TABLES",
                                          "STRICT_TRANS_TABLES",
                                          "TIME_ROUND_FRACTIONAL",
                                          "TIME_TRUNCATE_FRACTIONAL",
                                          "TRADITIONAL"};
static_assert(std::is_sorted(std::begin(kSqlModes), std::end(kSqlModes)));

}  // namespace

SqlModes ModesFor(const Target& target, const Statement& statement) {
  if (!statement.modes_changed) return target.modes;
  if (!statement.modes_known) return SqlModes();
  SqlModes modes = target.modes;
  modes.known = true;
  return modes;
}

absl::StatusOr<SqlModes> ParseSqlModes(absl::string_view text) {
  SqlModes modes;
  modes.known = true;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    const std::string mode = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(part));
    if (!std::binary_search(std::begin(kSqlModes), std::end(kSqlModes), std::string_view(mode))) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_SQL_MODE",
                   absl::StrCat("\"", SanitizeForDisplay(Truncate(mode, 60)),
                                "\" is no mode of MySQL or MariaDB; give what SELECT @@sql_mode "
                                "shows"));
    }
    // Those that stand for several have ANSI_QUOTES among them.
    for (absl::string_view quotes :
         {"ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"}) {
      if (mode == quotes) modes.ansi_quotes = true;
    }
    if (mode == "NO_BACKSLASH_ESCAPES") modes.no_backslash_escapes = true;
    if (mode == "ORACLE") modes.oracle = true;
  }
  return modes;
}

}  // namespace dbfleet::sql
