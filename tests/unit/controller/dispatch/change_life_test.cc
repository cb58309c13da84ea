// A change's life through policy, approvals, the backup gate, grants and outcomes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/match.h"

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

using testing::HasSubstr;

class ChangeLifeTest : public FleetFixture {
 protected:
  ChangeLifeTest() { agent_.Connect(); }

  void RunTo(const agent::v1::Offer& offer, agent::v1::Outcome outcome,
             const work::v1::TaskResult& result, const std::string& reason = "") {
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, outcome, result, reason);
  }
};

TEST_F(ChangeLifeTest, WaitsForApprovalAndIsAppliedAfterIt) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  EXPECT_EQ(offer.digest_inputs().targets_size(), 1);
  RunTo(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded");
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kGrant).back().grant().digest(),
            JobOf(job_id).digest);
}

TEST_F(ChangeLifeTest, IsNotOfferedForExecutionBeforeTheApproval) {
  AddVerifiedBackup();
  const Job job = PlannedChange();
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
  Pass(absl::Minutes(1));
  EXPECT_EQ(agent_.Offers().size(), 1u);
}

TEST_F(ChangeLifeTest, TheRequesterCannotApproveAndTheTryIsAudited) {
  const Job job = PlannedChange();
  EXPECT_EQ(ReasonOf(jobs_.Approve({"users/ada", ""}, job.id, job.digest, "").status()),
            "SELF_APPROVAL");
  EXPECT_TRUE(Audited("change.approve_refused"));
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
}

TEST_F(ChangeLifeTest, APuppetOfTheRequesterCannotApprove) {
  const Job job = PlannedChange();
  dependents_ = {"users/bob"};
  EXPECT_EQ(ReasonOf(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "").status()),
            "DEPENDENT_APPROVER");
}

TEST_F(ChangeLifeTest, AnApprovalOfAnotherDigestIsStale) {
  const Job job = PlannedChange();
  const absl::Status status = jobs_.Approve({"users/bob", ""}, job.id, "0000", "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(status), "DIGEST_CHANGED");
}

TEST_F(ChangeLifeTest, AnApprovalLapsesBeforeTheGrant) {
  std::string job_id;
  OfferedChange(&job_id);
  agent_.Disconnect();
  Pass(absl::Seconds(5));
  clock_.Advance(absl::Hours(25));
  executor_.RunAll();
  Pass(absl::Seconds(6));
  EXPECT_EQ(StateOf(job_id), "awaiting_approval");
  agent_.Connect();
  EXPECT_EQ(agent_.Grants(), 0);
}

TEST_F(ChangeLifeTest, AcceptedWorkIsNotGrantedWhenTheBackupHasGrownOld) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  clock_.JumpWallClock(absl::Hours(23));
  const Job job = JobOf(job_id);
  Must(jobs_.Approve({"users/cy", ""}, job_id, job.digest, "still right"));
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), 1) << "only the plan's grant";
  // The accepted attempt makes room for the backup that is wanted now.
  executor_.RunAll();
  EXPECT_TRUE(agent_.Offers().back().spec().has_backup());
}

TEST_F(ChangeLifeTest, TakesTheBackupThatThePolicyDemands) {
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "ok"));
  const std::string gate = JobOf(job.id).gate_job;
  ASSERT_FALSE(gate.empty());
  EXPECT_EQ(JobOf(gate).requester, "system/backup-gate");
  const agent::v1::Offer backup = agent_.Offers().back();
  ASSERT_TRUE(backup.spec().has_backup());
  work::v1::TaskResult result;
  result.mutable_backup()->set_backup_id(backup.spec().backup().backup_id());
  result.mutable_backup()->add_databases("shop");
  result.mutable_backup()->set_manifest_sha256("m1");
  *result.mutable_backup()->mutable_snapshot_time() = ToProto(clock_.Now());
  RunTo(backup, agent::v1::OUTCOME_SUCCEEDED, result);
  EXPECT_EQ(StateOf(job.id), "ready") << "a backup that nobody verified opens no gate";
  const agent::v1::Offer verify = agent_.Offers().back();
  ASSERT_TRUE(verify.spec().has_verify());
  work::v1::TaskResult verified;
  verified.mutable_verify()->set_backup_id(backup.spec().backup().backup_id());
  verified.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
  verified.mutable_verify()->set_manifest_sha256("m1");
  RunTo(verify, agent::v1::OUTCOME_SUCCEEDED, verified);
  EXPECT_TRUE(agent_.Offers().back().spec().has_migrate());
  EXPECT_EQ(agent_.Offers().back().purpose(), agent::v1::PURPOSE_EXECUTE);
}

