// A person pauses what has not begun, and what is told of the time for which it waits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/status.h"
#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class HeldLifeTest : public WindowFixture {
 protected:
  void Pause(const Job& job) { Must(jobs_.Pause({"users/ada", ""}, job.id, "the shop is busy")); }
  void Resume(const Job& job) { Must(jobs_.Resume({"users/ada", ""}, job.id)); }
  JobPicture Shown(const Job& job) {
    return ReadFrom(store_,
                    [&](ReadTx& tx) {
                      return jobs_.Show(tx, job.id,
                                        [](const std::string&) { return std::nullopt; });
                    })
        .value();
  }
  std::vector<std::string> Foreseen(const Job& job) {
    std::vector<std::string> texts;
    for (const PolicyBlocker& blocker : Shown(job).foreseen) {
      texts.push_back(blocker.rule + ": " + blocker.message);
    }
    return texts;
  }
};

TEST_F(HeldLifeTest, WhatWaitsForItsWindowDoesNotBeginThereUntilItIsResumed) {
  Declare({Once("tonight", absl::Hours(1), absl::Hours(5))});
  const Job job = Approved();
  Pause(job);
  EXPECT_EQ(StateOf(job.id), "ready") << "it has not begun, and goes on waiting";
  EXPECT_THAT(WhyOf(job.id), AllOf(HasSubstr("paused: by users/ada: the shop is busy"),
                                   HasSubstr("dbfleet job resume " + job.id)));
  EXPECT_TRUE(Audited("job.pause"));
  clock_.JumpWallClock(absl::Hours(2));
  Pass(absl::Minutes(1));
  EXPECT_FALSE(IsOffered());
  Resume(job);
  EXPECT_TRUE(Audited("job.resume"));
  EXPECT_EQ(JobOf(job.id).error_reason, "");
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(HeldLifeTest, WhatWasOfferedAlreadyIsNotGranted) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(5))});
  const Job job = Approved();
  const agent::v1::Offer offer = Unanswered();
  Pause(job);
  const int grants = agent_.Grants();
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), grants);
  EXPECT_EQ(StateOf(job.id), "ready");
}

TEST_F(HeldLifeTest, ApprovalsAreGivenMeanwhileAndThePlanFollowsThePolicy) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(5))});
  AddVerifiedBackup();
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  Pause(job);  // While it is being planned.
  EXPECT_THAT(Shown(job).blockers.at(0).rule, "paused");
  Run(Unanswered(), MakePlan());
  EXPECT_EQ(StateOf(job.id), "awaiting_approval");
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "fine"));
  EXPECT_EQ(StateOf(job.id), "ready");
  ChangePolicy([](EnvironmentPolicy* policy) { policy->approval_ttl = absl::Hours(23); });
  Pass(absl::Seconds(10));
  Run(Unanswered(), MakePlan());
  EXPECT_EQ(StateOf(job.id), "awaiting_approval") << "another policy, another plan";
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "fine"));
  Pass(absl::Minutes(1));
  EXPECT_FALSE(IsOffered()) << "it is still paused";
  Resume(job);
  EXPECT_TRUE(IsOffered());
}

// No withdrawal reaches it: the grant itself asks.
TEST_F(HeldLifeTest, TheGrantAsksWhetherItIsPaused) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(5))});
  const Job job = Approved();
  const agent::v1::Offer offer = Unanswered();
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Job paused, tx.GetJob(job.id));
                    paused.error_reason = std::string(kPausedByPerson);
                    paused.error_message = "paused by users/ada";
                    return tx.UpdateJob(&paused);
                  })
                  .ok());
  const int grants = agent_.Grants();
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), grants);
  EXPECT_EQ(StateOf(job.id), "ready");
}

TEST_F(HeldLifeTest, APlanThatFailsMeanwhileEndsItInItsOwnWords) {
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  Pause(job);
  const agent::v1::Offer offer = Unanswered();
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED);
  EXPECT_EQ(StateOf(job.id), "failed");
  EXPECT_NE(JobOf(job.id).error_reason, "PAUSED");
  EXPECT_EQ(JobOf(job.id).error_message.find("paused by"), std::string::npos);
}

TEST_F(HeldLifeTest, NoBackupIsTakenForWhatIsPaused) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(5))});
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  Run(Unanswered(), MakePlan());
  Pause(job);
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "fine"));
  Pass(absl::Minutes(1));
  EXPECT_EQ(JobOf(job.id).gate_job, "");
  Resume(job);
  EXPECT_NE(JobOf(job.id).gate_job, "");
}

