#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/audit/checkpoint.h"
#include "controller/audit/audit_keys.h"
#include "controller/store/store.h"

// RECOVERY: the store is an older copy of itself. What the controller did after the copy was made
// is in no table, but agents remember it: an epoch that this store never gave, or more of the audit
// trail than it has. From then on nothing is offered or granted until a person has looked and says
// so with `dbfleet-controller recover`. The state is stored, so a restart does not end it.
namespace dbfleet::controller {

struct RecoveryDemand {
  std::string why;
  absl::Time since;
  // The records that the copy surely shares with the lost history.
  uint64_t shared_size = 0;
  // The log that agents have seen, if it is not this store's. "": the store's own.
  std::string log_id;
};

// What an agent's Hello tells.
struct AgentMemory {
  uint64_t highest_epoch = 0;
  std::optional<audit::Checkpoint> witnessed;  // Whose signature was verified.
};

// What that means.
struct MemoryVerdict {
  // The agent took part in a life of the controller that this store does not know.
  bool lost_life = false;
  bool acknowledged = false;  // ... but a person knows already.
  // The agent was not heard since a restore: what it did may be missing in the store.
  bool reconcile = false;
  std::string why;
  uint64_t shared_size = 0;
  std::string log_id;
};
absl::StatusOr<MemoryVerdict> JudgeMemory(ReadTx& tx, const AgentMemory& memory, uint64_t epoch);

// nullopt: no recovery is demanded.
absl::StatusOr<std::optional<RecoveryDemand>> ReadRecovery(ReadTx& tx);
// The cheap form, for each offer and grant.
absl::StatusOr<bool> InRecovery(ReadTx& tx);
// Stores the demand and audits it; of several the smallest shared size counts. `highest_epoch`: the
// next start takes a higher one.
absl::Status DemandRecovery(WriteTx& tx, const RecoveryDemand& demand, absl::string_view by,
                            uint64_t highest_epoch);

// How a demand stands in the settings of a store that is not open (`dbfleet-controller restore`).
std::string RecoverySetting();
std::string RecoverySettingValue(const RecoveryDemand& demand);

// What a person decided: ends RECOVERY and begins a successor log that adopts the shared records,
// so that the agents' witnesses can follow. FAILED_PRECONDITION (NO_RECOVERY) if none is demanded.
struct Recovered {
  RecoveryDemand demand;
  std::string former_log;
  std::string log;
  uint64_t adopted = 0;
};
absl::StatusOr<Recovered> Recover(Store& store, const AuditKeys& keys, absl::Time now,
                                  const std::string& actor, const std::string& reason);

}  // namespace dbfleet::controller