TEST_F(ChangeLifeTest, TwoChangesThatNeedABackupOfOneServerTakeOne) {
  const Job first = PlannedChange();
  const Job second = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, first.id, first.digest, "ok"));
  Must(jobs_.Approve({"users/bob", ""}, second.id, second.digest, "ok"));
  EXPECT_FALSE(JobOf(first.id).gate_job.empty());
  EXPECT_TRUE(JobOf(second.id).gate_job.empty()) << "the first one's may do for it";
  // It does not: nobody has a backup, and the second takes its own.
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_FAILED, {}, "DISK_FULL");
  EXPECT_EQ(StateOf(first.id), "failed");
  clock_.Advance(absl::Seconds(10));
  executor_.RunAll();
  EXPECT_FALSE(JobOf(second.id).gate_job.empty());
}

TEST_F(ChangeLifeTest, FailsWhenTheDemandedBackupFails) {
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "ok"));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_FAILED, {}, "DISK_FULL");
  EXPECT_EQ(StateOf(job.id), "failed");
  EXPECT_EQ(JobOf(job.id).error_reason, "BACKUP_GATE_FAILED");
}

TEST_F(ChangeLifeTest, ASuccessWithoutTheBackupsResultIsNoBackup) {
  const Job job = Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  const agent::v1::Offer offer = agent_.Offers().back();
  RunTo(offer, agent::v1::OUTCOME_SUCCEEDED, {});
  Backup backup;
  ASSERT_TRUE(store_
                  .Read([&](ReadTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(backup, tx.GetBackup(offer.spec().backup().backup_id()));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(backup.state, Backup::State::kFailed);
}

TEST_F(ChangeLifeTest, AFailureThatWasTakenBackEndsRolledBack) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  work::v1::TaskResult result;
  result.mutable_migrate()->set_rolled_back(true);
  result.mutable_migrate()->add_rolled_back_versions("1");
  RunTo(offer, agent::v1::OUTCOME_FAILED, result, "MIGRATION_ROLLED_BACK");
  EXPECT_EQ(StateOf(job_id), "rolled_back");
  EXPECT_EQ(JobOf(job_id).error_reason, "MIGRATION_ROLLED_BACK");
}

TEST_F(ChangeLifeTest, AnInterruptedMigrationWaitsForAPersonAndIsNeverRetried) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  RunTo(offer, agent::v1::OUTCOME_INTERRUPTED, {});
  EXPECT_EQ(StateOf(job_id), "paused");
  Pass(absl::Minutes(20));
  EXPECT_EQ(AttemptsOf(job_id).size(), 2u) << "the plan's and this one";
  Must(jobs_.Resolve({"users/cy", ""}, job_id, "", Resolution::kApplied, "it is there"));
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

TEST_F(ChangeLifeTest, AnOutcomeOfANewerVersionIsNoSuccess) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  RunTo(offer, static_cast<agent::v1::Outcome>(42), MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "paused");
}

TEST_F(ChangeLifeTest, CancellingWhileWaitingEndsItAtOnce) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  Must(jobs_.Cancel({"users/ada", ""}, job_id, "not today"));
  EXPECT_EQ(StateOf(job_id), "cancelled");
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kWithdraw).size(), 1u);
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), 1) << "only the plan's grant";
}

// The records of jobs' ends: resource -> state.
std::multimap<std::string, std::string> Ends(MemoryStore& store) {
  std::multimap<std::string, std::string> ends;
  for (const AuditRow& row : store.Audit()) {
    if (row.entry.action != "job.end") continue;
    ends.emplace(row.entry.resource, row.entry.details.at("state"));
  }
  return ends;
}

