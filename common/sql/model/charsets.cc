#include "common/sql/model/charsets.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::sql {
namespace {

// Of MySQL 5.7 to 9 and MariaDB 10 to 12, from SHOW CHARACTER SET without those that no client may
// use (ucs2, utf16, utf32). Left out as well: swe7, in which a backslash is a letter.
constexpr std::string_view kMySqlPlain[] = {
    "armscii8", "ascii", "binary",   "cp1250",  "cp1251", "cp1256", "cp1257",  "cp850",
    "cp852",    "cp866", "dec8",     "eucjpms", "euckr",  "gb2312", "geostd8", "greek",
    "hebrew",   "hp8",   "keybcs2",  "koi8r",   "koi8u",  "latin1", "latin2",  "latin5",
    "latin7",   "macce", "macroman", "tis620",  "ujis",   "utf8",   "utf8mb3", "utf8mb4"};
// A character's second byte may be a backslash or a backquote.
constexpr std::string_view kMySqlRisky[] = {"big5", "cp932", "gb18030", "gbk", "sjis"};

// pg_encname_tbl of PostgreSQL's encnames.c, without its punctuation.
constexpr std::string_view kPostgresPlain[] = {
    "abc",         "alt",         "euccn",       "eucjis2004",  "eucjp",        "euckr",
    "euctw",       "iso88591",    "iso885910",   "iso885913",   "iso885914",    "iso885915",
    "iso885916",   "iso88592",    "iso88593",    "iso88594",    "iso88595",     "iso88596",
    "iso88597",    "iso88598",    "iso88599",    "koi8",        "koi8r",        "koi8u",
    "latin1",      "latin10",     "latin2",      "latin3",      "latin4",       "latin5",
    "latin6",      "latin7",      "latin8",      "latin9",      "muleinternal", "sqlascii",
    "tcvn",        "tcvn5712",    "unicode",     "utf8",        "vscii",        "win",
    "win1250",     "win1251",     "win1252",     "win1253",     "win1254",      "win1255",
    "win1256",     "win1257",     "win1258",     "win866",      "win874",       "windows1250",
    "windows1251", "windows1252", "windows1253", "windows1254", "windows1255",  "windows1256",
    "windows1257", "windows1258", "windows866",  "windows874"};
constexpr std::string_view kPostgresRisky[] = {
    "big5",         "gb18030",    "gbk",        "johab",      "mskanji",   "shiftjis",
    "shiftjis2004", "sjis",       "uhc",        "win932",     "win936",    "win949",
    "win950",       "windows932", "windows936", "windows949", "windows950"};

static_assert(std::is_sorted(std::begin(kPostgresPlain), std::end(kPostgresPlain)));
static_assert(std::is_sorted(std::begin(kPostgresRisky), std::end(kPostgresRisky)));
static_assert(std::is_sorted(std::begin(kMySqlRisky), std::end(kMySqlRisky)));

template <size_t N>
bool IsIn(const std::string_view (&list)[N], const std::string& word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::string Plain(Dialect dialect, absl::string_view name) {
  std::string plain;
  for (char c : name) {
    if (dialect != Dialect::kPostgres || absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      plain.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    }
  }
  return plain;
}

}  // namespace

CharsetRisk RiskOfCharset(Dialect dialect, absl::string_view name) {
  const std::string plain = Plain(dialect, name);
  if (dialect == Dialect::kPostgres) {
    // Whatever else it knows, ASCII stands for itself in all of them.
    return IsIn(kPostgresPlain, plain) ? CharsetRisk::kNone : CharsetRisk::kHighBytes;
  }
  if (IsIn(kMySqlPlain, plain)) return CharsetRisk::kNone;
  return IsIn(kMySqlRisky, plain) ? CharsetRisk::kHighBytes : CharsetRisk::kAllBytes;
}

absl::StatusOr<CharsetRisk> ParseCharset(Dialect dialect, absl::string_view name) {
  const std::string plain = Plain(dialect, name);
  const bool postgres = dialect == Dialect::kPostgres;
  const bool known = postgres
                         ? IsIn(kPostgresPlain, plain) || IsIn(kPostgresRisky, plain)
                         : IsIn(kMySqlPlain, plain) || IsIn(kMySqlRisky, plain) || plain == "swe7";
  if (known) return RiskOfCharset(dialect, name);
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CHARSET",
               absl::StrCat("\"", SanitizeForDisplay(Truncate(name, 60)),
                            "\" is no character set that a client of ",
                            postgres ? "PostgreSQL may have; give what SHOW client_encoding shows"
                                     : "MySQL or MariaDB may have; give what SELECT "
                                       "@@character_set_client shows"));
}

}  // namespace dbfleet::sql
