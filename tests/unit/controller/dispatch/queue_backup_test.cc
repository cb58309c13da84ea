// The backups that a policy demands for changes that wait in a window's queue: taken for those
// whose turn comes in the present or next opening, so late that they are good enough then; and how
// often the queue is looked at for it.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/queue_fixture.h"

namespace dbfleet::controller {
namespace {

// Production wants a backup of at most a day: it is taken at most six hours ahead.
class QueueBackupTest : public QueueFixture {
 protected:
  QueueBackupTest() {
    ChangePolicy([](EnvironmentPolicy* policy) { policy->approval_ttl = absl::Hours(24 * 30); });
  }

  // A planned change without any backup.
  Job Unbacked(const std::string& instance, const QueueAsk& queue, bool approved = true) {
    ChangeRequest request = MakeChange();
    request.instances = {instance};
    request.queue = queue;
    request.expire_after = absl::Hours(24 * 30);
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    DoAll();
    if (approved) Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "fine"));
    return JobOf(job.id);
  }
  bool HasBackup(const Job& job) { return !JobOf(job.id).gate_job.empty(); }
  void Look() { Pass(absl::Seconds(10)); }
  // Whatever is offered is done.
  void DoAll() {
    while (IsOffered()) {
      const agent::v1::Offer offer = Unanswered();
      work::v1::TaskResult result =
          offer.purpose() == agent::v1::PURPOSE_PLAN ? MakePlan() : ResultOf(offer);
      if (offer.spec().has_backup()) {
        result.mutable_backup()->set_manifest_sha256("m1");
        *result.mutable_backup()->mutable_snapshot_time() = ToProto(clock_.Now());
      } else if (offer.spec().has_verify()) {
        result.Clear();
        result.mutable_verify()->set_backup_id(offer.spec().verify().backup_id());
        result.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
        result.mutable_verify()->set_manifest_sha256("m1");
      }
      WindowFixture::Run(offer, result);
    }
  }
};

TEST_F(QueueBackupTest, OnlyWorkWhoseTurnComesTonightGetsItsBackup) {
  Declare({Once("tonight", absl::Hours(2), absl::Hours(1)),
           Once("other", absl::Hours(2), absl::Hours(90))});
  const Job first = Unbacked("orders-db", For("tonight", 80, absl::Minutes(40)));
  const Job too_long = Unbacked("users-db", For("tonight", 50, absl::Minutes(40)));
  const Job fits = Unbacked("a-db", For("tonight", 20, absl::Minutes(15)));
  const Job no_more = Unbacked("b-db", For("tonight", 10, absl::Minutes(15)));
  Look();
  EXPECT_TRUE(HasBackup(first));
  EXPECT_FALSE(HasBackup(too_long)) << "20 minutes are left for it";
  EXPECT_TRUE(HasBackup(fits)) << "it begins behind the first";
  EXPECT_FALSE(HasBackup(no_more));
}

TEST_F(QueueBackupTest, AsManyAsTheWindowLetsRunAtATimeGetTheirs) {
  DeclaredWindow window = Once("tonight", absl::Hours(2), absl::Hours(1));
  window.parallel = 2;
  Declare({window});
  const Job first = Unbacked("orders-db", For("tonight", 80, absl::Minutes(40)));
  const Job second = Unbacked("users-db", For("tonight", 50, absl::Minutes(40)));
  const Job third = Unbacked("a-db", For("tonight", 20, absl::Minutes(40)));
  Look();
  EXPECT_TRUE(HasBackup(first));
  EXPECT_TRUE(HasBackup(second));
  EXPECT_FALSE(HasBackup(third));
}

TEST_F(QueueBackupTest, WhatLacksMoreThanItsBackupLeavesTheTurnToOthers) {
  AddAgent("db2", "production");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.instance_name = "far-db";
  other.Connect();
  Declare({Once("tonight", absl::Hours(30), absl::Hours(1))});
  ChangeRequest existing = MakeChange();
  existing.backup_gate = BackupGate::kExisting;
  existing.instances = {"b-db"};
  existing.queue = For("tonight", 95, absl::Minutes(40));
  existing.expire_after = absl::Hours(24 * 30);
  const Job by_hand = Must(jobs_.SubmitChange({"users/ada", ""}, existing));
  DoAll();
  Must(jobs_.Approve({"users/bob", ""}, by_hand.id, JobOf(by_hand.id).digest, "fine"));
  const Job unapproved = Unbacked("users-db", For("tonight", 90, absl::Minutes(40)), false);
  const Job next = Unbacked("orders-db", For("tonight", 10, absl::Minutes(40)));
  ChangeRequest far = MakeChange();
  far.instances = {"far-db"};
  far.queue = For("tonight", 80, absl::Minutes(40));
  far.expire_after = absl::Hours(24 * 30);
  const Job away = Must(jobs_.SubmitChange({"users/ada", ""}, far));
  const agent::v1::Offer plan = other.Offers().back();
  other.Accept(plan);
  other.Start(plan);
  other.Finish(plan, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, away.id, JobOf(away.id).digest, "fine"));
  other.Disconnect();
  Jump(absl::Hours(28));
  EXPECT_TRUE(HasBackup(next)) << WhyOf(next.id);
  EXPECT_FALSE(HasBackup(away));
  EXPECT_FALSE(HasBackup(unapproved));
}