// Whoever pauses because the server is busy does not want it to be busy with the backup.
class HeldGateTest : public HeldLifeTest {
 protected:
  HeldGateTest() {
    Declare({Once("now", absl::ZeroDuration(), absl::Hours(5))});
    job_ = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
    Run(Unanswered(), MakePlan());
    Must(jobs_.Approve({"users/bob", ""}, job_.id, JobOf(job_.id).digest, "fine"));
    gate_ = JobOf(JobOf(job_.id).gate_job);
  }
  work::v1::TaskResult Taken(const agent::v1::Offer& offer) {
    work::v1::TaskResult result;
    result.mutable_backup()->set_backup_id(offer.spec().backup().backup_id());
    result.mutable_backup()->add_databases("shop");
    result.mutable_backup()->set_manifest_sha256("m1");
    *result.mutable_backup()->mutable_snapshot_time() = ToProto(clock_.Now());
    return result;
  }
  work::v1::TaskResult Verified(const agent::v1::Offer& offer) {
    work::v1::TaskResult result;
    result.mutable_verify()->set_backup_id(offer.spec().verify().backup_id());
    result.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
    result.mutable_verify()->set_manifest_sha256("m1");
    return result;
  }
  Backup BackupOf(const agent::v1::Offer& offer) {
    return ReadFrom(store_,
                    [&](ReadTx& tx) { return tx.GetBackup(offer.spec().backup().backup_id()); })
        .value();
  }
  // Sooner than its backup would.
  void LetItExpire() {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Job job, tx.GetJob(job_.id));
                      job.expire_time = clock_.Now();
                      return tx.UpdateJob(&job);
                    })
                    .ok());
    Pass(absl::Seconds(10));
  }
  // The pause lasts longer than a backup waits to begin, but not as long as one is good for.
  void LetThePauseLast() {
    ChangePolicy([](EnvironmentPolicy* policy) {
      policy->verified_backup_max_age = absl::Hours(7 * 24);
      policy->approval_ttl = absl::Hours(7 * 24);
    });
    clock_.JumpWallClock(absl::Hours(30));
    Declare({Once("now", absl::ZeroDuration(), absl::Hours(5))});
    Pass(absl::Seconds(10));
    if (IsOffered()) Run(Unanswered(), MakePlan());  // As the policy has changed.
    Must(jobs_.Approve({"users/bob", ""}, job_.id, JobOf(job_.id).digest, "fine"));
  }
  void ExpectAnotherIsTaken() {
    Resume(job_);
    Pass(absl::Seconds(10));
    EXPECT_FALSE(IsTerminal(JobOf(job_.id).state)) << StateOf(job_.id);
    EXPECT_TRUE(IsTerminal(JobOf(gate_.id).state)) << StateOf(gate_.id);
    EXPECT_NE(JobOf(job_.id).gate_job, gate_.id);
    EXPECT_EQ(Unanswered().job_id(), JobOf(job_.id).gate_job);
  }
  Job job_, gate_;
};

TEST_F(HeldGateTest, TheBackupThatWasOfferedForItIsHeldWithIt) {
  const agent::v1::Offer offer = Unanswered();
  ASSERT_EQ(offer.job_id(), gate_.id);
  Pause(job_);
  const int grants = agent_.Grants();
  agent_.Accept(offer);
  Pass(absl::Minutes(1));
  EXPECT_EQ(agent_.Grants(), grants);
  EXPECT_FALSE(IsOffered());
  EXPECT_EQ(JobOf(gate_.id).error_message,
            "paused by users/ada: the shop is busy (with jobs/" + job_.id + ")");
  Resume(job_);
  const agent::v1::Offer again = Unanswered();
  EXPECT_EQ(again.job_id(), gate_.id);
  Run(again, Taken(again));
  const agent::v1::Offer verification = Unanswered();
  Run(verification, Verified(verification));
  Pass(absl::Seconds(10));
  EXPECT_EQ(Unanswered().job_id(), job_.id);
}

TEST_F(HeldGateTest, OfOneThatRunsNothingFurtherBegins) {
  const agent::v1::Offer offer = Begun();
  Pause(job_);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, Taken(offer));
  Pass(absl::Minutes(1));
  EXPECT_EQ(StateOf(gate_.id), "paused");
  EXPECT_FALSE(IsOffered()) << "to verify it is to restore it";
  Resume(job_);
  EXPECT_EQ(Unanswered().job_id(), gate_.id);
}

