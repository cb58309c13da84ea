#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/domain/types.h"
#include "controller/store/audit_evidence.h"
#include "controller/store/outbox.h"
#include "controller/store/queries.h"
#include "controller/store/rule_tx.h"
#include "controller/store/schedule_tx.h"

namespace dbfleet::controller {

// Reads inside one snapshot. Get* are NOT_FOUND (e.g. JOB_NOT_FOUND) when there is no such row.
class ReadTx : public ScheduleReads, public RuleReads {
 public:
  virtual absl::StatusOr<Environment> GetEnvironment(absl::string_view name) = 0;
  virtual absl::StatusOr<Page<Environment>> ListEnvironments(const PageRequest& page) = 0;

  virtual absl::StatusOr<Agent> GetAgent(absl::string_view id) = 0;
  virtual absl::StatusOr<Page<Agent>> ListAgents(const EnvironmentFilter& environment,
                                                 const PageRequest& page) = 0;
  virtual absl::StatusOr<JoinToken> GetJoinToken(absl::string_view hash) = 0;

  virtual absl::StatusOr<Instance> GetInstance(absl::string_view id) = 0;  // Removed ones too.
  virtual absl::StatusOr<Page<Instance>> ListInstances(const EnvironmentFilter& environment,
                                                       const PageRequest& page) = 0;
  virtual absl::StatusOr<std::vector<Instance>> InstancesOfAgent(absl::string_view agent_id) = 0;