TEST_F(QueueBackupTest, ItIsTakenShortlyBeforeItsTurnAndNotBeforeTheOpening) {
  ChangePolicy([](EnvironmentPolicy* p) { p->verified_backup_max_age = absl::Hours(4); });
  Declare({Once("tonight", absl::Minutes(30), absl::Hours(6))});
  const Job first = Unbacked("orders-db", For("tonight", 80, absl::Hours(3)));
  const Job second = Unbacked("users-db", For("tonight", 50, absl::Hours(2)));
  Look();
  EXPECT_TRUE(HasBackup(first));
  EXPECT_FALSE(HasBackup(second)) << "at its turn, in three and a half hours, it would be old";
  DoAll();
  Jump(absl::Minutes(30));
  ASSERT_EQ(BeginNext(), first.id);
  Jump(absl::Hours(1));
  EXPECT_FALSE(HasBackup(second)) << "two hours are left for the first";
  Jump(absl::Hours(1) + absl::Minutes(5));
  EXPECT_TRUE(HasBackup(second)) << "while the first runs";
  const agent::v1::Offer begun = *running_;
  DoAll();
  EXPECT_EQ(StateOf(JobOf(second.id).gate_job), "succeeded");
  Jump(absl::Hours(1));
  agent_.Finish(begun, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(BeginNext(), second.id);
}

// What runs longer than was thought ends at any moment, as far as anybody knows.
TEST_F(QueueBackupTest, WhoeverComesAfterOneThatOverrunsHasItsBackup) {
  ChangePolicy([](EnvironmentPolicy* p) { p->verified_backup_max_age = absl::Hours(4); });
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(9))});
  const Job first = Change(For("now", 80, absl::Hours(2)));
  ASSERT_EQ(BeginNext(), first.id);
  const Job second = Unbacked("users-db", For("now", 50, absl::Hours(1)));
  EXPECT_FALSE(HasBackup(second));
  Jump(absl::Hours(3));
  EXPECT_TRUE(HasBackup(second));
}

TEST_F(QueueBackupTest, AnotherOrderIsAnotherBackup) {
  Declare({Once("tonight", absl::Hours(2), absl::Hours(1))});
  const Job high = Unbacked("orders-db", For("tonight", 80, absl::Minutes(40)));
  const Job low = Unbacked("users-db", For("tonight", 50, absl::Minutes(40)));
  Look();
  EXPECT_FALSE(HasBackup(low));
  Must(jobs_.Cancel({"users/ada", ""}, high.id, "not tonight"));
  Look();
  EXPECT_TRUE(HasBackup(low));
}

TEST_F(QueueBackupTest, WhoeverNeedNotWaitForItsTurnGetsItAtOnce) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(9))});
  const Job first = Change(For("now", 80, absl::Hours(8)));
  ASSERT_EQ(BeginNext(), first.id);
  const Job urgent = Unbacked("users-db", For("now", 50, absl::Hours(2)));
  Look();
  EXPECT_FALSE(HasBackup(urgent)) << "it does not fit behind the first";
  waiver_ = Waiver{{"window-queue"},
                   JobOf(urgent.id).digest,
                   "users/ada",
                   clock_.Now(),
                   clock_.Now() + absl::Hours(1)};
  Look();
  EXPECT_TRUE(HasBackup(urgent));
}

// The wait itself must cost little, however long the queue: of all that wait each is looked at once
// in a look at the queue, and not by each that stands behind it.
TEST_F(QueueBackupTest, ALookGoesThroughTheQueueOnce) {
  Declare({Once("now", absl::Hours(2), absl::Hours(9))});
  constexpr int kJobs = 12;
  for (int i = 0; i < kJobs; ++i) Change(For("now", 50, absl::Minutes(10)));
  takes_work_ = [](const std::string&) { return false; };
  Jump(absl::Hours(2));  // Each is offered, as none that comes before it could begin.
  std::map<absl::Time, int> asked;
  takes_work_ = [&](const std::string&) {
    ++asked[clock_.Now()];
    return false;
  };
  Look();
  ASSERT_FALSE(asked.empty());
  for (const auto& [when, times] : asked) EXPECT_LE(times, kJobs);
}

}  // namespace
}  // namespace dbfleet::controller
