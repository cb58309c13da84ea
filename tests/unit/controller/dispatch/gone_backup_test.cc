// A backup that the catalogue counts and whose files are gone: the agent says so before it begins.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

constexpr char kGone[] = "/backups/orders-db/B holds no complete backup";

class GoneBackupTest : public FleetFixture {
 protected:
  GoneBackupTest() { agent_.Connect(); }

  agent::v1::Grant LastGrant() {
    return agent_.Sent(agent::v1::ControllerMsg::kGrant).back().grant();
  }
  // Newest first.
  std::vector<Backup> Backups() {
    return ReadFrom(store_, [](ReadTx& tx) { return tx.ListBackups({}, {10, ""}); }).value().items;
  }
  std::string WhyOf(const std::string& job_id) {
    return ReadFrom(
               store_,
               [&](ReadTx& tx) { return flow_.EvaluatePolicy(tx, JobOf(job_id), clock_.Now()); })
        .value()
        .Words();
  }
  std::string Approved(const ChangeRequest& request) {
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    const agent::v1::Offer offer = agent_.Offers().back();
    End(offer, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
    Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "ok"));
    return job.id;
  }
  void End(const agent::v1::Offer& offer, agent::v1::Outcome outcome,
           const work::v1::TaskResult& result) {
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, outcome, result);
  }
  // The newest offer is granted, and its backup not found.
  void FindGone() {
    const agent::v1::Offer offer = agent_.Offers().back();
    ASSERT_TRUE(offer.spec().has_migrate());
    agent_.Accept(offer);
    agent::v1::Event event = agent_.NewEvent(offer);
    event.mutable_finished()->set_outcome(agent::v1::OUTCOME_FAILED);
    event.mutable_finished()->set_error_reason("BACKUP_GONE");
    event.mutable_finished()->set_error_message(kGone);
    agent_.SayEvent(event);
  }
  // Ends the backup that is offered, and its verification.
  void TakeBackup() {
    const agent::v1::Offer offer = agent_.Offers().back();
    ASSERT_TRUE(offer.spec().has_backup());
    work::v1::TaskResult taken;
    taken.mutable_backup()->set_backup_id(offer.spec().backup().backup_id());
    taken.mutable_backup()->add_databases("shop");
    taken.mutable_backup()->set_manifest_sha256("m1");
    *taken.mutable_backup()->mutable_snapshot_time() = ToProto(clock_.Now());
    End(offer, agent::v1::OUTCOME_SUCCEEDED, taken);
    work::v1::TaskResult verified;
    verified.mutable_verify()->set_backup_id(offer.spec().backup().backup_id());
    verified.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
    verified.mutable_verify()->set_manifest_sha256("m1");
    End(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, verified);
    Pass(absl::Seconds(6));
  }
  void TakeUnverified() {
    const agent::v1::Offer offer = agent_.Offers().back();
    ASSERT_TRUE(offer.spec().has_backup());
    work::v1::TaskResult taken;
    taken.mutable_backup()->set_backup_id(offer.spec().backup().backup_id());
    End(offer, agent::v1::OUTCOME_SUCCEEDED, taken);
  }
  static ChangeRequest WithExistingBackup() {
    ChangeRequest request = MakeChange();
    request.backup_gate = BackupGate::kExisting;
    return request;
  }
};

TEST_F(GoneBackupTest, AGrantNamesTheBackupThatThePolicyCountedAndItsManifest) {
  const std::string job = Approved(MakeChange());
  TakeBackup();
  agent_.Accept(agent_.Offers().back());
  EXPECT_EQ(LastGrant().backup().backup_id(), Backups().at(0).id);
  EXPECT_EQ(LastGrant().backup().manifest_sha256(), "m1");
}

TEST_F(GoneBackupTest, WhatNeedsNoBackupNamesNone) {
  Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  agent_.Accept(agent_.Offers().back());
  EXPECT_FALSE(LastGrant().has_backup());
}