TEST_F(ChangeLifeTest, EveryEndOfAJobIsInTheTrailOnce) {
  const Job cancelled = PlannedChange();
  Must(jobs_.Cancel({"users/ada", ""}, cancelled.id, "not today"));
  const Job rejected = PlannedChange();
  Must(jobs_.Reject({"users/bob", ""}, rejected.id, "no"));
  const Job gated = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, gated.id, gated.digest, "ok"));
  const std::string gate = JobOf(gated.id).gate_job;
  Must(jobs_.Cancel({"users/ada", ""}, gate, "no backup"));
  const std::multimap<std::string, std::string> wanted = {{"jobs/" + cancelled.id, "cancelled"},
                                                          {"jobs/" + rejected.id, "rejected"},
                                                          {"jobs/" + gated.id, "failed"},
                                                          {"jobs/" + gate, "cancelled"}};
  EXPECT_EQ(Ends(store_), wanted);
}

TEST_F(ChangeLifeTest, CancellingARunningChangeAsksTheAgentAndTakesItsWord) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Start(offer);
  Must(jobs_.Cancel({"users/ada", ""}, job_id, "stop"));
  EXPECT_EQ(StateOf(job_id), "cancelling");
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kCancel).size(), 1u);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded") << "it was too late, and that is said";
}

TEST_F(ChangeLifeTest, WithoutConsentADestructiveChangeIsRefused) {
  ChangeRequest request = MakeChange();
  request.approve_destructive = false;
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  EXPECT_EQ(StateOf(job.id), "refused");
  EXPECT_EQ(JobOf(job.id).error_reason, "REFUSED_BY_POLICY");
}

TEST_F(ChangeLifeTest, AnAgentCannotMakeAStatementSafe) {
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  work::v1::TaskResult lie = MakePlan();
  lie.mutable_plan()->set_safety(work::v1::SAFETY_CLASS_SAFE);
  lie.mutable_plan()->mutable_forward(0)->set_safety(work::v1::SAFETY_CLASS_SAFE);
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, lie);
  EXPECT_EQ(JobOf(job.id).safety, SafetyClass::kDestructive);
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
}

TEST_F(ChangeLifeTest, APlanThatCannotBeMadeFailsTheJobWithTheAgentsWords) {
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_FAILED, {}, "CHECKSUM_MISMATCH");
  EXPECT_EQ(StateOf(job.id), "failed");
  EXPECT_EQ(JobOf(job.id).error_reason, "CHECKSUM_MISMATCH");
}

TEST_F(ChangeLifeTest, PlanOnlyEndsWithThePlan) {
  ChangeRequest request = MakeChange();
  request.plan_only = true;
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  EXPECT_EQ(StateOf(job.id), "succeeded");
  EXPECT_EQ(agent_.Offers().size(), 1u);
}

TEST_F(ChangeLifeTest, ARollbackIsANewJobWithItsOwnApproval) {
  std::string job_id;
  RunTo(OfferedChange(&job_id), agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, {job_id, "wrong", true, {}}));
  const agent::v1::Offer offer = agent_.Offers().back();
  EXPECT_EQ(offer.purpose(), agent::v1::PURPOSE_PLAN);
  EXPECT_EQ(offer.spec().migrate().direction(), work::v1::MIGRATE_DIRECTION_DOWN);
  ASSERT_EQ(offer.spec().migrate().versions_size(), 1);
  RunTo(offer, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  EXPECT_EQ(StateOf(rollback.id), "awaiting_approval");
}

TEST_F(ChangeLifeTest, AChangeThatNobodyStartedExpires) {
  ChangeRequest request = MakeChange();
  request.expire_after = absl::Minutes(10);
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  const JobManager::WhyNoWork none = [](const std::string&) { return std::nullopt; };
  const JobPicture before =
      ReadFrom(store_, [&](ReadTx& tx) { return jobs_.Show(tx, job.id, none); }).value();
  const std::string waits = before.blockers.front().message;
  Pass(absl::Minutes(11));
  EXPECT_EQ(StateOf(job.id), "expired");
  // Whoever asks afterwards is told what was missing in the words that were told before.
  EXPECT_THAT(JobOf(job.id).error_message, HasSubstr("it waited for approvals: " + waits));
}