  virtual absl::StatusOr<Job> GetJob(absl::string_view id) = 0;
  virtual absl::StatusOr<std::optional<Job>> FindJobByRequestKey(absl::string_view key) = 0;
  virtual absl::StatusOr<Page<Job>> ListJobs(const JobFilter& filter, const PageRequest& page) = 0;
  // By id. One that cannot be read (DATA_LOSS) is no failure of the others: `unreadable` names it.
  virtual absl::StatusOr<std::vector<Job>> JobsInState(JobState state, Unreadable* unreadable) = 0;
  // Changes of these contents there that succeeded, rollbacks also half; newest end first.
  virtual absl::StatusOr<std::vector<Job>> ChangesOfContent(const ContentFilter& filter,
                                                            int limit) = 0;
  virtual absl::StatusOr<QueuedJobs> JobsQueuedFor(absl::string_view window) = 0;
  virtual absl::StatusOr<WindowNames> QueuedWindows() = 0;
  virtual absl::StatusOr<Task> GetTask(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<Task>> TasksOfJob(absl::string_view job_id) = 0;
  virtual absl::StatusOr<Attempt> GetAttempt(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<Attempt>> AttemptsOfTask(absl::string_view task_id) = 0;
  virtual absl::StatusOr<std::vector<Attempt>> OpenAttempts() = 0;  // Not terminal, all.
  virtual absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfAgent(absl::string_view agent_id) = 0;
  virtual absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfInstance(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfJob(absl::string_view job_id) = 0;
  // How a job stands, whatever number of tasks it has.
  virtual absl::StatusOr<JobProgress> ProgressOf(absl::string_view job_id) = 0;
  // PENDING tasks of the stage without an open attempt, in the job's order.
  virtual absl::StatusOr<std::vector<Task>> IdleTasks(absl::string_view job_id, int stage,
                                                      int limit) = 0;

  virtual absl::StatusOr<Backup> GetBackup(absl::string_view id) = 0;
  virtual absl::StatusOr<Page<Backup>> ListBackups(const BackupFilter& filter,
                                                   const PageRequest& page) = 0;
  // Complete and verified (level >= 1), newest snapshot first.
  virtual absl::StatusOr<std::vector<Backup>> VerifiedBackups(absl::string_view instance_id) = 0;

  virtual absl::StatusOr<User> GetUser(absl::string_view id) = 0;
  virtual absl::StatusOr<Page<User>> ListUsers(const PageRequest& page) = 0;
  virtual absl::StatusOr<ApiToken> GetToken(absl::string_view id) = 0;
  virtual absl::StatusOr<ApiToken> FindToken(absl::string_view hash) = 0;
  virtual absl::StatusOr<Page<ApiToken>> ListTokens(absl::string_view user_id,
                                                    const PageRequest& page) = 0;

  virtual absl::StatusOr<Resource> GetResource(absl::string_view id) = 0;
  // Of a kind ("MaintenanceWindow"), or of all (""), in the order of their ids.
  virtual absl::StatusOr<Page<Resource>> ListResources(absl::string_view kind,
                                                       const PageRequest& page) = 0;
  virtual const OutboxReader& outbox_reader() = 0;
  virtual absl::StatusOr<std::string> GetContent(absl::string_view sha256) = 0;  // A change's file.
  virtual absl::StatusOr<std::string> GetSetting(absl::string_view key) = 0;     // "" if never set.
  // What PutRequestKey keeps; "" if that was nothing, or has expired by `now`.
  virtual absl::StatusOr<std::string> GetRequestKey(absl::string_view key, absl::Time now) = 0;

  virtual absl::StatusOr<Page<AuditRow>> ListAudit(const AuditFilter& filter,
                                                   const PageRequest& page) = 0;  // Newest first.
  // Up to `limit` records with seq >= from_seq, oldest first.
  virtual absl::StatusOr<std::vector<AuditRow>> ReadAudit(uint64_t from_seq, int limit) = 0;
  // The same with number, action and resource alone.
  virtual absl::StatusOr<std::vector<AuditRow>> SkimAudit(uint64_t from_seq, int limit) = 0;
  // The details of the records of this action about this very resource, oldest first.
  virtual absl::StatusOr<std::vector<std::map<std::string, std::string>>> AuditDetails(
      absl::string_view resource, absl::string_view action) = 0;
  // Does a record about this very resource have a detail with this word (letters, digits) in it?
  virtual absl::StatusOr<bool> AuditMentions(absl::string_view resource,
                                             absl::string_view text) = 0;
  // What is stored of a tile of the records' Merkle tree (common/audit/tiles.h), "" if nothing is;
  // inside of a WriteTx as of the last commit.
  virtual absl::StatusOr<std::string> ReadAuditTile(int level, uint64_t index) = 0;
  // Those of the sizes first..last, by size, then in the order of signing.
  virtual absl::StatusOr<std::vector<AuditCheckpoint>> AuditCheckpoints(uint64_t first_size,
                                                                        uint64_t last_size) = 0;
  // The latest of the log, newest first.
  virtual absl::StatusOr<std::vector<AuditCheckpoint>> LastCheckpoints(absl::string_view log_id,
                                                                       int limit) = 0;
  // The logs that have checkpoints, in the order in which they began.
  virtual absl::StatusOr<std::vector<std::string>> AuditLogs() = 0;
  // The latest of each agent for each log, where its size is within first..last; by size.
  virtual absl::StatusOr<std::vector<AuditReceipt>> AuditReceipts(uint64_t first_size,
                                                                  uint64_t last_size) = 0;
  // The start with this epoch, else the next later one; nullopt if there is none.
  virtual absl::StatusOr<std::optional<ControllerStart>> StartFrom(uint64_t epoch) = 0;
};

// Writes inside one transaction. Insert* are ALREADY_EXISTS on a duplicate key. Update* are ABORTED
// (STALE) when the row's version is not `value->version`; on success they raise it. Uniqueness
// lives here: Job.request_key, (task, attempt number), instance id, user id, token hash.
class WriteTx : public ReadTx, public ScheduleWrites, public RuleWrites {
 public:
  virtual absl::Status InsertEnvironment(Environment* value) = 0;
  virtual absl::Status UpdateEnvironment(Environment* value) = 0;
  virtual absl::Status InsertAgent(Agent* value) = 0;
  virtual absl::Status UpdateAgent(Agent* value) = 0;
  virtual absl::Status InsertJoinToken(JoinToken* value) = 0;
  virtual absl::Status UpdateJoinToken(JoinToken* value) = 0;
  virtual absl::Status InsertInstance(Instance* value) = 0;
  virtual absl::Status UpdateInstance(Instance* value) = 0;
  virtual absl::Status InsertJob(Job* value) = 0;
  virtual absl::Status UpdateJob(Job* value) = 0;
  virtual absl::Status InsertTask(Task* value) = 0;
  virtual absl::Status UpdateTask(Task* value) = 0;
  virtual absl::Status InsertAttempt(Attempt* value) = 0;
  virtual absl::Status UpdateAttempt(Attempt* value) = 0;
  virtual absl::Status InsertBackup(Backup* value) = 0;
  virtual absl::Status UpdateBackup(Backup* value) = 0;
  virtual absl::Status InsertUser(User* value) = 0;
  virtual absl::Status UpdateUser(User* value) = 0;
  virtual absl::Status InsertToken(ApiToken* value) = 0;
  virtual absl::Status UpdateToken(ApiToken* value) = 0;
  virtual absl::Status InsertResource(Resource* value) = 0;
  virtual absl::Status UpdateResource(Resource* value) = 0;
  // ABORTED (STALE) when the row's version is not `value.version`.
  virtual absl::Status DeleteResource(const Resource& value) = 0;
  virtual Outbox& outbox() = 0;
  virtual absl::Status PutContent(absl::string_view sha256, absl::string_view content) = 0;
  virtual absl::Status PutSetting(absl::string_view key, absl::string_view value) = 0;
  // What a request made, until `expire_time`; replaces what the key stood for.
  virtual absl::Status PutRequestKey(absl::string_view key, absl::string_view value,
                                     absl::Time expire_time) = 0;
  // Deletes up to `limit` of those that have expired by `now`, the oldest first.
  virtual absl::Status PruneRequestKeys(absl::Time now, int limit) = 0;

  virtual absl::Status InsertAuditCheckpoint(const AuditCheckpoint& value) = 0;
  virtual absl::Status DeleteAuditCheckpoint(int64_t id) = 0;
  // Replaces the agent's former one for the log, unless that one is for more records.
  virtual absl::Status PutAuditReceipt(const AuditReceipt& value) = 0;

  // Appends to the hash chain, in this very transaction: both stand or fall together.
  virtual absl::Status AppendAudit(const AuditEntry& entry) = 0;
};

// The controller's durable state. Thread-safe.
//
// Mutations run one at a time on the store's writer thread, as a group that commits as one; `done`
// is called after COMMIT, never before, on the writer thread, and must not block or call
// MutateAndWait. A mutation that returns an error leaves nothing behind. If COMMIT or fsync fails,
// nothing is answered and the process ends (store/sqlite/sqlite_store.h says why).
// RESOURCE_EXHAUSTED (DISK_FULL) when the disk is full and the mutation was not marked essential.
class Store {
 public:
  virtual ~Store() = default;

  using Mutation = std::function<absl::Status(WriteTx&)>;
  using Done = std::function<void(absl::Status)>;
  virtual void Mutate(Mutation mutation, Done done) = 0;
  absl::Status MutateAndWait(Mutation mutation);

  // For what must still work when the disk is full: cancel, abort, agents' events. It may run twice
  // (the disk turns out to be full only in the middle), so it reads anew what it changes.
  virtual void MutateEssential(Mutation mutation, Done done) {
    Mutate(std::move(mutation), std::move(done));
  }
  absl::Status MutateEssentialAndWait(Mutation mutation);

  // For what comes often and may run again, as an essential one: it leaves what it captured as it
  // was, but for results. That saves guarding its neighbours against its failure.
  virtual void MutateRepeatable(Mutation mutation, Done done) {
    Mutate(std::move(mutation), std::move(done));
  }
  absl::Status MutateRepeatableAndWait(Mutation mutation);

  virtual absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) = 0;

  // max(stored + 1, unix seconds), committed when the store was opened.
  virtual uint64_t epoch() const = 0;
  // Random, committed with the epoch: copies of a store may take one epoch twice, a life never.
  virtual const std::string& life() const = 0;
};

}  // namespace dbfleet::controller
