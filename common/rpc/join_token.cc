#include "common/rpc/join_token.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::rpc {
namespace {

constexpr absl::string_view kPrefix = "dbfj_";
constexpr size_t kHexLength = 64;

bool IsHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

}  // namespace

absl::StatusOr<JoinToken> ParseJoinToken(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (absl::StartsWith(text, kPrefix) && text.size() == kPrefix.size() + 2 * kHexLength + 1) {
    const absl::string_view secret = text.substr(kPrefix.size(), kHexLength);
    const absl::string_view pin = text.substr(kPrefix.size() + kHexLength + 1);
    if (text[kPrefix.size() + kHexLength] == '_' && IsHex(secret) && IsHex(pin)) {
      JoinToken token;
      token.secret_text = Secret(std::string(text));
      token.ca_spki_sha256 = std::string(pin);
      return token;
    }
  }
  return Error(absl::StatusCode::kInvalidArgument, "JOIN_TOKEN_MALFORMED",
               "this is not a join token (dbfj_..., 134 characters); make one with: dbfleet agent "
               "token create");
}

JoinToken MakeJoinToken(absl::string_view ca_spki_sha256) {
  JoinToken token;
  token.secret_text = Secret(absl::StrCat(kPrefix, RandomHex(32), "_", ca_spki_sha256));
  token.ca_spki_sha256 = std::string(ca_spki_sha256);
  return token;
}

std::string JoinTokenHash(const JoinToken& token) {
  return Sha256Hex(
      absl::string_view(token.secret_text.Reveal()).substr(kPrefix.size(), kHexLength));
}

}  // namespace dbfleet::rpc