TEST_F(ChangeLifeTest, AChangeThatNobodyPlansExpiresToo) {
  agent_.Disconnect();
  ChangeRequest request = MakeChange();
  request.expire_after = absl::Minutes(10);
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  Pass(absl::Minutes(11));
  EXPECT_EQ(StateOf(job.id), "expired");
  EXPECT_THAT(JobOf(job.id).error_message, HasSubstr("it waited for the plans of 1 of 1 targets"));
}

TEST_F(ChangeLifeTest, AnApprovedChangeThatNoAgentTookSaysSo) {
  ChangeRequest request = MakeChange();
  request.expire_after = absl::Minutes(10);
  AddVerifiedBackup();
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "looks right"));
  Pass(absl::Minutes(11));
  EXPECT_EQ(StateOf(job.id), "expired");
  EXPECT_THAT(JobOf(job.id).error_message, HasSubstr("it waited for an agent that takes it"));
}

// Half of it done and the rest never begun is no success.
TEST_F(ChangeLifeTest, AChangeThatExpiresBetweenItsTargetsIsPartial) {
  agent_.more_instances = {"users-db"};
  agent_.Connect();
  AddVerifiedBackup();
  AddVerifiedBackup("users-db");
  ChangeRequest request = MakeChange();
  request.instances = {"orders-db", "users-db"};
  request.max_parallel = 1;
  request.expire_after = absl::Minutes(10);
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  for (size_t i = 0; i < 2; ++i) {
    RunTo(agent_.Offers()[i], agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  }
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "looks right"));
  const agent::v1::Offer first = agent_.Offers().back();
  agent_.Accept(first);
  agent_.Start(first);
  Pass(absl::Minutes(11));
  EXPECT_EQ(StateOf(job.id), "rolling") << "what runs is not stopped";
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "partial");
  EXPECT_EQ(JobOf(job.id).error_reason, "EXPIRED");
  EXPECT_EQ(JobOf(job.id).error_message, "1 of 2 targets had not begun when it expired");
}

// A check needs nothing for itself alone, so it waits for nobody on its instance.
TEST_F(ChangeLifeTest, OnlyWhatNeedsTheInstanceForItselfIsToldThatOthersHoldIt) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Start(offer);
  const auto rules_of = [&](const Job& job) {
    std::set<std::string> rules;
    const auto blockers = ReadFrom(store_, [&](ReadTx& tx) {
      return jobs_.Explain(tx, job,
                           [&](const std::string& agent) { return dispatcher_.WhyNoWork(agent); });
    });
    for (const PolicyBlocker& blocker : blockers.value()) rules.insert(blocker.rule);
    return rules;
  };
  const Job backup = Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  EXPECT_EQ(rules_of(backup), std::set<std::string>{"instance-busy"});
  const Job check = Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  EXPECT_EQ(rules_of(check), std::set<std::string>{});
  EXPECT_TRUE(agent_.Offers().back().spec().has_check()) << "and is offered";
}

TEST_F(ChangeLifeTest, EveryBlockerIsNamed) {
  const Job job = PlannedChange();
  agent_.Disconnect();
  std::vector<PolicyBlocker> blockers;
  ASSERT_TRUE(store_
                  .Read([&](ReadTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(
                        blockers, jobs_.Explain(tx, JobOf(job.id), [&](const std::string& agent) {
                          return dispatcher_.WhyNoWork(agent);
                        }));
                    return absl::OkStatus();
                  })
                  .ok());
  std::set<std::string> rules;
  for (const PolicyBlocker& blocker : blockers) rules.insert(blocker.rule);
  EXPECT_TRUE(rules.count("approvals"));
  EXPECT_TRUE(rules.count("verified-backup"));
  EXPECT_TRUE(rules.count("agent-unreachable"));
}

