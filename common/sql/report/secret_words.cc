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
                                        "auth-pass"};

// Of names only: functions that take a key or a password, and what holds connection strings.
constexpr absl::string_view kNameParts[] = {"crypt", "dblink", "hmac", "pwd"};
constexpr absl::string_view kNames[] = {"connection", "decode", "digest", "encode", "md5",  "otp",
                                        "pass",       "pin",    "pw",     "sha",    "sha1", "sha2",
                                        "sha224",     "sha256", "sha384", "sha512"};

template <size_t N>
bool HoldsAny(absl::string_view lower, const absl::string_view (&parts)[N]) {
  return std::any_of(std::begin(parts), std::end(parts),
                     [&](absl::string_view part) { return absl::StrContains(lower, part); });
}

}  // namespace

bool NamesSecret(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return HoldsAny(lower, kParts) || HoldsAny(lower, kNameParts) ||
         std::find(std::begin(kNames), std::end(kNames), lower) != std::end(kNames);
}

bool SpeaksOfSecret(absl::string_view content) {
  std::string lower = absl::AsciiStrToLower(content);
  if (HoldsAny(lower, kParts) || absl::StrContains(lower, "pwd=")) return true;
  if (HoldsUriPassword(content)) return true;
  // Behind a backslash most characters stand for themselves.
  if (!absl::StrContains(lower, "\\")) return false;
  lower = absl::StrReplaceAll(lower, {{"\\", ""}});
  return HoldsAny(lower, kParts);
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
