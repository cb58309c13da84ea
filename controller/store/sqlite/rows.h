#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/audit/record.h"
#include "controller/domain/types.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/store.h"

// The statements behind ReadTx and WriteTx, by groups of nouns: fleet_rows.cc, job_rows.cc,
// backup_rows.cc, user_rows.cc, audit_rows.cc, setting_rows.cc, resource_rows.cc, schedule_rows.cc
// (outbox_rows.h has its own). Each function has the meaning and the errors of the method of the
// same name in controller/store/store.h, on a connection that is inside of a transaction.
namespace dbfleet::controller::sqlite {

// Defined for every noun with a table.
template <typename T>
absl::StatusOr<T> Get(Connection& connection, absl::string_view key);
template <typename T>
absl::Status Insert(Connection& connection, T* value);
template <typename T>
absl::Status Update(Connection& connection, T* value);

absl::StatusOr<Page<Environment>> ListEnvironments(Connection& connection, const PageTokens& tokens,
                                                   const PageRequest& page);
absl::StatusOr<Page<Agent>> ListAgents(Connection& connection, const PageTokens& tokens,
                                       const EnvironmentFilter& environment,
                                       const PageRequest& page);
absl::StatusOr<Page<Instance>> ListInstances(Connection& connection, const PageTokens& tokens,
                                             const EnvironmentFilter& environment,
                                             const PageRequest& page);
absl::StatusOr<std::vector<Instance>> InstancesOfAgent(Connection& connection,
                                                       absl::string_view agent_id);

absl::StatusOr<std::optional<Job>> FindJobByRequestKey(Connection& connection,
                                                       absl::string_view key);
absl::StatusOr<Page<Job>> ListJobs(Connection& connection, const PageTokens& tokens,
                                   const JobFilter& filter, const PageRequest& page);
absl::StatusOr<std::vector<Job>> JobsInState(Connection& connection, JobState state,
                                             Unreadable* unreadable);
absl::StatusOr<std::vector<Job>> ChangesOfContent(Connection& connection,
                                                  const ContentFilter& filter, int limit);
absl::StatusOr<QueuedJobs> JobsQueuedFor(Connection& connection, absl::string_view window);
absl::StatusOr<WindowNames> QueuedWindows(Connection& connection);
absl::StatusOr<std::vector<Task>> TasksOfJob(Connection& connection, absl::string_view job_id);
absl::StatusOr<std::vector<Attempt>> AttemptsOfTask(Connection& connection,
                                                    absl::string_view task_id);
absl::StatusOr<std::vector<Attempt>> OpenAttempts(Connection& connection);
// `noun`: "agent", "instance" or "job".
absl::StatusOr<std::vector<Attempt>> OpenAttemptsOf(Connection& connection, absl::string_view noun,
                                                    absl::string_view id);
absl::StatusOr<JobProgress> ProgressOf(Connection& connection, absl::string_view job_id);
absl::StatusOr<std::vector<Task>> IdleTasks(Connection& connection, absl::string_view job_id,
                                            int stage, int limit);

absl::StatusOr<Page<Backup>> ListBackups(Connection& connection, const PageTokens& tokens,
                                         const BackupFilter& filter, const PageRequest& page);
absl::StatusOr<std::vector<Backup>> VerifiedBackups(Connection& connection,
                                                    absl::string_view instance_id);

absl::StatusOr<Page<User>> ListUsers(Connection& connection, const PageTokens& tokens,
                                     const PageRequest& page);
absl::StatusOr<ApiToken> FindToken(Connection& connection, absl::string_view hash);
absl::StatusOr<Page<ApiToken>> ListTokens(Connection& connection, const PageTokens& tokens,
                                          absl::string_view user_id, const PageRequest& page);

absl::StatusOr<Page<Resource>> ListResources(Connection& connection, const PageTokens& tokens,
                                             absl::string_view kind, const PageRequest& page);
absl::Status DeleteResource(Connection& connection, const Resource& value);

absl::StatusOr<Page<ScheduleState>> ListScheduleStates(Connection& connection,
                                                       const PageTokens& tokens,
                                                       const PageRequest& page);
absl::StatusOr<Page<Occurrence>> ListOccurrences(Connection& connection, const PageTokens& tokens,
                                                 absl::string_view schedule,
                                                 const PageRequest& page);
absl::StatusOr<std::vector<Occurrence>> OpenOccurrences(Connection& connection,
                                                        absl::string_view schedule);
absl::StatusOr<std::vector<Occurrence>> OpenOccurrencesIn(Connection& connection,
                                                          OccurrenceState state);
absl::StatusOr<std::map<JobState, int64_t>> TallyJobs(Connection& connection,
                                                      absl::string_view key_prefix);
absl::StatusOr<std::vector<Job>> JobsByKey(Connection& connection, absl::string_view key_prefix,
                                           absl::string_view after, int limit);
absl::StatusOr<absl::Time> PruneOccurrences(Connection& connection, absl::string_view schedule,
                                            int keep, int limit);

absl::StatusOr<std::string> GetContent(Connection& connection, absl::string_view sha256);
// INVALID_ARGUMENT (BAD_CONTENT_HASH) unless `sha256` is the content's.
absl::Status PutContent(Connection& connection, absl::string_view sha256,
                        absl::string_view content);
absl::StatusOr<std::string> GetSetting(Connection& connection, absl::string_view key);
absl::Status PutSetting(Connection& connection, absl::string_view key, absl::string_view value);
absl::StatusOr<std::string> GetRequestKey(Connection& connection, absl::string_view key,
                                          absl::Time now);
absl::Status PutRequestKey(Connection& connection, absl::string_view key, absl::string_view value,
                           absl::Time expire_time);
absl::Status PruneRequestKeys(Connection& connection, absl::Time now, int limit);
// The store's own values (epoch, secret of page tokens), apart from the settings. "" if not set.
absl::StatusOr<std::string> GetState(Connection& connection, absl::string_view key);
absl::Status PutState(Connection& connection, absl::string_view key, absl::string_view value);

absl::StatusOr<Page<AuditRow>> ListAudit(Connection& connection, const PageTokens& tokens,
                                         const AuditFilter& filter, const PageRequest& page);
// What the database says of how it would find the listing's first records (EXPLAIN QUERY PLAN).
absl::StatusOr<std::string> PlanOfAudit(Connection& connection, const AuditFilter& filter);
absl::StatusOr<std::vector<std::map<std::string, std::string>>> AuditDetails(
    Connection& connection, absl::string_view resource, absl::string_view action);
absl::StatusOr<bool> AuditMentions(Connection& connection, absl::string_view resource,
                                   absl::string_view text);
absl::StatusOr<std::vector<AuditRow>> ReadAudit(Connection& connection, uint64_t from_seq,
                                                int limit);
absl::StatusOr<std::vector<AuditRow>> SkimAudit(Connection& connection, uint64_t from_seq,
                                                int limit);

// The end of the hash chain.
struct ChainHead {
  uint64_t seq = 0;
  std::string hash = audit::GenesisHash();
  std::string leaf;  // Of the last record, in the tree (audit_tree.h).
};

// Reads it from the store. DATA_LOSS (AUDIT_CORRUPT) if the last record does not fit its own hash:
// nothing is appended to a broken chain.
absl::StatusOr<ChainHead> ReadChainHead(Connection& connection);

// Appends behind `head` and moves it. Texts that are not UTF-8 are made so, and values above 16 KiB
// are cut, with their size and SHA-256 in place of the rest: no text from outside can keep a record
// from being written.
absl::Status AppendAudit(Connection& connection, const AuditEntry& entry, absl::Time now,
                         ChainHead* head);

// evidence_rows.cc.
absl::StatusOr<std::vector<AuditCheckpoint>> AuditCheckpoints(Connection& connection,
                                                              uint64_t first_size,
                                                              uint64_t last_size);
absl::StatusOr<std::vector<AuditCheckpoint>> LastCheckpoints(Connection& connection,
                                                             absl::string_view log_id, int limit);
absl::StatusOr<std::vector<std::string>> AuditLogs(Connection& connection);
absl::StatusOr<std::vector<AuditReceipt>> AuditReceipts(Connection& connection, uint64_t first_size,
                                                        uint64_t last_size);
absl::Status InsertAuditCheckpoint(Connection& connection, const AuditCheckpoint& checkpoint);
absl::Status DeleteAuditCheckpoint(Connection& connection, int64_t id);
absl::Status PutAuditReceipt(Connection& connection, const AuditReceipt& receipt);
absl::StatusOr<std::optional<ControllerStart>> StartFrom(Connection& connection, uint64_t epoch);
absl::Status InsertStart(Connection& connection, const ControllerStart& start);

}  // namespace dbfleet::controller::sqlite