// Its job stays ROLLING: that is explained, also where the agent is connected.
TEST_F(ChangeLifeTest, AnAttemptWhoseAgentForgotItOrIsSilentIsExplained) {
  const auto unreachable = [&](const std::string& job_id) {
    const Job job = JobOf(job_id);
    const auto blockers = ReadFrom(store_, [&](ReadTx& tx) {
                            return jobs_.Explain(tx, job, [&](const std::string& agent) {
                              return dispatcher_.WhyNoWork(agent);
                            });
                          }).value();
    std::string found;
    for (const PolicyBlocker& blocker : blockers) {
      if (blocker.rule == "unreachable") found += blocker.message;
    }
    return found;
  };
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Start(offer);
  EXPECT_EQ(unreachable(job_id), "");
  agent_.Disconnect();
  Pass(absl::Minutes(30));
  ASSERT_EQ(StateOf(job_id), "rolling");
  const std::string silent = unreachable(job_id);
  EXPECT_TRUE(absl::StrContains(silent, "agents/db1 was told to begin on")) << silent;
  EXPECT_TRUE(absl::StrContains(silent, "goes on when it comes back")) << silent;
  agent_.journal_id = "journal-2";
  agent_.last_seq = 0;
  agent_.Connect();
  ASSERT_EQ(StateOf(job_id), "rolling");
  const std::string forgotten = unreachable(job_id);
  EXPECT_TRUE(absl::StrContains(forgotten, "knows nothing of it any more")) << forgotten;
  EXPECT_TRUE(absl::StrContains(forgotten, "dbfleet job resolve jobs/" + job_id)) << forgotten;
}

TEST_F(ChangeLifeTest, ARefusedRedisCommandIsNotCalledAChange) {
  agent_.Disconnect();
  AddAgent("cache1", "production");
  ScriptedAgent redis(dispatcher_, executor_, clock_, "cache1");
  redis.instance_name = "cache";
  redis.engine = work::v1::ENGINE_REDIS;
  redis.Connect();
  work::v1::InspectSpec spec;
  spec.set_statement("FLUSHALL");
  const absl::Status status = jobs_.SubmitInspect({"users/ada", ""}, "cache", spec).status();
  EXPECT_EQ(ReasonOf(status), "INSPECTION_NOT_SAFE");
  EXPECT_TRUE(absl::StrContains(status.message(), "only reads Redis")) << status;
  EXPECT_FALSE(absl::StrContains(status.message(), "change submit")) << status;
}

TEST_F(ChangeLifeTest, AnUnsafeInspectionIsRefusedWithReasonsAndAudited) {
  work::v1::InspectSpec spec;
  spec.set_statement("DELETE FROM orders");
  const absl::Status status = jobs_.SubmitInspect({"users/ada", ""}, "orders-db", spec).status();
  EXPECT_EQ(ReasonOf(status), "INSPECTION_NOT_SAFE");
  EXPECT_TRUE(Audited("inspect.refused"));
}

TEST_F(ChangeLifeTest, ADeclinedOfferEndsTheJobWithTheAgentsReason) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent::v1::Event event = agent_.NewEvent(offer);
  event.mutable_declined()->set_reason("ACTION_FORBIDDEN");
  agent_.SayEvent(event);
  EXPECT_EQ(StateOf(job_id), "failed");
  EXPECT_EQ(JobOf(job_id).error_reason, "ACTION_FORBIDDEN");
}

TEST_F(ChangeLifeTest, ADeclinedBackupIsNotVerified) {
  const Job job = Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, true, ""));
  agent::v1::Event event = agent_.NewEvent(agent_.Offers().back());
  event.mutable_declined()->set_reason("TOOL_MISSING");
  agent_.SayEvent(event);
  EXPECT_EQ(StateOf(job.id), "failed");
  EXPECT_EQ(agent_.Offers().size(), 1u);
}

TEST_F(ChangeLifeTest, AnAgentThatIsStoppingGetsTheOfferAgain) {
  std::string job_id;
  agent::v1::Event event = agent_.NewEvent(OfferedChange(&job_id));
  event.mutable_declined()->set_reason("AGENT_STOPPING");
  agent_.SayEvent(event);
  EXPECT_EQ(StateOf(job_id), "ready");
  EXPECT_EQ(agent_.Offers().size(), 3u);
}

TEST_F(ChangeLifeTest, AStartThatCameTooLateDoesNotStrandACancelledJob) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  Must(jobs_.Cancel({"users/ada", ""}, job_id, "stop"));
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  EXPECT_EQ(StateOf(job_id), "cancelled");
}