TEST_F(HeldGateTest, WhatAPersonPausedByItselfIsNotResumedWithTheChange) {
  Pause(gate_);
  Pause(job_);
  Resume(job_);
  Pass(absl::Minutes(1));
  EXPECT_THAT(Shown(gate_).blockers.at(0).rule, "paused");
  Resume(gate_);
  Unanswered();  // The first offer, which was withdrawn.
  EXPECT_EQ(Unanswered().job_id(), gate_.id);
}

// One pauses to restart the server, and what ran on it is cut short.
TEST_F(HeldGateTest, OfOneThatWasCutShortMeanwhileAnotherIsTaken) {
  const agent::v1::Offer offer = Begun();
  Pause(job_);
  agent_.Finish(offer, agent::v1::OUTCOME_INTERRUPTED, {});
  Pass(absl::Minutes(1));
  Resume(job_);
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsTerminal(JobOf(job_.id).state)) << StateOf(job_.id);
  const std::string next = JobOf(job_.id).gate_job;
  EXPECT_NE(next, gate_.id);
  EXPECT_TRUE(IsTerminal(JobOf(gate_.id).state)) << StateOf(gate_.id);
  const agent::v1::Offer again = Unanswered();
  EXPECT_EQ(again.job_id(), next);
  Run(again, Taken(again));
  const agent::v1::Offer verification = Unanswered();
  Run(verification, Verified(verification));
  Pass(absl::Seconds(10));
  EXPECT_EQ(Unanswered().job_id(), job_.id);
}

TEST_F(HeldGateTest, OfOneThatExpiredMeanwhileAnotherIsTaken) {
  Pause(job_);
  const agent::v1::Offer withdrawn = Unanswered();
  LetThePauseLast();
  ASSERT_EQ(StateOf(gate_.id), "expired");
  EXPECT_EQ(BackupOf(withdrawn).state, Backup::State::kFailed) << "it runs no more";
  ExpectAnotherIsTaken();
}

TEST_F(HeldGateTest, OfOneThatWouldExpireAsItGoesOnAnotherIsTaken) {
  const agent::v1::Offer offer = Begun();
  Pause(job_);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, Taken(offer));
  LetThePauseLast();
  ASSERT_EQ(StateOf(gate_.id), "paused");
  ExpectAnotherIsTaken();
  EXPECT_EQ(JobOf(gate_.id).error_message,
            "cut short by a pause; another backup is taken for jobs/" + job_.id);
}

// Nobody resumes a backup whose change is over.
TEST_F(HeldGateTest, ItIsCancelledWhenThePausedChangeExpires) {
  Pause(job_);
  ASSERT_EQ(StateOf(gate_.id), "ready");
  LetItExpire();
  EXPECT_EQ(StateOf(job_.id), "expired");
  EXPECT_THAT(JobOf(gate_.id).error_message,
              StartsWith("cancelled with the work of jobs/" + job_.id +
                         ": it was not started before its expiry; it waited for verified-backup"));
  EXPECT_EQ(StateOf(gate_.id), "cancelled");
}

// It is that person's, and there is more to a backup than one change.
TEST_F(HeldGateTest, OneThatAPersonPausedByItselfIsNotCancelledWithTheChangesEnd) {
  Pause(gate_);
  Pause(job_);
  LetItExpire();
  EXPECT_EQ(StateOf(job_.id), "expired");
  EXPECT_EQ(JobOf(gate_.id).error_message, "paused by users/ada: the shop is busy");
  EXPECT_TRUE(IsHeld(JobOf(gate_.id)));
}

TEST_F(HeldGateTest, WhyThereIsNoBackupIsToldWhereItWasNotBegun) {
  const agent::v1::Offer offer = Unanswered();
  Pause(job_);
  LetItExpire();
  EXPECT_THAT(BackupOf(offer).error_message,
              StartsWith("it was not begun: cancelled with the work of jobs/" + job_.id +
                         ": it was not started before its expiry"));
  EXPECT_EQ(Detail("backup.outcome", "error"), BackupOf(offer).error_message);
}

