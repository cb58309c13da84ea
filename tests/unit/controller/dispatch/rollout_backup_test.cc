// The backup that a policy demands for a rollout that lasts longer than a backup counts.
#include <gtest/gtest.h>

#include "absl/strings/match.h"

#include "tests/unit/controller/dispatch/rollout_fixture.h"

namespace dbfleet::controller {
namespace {

class RolloutBackupTest : public RolloutLifeTest {
 protected:
  // Its first wave is done, its backups count no more, its approvals do, and its second wave was to
  // begin.
  std::string AgedAfterItsFirstWave(BackupGate gate) {
    ChangeRequest request = MakeRollout();
    request.rollout.pause_between = absl::Hours(25);  // Backups and approvals count for 24h.
    request.rollout.health_check = false;
    request.expire_after = absl::Hours(24 * 7);
    request.backup_gate = gate;
    const std::string job = Begun(request);
    EndWave({"db-0"});
    clock_.Advance(absl::Hours(24) + absl::Minutes(50));
    Must(jobs_.Approve({"users/bob", ""}, job, JobOf(job).digest, "still right"));
    Pass(absl::Minutes(15));
    for (const agent::v1::Offer& offer : NewOffers()) agent_.Accept(offer);
    Pass(absl::Seconds(20));
    return job;
  }

  // Ends what is offered of backups and their verifications, one after the other; gives how many
  // backups there were.
  int EndBackups(agent::v1::Outcome outcome = agent::v1::OUTCOME_SUCCEEDED) {
    int taken = 0;
    for (std::vector<agent::v1::Offer> offers = NewOffers(); !offers.empty();
         offers = NewOffers()) {
      for (const agent::v1::Offer& offer : offers) {
        work::v1::TaskResult result;
        if (offer.spec().has_backup()) {
          ++taken;
          result.mutable_backup()->set_backup_id(offer.spec().backup().backup_id());
          result.mutable_backup()->add_databases("shop");
          result.mutable_backup()->set_manifest_sha256("m1");
          *result.mutable_backup()->mutable_snapshot_time() = ToProto(clock_.Now());
        } else if (offer.spec().has_verify()) {
          result.mutable_verify()->set_backup_id(offer.spec().verify().backup_id());
          result.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
          result.mutable_verify()->set_manifest_sha256("m1");
        } else {
          seen_ -= offers.size();  // The change goes on: that is for whoever called.
          return taken;
        }
        End(offer, result, outcome);
      }
    }
    return taken;
  }
};

TEST_F(RolloutBackupTest, BackupsThatGrewOldBetweenWavesAreTakenAnew) {
  const std::string job = AgedAfterItsFirstWave(BackupGate::kAuto);
  EXPECT_EQ(WhyPaused(job), "WINDOW_CLOSED") << JobOf(job).error_message;
  ASSERT_FALSE(JobOf(job).gate_job.empty());
  EXPECT_EQ(EndBackups(), kTargets - 1) << "of all that is left";
  EXPECT_EQ(StateOf(JobOf(job).gate_job), "succeeded");
  Pass(absl::Seconds(20));
  EXPECT_EQ(StateOf(job), "rolling");
  EndWave({"db-1", "db-2"});
  EXPECT_EQ(CountOf(job, TaskState::kSucceeded), 3);
}

// Without a pause: one wave that lasts.
TEST_F(RolloutBackupTest, BackupsThatGrewOldWithinAWaveAreTakenAnew) {
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Environment production, tx.GetEnvironment("production"));
                    production.policy.approval_ttl = absl::Hours(72);
                    return tx.UpdateEnvironment(&production);
                  })
                  .ok());
  ChangeRequest request = MakeRollout();
  request.rollout.waves.clear();
  request.max_parallel = 1;
  request.expire_after = absl::Hours(24 * 7);
  const std::string job = Begun(request);
  const std::vector<agent::v1::Offer> first = NewOffers();
  ASSERT_EQ(first.size(), 1U);
  agent_.Accept(first[0]);
  agent_.Start(first[0]);
  clock_.Advance(absl::Hours(25));
  Finish(first[0], false);
  for (const agent::v1::Offer& offer : NewOffers()) agent_.Accept(offer);
  Pass(absl::Seconds(20));
  EXPECT_EQ(WhyPaused(job), "WINDOW_CLOSED") << JobOf(job).error_message;
  EXPECT_EQ(EndBackups(), kTargets - 1);
  Pass(absl::Seconds(20));
  ASSERT_EQ(StateOf(job), "rolling");
  const int grants = agent_.Grants();
  for (const agent::v1::Offer& offer : NewOffers()) agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), grants + 1);
}

TEST_F(RolloutBackupTest, ABackupThatIsGoneHalfWayIsTakenAnew) {
  ChangeRequest request = MakeRollout();
  request.rollout.waves.clear();
  request.max_parallel = 1;
  const std::string job = Begun(request);
  const std::vector<agent::v1::Offer> first = NewOffers();
  ASSERT_EQ(first.size(), 1U);
  End(first[0], MakeMigrated());
  const std::vector<agent::v1::Offer> second = NewOffers();
  ASSERT_EQ(second.size(), 1U);
  agent_.Accept(second[0]);
  agent_.Finish(second[0], agent::v1::OUTCOME_FAILED, {}, "BACKUP_GONE");
  Pass(absl::Seconds(2));
  const int grants = agent_.Grants();
  for (const agent::v1::Offer& offer : NewOffers()) agent_.Accept(offer);
  Pass(absl::Seconds(20));
  EXPECT_EQ(agent_.Grants(), grants);
  EXPECT_EQ(WhyPaused(job), "WINDOW_CLOSED") << "it waits, and nobody has to resume it";
  EXPECT_TRUE(absl::StrContains(JobOf(job).error_message, "is gone")) << JobOf(job).error_message;
  EXPECT_EQ(EndBackups(), kTargets - 1);
  Pass(absl::Seconds(20));
  EXPECT_EQ(StateOf(job), "rolling");
}

TEST_F(RolloutBackupTest, WhoBringsTheBackupsThemselvesResumesIt) {
  const std::string job = AgedAfterItsFirstWave(BackupGate::kExisting);
  EXPECT_EQ(WhyPaused(job), "BLOCKED_BY_POLICY");
  EXPECT_EQ(JobOf(job).gate_job, "");
  for (int i = 1; i < kTargets; ++i) AddVerifiedBackup(absl::StrCat("db-", i));
  Must(jobs_.Resume({"users/ada", ""}, job));
  EndWave({"db-1", "db-2"});
}

TEST_F(RolloutBackupTest, ABackupThatFailsBetweenWavesStopsItUntilSomebodyResumesIt) {
  const std::string job = AgedAfterItsFirstWave(BackupGate::kAuto);
  EndBackups(agent::v1::OUTCOME_FAILED);
  Pass(absl::Seconds(20));
  EXPECT_EQ(WhyPaused(job), "BACKUP_GATE_FAILED");
}

}  // namespace
}  // namespace dbfleet::controller