TEST_F(ChangeLifeTest, AStartThatCameTooLateIsTriedAgainAfterAPause) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  Must(jobs_.Pause({"users/ada", ""}, job_id, "wait"));
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "START_TOO_LATE");
  EXPECT_EQ(StateOf(job_id), "paused");
  Must(jobs_.Resume({"users/ada", ""}, job_id));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

// A pause holds back what has not begun. Where that is nothing, the listing says how it ended.
TEST_F(ChangeLifeTest, APausedChangeEndsWithItsLastTarget) {
  for (const bool succeeds : {true, false}) {
    std::string job_id;
    const agent::v1::Offer offer = OfferedChange(&job_id);
    agent_.Accept(offer);
    agent_.Start(offer);
    Must(jobs_.Pause({"users/ada", ""}, job_id, "wait"));
    ASSERT_EQ(StateOf(job_id), "paused");
    agent_.Finish(offer, succeeds ? agent::v1::OUTCOME_SUCCEEDED : agent::v1::OUTCOME_FAILED,
                  succeeds ? MakeMigrated() : work::v1::TaskResult(), succeeds ? "" : "SQL_FAILED");
    EXPECT_EQ(StateOf(job_id), succeeds ? "succeeded" : "failed");
  }
}

TEST_F(ChangeLifeTest, AGrantedAttemptWithAnImpossibleReportWaitsForAPerson) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  agent_.Accept(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());  // It never said Started.
  EXPECT_EQ(StateOf(job_id), "paused");
}

TEST_F(ChangeLifeTest, AnApproverWhoLostTheRoleDoesNotCountAnyMore) {
  std::string job_id;
  const agent::v1::Offer offer = OfferedChange(&job_id);
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(User user, tx.GetUser("bob"));
                    user.disabled = true;
                    return tx.UpdateUser(&user);
                  })
                  .ok());
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), 1) << "only the plan's grant";
  EXPECT_EQ(StateOf(job_id), "awaiting_approval");
}

TEST_F(ChangeLifeTest, AnotherPolicyMeansAnotherPlanAndAnotherApproval) {
  std::string job_id;
  OfferedChange(&job_id);
  const std::string digest = JobOf(job_id).digest;
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Environment environment, tx.GetEnvironment("production"));
                    environment.policy.destructive_approvals = 2;
                    return tx.UpdateEnvironment(&environment);
                  })
                  .ok());
  Pass(absl::Seconds(6));
  EXPECT_EQ(StateOf(job_id), "planning");
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  EXPECT_EQ(StateOf(job_id), "awaiting_approval");
  EXPECT_NE(JobOf(job_id).digest, digest);
}

TEST_F(ChangeLifeTest, AChangeThatWaitsForAnExistingBackupGoesOnWhenThereIsOne) {
  ChangeRequest request = MakeChange();
  request.backup_gate = BackupGate::kExisting;
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "ok"));
  Pass(absl::Seconds(10));
  EXPECT_EQ(agent_.Offers().size(), 1u) << "no backup is taken for it";
  AddVerifiedBackup();
  Pass(absl::Seconds(6));
  EXPECT_EQ(agent_.Offers().back().purpose(), agent::v1::PURPOSE_EXECUTE);
}

TEST_F(ChangeLifeTest, CancellingTakesTheDemandedBackupAlong) {
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "ok"));
  const std::string gate = JobOf(job.id).gate_job;
  Must(jobs_.Cancel({"users/ada", ""}, job.id, "no"));
  EXPECT_EQ(StateOf(gate), "cancelled");
}

TEST_F(ChangeLifeTest, WhatAPersonCalledAppliedCanBeRolledBack) {
  std::string job_id;
  RunTo(OfferedChange(&job_id), agent::v1::OUTCOME_INTERRUPTED, {});
  Must(jobs_.Resolve({"users/cy", ""}, job_id, "", Resolution::kApplied, "it is there"));
  EXPECT_TRUE(jobs_.SubmitRollback({"users/ada", ""}, {job_id, "undo", true, {}}).ok());
}

TEST_F(ChangeLifeTest, APlanThatARestartOfTheAgentCutShortIsMadeAgain) {
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_FAILED, {}, "AGENT_RESTARTED");
  EXPECT_EQ(StateOf(job.id), "planning");
  RunTo(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
}

}  // namespace
}  // namespace dbfleet::controller
