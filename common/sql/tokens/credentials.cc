#include "common/sql/tokens/credentials.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::sql {
namespace {

struct Place {
  absl::string_view name;  // In lower case.
  absl::string_view holds;
};

// Tables of the schema mysql.
constexpr Place kMySqlTables[] = {
    {"global_priv", "password hashes; information_schema.USER_PRIVILEGES names users and rights"},
    {"password_history", "password hashes"},
    {"servers", "passwords of other servers"},
    {"slave_master_info", "the replication password"},
    {"user", "password hashes; information_schema.USER_PRIVILEGES names users and rights"},
};

// Relations of pg_catalog, found without their schema, so that they count wherever they stand.
constexpr Place kPostgresRelations[] = {
    {"pg_authid", "password hashes; pg_roles tells the rest"},
    {"pg_file_settings", "settings with passwords; use SHOW with a setting's name"},
    {"pg_hba_file_rules", "passwords of authentication servers"},
    {"pg_settings", "passwords in primary_conninfo; use SHOW with a setting's name"},
    {"pg_shadow", "password hashes; pg_user tells the rest"},
    {"pg_statistic", "samples of all columns, password hashes among them"},
    {"pg_stats", "samples of all columns, password hashes among them"},
    {"pg_subscription", "connection strings with passwords; use pg_stat_subscription"},
    {"pg_user_mapping", "passwords of foreign servers"},
    {"pg_user_mappings", "passwords of foreign servers"},
    {"user_mapping_options", "passwords of foreign servers"},
};

bool IsUnicodeName(const Token& token) {
  return token.kind == TokenKind::kQuotedName && absl::ascii_tolower(token.text[0]) == 'u';
}

// The name that a token stands for. In MySQL "x" is a string or, under ANSI_QUOTES, a name.
std::string NameIn(const Token& token) {
  absl::string_view text = token.text;
  if (IsUnicodeName(token)) text.remove_prefix(2);
  const bool quoted = text.size() >= 2 && (text.front() == '`' || text.front() == '"') &&
                      (token.kind == TokenKind::kQuotedName || token.kind == TokenKind::kString);
  if (token.kind == TokenKind::kWord) return absl::AsciiStrToLower(text);
  if (!quoted) return "";
  const absl::string_view quote = text.substr(0, 1);
  return absl::AsciiStrToLower(
      absl::StrReplaceAll(text.substr(1, text.size() - 2), {{absl::StrCat(quote, quote), quote}}));
}

template <size_t N>
const Place* Find(const Place (&places)[N], absl::string_view name) {
  for (const Place& place : places) {
    if (place.name == name) return &place;
  }
  return nullptr;
}

std::string Objection(absl::string_view name, absl::string_view holds) {
  return absl::StrCat("reads ", name, ", which holds ", holds);
}

// Whether the token at `i` stands where a table may: behind FROM, JOIN, a comma or a parenthesis.
// Elsewhere "user" is most often a column or USER().
bool MayBeTable(TokenView tokens, ptrdiff_t i) {
  const Token& before = tokens[i - 1];
  return !tokens[i + 1].IsSymbol('(') &&
         (before.IsWord("FROM") || before.IsWord("JOIN") || before.IsWord("STRAIGHT_JOIN") ||
          before.IsSymbol(',') || before.IsSymbol('(') || before.IsSymbol('.'));
}

std::string MySqlObjection(TokenView tokens, ptrdiff_t i, bool in_system_schema) {
  const Place* place = Find(kMySqlTables, NameIn(tokens[i]));
  if (place == nullptr) return "";
  const bool qualified = tokens[i - 1].IsSymbol('.');
  const bool ours = qualified && NameIn(tokens[i - 2]) == "mysql";
  const bool resolved =
      in_system_schema && !(qualified && tokens[i - 2].IsName()) && MayBeTable(tokens, i);
  if (!ours && !resolved) return "";
  return Objection(absl::StrCat("mysql.", place->name), place->holds);
}

// current_setting('name') with a plain name can be looked at here; whatever computes one cannot.
bool NamesASetting(TokenView tokens, ptrdiff_t paren) {
  const Token& name = tokens[paren + 1];
  if (name.kind != TokenKind::kString || name.text.size() < 3 || name.text[0] != '\'') return false;
  const std::string setting = absl::AsciiStrToLower(name.text.substr(1, name.text.size() - 2));
  const bool plain = std::all_of(setting.begin(), setting.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.';
  });
  return plain && setting != "primary_conninfo" &&
         (tokens[paren + 2].IsSymbol(')') || tokens[paren + 2].IsSymbol(','));
}

std::string PostgresObjection(TokenView tokens, ptrdiff_t i) {
  const Token& token = tokens[i];
  const std::string name = NameIn(token);
  if (name == "current_setting" && !NamesASetting(tokens, i + 1)) {
    return "current_setting() may show primary_conninfo, which may hold a password; give it the "
           "plain name of another setting";
  }
  if (absl::StartsWith(name, "pg_toast")) {
    return Objection(name, "large values of any table, without its rights");
  }
  // Whatever its escapes make of it.
  if (IsUnicodeName(token) &&
      (absl::StrContains(token.text, "\\") || tokens[i + 1].IsWord("UESCAPE"))) {
    return "contains a name with Unicode escapes, which hide what it reads";
  }
  if (name == "primary_conninfo") return "shows primary_conninfo, which may hold a password";
  const Place* place = Find(kPostgresRelations, name);
  return place == nullptr ? "" : Objection(place->name, place->holds);
}

}  // namespace

std::string CredentialObjection(Dialect dialect, TokenView tokens, absl::string_view database) {
  const bool postgres = dialect == Dialect::kPostgres;
  if (tokens[0].IsWord("SHOW")) {
    if (postgres && tokens[1].IsWord("ALL")) {
      return "SHOW ALL shows primary_conninfo, which may hold a password; name a setting";
    }
    if (!postgres && (tokens[1].IsWord("GRANTS") || tokens.HasWords(1, {"CREATE", "USER"}))) {
      return "it may show password hashes; information_schema.USER_PRIVILEGES names users and "
             "rights";
    }
  }
  const bool in_system_schema = absl::EqualsIgnoreCase(database, "mysql");
  // The columns of a table are no secret.
  if (!postgres && !tokens[0].IsWord("SELECT") && !tokens[0].IsWord("WITH") &&
      !tokens[0].IsSymbol('(') && !tokens.HasWord("SELECT")) {
    return "";
  }
  for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
    std::string objection =
        postgres ? PostgresObjection(tokens, i) : MySqlObjection(tokens, i, in_system_schema);
    if (!objection.empty()) return objection;
  }
  return "";
}

}  // namespace dbfleet::sql
