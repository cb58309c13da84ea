#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/failpoint.h"
#include "common/time/clock.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/store.h"

namespace dbfleet::controller::sqlite {

// The reading half of both kinds of transaction; Base is ReadTx or WriteTx. The caller has begun
// the transaction on the connection and ends it. Not thread-safe.
template <typename Base>
class Reads : public Base {
 public:
  Reads(Connection* connection, const PageTokens* tokens) : db_(*connection), tokens_(*tokens) {}

  absl::StatusOr<Environment> GetEnvironment(absl::string_view name) override {
    return Get<Environment>(db_, name);
  }
  absl::StatusOr<Page<Environment>> ListEnvironments(const PageRequest& page) override {
    return sqlite::ListEnvironments(db_, tokens_, page);
  }
  absl::StatusOr<Agent> GetAgent(absl::string_view id) override { return Get<Agent>(db_, id); }
  absl::StatusOr<Page<Agent>> ListAgents(absl::string_view environment,
                                         const PageRequest& page) override {
    return sqlite::ListAgents(db_, tokens_, environment, page);
  }
  absl::StatusOr<JoinToken> GetJoinToken(absl::string_view hash) override {
    return Get<JoinToken>(db_, hash);
  }
  absl::StatusOr<Instance> GetInstance(absl::string_view id) override {
    return Get<Instance>(db_, id);
  }
  absl::StatusOr<Page<Instance>> ListInstances(absl::string_view environment,
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
  absl::StatusOr<std::vector<Job>> JobsInState(JobState state) override {
    return sqlite::JobsInState(db_, state);
  }
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
  absl::StatusOr<std::vector<Attempt>> OpenAttempts() override {
    return sqlite::OpenAttempts(db_, "", "");
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfAgent(absl::string_view agent_id) override {
    return sqlite::OpenAttempts(db_, "agent_id", agent_id);
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfInstance(absl::string_view id) override {
    return sqlite::OpenAttempts(db_, "instance_id", id);
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
  absl::StatusOr<std::string> GetContent(absl::string_view sha256) override {
    return sqlite::GetContent(db_, sha256);
  }
  absl::StatusOr<std::string> GetSetting(absl::string_view key) override {
    return sqlite::GetSetting(db_, key);
  }
  absl::StatusOr<Page<AuditRow>> ListAudit(const AuditFilter& filter,
                                           const PageRequest& page) override {
    return sqlite::ListAudit(db_, tokens_, filter, page);
  }
  absl::StatusOr<std::vector<AuditRow>> ReadAudit(uint64_t from_seq, int limit) override {
    return sqlite::ReadAudit(db_, from_seq, limit);
  }

 protected:
  Connection& db_;
  const PageTokens& tokens_;
};

using ReadTransaction = Reads<ReadTx>;

// One mutation. `head` moves with AppendAudit; whoever rolls the mutation back puts it back too.
class WriteTransaction : public Reads<WriteTx> {
 public:
  // `actions` gets the action of each record, for the failpoints around the commit.
  WriteTransaction(Connection* connection, const PageTokens* tokens, const Clock* clock,
                   ChainHead* head, failpoint::Tags* actions)
      : Reads(connection, tokens), clock_(*clock), head_(*head), actions_(*actions) {}

  absl::Status InsertEnvironment(Environment* v) override { return Insert(db_, v); }
  absl::Status UpdateEnvironment(Environment* v) override { return Update(db_, v); }
  absl::Status InsertAgent(Agent* v) override { return Insert(db_, v); }
  absl::Status UpdateAgent(Agent* v) override { return Update(db_, v); }
  absl::Status InsertJoinToken(JoinToken* v) override { return Insert(db_, v); }
  absl::Status UpdateJoinToken(JoinToken* v) override { return Update(db_, v); }
  absl::Status InsertInstance(Instance* v) override { return Insert(db_, v); }
  absl::Status UpdateInstance(Instance* v) override { return Update(db_, v); }
  absl::Status InsertJob(Job* v) override { return Insert(db_, v); }
  absl::Status UpdateJob(Job* v) override { return Update(db_, v); }
  absl::Status InsertTask(Task* v) override { return Insert(db_, v); }
  absl::Status UpdateTask(Task* v) override { return Update(db_, v); }
  absl::Status InsertAttempt(Attempt* v) override { return Insert(db_, v); }
  absl::Status UpdateAttempt(Attempt* v) override { return Update(db_, v); }
  absl::Status InsertBackup(Backup* v) override { return Insert(db_, v); }
  absl::Status UpdateBackup(Backup* v) override { return Update(db_, v); }
  absl::Status InsertUser(User* v) override { return Insert(db_, v); }
  absl::Status UpdateUser(User* v) override { return Update(db_, v); }
  absl::Status InsertToken(ApiToken* v) override { return Insert(db_, v); }
  absl::Status UpdateToken(ApiToken* v) override { return Update(db_, v); }
  absl::Status PutContent(absl::string_view sha256, absl::string_view content) override {
    return sqlite::PutContent(db_, sha256, content);
  }
  absl::Status PutSetting(absl::string_view key, absl::string_view value) override {
    return sqlite::PutSetting(db_, key, value);
  }
  absl::Status AppendAudit(const AuditEntry& entry) override {
    absl::Status status = sqlite::AppendAudit(db_, entry, clock_.Now(), &head_);
    if (!status.ok() && audit_failure_.ok()) audit_failure_ = status;
    actions_.Add(entry.action);
    return status;
  }

  // What stands against committing, though the mutation may have overlooked it: a record that was
  // not written, or a statement that failed for other reasons than a key that is there already.
  absl::Status Veto() const { return audit_failure_.ok() ? db_.failure() : audit_failure_; }

 private:
  const Clock& clock_;
  ChainHead& head_;
  failpoint::Tags& actions_;
  absl::Status audit_failure_;
};

}  // namespace dbfleet::controller::sqlite
