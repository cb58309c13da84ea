// The looks at all that waits: a reader finds out where there is something to do, and only that is
// asked of the writer, which sees for itself.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/queue_fixture.h"

namespace dbfleet::controller {
namespace {

// What is to be written waits until CatchUp.
class SlowStore : public Store {
 public:
  explicit SlowStore(Store& store) : store_(store) {}
  void Mutate(Mutation mutation, Done done) override {
    waiting_.emplace_back(std::move(mutation), std::move(done));
  }
  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override {
    return store_.Read(fn);
  }
  uint64_t epoch() const override { return store_.epoch(); }
  const std::string& life() const override { return store_.life(); }

  size_t waiting() const { return waiting_.size(); }
  void CatchUp() {
    for (auto& [mutation, done] : waiting_) store_.Mutate(std::move(mutation), std::move(done));
    waiting_.clear();
  }

 private:
  Store& store_;
  std::vector<std::pair<Mutation, Done>> waiting_;
};

// The looks of a controller whose writer is slow, beside those of the fixture, which nobody gets to
// see until time passes.
class QueueLookTest : public QueueFixture {
 protected:
  // What one look asks of the writer.
  size_t AskedByALook() {
    const size_t before = slow_.waiting();
    slow_jobs_.Tick();
    return slow_.waiting() - before;
  }
  // The job's only execution.
  AttemptState StateOfExecution(const std::string& job_id) {
    for (const Attempt& attempt : AttemptsOf(job_id)) {
      if (attempt.purpose == Purpose::kExecute) return attempt.state;
    }
    return AttemptState::kQueued;
  }

  SlowStore slow_{store_};
  JobManager slow_jobs_{slow_, flow_, hub_, clock_};
};

TEST_F(QueueLookTest, TheWriterIsAskedOnlyWhereThereIsSomethingToDo) {
  Declare({Once("nightly", absl::Hours(1), absl::Hours(4))});
  const Job first = Change(For("nightly", 60, absl::Hours(1)));
  const Job second = Change(For("nightly", 50, absl::Hours(1)), true, {"a-db"});
  const Job unapproved = Change(For("nightly", 50, absl::Hours(1)), false, {"b-db"});
  EXPECT_EQ(AskedByALook(), 0u) << "the window is closed";
  clock_.JumpWallClock(absl::Hours(1));
  EXPECT_EQ(AskedByALook(), 1u) << "of the first it is the turn";
  slow_.CatchUp();
  executor_.RunAll();
  EXPECT_EQ(BeginNext(), first.id);
  EXPECT_EQ(AskedByALook(), 0u) << "it runs, and has the only place";
  clock_.JumpWallClock(absl::Hours(24 * 30));
  EXPECT_EQ(AskedByALook(), 3u) << "their time is over";
}

TEST_F(QueueLookTest, WhatIsOfferedIsLookedAtByTheWriterOnlyIfItIsToBeTakenBack) {
  Declare({Once("nightly", absl::ZeroDuration(), absl::Hours(4))});
  const Job job = Change(For("nightly", 50, absl::Hours(1)));
  EXPECT_TRUE(IsOffered());
  EXPECT_EQ(AskedByALook(), 0u);
  Declare({Once("nightly", absl::Hours(1), absl::Hours(4))});
  EXPECT_EQ(AskedByALook(), 1u);
  slow_.CatchUp();
  EXPECT_EQ(StateOfExecution(job.id), AttemptState::kWithdrawn);
}

// Somebody took it by hand. A backup may run for hours, in which there is nothing to do.
TEST_F(QueueLookTest, WhatWaitsForAnothersBackupIsNotLookedAtByTheWriter) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(5))});
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  Run(Unanswered(), MakePlan());
  Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, true, ""));
  const agent::v1::Offer backup = Begun();
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "fine"));
  ASSERT_EQ(JobOf(job.id).gate_job, "");
  EXPECT_EQ(AskedByALook(), 0u);
  agent_.Finish(backup, agent::v1::OUTCOME_FAILED);
  EXPECT_EQ(AskedByALook(), 1u) << "its own is to be taken";
  slow_.CatchUp();
  EXPECT_NE(JobOf(job.id).gate_job, "");
  EXPECT_EQ(AskedByALook(), 0u) << "it is being taken";
}

