#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/audit/checkpoint.h"
#include "controller/audit/audit_keys.h"
#include "controller/audit/lost_logs.h"
#include "controller/store/store.h"

// RECOVERY: the store is an older copy of itself. What the controller did after the copy was made
// is in no table, but agents remember it: an epoch that this store never gave, or gave in another
// life, or more of the audit trail than it has. From then on nothing is offered or granted until a
// person has looked and says so with `dbfleet-controller recover`. The state is stored, so a
// restart does not end it.
namespace dbfleet::controller {

struct RecoveryDemand {
  std::string why;
  absl::Time since;
  // The records that the copy surely shares with the lost history; nullopt: nobody knows of any.
  std::optional<uint64_t> shared_size;
  // Restored by command: then that is the copy's size, and who knows of none does not lower it.
  bool by_restore = false;
};

// What an agent's Hello tells.
struct AgentMemory {
  uint64_t highest_epoch = 0;
  std::string life;  // Of that epoch; "": the agent or that controller does not know of lives.
  std::optional<audit::Checkpoint> witnessed;  // Whose signature was verified.
  std::string witnessed_text;                  // Its text; "" if that is not at hand.
};

// What that means.
struct MemoryVerdict {
  // The agent took part in a life of the controller that this store does not know.
  bool lost_life = false;
  bool acknowledged = false;  // ... but a person knows already.
  // The agent was not heard since a restore: what it did may be missing in the store.
  bool reconcile = false;
  std::string why;
  std::optional<uint64_t> shared_size;
  bool at_least = false;  // It may well be more: nothing tells where the lives parted.
  // It has seen a log that this store does not know.
  std::optional<LostLog> lost_log;
};
absl::StatusOr<MemoryVerdict> JudgeMemory(ReadTx& tx, const AgentMemory& memory, uint64_t epoch);

// nullopt: no recovery is demanded.
absl::StatusOr<std::optional<RecoveryDemand>> ReadRecovery(ReadTx& tx);
// The cheap form, for each offer and grant.
absl::StatusOr<bool> InRecovery(ReadTx& tx);
// Another text after each RECOVERY that a person has ended; "" if there was none.
absl::StatusOr<std::string> LastRecovery(ReadTx& tx);
// Stores the demand of an agent's memory and audits it; of several the smallest shared size that
// anybody knows of counts. `highest_epoch`: the next start takes a higher one.
absl::Status DemandRecovery(WriteTx& tx, const MemoryVerdict& verdict, absl::string_view agent,
                            absl::string_view by, absl::Time now, uint64_t highest_epoch);

// How a demand stands in the settings of a store that is not open (`dbfleet-controller restore`).
std::string RecoverySetting();
std::string RecoverySettingValue(const RecoveryDemand& demand);
absl::StatusOr<std::optional<RecoveryDemand>> ParseRecoverySetting(const std::string& text);

// What a person decided: ends RECOVERY and begins a successor log that adopts the shared records of
// the newest log that agents have seen, so that their witnesses can follow. FAILED_PRECONDITION
// (NO_RECOVERY) if none is demanded.
struct Recovered {
  RecoveryDemand demand;
  std::string former_log;
  std::string log;
  uint64_t adopted = 0;
  std::vector<std::string> unheard;  // Agents, as audit/recovery_report.h has them.
};
absl::StatusOr<Recovered> Recover(Store& store, const AuditKeys& keys, absl::Time now,
                                  const std::string& actor, const std::string& reason);

}  // namespace dbfleet::controller