TEST_F(HeldGateTest, OneThatRanWasStoppedAndNotLeftUndone) {
  const agent::v1::Offer offer = Begun();
  Must(jobs_.Cancel({"users/ada", ""}, job_.id, "not needed"));
  agent_.Finish(offer, agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  EXPECT_EQ(BackupOf(offer).error_message,
            "it was stopped: cancelled with the work of jobs/" + job_.id + ": not needed");
}

// Former versions did not look at the backup when its change ended.
TEST_F(HeldGateTest, WhatAFormerVersionLeftPausedOrRunningIsEnded) {
  const agent::v1::Offer offer = Unanswered();
  Pause(job_);
  const std::string with = JobOf(gate_.id).error_message;
  LetItExpire();
  ASSERT_EQ(StateOf(gate_.id), "cancelled");
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Job gate, tx.GetJob(gate_.id));
                    gate.state = JobState::kReady;
                    gate.cancel_requested = false;
                    gate.error_reason = std::string(kPausedByPerson);
                    gate.error_message = with;
                    RETURN_IF_ERROR(tx.UpdateJob(&gate));
                    ASSIGN_OR_RETURN(std::vector<Task> tasks, tx.TasksOfJob(gate.id));
                    for (Task& task : tasks) {
                      task.state = TaskState::kPending;
                      RETURN_IF_ERROR(tx.UpdateTask(&task));
                    }
                    ASSIGN_OR_RETURN(Backup backup,
                                     tx.GetBackup(offer.spec().backup().backup_id()));
                    backup.state = Backup::State::kRunning;
                    return tx.UpdateBackup(&backup);
                  })
                  .ok());
  JobManager started(store_, flow_, hub_, clock_);
  started.Tick();
  executor_.RunAll();
  EXPECT_EQ(StateOf(gate_.id), "cancelled");
  EXPECT_EQ(BackupOf(offer).state, Backup::State::kFailed);

  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Backup backup,
                                     tx.GetBackup(offer.spec().backup().backup_id()));
                    backup.state = Backup::State::kRunning;
                    return tx.UpdateBackup(&backup);
                  })
                  .ok());
  JobManager again(store_, flow_, hub_, clock_);
  again.Tick();
  executor_.RunAll();
  EXPECT_EQ(BackupOf(offer).state, Backup::State::kFailed) << "its job has ended";
}

TEST_F(HeldGateTest, WhoeverCancelsThePausedChangeIsNamedOnceForItsBackup) {
  Pause(job_);
  Must(jobs_.Cancel({"users/bob", ""}, job_.id, "not needed"));
  EXPECT_EQ(JobOf(gate_.id).error_message,
            "cancelled with the work of jobs/" + job_.id + ": not needed");
}

TEST_F(HeldGateTest, OneThatHadBegunIsToldToStopWhenThePausedChangeExpires) {
  const agent::v1::Offer offer = Begun();
  Pause(job_);
  ASSERT_EQ(StateOf(gate_.id), "paused");
  LetItExpire();
  EXPECT_EQ(StateOf(job_.id), "expired");
  EXPECT_EQ(StateOf(gate_.id), "cancelling");
  EXPECT_EQ(agent_.Sent(agent::v1::ControllerMsg::kCancel).size(), 1u);
  agent_.Finish(offer, agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  EXPECT_EQ(StateOf(gate_.id), "cancelled");
  EXPECT_EQ(BackupOf(offer).state, Backup::State::kFailed);
}

// Its approval was taken back while it was paused, or lapsed.
TEST_F(HeldGateTest, ItIsCancelledWhenThePausedChangeIsRejected) {
  const agent::v1::Offer offer = Unanswered();
  Pause(job_);
  Must(jobs_.WithdrawApproval({"users/bob", ""}, job_.id, "wait"));
  ASSERT_EQ(StateOf(job_.id), "awaiting_approval");
  Must(jobs_.Reject({"users/bob", ""}, job_.id, "no"));
  EXPECT_EQ(StateOf(gate_.id), "cancelled");
  EXPECT_EQ(BackupOf(offer).state, Backup::State::kFailed);
}

TEST_F(HeldGateTest, ItIsCancelledWhenThePausedChangeIsRefusedByAnotherPolicy) {
  const agent::v1::Offer offer = Begun();
  Pause(job_);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, Taken(offer));
  ASSERT_EQ(StateOf(gate_.id), "paused") << "its verification has not begun";
  ChangePolicy([](EnvironmentPolicy* policy) {
    policy->promotion = {"qa", absl::Hours(24), false};
  });
  Pass(absl::Seconds(10));
  Run(Unanswered(), MakePlan());
  ASSERT_EQ(StateOf(job_.id), "refused");
  EXPECT_EQ(StateOf(gate_.id), "partial") << "it was not verified";
  EXPECT_EQ(BackupOf(offer).state, Backup::State::kComplete) << "it was taken all the same";
}

