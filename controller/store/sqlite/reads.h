#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/store/sqlite/audit_tree.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/sqlite/part_reads.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/store.h"

namespace dbfleet::controller::sqlite {

// The reading half of both kinds of transaction; Base is ReadTx or WriteTx. The caller has begun
// the transaction on the connection and ends it. Not thread-safe.
template <typename Base>
class Reads : public PartReads<Base> {
 public:
  Reads(Connection* connection, const PageTokens* tokens)
      : PartReads<Base>(connection, tokens), db_(*connection), tokens_(*tokens) {}

  absl::StatusOr<Environment> GetEnvironment(absl::string_view name) override {
    return Get<Environment>(db_, name);
  }
  absl::StatusOr<Page<Environment>> ListEnvironments(const PageRequest& page) override {
    return sqlite::ListEnvironments(db_, tokens_, page);
  }
  absl::StatusOr<Agent> GetAgent(absl::string_view id) override { return Get<Agent>(db_, id); }
  absl::StatusOr<Page<Agent>> ListAgents(const EnvironmentFilter& environment,
                                         const PageRequest& page) override {
    return sqlite::ListAgents(db_, tokens_, environment, page);
  }
  absl::StatusOr<JoinToken> GetJoinToken(absl::string_view hash) override {
    return Get<JoinToken>(db_, hash);
  }
  absl::StatusOr<Instance> GetInstance(absl::string_view id) override {
    return Get<Instance>(db_, id);
  }
  absl::StatusOr<Page<Instance>> ListInstances(const EnvironmentFilter& environment,
                                               const PageRequest& page) override {
    return sqlite::ListInstances(db_, tokens_, environment, page);
  }
  absl::StatusOr<std::vector<Instance>> InstancesOfAgent(absl::string_view agent_id) override {
    return sqlite::InstancesOfAgent(db_, agent_id);
  }
  absl::StatusOr<Job> GetJob(absl::string_view id) override { return Get<Job>(db_, id); }
  absl::StatusOr<std::optional<Job>> FindJobByRequestKey(absl::string_view key) override {
    return sqlite::FindJobByRequestKey(db_, key);
  }
  absl::StatusOr<Page<Job>> ListJobs(const JobFilter& filter, const PageRequest& page) override {
    return sqlite::ListJobs(db_, tokens_, filter, page);
  }
  absl::StatusOr<std::vector<Job>> JobsInState(JobState state, Unreadable* unreadable) override {
    return sqlite::JobsInState(db_, state, unreadable);
  }
  absl::StatusOr<std::vector<Job>> ChangesOfContent(const ContentFilter& filter,
                                                    int limit) override {
    return sqlite::ChangesOfContent(db_, filter, limit);
  }
  absl::StatusOr<QueuedJobs> JobsQueuedFor(absl::string_view window) override {
    return sqlite::JobsQueuedFor(db_, window);
  }
  absl::StatusOr<WindowNames> QueuedWindows() override { return sqlite::QueuedWindows(db_); }
  absl::StatusOr<Task> GetTask(absl::string_view id) override { return Get<Task>(db_, id); }
  absl::StatusOr<std::vector<Task>> TasksOfJob(absl::string_view job_id) override {
    return sqlite::TasksOfJob(db_, job_id);
  }
  absl::StatusOr<Attempt> GetAttempt(absl::string_view id) override {
    return Get<Attempt>(db_, id);
  }
  absl::StatusOr<std::vector<Attempt>> AttemptsOfTask(absl::string_view task_id) override {
    return sqlite::AttemptsOfTask(db_, task_id);
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttempts() override { return sqlite::OpenAttempts(db_); }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfAgent(absl::string_view agent_id) override {
    return sqlite::OpenAttemptsOf(db_, "agent", agent_id);
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfInstance(absl::string_view id) override {
    return sqlite::OpenAttemptsOf(db_, "instance", id);
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfJob(absl::string_view job_id) override {
    return sqlite::OpenAttemptsOf(db_, "job", job_id);
  }
  absl::StatusOr<JobProgress> ProgressOf(absl::string_view job_id) override {
    return sqlite::ProgressOf(db_, job_id);
  }
  absl::StatusOr<std::vector<Task>> IdleTasks(absl::string_view job, int stage, int most) override {
    return sqlite::IdleTasks(db_, job, stage, most);
  }
  absl::StatusOr<Backup> GetBackup(absl::string_view id) override { return Get<Backup>(db_, id); }
  absl::StatusOr<Page<Backup>> ListBackups(const BackupFilter& filter,
                                           const PageRequest& page) override {
    return sqlite::ListBackups(db_, tokens_, filter, page);
  }
  absl::StatusOr<std::vector<Backup>> VerifiedBackups(absl::string_view instance_id) override {
    return sqlite::VerifiedBackups(db_, instance_id);
  }
  absl::StatusOr<User> GetUser(absl::string_view id) override { return Get<User>(db_, id); }
  absl::StatusOr<Page<User>> ListUsers(const PageRequest& page) override {
    return sqlite::ListUsers(db_, tokens_, page);
  }
  absl::StatusOr<ApiToken> GetToken(absl::string_view id) override {
    return Get<ApiToken>(db_, id);
  }
  absl::StatusOr<ApiToken> FindToken(absl::string_view hash) override {
    return sqlite::FindToken(db_, hash);
  }
  absl::StatusOr<Page<ApiToken>> ListTokens(absl::string_view user_id,
                                            const PageRequest& page) override {
    return sqlite::ListTokens(db_, tokens_, user_id, page);
  }
  absl::StatusOr<Resource> GetResource(absl::string_view id) override {
    return Get<Resource>(db_, id);
  }
  absl::StatusOr<Page<Resource>> ListResources(absl::string_view kind,
                                               const PageRequest& page) override {
    return sqlite::ListResources(db_, tokens_, kind, page);
  }
  absl::StatusOr<ScheduleState> GetScheduleState(absl::string_view name) override {
    return Get<ScheduleState>(db_, name);
  }
  absl::StatusOr<Page<ScheduleState>> ListScheduleStates(const PageRequest& page) override {
    return sqlite::ListScheduleStates(db_, tokens_, page);
  }
  absl::StatusOr<Occurrence> GetOccurrence(absl::string_view id) override {
    return Get<Occurrence>(db_, id);
  }
  absl::StatusOr<Page<Occurrence>> ListOccurrences(absl::string_view schedule,
                                                   const PageRequest& page) override {
    return sqlite::ListOccurrences(db_, tokens_, schedule, page);
  }
  absl::StatusOr<std::vector<Occurrence>> OpenOccurrences(absl::string_view schedule) override {
    return sqlite::OpenOccurrences(db_, schedule);
  }
  absl::StatusOr<std::vector<Occurrence>> OpenOccurrencesIn(OccurrenceState state) override {
    return sqlite::OpenOccurrencesIn(db_, state);
  }
  absl::StatusOr<std::map<JobState, int64_t>> TallyJobs(absl::string_view key_prefix) override {
    return sqlite::TallyJobs(db_, key_prefix);
  }
  absl::StatusOr<std::vector<Job>> JobsByKey(absl::string_view key_prefix, absl::string_view after,
                                             int limit) override {
    return sqlite::JobsByKey(db_, key_prefix, after, limit);
  }
  absl::StatusOr<std::string> GetContent(absl::string_view sha256) override {
    return sqlite::GetContent(db_, sha256);
  }
  absl::StatusOr<std::string> GetSetting(absl::string_view key) override {
    return sqlite::GetSetting(db_, key);
  }
  absl::StatusOr<std::string> GetRequestKey(absl::string_view key, absl::Time now) override {
    return sqlite::GetRequestKey(db_, key, now);
  }
  absl::StatusOr<Page<AuditRow>> ListAudit(const AuditFilter& filter,
                                           const PageRequest& page) override {
    return sqlite::ListAudit(db_, tokens_, filter, page);
  }
  absl::StatusOr<std::vector<AuditRow>> ReadAudit(uint64_t from_seq, int limit) override {
    return sqlite::ReadAudit(db_, from_seq, limit);
  }
  absl::StatusOr<std::vector<AuditRow>> SkimAudit(uint64_t from_seq, int limit) override {
    return sqlite::SkimAudit(db_, from_seq, limit);
  }
  absl::StatusOr<std::vector<std::map<std::string, std::string>>> AuditDetails(
      absl::string_view resource, absl::string_view action) override {
    return sqlite::AuditDetails(db_, resource, action);
  }
  absl::StatusOr<bool> AuditMentions(absl::string_view resource, absl::string_view text) override {
    return sqlite::AuditMentions(db_, resource, text);
  }
  absl::StatusOr<std::string> ReadAuditTile(int level, uint64_t index) override {
    return sqlite::ReadAuditTile(db_, {level, index});
  }
  absl::StatusOr<std::vector<AuditCheckpoint>> AuditCheckpoints(uint64_t first_size,
                                                                uint64_t last_size) override {
    return sqlite::AuditCheckpoints(db_, first_size, last_size);
  }
  absl::StatusOr<std::vector<AuditCheckpoint>> LastCheckpoints(absl::string_view log_id,
                                                               int limit) override {
    return sqlite::LastCheckpoints(db_, log_id, limit);
  }
  absl::StatusOr<std::vector<std::string>> AuditLogs() override { return sqlite::AuditLogs(db_); }
  absl::StatusOr<std::vector<AuditReceipt>> AuditReceipts(uint64_t first, uint64_t last) override {
    return sqlite::AuditReceipts(db_, first, last);
  }
  absl::StatusOr<std::optional<ControllerStart>> StartFrom(uint64_t epoch) override {
    return sqlite::StartFrom(db_, epoch);
  }

 protected:
  Connection& db_;
  const PageTokens& tokens_;
};
using ReadTransaction = Reads<ReadTx>;

}  // namespace dbfleet::controller::sqlite
