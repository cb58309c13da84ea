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
};

// Tables of the schema mysql.
constexpr Place kTables[] = {
    {"global_priv", "password hashes; information_schema.USER_PRIVILEGES names users and rights"},
    {"password_history", "password hashes"},
    {"servers", "passwords of other servers"},
    {"slave_master_info", "the replication password"},
    {"user", "password hashes; information_schema.USER_PRIVILEGES names users and rights"},
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

}  // namespace

std::string CredentialObjection(const Toks& tokens, absl::string_view database) {
  if (tokens[0].Is(K("SHOW")) &&
      (tokens[1].Is(K("GRANTS")) || tokens.HasWords(1, {K("CREATE"), K("USER")}) ||
       tokens.HasWords(1, {K("CREATE"), K("SERVER")}))) {
    return "it may show password hashes; information_schema.USER_PRIVILEGES names users and "
           "rights";
  }
  // The columns of a table are no secret.
  if (!tokens[0].IsOneOf({K("SELECT"), K("WITH"), K("TABLE")}) && !tokens[0].IsSymbol('(') &&
      !tokens.HasWord(K("SELECT")) && !tokens.HasWord(K("TABLE"))) {
    return "";
  }
  const bool in_system_schema = absl::EqualsIgnoreCase(database, "mysql");
  for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
    const Place* place = Find(tokens[i]);
    if (place == nullptr) continue;
    const bool qualified = tokens[i - 1].IsSymbol('.');
    const bool ours = qualified && IsName(tokens[i - 2], "mysql");
    const bool resolved =
        in_system_schema && !(qualified && tokens[i - 2].IsName()) && MayBeTable(tokens, i);
    if (ours || resolved) {
      return absl::StrCat("reads mysql.", place->name, ", which holds ", place->holds);
    }
  }
  return "";
}

}  // namespace dbfleet::sql::mysql
