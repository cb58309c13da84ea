#include "common/sql/report/secret_words.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::sql {
namespace {

// Wherever they stand in a name or a text.
constexpr absl::string_view kParts[] = {"passw",       "passphrase",  "passcode",
                                        "secret",      "credential",  "identified",
                                        "conninfo",    "auth_string", "authentication_string",
                                        "token",       "private_key", "privatekey",
                                        "private key", "api_key",     "apikey",
                                        "access_key",  "accesskey",   "masterauth",
                                        "auth-pass",   "pwd",         "bearer ",
                                        "sshpass"};
// Of texts only: what passwords, their hashes and keys begin with, and connection strings of Go.
constexpr absl::string_view kForms[] = {
    "$2a$",           "$2b$",       "$2y$",    "$5$",    "$6$",  "$a$005$",
    "$argon2",        "-----begin", "@tcp(",   "@unix(", "ghp_", "glpat-",
    "scram-sha-256$", "sk_live_",   "$pbkdf2", "xoxb-",  "xoxp-"};

// Of names only: functions that take a key or a password, and what holds connection strings.
constexpr absl::string_view kNameParts[] = {"crypt", "dblink", "hmac", "set_config"};
constexpr absl::string_view kNames[] = {
    "connection", "decode", "digest", "encode", "md5", "sha", "sha1", "sha2", "sha224", "sha256",
    "sha384", "sha512",
    // Tables of servers that hold some.
    "global_priv", "pg_authid", "pg_db_role_setting", "pg_foreign_server", "pg_shadow",
    "pg_subscription", "pg_user_mapping", "pg_user_mappings", "slave_master_info", "spider_tables"};
// Words of a name: user_pw, sstAuth, card:pin.
constexpr absl::string_view kWords[] = {"auth", "cvc", "cvv", "otp",  "pass",
                                        "pin",  "psk", "pw",  "pwds", "userpass"};

template <size_t N>
bool HoldsAny(absl::string_view lower, const absl::string_view (&parts)[N]) {
  return std::any_of(std::begin(parts), std::end(parts),
                     [&](absl::string_view part) { return absl::StrContains(lower, part); });
}

template <size_t N>
bool IsAny(absl::string_view lower, const absl::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), lower) != std::end(names);
}

bool IsLetter(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); }
bool IsUpper(char c) { return absl::ascii_isupper(static_cast<unsigned char>(c)); }

// A word ends where no letter follows, and where an upper-case letter follows a lower-case one.
bool HoldsWord(absl::string_view name) {
  for (size_t begin = 0; begin < name.size();) {
    size_t end = begin;
    while (end < name.size() && IsLetter(name[end]) &&
           (end == begin || !IsUpper(name[end]) || IsUpper(name[end - 1]))) {
      ++end;
    }
    if (end > begin && IsAny(absl::AsciiStrToLower(name.substr(begin, end - begin)), kWords)) {
      return true;
    }
    begin = std::max(end, begin + 1);
  }
  return false;
}

bool IsOfName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
}

// {"pin": 1}, pw=x, ('pass', 'x'), crypt('x'.
bool GivesSecret(absl::string_view content) {
  constexpr size_t kLongest = 64;
  for (size_t begin = 0; begin < content.size();) {
    size_t end = begin;
    while (end < content.size() && IsOfName(content[end])) ++end;
    if (end == begin) {
      ++begin;
      continue;
    }
    size_t next = end;
    bool quoted = false;
    while (next < content.size() && next - end < kLongest &&
           absl::StrContains(" \t\r\n\\'\"`", content.substr(next, 1))) {
      quoted = quoted || content[next] == '\'' || content[next] == '"';
      ++next;
    }
    const char c = next < content.size() ? content[next] : ' ';
    const bool gives = c == '=' || c == ':' || c == '(' || (c == ',' && quoted);
    if (gives && NamesSecret(content.substr(begin, end - begin))) return true;
    begin = end;
  }
  return false;
}