// What goes on is a backup, whatever becomes of the change.
TEST_F(HeldGateTest, OneThatIsNotPausedIsNotCancelledWithAnExpiredChange) {
  const agent::v1::Offer offer = Begun();
  LetItExpire();
  ASSERT_EQ(StateOf(job_.id), "expired");
  EXPECT_TRUE(agent_.Sent(agent::v1::ControllerMsg::kCancel).empty());
  EXPECT_EQ(StateOf(gate_.id), "rolling");
}

TEST_F(HeldGateTest, ItIsCancelledWithThePausedChange) {
  Pause(job_);
  EXPECT_EQ(JobOf(gate_.id).error_reason, kPausedByPerson);
  Must(jobs_.Cancel({"users/bob", ""}, job_.id, "not needed"));
  EXPECT_EQ(StateOf(gate_.id), "cancelled");
}

TEST_F(HeldLifeTest, APausedOneExpiresAndIsCancelledLikeAnyOther) {
  Declare({Once("later", absl::Hours(30), absl::Hours(1))});
  const Job expires = Approved({"orders-db"}, 1, absl::Hours(2));
  Pause(expires);
  clock_.JumpWallClock(absl::Hours(3));
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf(expires.id), "expired");
  EXPECT_EQ(JobOf(expires.id).error_reason, "EXPIRED");
  const Job job = Approved();
  Pause(job);
  Must(jobs_.Cancel({"users/bob", ""}, job.id, "not needed"));
  EXPECT_EQ(StateOf(job.id), "cancelled");
  EXPECT_EQ(JobOf(job.id).error_message, "cancelled by users/bob: not needed");
}

// Said of the wrong job, it would look as if the right one went on.
TEST_F(HeldLifeTest, WhatNobodyPausedIsNotResumed) {
  Declare({Once("later", absl::Hours(1), absl::Hours(1))});
  const Job job = Approved();
  const auto resume = [&](const std::string& request_id) {
    const absl::StatusOr<Job> resumed = jobs_.Resume({"users/ada", request_id}, job.id);
    executor_.RunAll();
    return ReasonOf(resumed.status());
  };
  EXPECT_EQ(resume("one"), "BAD_STATE");
  Pause(job);
  EXPECT_EQ(resume("two"), "");
  EXPECT_EQ(resume("two"), "") << "a retry";
  EXPECT_EQ(resume("three"), "BAD_STATE");
  Pause(job);
  EXPECT_EQ(resume("two"), "");
  EXPECT_TRUE(IsHeld(JobOf(job.id))) << "a retry takes back no later pause";
}

TEST_F(HeldLifeTest, PausingTwiceIsOnce) {
  Declare({Once("later", absl::Hours(1), absl::Hours(1))});
  const Job job = Approved();
  Pause(job);
  Must(jobs_.Pause({"users/bob", ""}, job.id, "me too"));
  EXPECT_EQ(JobOf(job.id).error_message, "paused by users/ada: the shop is busy");
  Resume(job);
  EXPECT_EQ(StateOf(job.id), "ready");
}

TEST_F(HeldLifeTest, WhatLapsesBeforeTheWindowOpensIsToldAhead) {
  Declare({Once("sunday", absl::Hours(30), absl::Hours(2))});
  const Job job = Approved();
  EXPECT_THAT(Foreseen(job),
              ElementsAre(AllOf(HasSubstr("approvals: the approval of users/bob at "),
                                HasSubstr("expires, before the next opening at "),
                                HasSubstr("dbfleet change approve " + job.id + " --digest " +
                                          JobOf(job.id).digest.substr(0, 12) + " --reason"))));
  Declare({Once("tonight", absl::Hours(3), absl::Hours(2))});
  EXPECT_THAT(Foreseen(job), IsEmpty()) << "the approval lasts until then";
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(2))});
  EXPECT_THAT(Foreseen(job), IsEmpty()) << "nothing is waited for";
}

TEST_F(HeldLifeTest, WhoeverCancelledWhatRanIsNamed) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(2))});
  const Job job = Approved();
  const agent::v1::Offer offer = Begun();
  Must(jobs_.Cancel({"schedules/nightly", ""}, job.id, "cancelled by a later run"));
  agent_.Finish(offer, agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  EXPECT_EQ(StateOf(job.id), "cancelled");
  EXPECT_EQ(JobOf(job.id).error_message,
            "cancelled by schedules/nightly: cancelled by a later run");
}

}  // namespace
}  // namespace dbfleet::controller
