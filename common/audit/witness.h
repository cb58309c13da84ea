#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/audit/checkpoint.h"
#include "common/audit/trusted_keys.h"

// What an agent, or anybody else who watches a trail from outside, remembers of its checkpoints,
// and how it judges the next one. Pure: the caller keeps the state durably (WriteWitnessState),
// before it answers, and gives the time.
//
// What this shows: a trail that was cut, restored from an older store or rewritten, once the
// controller signs something again. What it cannot: anything about records after the last
// checkpoint that reached a witness, and a controller that falls silent, which its caller sees by
// the age of the last checkpoint.
namespace dbfleet::audit {

enum class AlarmKind {
  kSmaller,       // Fewer records than seen before: cut off, or an older store.
  kInconsistent,  // Other records than seen before, or no proof that they are the same.
  kForked,        // As many records as seen before, but others.
  kBadSignature,  // No checkpoint, or not signed by the key that it names.
  kUnknownKey,    // Signed by a key that is not trusted, or not at that time.
  kForeignLog,    // Another log that does not follow the one seen, or one that was replaced.
};
// "SMALLER", "INCONSISTENT", ...
absl::string_view AlarmName(AlarmKind kind);

struct Alarm {
  AlarmKind kind = AlarmKind::kInconsistent;
  std::string sentence;
  absl::Time time;   // Of the first.
  std::string text;  // The checkpoint, as evidence; cut to kMaxCheckpointBytes.
  uint64_t times = 1;
  bool operator==(const Alarm&) const = default;
};

// A log that another one replaced.
struct RetiredLog {
  std::string log_id;
  uint64_t size = 0;     // The highest that was seen of it ...
  uint64_t adopted = 0;  // ... and how much of it the next log adopted.
  bool operator==(const RetiredLog&) const = default;
};

struct WitnessState {
  std::optional<Checkpoint> highest;
  std::string text;                  // Of the highest.
  std::deque<std::string> accepted;  // Hashes of the last accepted texts, for repeats.
  std::vector<RetiredLog> retired;
  std::vector<Alarm> alarms;  // The oldest and the newest, at most kMaxAlarms.
  uint64_t alarm_count = 0;   // Of all, never reset: an adoption does not undo what was seen.
  uint64_t proofs_asked = 0;  // Since the last checkpoint that was accepted.
  bool operator==(const WitnessState&) const = default;
};

inline constexpr size_t kMaxAlarms = 64;
inline constexpr size_t kMaxAccepted = 64;
inline constexpr uint64_t kMaxProofsAsked = 10;

// What the controller sends.
struct CheckpointPush {
  std::string text;
  uint64_t proof_from = 0;         // The size from which `proof` leads to the checkpoint's.
  std::vector<std::string> proof;  // ConsistencyProof(proof_from, size).
  // Checkpoints of logs that this witness missed and whose records are lost, so that they cannot be
  // sent in turn: they tell how the checkpoint's log follows the witness's. In any order.
  std::vector<std::string> former_logs;
};

enum class WitnessOutcome {
  kAccepted,    // The new highest: store it, then sign a receipt.
  kSame,        // As many and the same records as the highest.
  kRepeat,      // A late copy of an earlier one, signed no later than the highest. No change.
  kNeedsProof,  // The proof begins elsewhere than at `prove_from`: the controller sends it again.
  kAlarm,
};

struct WitnessAnswer {
  WitnessOutcome outcome = WitnessOutcome::kAlarm;
  Alarm alarm;              // kAlarm only.
  uint64_t prove_from = 0;  // kNeedsProof only.
  bool adopted = false;     // kAccepted: it begins a successor log.
};

// From which size a push of `next` must prove. The controller computes it from what it knows of the
// witness: its highest log and size. 0: no proof is needed.
//   same log: the witness's size; successor log: that or the adopted size, whichever is smaller.
uint64_t ProofStart(const std::optional<Checkpoint>& highest, const Checkpoint& next);

// Judges a push. The first checkpoint ever is taken as it is, if its signature holds; so is a
// successor log's, if it names the log and proves to contain the adopted records. A witness that
// missed a whole log is sent the last checkpoint of each log in turn, or `former_logs`. A key must
// be valid at the time in the checkpoint and at `now`.
//
// An older checkpoint is a repeat, and no alarm, only if this witness has accepted its very text
// among the last 64, or if `proof` shows that the highest contains it (proof_from being its size)
// and it was signed no later than the highest: messages come twice and late, but a controller that
// signs anew what is smaller has lost records.
//
// Proofs that begin at the wrong size are asked for again (an acknowledgement may have been lost),
// kMaxProofsAsked times; then their absence is an alarm.
WitnessAnswer UpdateWitness(WitnessState& state, const CheckpointPush& push,
                            const TrustedKeys& keys, absl::Time now);

// For the caller's file; one spelling. INVALID_ARGUMENT (BAD_WITNESS_STATE): treat it as an alarm,
// not as a first start.
std::string WriteWitnessState(const WitnessState& state);
absl::StatusOr<WitnessState> ReadWitnessState(absl::string_view text);

}  // namespace dbfleet::audit