TEST_F(GoneBackupTest, AGrantThatWasLostNamesItAgain) {
  AddVerifiedBackup();
  const std::string job = Approved(MakeChange());
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Accept(offer);
  agent_.Disconnect();
  agent::v1::AttemptState state;
  state.set_attempt_id(offer.attempt_id());
  state.set_fence(offer.fence());
  state.set_phase(agent::v1::ATTEMPT_PHASE_ACCEPTED);
  agent_.Connect({state});
  ASSERT_EQ(agent_.Grants(), 1);
  EXPECT_EQ(LastGrant().backup().backup_id(), Backups().at(0).id);
}

TEST_F(GoneBackupTest, AChangeThatWantsAnExistingBackupWaitsForAnotherAndSaysWhy) {
  AddVerifiedBackup();
  const std::string job = Approved(WithExistingBackup());
  FindGone();
  Pass(absl::Seconds(6));
  EXPECT_EQ(StateOf(job), "ready");
  EXPECT_EQ(agent_.Offers().size(), 2U) << "it is not offered again";
  const Backup gone = Backups().at(0);
  EXPECT_EQ(gone.verified_level, 0);
  EXPECT_TRUE(gone.IsGone());
  const std::string why = WhyOf(job);
  for (const std::string& words :
       {absl::StrCat("backups/", gone.id, " is gone"), std::string("on agents/db1"),
        std::string(kGone), std::string("dbfleet backup run")}) {
    EXPECT_TRUE(absl::StrContains(why, words)) << words << " in: " << why;
  }
  EXPECT_EQ(Detail("backup.gone", "job"), "jobs/" + job);

  clock_.Advance(absl::Seconds(1));
  AddVerifiedBackup();
  Pass(absl::Seconds(6));
  agent_.Accept(agent_.Offers().back());
  EXPECT_EQ(StateOf(job), "rolling");
  EXPECT_NE(LastGrant().backup().backup_id(), gone.id);
}

TEST_F(GoneBackupTest, AnOlderBackupThatStillCountsIsTakenInItsStead) {
  AddVerifiedBackup();
  clock_.JumpWallClock(absl::Hours(1));
  AddVerifiedBackup();
  const std::string job = Approved(WithExistingBackup());
  FindGone();
  Pass(absl::Seconds(6));
  agent_.Accept(agent_.Offers().back());
  EXPECT_EQ(StateOf(job), "rolling");
  for (const Backup& backup : Backups()) {
    EXPECT_EQ(backup.IsGone(), backup.id != LastGrant().backup().backup_id());
  }
}

TEST_F(GoneBackupTest, AnotherBackupIsTakenByItself) {
  AddVerifiedBackup();
  const std::string job = Approved(MakeChange());
  FindGone();
  TakeBackup();
  agent_.Accept(agent_.Offers().back());
  EXPECT_EQ(StateOf(job), "rolling");
}

TEST_F(GoneBackupTest, WhatRemovesEachBackupIsForAPersonToFind) {
  const std::string job = Approved(MakeChange());
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(StateOf(job), "ready") << i << ": " << JobOf(job).error_message;
    TakeBackup();
    FindGone();
    Pass(absl::Seconds(6));
  }
  EXPECT_EQ(StateOf(job), "failed");
  EXPECT_EQ(JobOf(job).error_reason, "BACKUP_GATE_FAILED");
  EXPECT_TRUE(absl::StrContains(JobOf(job).error_message, "find out what removes them"))
      << JobOf(job).error_message;
}

TEST_F(GoneBackupTest, ABackupThatIsFoundAgainCountsOnceItIsVerified) {
  Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {"shop"}, true, ""));
  TakeBackup();
  const std::string job = Approved(WithExistingBackup());
  FindGone();
  const std::string id = Backups().at(0).id;
  ASSERT_TRUE(Backups().at(0).IsGone());
  Must(jobs_.SubmitVerify({"users/ada", ""}, id));
  work::v1::TaskResult verified;
  verified.mutable_verify()->set_backup_id(id);
  verified.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
  verified.mutable_verify()->set_manifest_sha256("m1");
  End(agent_.Offers().back(), agent::v1::OUTCOME_SUCCEEDED, verified);
  Pass(absl::Seconds(6));
  EXPECT_FALSE(Backups().at(0).IsGone());
  agent_.Accept(agent_.Offers().back());
  EXPECT_EQ(LastGrant().backup().backup_id(), id);
}

