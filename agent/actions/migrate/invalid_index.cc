#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/actions/migrate/step_runner.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxIdentifierBytes = 63;  // PostgreSQL cuts longer ones.

// The index's own name as the catalogue has it.
std::string CatalogueName(absl::string_view written) {
  std::string name(written);
  if (const size_t quote = name.find('"'); quote != std::string::npos && name.back() == '"') {
    // "schema"."name" or schema."name": the last quoted part.
    size_t begin = name.size() - 1;
    while (begin > quote && !(name[begin - 1] == '.' && name[begin] == '"')) --begin;
    name = absl::StrReplaceAll(name.substr(begin + 1, name.size() - begin - 2), {{"\"\"", "\""}});
  } else if (const size_t dot = name.rfind('.'); dot != std::string::npos) {
    name = name.substr(dot + 1);
  }
  return name.substr(0, kMaxIdentifierBytes);
}

}  // namespace

absl::Status RemoveInvalidIndex(Attempt& attempt, MigrationSession& session,
                                const PlannedStatement& statement) {
  const std::string written = ConcurrentIndexName(statement.text);
  if (written.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto rows,
                   session.Query(absl::StrCat(
                       "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i "
                       "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
                       "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                       "WHERE NOT i.indisvalid AND c.relname = ",
                       session.Quote(CatalogueName(written)))));
  if (rows.empty()) return absl::OkStatus();
  if (rows.size() > 1 || rows[0].size() != 1 || !rows[0][0].has_value()) {
    return Error(absl::StatusCode::kFailedPrecondition, "INVALID_INDEX",
                 absl::StrCat("several schemas have an invalid index ", written,
                              "; drop the one that version ", statement.version, " left behind"));
  }
  attempt.Warn(absl::StrCat("dropping the invalid index ", *rows[0][0], " that ", statement.Where(),
                            " left behind"));
  return session
      .Execute(absl::StrCat("DROP INDEX CONCURRENTLY IF EXISTS ", *rows[0][0]),
               absl::ZeroDuration())
      .status();
}

}  // namespace dbfleet::agent
