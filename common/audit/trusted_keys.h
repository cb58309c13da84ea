#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/audit/ed25519.h"

// Which keys may sign checkpoints, and when: the "trusted keys" file. One key per line,
//
//   <name>+<id>+<base64> <not before> <not after>
//
// with RFC 3339 times in UTC to the second ("2026-01-02T03:04:05Z"), the second exclusive. Empty
// lines and lines that begin with "#" are for people. To change a key, add the new one's line and
// end the old one's validity.
//
// A validity is compared with the time that a checkpoint says of itself. Whoever steals an expired
// key can write an earlier time: witnesses therefore compare it with their own clock too
// (witness.h), and what an agent has seen is what refutes such a forgery offline.
namespace dbfleet::audit {

struct TrustedKey {
  VerifyingKey key;
  absl::Time not_before;
  absl::Time not_after;
  bool ValidAt(absl::Time time) const { return time >= not_before && time < not_after; }
};

class TrustedKeys {
 public:
  TrustedKeys() = default;
  explicit TrustedKeys(std::vector<TrustedKey> keys) : keys_(std::move(keys)) {}
  // INVALID_ARGUMENT (BAD_TRUSTED_KEYS) with the line's number. A file without any key is an error.
  static absl::StatusOr<TrustedKeys> Parse(absl::string_view text);

  std::string Text() const;
  bool empty() const { return keys_.empty(); }
  const std::vector<TrustedKey>& keys() const { return keys_; }

  // The key with this name and id whose signature over the data holds. UNAUTHENTICATED: UNKNOWN_KEY
  // if there is no such key, BAD_SIGNATURE.
  absl::StatusOr<TrustedKey> Signer(absl::string_view name, absl::string_view id,
                                    absl::string_view data, absl::string_view signature) const;

 private:
  std::vector<TrustedKey> keys_;
};

}  // namespace dbfleet::audit