TEST_F(QueueLookTest, WhatAWindowPausedIsLookedAtByTheWriterWhenItOpens) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("tomorrow", absl::Hours(3), absl::Hours(2))});
  const Job job = PausedBetweenTargets();
  Pass(absl::Seconds(10));
  EXPECT_EQ(AskedByALook(), 0u);
  ChangePolicy([](EnvironmentPolicy* policy) { policy->destructive_approvals = 2; });
  EXPECT_EQ(AskedByALook(), 1u) << "it is not the window alone any more";
  ChangePolicy([](EnvironmentPolicy* policy) { policy->destructive_approvals = 1; });
  slow_.CatchUp();
  EXPECT_EQ(AskedByALook(), 0u);
  clock_.JumpWallClock(absl::Hours(2));
  AddVerifiedBackup("users-db");
  EXPECT_EQ(AskedByALook(), 1u);
  slow_.CatchUp();
  EXPECT_EQ(StateOf(job.id), "rolling");
}

TEST_F(QueueLookTest, WhatAWindowPausedWithoutABackupHasOneTakenOnce) {
  ChangePolicy([](EnvironmentPolicy* policy) { policy->verified_backup_max_age = absl::Hours(8); });
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("morning", absl::Hours(10), absl::Hours(2))});
  const Job job = PausedBetweenTargets();
  Pass(absl::Seconds(10));
  clock_.JumpWallClock(absl::Hours(8));  // The backup will be too old when it opens, soon.
  ASSERT_EQ(AskedByALook(), 1u);
  slow_.CatchUp();
  EXPECT_NE(JobOf(job.id).gate_job, "");
  EXPECT_EQ(AskedByALook(), 0u) << "it is being taken";
}

TEST_F(QueueLookTest, WhatRunsIsLookedAtByTheWriterWhenItsWindowClosesForIt) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
  const Job job = Approved();
  Begun();
  EXPECT_EQ(AskedByALook(), 0u);
  clock_.JumpWallClock(absl::Hours(1));
  EXPECT_EQ(AskedByALook(), 1u);
  slow_.CatchUp();
  EXPECT_EQ(StateOf(job.id), "cancelling");
}

TEST_F(QueueLookTest, WhoeverWatchesAJobIsToldToLookAtWhatBlocksIt) {
  Declare({Once("nightly", absl::Hours(1), absl::Hours(4))});
  const Job job = Change(For("nightly", 50, absl::Hours(1)));
  int told = 0;
  const auto subscription = hub_.Subscribe(job.id, [&](const JobChanges&) { ++told; });
  slow_jobs_.Tick();
  EXPECT_EQ(told, 1);
}

// Its writer falls behind: what the last look asked for has not been done yet.
TEST_F(QueueLookTest, LooksDoNotPileUpBeforeAWriterThatIsBehind) {
  Declare({Once("nightly", absl::Hours(1), absl::Hours(4))});
  Change(For("nightly", 50, absl::Hours(2)));
  Change(For("nightly", 50, absl::Hours(2)), true, {"a-db"});
  clock_.JumpWallClock(absl::Hours(24 * 30));
  EXPECT_EQ(AskedByALook(), 2u);
  EXPECT_EQ(AskedByALook(), 0u);
  EXPECT_EQ(slow_.waiting(), 2u);
}

// The queue was read while another one ran, which has ended when the writer comes to the offer.
TEST_F(QueueLookTest, AnOfferIsNotTakenBackByAReadingThatIsOld) {
  Declare({Once("nightly", absl::ZeroDuration(), absl::Hours(4))});
  const Job high = Change(For("nightly", 80, absl::Hours(1)), false, {"a-db"});
  const Job low = Change(For("nightly", 50, absl::Hours(1)));
  const agent::v1::Offer offered = Unanswered();
  ASSERT_EQ(offered.job_id(), low.id);
  Must(jobs_.Approve({"users/bob", ""}, high.id, high.digest, "fine"));
  ASSERT_EQ(BeginNext(), high.id);
  ASSERT_EQ(StateOfExecution(low.id), AttemptState::kOffered);
  ASSERT_EQ(AskedByALook(), 1u) << "the other one has its place";
  EndIt();
  slow_.CatchUp();
  EXPECT_EQ(StateOfExecution(low.id), AttemptState::kOffered);
  agent_.Accept(offered);
  EXPECT_EQ(StateOf(low.id), "rolling");
}

