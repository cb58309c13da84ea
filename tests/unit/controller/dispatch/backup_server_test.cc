// Which server a backup is of: a name may come to mean another one.
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/match.h"

#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

class BackupServerTest : public FleetFixture {
 protected:
  // Why a planned change does not begin.
  std::string WhyOf(const std::string& job_id) {
    return ReadFrom(
               store_,
               [&](ReadTx& tx) { return flow_.EvaluatePolicy(tx, JobOf(job_id), clock_.Now()); })
        .value()
        .Words();
  }
  Backup Newest() {
    return ReadFrom(store_,
                    [](ReadTx& tx) {
                      return tx.ListBackups({}, {1, ""});
                    })
        .value()
        .items.at(0);
  }
  void Reconnect() {
    agent_.Disconnect();
    agent_.Connect();
  }
};

TEST_F(BackupServerTest, ABackupIsKeptWithTheServerThatWasThereWhenItWasGranted) {
  agent_.Connect();
  const Job job = Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  EXPECT_EQ(Newest().agent_id, "") << "it was not begun";
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Accept(offer);
  EXPECT_EQ(Newest().agent_id, "db1");
  EXPECT_EQ(Newest().endpoint, kEndpoint);
}

TEST_F(BackupServerTest, ABackupOfTheServerThatTheAgentHadBeforeDoesNotCount) {
  agent_.Connect();
  AddVerifiedBackup();
  agent_.endpoint = "new.example:5432";
  Reconnect();
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "ok"));
  EXPECT_TRUE(
      absl::StrContains(WhyOf(job.id), "is of another server (agents/db1, db.example:5432)"))
      << WhyOf(job.id);
  ASSERT_FALSE(JobOf(job.id).gate_job.empty());
  EXPECT_TRUE(agent_.Offers().back().spec().has_backup());
}

TEST_F(BackupServerTest, ABackupOfAnotherAgentsServerDoesNotCount) {
  agent_.Connect();
  AddVerifiedBackup();
  AddAgent("db2", "production");
  agent_.Disconnect();
  MoveInstanceTo("db2");
  ScriptedAgent other{dispatcher_, executor_, clock_, "db2"};
  other.journal_id = "journal-2";
  other.Connect();  // "localhost" is another server there.
  const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange()));
  const agent::v1::Offer plan = other.Offers().back();
  other.Accept(plan);
  other.Start(plan);
  other.Finish(plan, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "ok"));
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "is of another server (agents/db1,"))
      << WhyOf(job.id);
  EXPECT_TRUE(other.Offers().back().spec().has_backup());
}

TEST_F(BackupServerTest, AnOlderBackupOfThisServerCountsBesideANewerOneOfAnother) {
  agent_.Connect();
  AddVerifiedBackup();
  clock_.JumpWallClock(absl::Hours(1));
  AddVerifiedBackup();
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(std::vector<Backup> backups, tx.VerifiedBackups("orders-db"));
                    backups.at(0).endpoint = "former.example:5432";
                    return tx.UpdateBackup(&backups.at(0));
                  })
                  .ok());
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "ok"));
  EXPECT_EQ(agent_.Offers().back().purpose(), agent::v1::PURPOSE_EXECUTE);
  EXPECT_TRUE(agent_.Offers().back().spec().has_migrate());
}

// Taken by a version that did not write the server down.
TEST_F(BackupServerTest, ABackupOfAServerThatNobodyKnowsDoesNotCount) {
  agent_.Connect();
  AddVerifiedBackup();
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(std::vector<Backup> backups, tx.VerifiedBackups("orders-db"));
                    backups.at(0).agent_id.clear();
                    backups.at(0).endpoint.clear();
                    return tx.UpdateBackup(&backups.at(0));
                  })
                  .ok());
  const Job job = PlannedChange();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "ok"));
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "does not tell of which server it is"))
      << WhyOf(job.id);
  EXPECT_TRUE(agent_.Offers().back().spec().has_backup());
}

}  // namespace
}  // namespace dbfleet::controller
