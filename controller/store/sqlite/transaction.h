#pragma once

#include <string>
#include <vector>

#include "common/base/failpoint.h"
#include "common/time/clock.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/sqlite/reads.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/store.h"

namespace dbfleet::controller::sqlite {

// One mutation. `head` and `leaves` grow with AppendAudit; whoever rolls the mutation back puts
// them back too.
class WriteTransaction : public Reads<WriteTx> {
 public:
  // `actions` gets the action of each record, for the failpoints around the commit.
  WriteTransaction(Connection* connection, const PageTokens* tokens, const Clock* clock,
                   ChainHead* head, std::vector<std::string>* leaves, failpoint::Tags* actions)
      : Reads(connection, tokens),
        clock_(*clock),
        head_(*head),
        leaves_(*leaves),
        actions_(*actions) {}

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
  absl::Status InsertResource(Resource* v) override { return Insert(db_, v); }
  absl::Status UpdateResource(Resource* v) override { return Update(db_, v); }
  absl::Status DeleteResource(const Resource& v) override { return sqlite::DeleteResource(db_, v); }
  absl::Status InsertScheduleState(ScheduleState* v) override { return Insert(db_, v); }
  absl::Status UpdateScheduleState(ScheduleState* v) override { return Update(db_, v); }
  absl::Status InsertOccurrence(Occurrence* v) override { return Insert(db_, v); }
  absl::Status UpdateOccurrence(Occurrence* v) override { return Update(db_, v); }
  absl::StatusOr<absl::Time> PruneOccurrences(absl::string_view schedule, int keep,
                                              int limit) override {
    return sqlite::PruneOccurrences(db_, schedule, keep, limit);
  }
  Outbox& outbox() override { return outbox_; }
  RuleTables& rules() override { return rules_; }
  absl::Status PutContent(absl::string_view sha256, absl::string_view content) override {
    return sqlite::PutContent(db_, sha256, content);
  }
  absl::Status PutSetting(absl::string_view key, absl::string_view value) override {
    return sqlite::PutSetting(db_, key, value);
  }
  absl::Status PutRequestKey(absl::string_view key, absl::string_view value,
                             absl::Time expire_time) override {
    return sqlite::PutRequestKey(db_, key, value, expire_time);
  }
  absl::Status PruneRequestKeys(absl::Time now, int limit) override {
    return sqlite::PruneRequestKeys(db_, now, limit);
  }
  absl::Status AppendAudit(const AuditEntry& entry) override {
    absl::Status status = sqlite::AppendAudit(db_, entry, clock_.Now(), &head_);
    if (status.ok()) leaves_.push_back(head_.leaf);
    if (!status.ok() && audit_failure_.ok()) audit_failure_ = status;
    actions_.Add(entry.action);
    return status;
  }

  absl::Status InsertAuditCheckpoint(const AuditCheckpoint& v) override {
    return sqlite::InsertAuditCheckpoint(db_, v);
  }
  absl::Status DeleteAuditCheckpoint(int64_t id) override {
    return sqlite::DeleteAuditCheckpoint(db_, id);
  }
  absl::Status PutAuditReceipt(const AuditReceipt& v) override {
    return sqlite::PutAuditReceipt(db_, v);
  }

  // What stands against committing, though the mutation may have overlooked it: a record that was
  // not written, or a statement that failed for other reasons than a key that is there already.
  absl::Status Veto() const { return audit_failure_.ok() ? db_.failure() : audit_failure_; }

 private:
  const Clock& clock_;
  ChainHead& head_;
  std::vector<std::string>& leaves_;
  failpoint::Tags& actions_;
  absl::Status audit_failure_;
};

}  // namespace dbfleet::controller::sqlite
