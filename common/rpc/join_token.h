#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/base/secret.h"

// The text with which one agent joins: dbfj_<secret>_<pin>, both 64 hexadecimal digits. The pin is
// the SHA-256 of the SubjectPublicKeyInfo of the controller's certificate authority, so that the
// very first connection is authenticated already.
namespace dbfleet::rpc {

struct JoinToken {
  Secret secret_text;          // The whole text, as EnrollRequest.join_token wants it.
  std::string ca_spki_sha256;  // Hex, lower case; for FetchPinnedCa.
};

// White space around the token is ignored. INVALID_ARGUMENT (JOIN_TOKEN_MALFORMED) otherwise; the
// error does not quote the token.
absl::StatusOr<JoinToken> ParseJoinToken(absl::string_view text);

// A new token with 256 random bits.
JoinToken MakeJoinToken(absl::string_view ca_spki_sha256);

// What the controller keeps of it: SHA-256, hex, over the secret part alone.
std::string JoinTokenHash(const JoinToken& token);

}  // namespace dbfleet::rpc
