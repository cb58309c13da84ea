#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/audit/ed25519.h"
#include "common/audit/trusted_keys.h"

// A signed checkpoint says what the trail was at some time. Its text is a C2SP checkpoint in a
// signed note, with extension lines of our own:
//
//   db.example.com/audit                          origin: the name of the signing key
//   20852                                         size: the number of records
//   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=  root of their tree (merkle.h)
//   log 01JAB...                                  which log; a new one after a deliberate restore
//   time 2026-01-02T03:04:05.000006Z
//   head h2fB2MPA3j2...=                          hash of the last record in the chain (record.h)
//   predecessor 01JAA... 20000 Yc4...=            successor logs only, see below; further logs
//                                                 that were replaced may follow on the line
//                                                 (empty)
//   — db.example.com/audit <base64 of key id and Ed25519 signature>
//
// There is one signature. Of every checkpoint exactly one text exists for a signature; anything
// else is refused with the line where it is wrong.
//
// After a deliberate restore of an older store, `dbfleet-controller recover` begins a successor
// log. All of its checkpoints name the predecessor: the logs that it replaces, how many of their
// records the restored store has, and those records' root. The first one is made at once, of
// exactly that size and root. Records are numbered on, so the successor's tree begins with the
// adopted records.
namespace dbfleet::audit {

inline constexpr size_t kMaxCheckpointBytes = 4096;

struct Predecessor {
  std::string log_id;
  uint64_t size = 0;
  std::string root;  // 32 raw bytes.
  // Other logs of which the same was adopted: copies of one store that were restored one after the
  // other may each have begun one. At most kMaxOthers, none twice.
  std::vector<std::string> others;

  // Is it one of those that were replaced?
  bool Names(absl::string_view id) const;
  // All of them.
  std::vector<std::string> LogIds() const;
  bool operator==(const Predecessor&) const = default;
};
inline constexpr size_t kMaxOthers = 15;

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  std::string root;    // 32 raw bytes; EmptyRoot for size 0.
  std::string log_id;  // 1 to 64 of letters, digits and ".", "_", "-".
  absl::Time time;     // To the microsecond.
  std::string head;    // 32 raw bytes; GenesisHash for size 0.
  std::optional<Predecessor> predecessor;
  bool operator==(const Checkpoint&) const = default;
};

// The text. `origin` is overwritten with the key's name, `time` cut to the microsecond.
// INVALID_ARGUMENT (BAD_CHECKPOINT) if a field cannot be written.
absl::StatusOr<std::string> SignCheckpoint(Checkpoint checkpoint, const SigningKey& key);

struct SignedCheckpoint {
  Checkpoint checkpoint;
  std::string body;       // What is signed, up to the newline before the empty line.
  std::string key_id;     // 4 raw bytes.
  std::string signature;  // 64 raw bytes.
};

// Reads the text without looking at the signature. INVALID_ARGUMENT (BAD_CHECKPOINT).
absl::StatusOr<SignedCheckpoint> ParseCheckpoint(absl::string_view text);

// Reads it and checks that a key signed it that is trusted for the time it bears. BAD_CHECKPOINT,
// UNKNOWN_KEY, BAD_SIGNATURE, KEY_NOT_VALID (outside of the key's validity).
absl::StatusOr<Checkpoint> VerifyCheckpoint(absl::string_view text, const TrustedKeys& keys);
// The same, and the key must be valid at `now` too.
absl::StatusOr<Checkpoint> VerifyFreshCheckpoint(absl::string_view text, const TrustedKeys& keys,
                                                 absl::Time now);

}  // namespace dbfleet::audit