// Nothing can be read.
class BrokenStore : public SlowStore {
 public:
  using SlowStore::SlowStore;
  absl::Status Read(const std::function<absl::Status(ReadTx&)>&) override {
    return absl::DataLossError("a row cannot be read");
  }
};

TEST_F(QueueLookTest, ALookThatFailsIsCountedAndLoggedOnce) {
  metrics::Registry metrics;
  const auto failures = [&](int count) {
    return absl::StrContains(metrics.Expose(),
                             absl::StrCat("dbfleet_job_look_failures_total ", count, "\n"));
  };
  BrokenStore broken(store_);
  JobManager jobs(broken, flow_, hub_, clock_, &metrics);
  testing::internal::CaptureStderr();
  jobs.Tick();
  const std::string first = testing::internal::GetCapturedStderr();
  EXPECT_NE(first.find("subject=jobs why=\"a row cannot be read\""), std::string::npos) << first;
  EXPECT_TRUE(failures(3)) << "with those at what was left behind";
  testing::internal::CaptureStderr();
  jobs.Tick();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(failures(4));
}

TEST_F(QueueLookTest, WhatTheWriterRefusesIsCountedAndLogged) {
  Declare({Once("nightly", absl::Hours(1), absl::Hours(4))});
  const Job job = Change(For("nightly", 60, absl::Hours(1)));
  clock_.JumpWallClock(absl::Hours(24 * 30));
  metrics::Registry metrics;
  JobManager jobs(store_, flow_, hub_, clock_, &metrics);
  store_.FailCommits(1, absl::ResourceExhaustedError("the disk is full"));
  testing::internal::CaptureStderr();
  jobs.Tick();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find(job.id + " why=\"the disk is full\""), std::string::npos) << said;
  EXPECT_TRUE(absl::StrContains(metrics.Expose(), "dbfleet_job_look_failures_total 1\n"));
}

TEST_F(QueueLookTest, AReasonThatIsTooLongIsRefusedAndNotCut) {
  Declare({Once("nightly", absl::Hours(1), absl::Hours(4))});
  const Job job = Change(For("nightly", 60, absl::Hours(1)));
  const RequestMeta meta{"users/ada", ""};
  for (const absl::Status& refused :
       {jobs_.Pause(meta, job.id, std::string(4001, 'x')).status(),
        jobs_.Cancel(meta, job.id, std::string(4001, 'x')).status()}) {
    EXPECT_EQ(ReasonOf(refused), "TEXT_TOO_LONG");
    EXPECT_NE(refused.message().find("shorten it to at most 4000"), std::string::npos) << refused;
  }
  EXPECT_TRUE(jobs_.Pause(meta, job.id, std::string(4000, 'x')).ok());
  EXPECT_TRUE(jobs_.Cancel(meta, job.id, std::string(4000, 'x')).ok());
}

// A row of the store is damaged: the others' turn comes nevertheless, and its own once it is
// mended.
TEST_F(QueueLookTest, AJobThatCannotBeReadHoldsUpNoOther) {
  Declare({Once("nightly", absl::Hours(1), absl::Hours(4))});
  const Job damaged = Change(For("nightly", 90, absl::Hours(1)));
  const Job queued = Change(For("nightly", 50, absl::Hours(1)), true, {"a-db"});
  const Job expiring = Change(For("nightly", 40, absl::Hours(1)), false, {"b-db"});
  store_.DamageJob(damaged.id);
  Jump(absl::Hours(1));
  EXPECT_EQ(BeginNext(), queued.id);
  EndIt();
  EXPECT_EQ(StateOf(queued.id), "succeeded");
  store_.DamageJob(damaged.id, false);
  Pass(absl::Seconds(10));
  EXPECT_EQ(BeginNext(), damaged.id);
  store_.DamageJob(damaged.id);
  clock_.JumpWallClock(absl::Hours(24 * 30));
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(expiring.id), "expired");
}

}  // namespace
}  // namespace dbfleet::controller
