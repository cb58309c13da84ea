#include "common/sql/mysql/credentials.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql::mysql {
namespace {

struct Place {
  absl::string_view name;  // In lower case.
  absl::string_view holds;
  absl::string_view schema = "mysql";
};

constexpr absl::string_view kStatements = "statements as they were written, with passwords in them";

constexpr Place kTables[] = {
    {"events_statements_current", kStatements, "performance_schema"},
    {"events_statements_history", kStatements, "performance_schema"},
    {"events_statements_history_long", kStatements, "performance_schema"},
    {"general_log", kStatements},
    {"global_priv", "password hashes; information_schema.USER_PRIVILEGES names users and rights"},
    {"password_history", "password hashes"},
    {"prepared_statements_instances", kStatements, "performance_schema"},
    {"processlist", "each session's last statement; use information_schema.PROCESSLIST", "sys"},
    {"servers", "passwords of other servers"},
    {"session", "each session's last statement; use information_schema.PROCESSLIST", "sys"},
    {"slave_master_info", "the replication password"},
    {"slow_log", kStatements},
    {"spider_link_mon_servers", "passwords of other servers"},
    {"spider_tables", "passwords of other servers"},
    {"spider_xa_member", "passwords of other servers"},
    {"user", "password hashes; information_schema.USER_PRIVILEGES names users and rights"},
    {"x$processlist", "each session's last statement; use information_schema.PROCESSLIST", "sys"},
    {"x$session", "each session's last statement; use information_schema.PROCESSLIST", "sys"},
};

bool IsName(const Tok& token, absl::string_view lower) {
  if (token.kind == TokenKind::kWord) return absl::EqualsIgnoreCase(token.text, lower);
  return absl::EqualsIgnoreCase(Unquoted(token), lower);
}

// The sizes first: most tokens are none of these.
const Place* Find(const Tok& token) {
  for (const Place& place : kTables) {
    const size_t size = place.name.size();
    if (token.text.size() < size || token.text.size() > size + 2) continue;
    if (IsName(token, place.name)) return &place;
  }
  return nullptr;
}

// Whether the token at `i` stands where a table may: behind FROM, JOIN, a comma or a parenthesis.
// Elsewhere "user" is most often a column or USER().
bool MayBeTable(const Toks& tokens, ptrdiff_t i) {
  const Tok& before = tokens[i - 1];
  return !tokens[i + 1].IsSymbol('(') &&
         (before.IsOneOf({K("FROM"), K("JOIN"), K("STRAIGHT_JOIN"), K("TABLE")}) ||
          before.IsSymbol(',') || before.IsSymbol('(') || before.IsSymbol('.'));
}

// The setting, as @@report_password, as a pattern of SHOW VARIABLES, or as a value.
bool NamesReportPassword(const Toks& tokens) {
  constexpr absl::string_view kName = "report_password";
  for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
    const absl::string_view text = tokens[i].text;
    if (text.size() < kName.size() || text.size() > kName.size() + 2) continue;
    if (absl::EqualsIgnoreCase(tokens[i].IsText() ? Inside(tokens[i]) : text, kName)) return true;
    if (absl::EqualsIgnoreCase(Unquoted(tokens[i]), kName)) return true;
  }
  return false;
}

}  // namespace

std::string CredentialObjection(const Toks& tokens, absl::string_view database) {
  if (tokens[0].Is(K("SHOW")) &&
      (tokens[1].Is(K("GRANTS")) || tokens.HasWords(1, {K("CREATE"), K("USER")}) ||
       tokens.HasWords(1, {K("CREATE"), K("SERVER")}))) {
    return "it may show password hashes; information_schema.USER_PRIVILEGES names users and "
           "rights";
  }
  if (tokens[0].Is(K("SHOW")) &&
      (tokens[1].Is(K("REPLICAS")) ||
       (tokens[1].IsOneOf({K("SLAVE"), K("REPLICA")}) && tokens[2].Is(K("HOSTS"))))) {
    return "with show-slave-auth-info it shows the replicas' passwords; "
           "information_schema.PROCESSLIST shows who replicates";
  }
  if (NamesReportPassword(tokens)) {
    return "report_password is a password";
  }
  // The columns of a table are no secret.
  if (!tokens[0].IsOneOf({K("SELECT"), K("WITH"), K("TABLE")}) && !tokens[0].IsSymbol('(') &&
      !tokens.HasWord(K("SELECT")) && !tokens.HasWord(K("TABLE"))) {
    return "";
  }
  for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
    const Place* place = Find(tokens[i]);
    if (place == nullptr) continue;
    // MariaDB takes FROM .user for FROM user.
    const Tok& schema = tokens[i - 2];
    const bool qualified = tokens[i - 1].IsSymbol('.') &&
                           (schema.IsText() || (schema.IsName() && !EndsName(schema.word)));
    const bool ours = qualified && IsName(schema, place->schema);
    const bool resolved =
        absl::EqualsIgnoreCase(database, place->schema) && !qualified && MayBeTable(tokens, i);
    if (ours || resolved) {
      return absl::StrCat("reads ", place->schema, ".", place->name, ", which holds ",
                          place->holds);
    }
  }
  return "";
}

}  // namespace dbfleet::sql::mysql