// It would begin, whether the backup is there or not.
TEST_F(GoneBackupTest, AnAgentThatIsTooOldToLookIsGivenNoChangeThatRestsOnABackup) {
  agent_.Disconnect();
  agent_.looks_for_backup = false;
  agent_.Connect();
  AddVerifiedBackup();
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  const agent::v1::Offer plan = agent_.Offers().back();
  End(plan, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "ok"));
  Pass(absl::Seconds(6));
  EXPECT_EQ(StateOf(job.id), "ready");
  EXPECT_EQ(agent_.Offers().size(), 1U) << "its plan alone";
  const std::string why = WhyOf(job.id);
  EXPECT_TRUE(absl::StrContains(why, "agent-too-old: agents/db1 is too old")) << why;
  EXPECT_TRUE(absl::StrContains(why, "upgrade it")) << why;
  // What needs none is its business as before.
  const Job backup = Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  TakeUnverified();
  EXPECT_EQ(StateOf(backup.id), "succeeded");

  agent_.Disconnect();
  agent_.looks_for_backup = true;
  agent_.Connect();
  Pass(absl::Seconds(6));
  ASSERT_FALSE(agent_.Offers().empty());
  agent_.Accept(agent_.Offers().back());
  EXPECT_EQ(StateOf(job.id), "rolling");
}

// As it would be too old once they are upgraded, it would be taken again.
TEST_F(GoneBackupTest, NoBackupIsTakenForAgentsThatAreTooOldToLook) {
  agent_.Disconnect();
  agent_.looks_for_backup = false;
  agent_.Connect();
  const std::string job = Approved(MakeChange());
  Pass(absl::Seconds(6));
  const std::string why = WhyOf(job);
  EXPECT_TRUE(absl::StrContains(why, "verified-backup: ")) << why;
  EXPECT_TRUE(absl::StrContains(why, "agent-too-old: agents/db1 is too old")) << why;
  EXPECT_TRUE(Backups().empty());
  EXPECT_EQ(JobOf(job).gate_job, "");

  agent_.Disconnect();
  agent_.looks_for_backup = true;
  agent_.Connect();
  Pass(absl::Seconds(6));
  EXPECT_NE(JobOf(job).gate_job, "");
  EXPECT_EQ(Backups().size(), 1U);
}

// Between the offer and the grant an older version was started.
TEST_F(GoneBackupTest, TheGrantAsksWhetherTheAgentLooks) {
  AddVerifiedBackup();
  const std::string job = Approved(MakeChange());
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Disconnect();
  agent_.looks_for_backup = false;
  agent::v1::AttemptState state;
  state.set_attempt_id(offer.attempt_id());
  state.set_fence(offer.fence());
  state.set_phase(agent::v1::ATTEMPT_PHASE_ACCEPTED);
  agent_.Connect({state});
  agent_.Accept(offer);
  Pass(absl::Seconds(6));
  EXPECT_EQ(agent_.Grants(), 0);
  EXPECT_EQ(StateOf(job), "ready");
}

// It never had one to miss: what it says is a plain failure, and no reason to hand it out for ever.
TEST_F(GoneBackupTest, AnAgentThatMissesABackupThatNoGrantNamedHasFailed) {
  const Job job = Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Accept(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, "BACKUP_GONE");
  EXPECT_EQ(StateOf(job.id), "failed");
}

// Of what was stopped meanwhile, too.
TEST_F(GoneBackupTest, TheCatalogueLearnsOfItWhateverBecomesOfTheJob) {
  AddVerifiedBackup();
  const std::string job = Approved(MakeChange());
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Accept(offer);
  Must(jobs_.Cancel({"users/ada", ""}, job, "stop"));
  agent::v1::Event event = agent_.NewEvent(offer);
  event.mutable_finished()->set_outcome(agent::v1::OUTCOME_FAILED);
  event.mutable_finished()->set_error_reason("BACKUP_GONE");
  event.mutable_finished()->set_error_message(kGone);
  agent_.SayEvent(event);
  EXPECT_EQ(StateOf(job), "cancelled");
  EXPECT_TRUE(Backups().at(0).IsGone());
}

}  // namespace
}  // namespace dbfleet::controller
