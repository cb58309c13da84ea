#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/audit/ed25519.h"
#include "common/audit/trusted_keys.h"

// How those who trust some keys come to trust their successors: the whole new trusted-keys file,
// signed by a key that was trusted before. The text:
//
//   dbfleet audit keys v1
//   <the trusted-keys file>
//                                                 (empty)
//   — db.example.com/audit <base64 of key id and Ed25519 signature>
//
// The signature covers everything up to the newline before the empty line. Pure.
namespace dbfleet::audit {

inline constexpr size_t kMaxKeyChangeBytes = 64 << 10;

// `keys_text` is a trusted-keys file (it ends in a newline). INVALID_ARGUMENT (BAD_TRUSTED_KEYS).
absl::StatusOr<std::string> SignKeyChange(const std::string& keys_text, const SigningKey& key);

// The file in such a text, without a look at the signature. INVALID_ARGUMENT (BAD_KEY_CHANGE).
absl::StatusOr<std::string> KeysOfChange(absl::string_view text);

// Follows the changes, oldest first, from what is trusted: each that is signed by a key which is
// trusted by then and valid at `now` replaces what was trusted; others are passed over, for the
// list also holds those from before `current`. Returns the trusted-keys file at the end, `current`
// itself if nothing followed from it.
std::string FollowKeyChanges(const std::string& current, const std::vector<std::string>& changes,
                             absl::Time now);

}  // namespace dbfleet::audit
