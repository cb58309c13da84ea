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
                                        "auth-pass",   "pwd",         "bearer "};

// Of names only: functions that take a key or a password, and what holds connection strings.
constexpr absl::string_view kNameParts[] = {"crypt", "dblink", "hmac", "set_config"};
constexpr absl::string_view kNames[] = {"connection", "decode", "digest", "encode",
                                        "md5",        "sha",    "sha1",   "sha2",
                                        "sha224",     "sha256", "sha384", "sha512"};
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

}  // namespace

bool NamesSecret(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return HoldsAny(lower, kParts) || HoldsAny(lower, kNameParts) || IsAny(lower, kNames) ||
         HoldsWord(name);
}

bool SpeaksOfSecret(absl::string_view content) {
  std::string lower = absl::AsciiStrToLower(content);
  if (HoldsAny(lower, kParts) || HoldsUriPassword(content) || GivesSecret(content)) return true;
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
