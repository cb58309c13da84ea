#include "controller/routes/checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/config/values.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {

using config::Problems;

namespace {

constexpr size_t kMostUrlBytes = 2000;

}  // namespace

bool IsPrintableAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isgraph(c); });
}

void CheckUrl(const std::string& url, const std::string& field, bool plaintext,
              Problems* problems) {
  if (url.empty()) return problems->Add(field, "is missing");
  if (HostOf(url).empty() || url.size() > kMostUrlBytes) {
    // It may hold a password or a token, and what is refused is logged.
    problems->Add(field,
                  absl::StrCat("an https URL of a host, without a user in it and of at most ",
                               kMostUrlBytes, " bytes, is wanted; what was given is not shown"));
  } else if (!plaintext && !absl::StartsWithIgnoreCase(url, "https://")) {
    problems->Add(field, "must begin with https://, since a secret is sent along");
  }
}

bool MayHoldSecret(absl::string_view url) {
  const size_t query = url.find('?');
  if (query == absl::string_view::npos) return false;
  for (absl::string_view part :
       absl::StrSplit(url.substr(query + 1), absl::ByAnyChar("&;"), absl::SkipEmpty())) {
    const std::string name = absl::AsciiStrToLower(part.substr(0, part.find('=')));
    for (const char* word :
         {"token", "key", "secret", "pass", "pwd", "auth", "sig", "credential"}) {
      if (absl::StrContains(name, word)) return true;
    }
  }
  return false;
}

void CheckSecret(const std::string& name, const std::string& field, bool needed,
                 Problems* problems) {
  if (name.empty()) {
    if (needed)
      problems->Add(field,
                    "is missing: the name of a secret in the controller's "
                    "configuration");
    return;
  }
  if (name.size() > 63 || name[0] == '.' || !std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
      })) {
    // Perhaps it is the secret itself.
    problems->Add(
        field,
        "the name of a secret in the controller's configuration is wanted, of letters, "
        "digits, \"-\", \"_\" and \".\", not the secret itself; what was given is not shown");
  }
}

}  // namespace dbfleet::controller
