#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "common/audit/witness.h"
#include "common/base/secret.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// This agent as a witness of its controller's audit trail: it keeps the highest checkpoint that it
// was shown, in FOLDER (0700), answers each with a receipt, and raises an alarm when a later one is
// smaller than, or does not contain, what was seen before (common/audit/witness.h judges). Files:
//   trusted-keys   whose signatures count: taken from the first push, later changed only by what a
//                  trusted key signed; or the operator's own file, which is never changed here
//   state          what was seen, and the alarms
// Both are written atomically and synced before anything is answered. A state that cannot be read
// is itself an alarm (STATE_DAMAGED), which stays until a person has moved the folder away.
//
// Thread-safe; Handle blocks for an fsync.
class Witness {
 public:
  struct Options {
    std::string folder;
    std::string agent_id;
    std::string keys_file;  // The operator's trusted keys; "": those of the first push.
  };
  // The certificate's key and chain, for receipts.
  struct Signer {
    Secret key_pem;
    std::string chain_pem;
  };
  using SignerSource = std::function<absl::StatusOr<Signer>()>;

  // INVALID_ARGUMENT (BAD_TRUSTED_KEYS) for the operator's file.
  static absl::StatusOr<std::unique_ptr<Witness>> Open(Options options, SignerSource signer,
                                                       Clock& clock);

  v1::CheckpointAnswer Handle(const v1::CheckpointPush& push);

  // The text of the highest checkpoint; "" before the first.
  std::string Highest() const;

  // dbfleet_agent_audit_witness_*, in the text format.
  std::string Expose() const;

  // For people: `dbfleet-agent witness show`. Reads only. NOT_FOUND (NO_WITNESS) if nothing was
  // seen.
  static absl::StatusOr<audit::WitnessState> ReadState(const std::string& folder);

 private:
  Witness(Options options, SignerSource signer, Clock& clock)
      : options_(std::move(options)), signer_(std::move(signer)), clock_(clock) {}

  absl::Status Load();
  absl::Status LearnKeys(const v1::CheckpointPush& push) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::CheckpointAnswer Judge(const v1::CheckpointPush& push) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AddReceipt(v1::CheckpointAnswer* answer) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const SignerSource signer_;
  Clock& clock_;

  mutable Mutex mutex_;
  audit::WitnessState state_ ABSL_GUARDED_BY(mutex_);
  std::string keys_text_ ABSL_GUARDED_BY(mutex_);  // "": none yet.
  std::string damage_ ABSL_GUARDED_BY(mutex_);     // Why the state cannot be read.
};

// Is the alarm about what is still so? Alarms over a log that a successor replaced with a
// signature are history.
bool IsCurrent(const audit::Alarm& alarm, const audit::WitnessState& state);

}  // namespace dbfleet::agent