// *2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19 and md5f5e1...: hashes as servers keep them.
bool HoldsHash(absl::string_view lower) {
  const auto hex = [&](size_t from, size_t count) {
    size_t end = from;
    while (end < lower.size() && absl::ascii_isxdigit(static_cast<unsigned char>(lower[end])))
      ++end;
    return end - from == count;
  };
  constexpr size_t kSha1 = 40;
  constexpr size_t kMd5 = 32;
  for (size_t i = 0; i < lower.size(); ++i) {
    if (lower[i] == '*' && hex(i + 1, kSha1)) return true;
    if (lower[i] == 'm' && absl::StartsWith(lower.substr(i), "md5") && hex(i + 3, kMd5))
      return true;
  }
  return false;
}

// Of a command line: mysql -px, redis-cli -a x, curl -u a:x, --pass x.
bool GivesOption(absl::string_view content) {
  const bool redis = absl::StrContains(absl::AsciiStrToLower(content), "redis");
  for (size_t i = 0; i + 2 < content.size(); ++i) {
    if (content[i] != '-') continue;
    if (i > 0 && !absl::StrContains(" \t\r\n'\"`(", content.substr(i - 1, 1))) continue;
    const char option = content[i + 1];
    const absl::string_view given = content.substr(i + 2);
    const bool touches = !absl::ascii_isspace(static_cast<unsigned char>(given[0]));
    if (option == 'p' && touches && given[0] != '-') return true;
    if (option == 'a' && redis) return true;
    if (absl::StartsWith(content.substr(i), "--pass")) return true;
    const bool longer = absl::StartsWith(content.substr(i), "--user");
    if (option != 'u' && !longer) continue;
    absl::string_view value = content.substr(i + (longer ? 6 : 2));
    value.remove_prefix(std::min(value.find_first_not_of(" \t="), value.size()));
    if (absl::StrContains(value.substr(0, value.find_first_of(" \t\n")), ":")) return true;
  }
  return false;
}

// AKIA and 16 letters or digits.
bool HoldsAccessKey(absl::string_view content) {
  constexpr size_t kLength = 20;
  const size_t at = content.find("AKIA");
  if (at == absl::string_view::npos || content.size() < at + kLength) return false;
  const absl::string_view key = content.substr(at, kLength);
  return std::all_of(key.begin(), key.end(), [](char c) {
    return IsUpper(c) || absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

}  // namespace

bool NamesSecret(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return HoldsAny(lower, kParts) || HoldsAny(lower, kNameParts) || IsAny(lower, kNames) ||
         HoldsWord(name);
}

bool NamesSecretSetting(absl::string_view content) {
  constexpr size_t kLongest = 128;
  return content.size() <= kLongest &&
         std::all_of(content.begin(), content.end(),
                     [](char c) {
                       return IsOfName(c) || absl::StrContains(".:/%[]", std::string(1, c));
                     }) &&
         HoldsWord(content);
}

bool SpeaksOfSecret(absl::string_view content) {
  std::string lower = absl::AsciiStrToLower(content);
  if (HoldsAny(lower, kParts) || HoldsUriPassword(content) || GivesSecret(content)) return true;
  if (HoldsAny(lower, kForms) || HoldsHash(lower) || HoldsAccessKey(content)) return true;
  if (GivesOption(content)) return true;
  // Behind a backslash most characters stand for themselves.
  if (!absl::StrContains(lower, "\\")) return false;
  lower = absl::StrReplaceAll(lower, {{"\\", ""}});
  return HoldsAny(lower, kParts) || GivesSecret(lower);
}

bool HoldsUriPassword(absl::string_view content) {
  bool inside = false;  // Behind "://", where a host or an account stands.
  bool colon = false;
  for (size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    if (!inside) {
      inside = absl::StartsWith(content.substr(i), "://");
      if (inside) i += 2;
      colon = false;
    } else if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      inside = false;
    } else if (c == ':') {
      colon = true;
    } else if (c == '@' && colon) {
      return true;
    }
  }
  return false;
}

}  // namespace dbfleet::sql
