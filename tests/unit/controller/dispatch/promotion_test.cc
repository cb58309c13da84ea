// Changes that have to have succeeded in an earlier environment.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "controller/jobs/specs.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

struct InQa {
  bool plan_only = false;
  std::string error_reason;
  bool did_nothing = false;
  bool rollback = false;
  std::vector<std::string> versions = {};  // The first one, if none is named.
  std::vector<std::string> instances = {"orders-db"};
  std::string id = "";  // One of its own, if none is named.
};

class PromotionTest : public FleetFixture {
 protected:
  PromotionTest() {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Environment production, tx.GetEnvironment("production"));
                      production.policy.promotion = {"qa", absl::Hours(24), false};
                      return tx.UpdateEnvironment(&production);
                    })
                    .ok());
    agent_.Connect();
    AddVerifiedBackup();
  }

  // All of its versions are still to be applied.
  Job Planned(const ChangeRequest& request) {
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    const agent::v1::Offer offer = agent_.Offers().back();
    agent_.Accept(offer);
    agent_.Start(offer);
    work::v1::TaskResult plan = MakePlan();
    plan.mutable_plan()->clear_versions();
    for (const work::v1::Migration& migration : request.spec.migrations()) {
      plan.mutable_plan()->add_versions(migration.version());
    }
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, plan);
    return JobOf(job.id);
  }
  void DemandRehearsals() {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Environment production, tx.GetEnvironment("production"));
                      production.policy.promotion.rehearsal = true;
                      return tx.UpdateEnvironment(&production);
                    })
                    .ok());
  }
  // Applied, taken back and applied again.
  void RehearsedInQa(const Job& job, const std::vector<std::string>& versions,
                     const std::vector<std::string>& instances = {"orders-db"}) {
    for (const bool rollback : {false, true, false}) {
      EndedInQa(job, JobState::kSucceeded,
                {.rollback = rollback, .versions = versions, .instances = instances});
      clock_.Advance(absl::Seconds(1));
    }
  }
  // The change as it ended in qa, on an instance that is not part of this test; by default it
  // applied the version.
  void EndedInQa(Job job, JobState state, const InQa& how = {}) {
    work::v1::JobSpec spec = ParseSpec(job).value();
    job.id = how.id.empty() ? NewId() : how.id;
    job.environment = "qa";
    job.state = state;
    job.plan_only = how.plan_only;
    job.end_time = clock_.Now();
    job.request_key.clear();
    if (how.rollback) {
      job.rollback_of = "the change";
      spec.mutable_migrate()->set_direction(work::v1::MIGRATE_DIRECTION_DOWN);
      spec.mutable_migrate()->add_versions(spec.migrate().migrations(0).version());
      job.spec_blob = spec.SerializeAsString();
    }
    work::v1::TaskResult result;
    if (!how.did_nothing) {
      std::vector<std::string> versions = how.versions;
      if (versions.empty()) versions = {spec.migrate().migrations(0).version()};
      for (const std::string& version : versions) {
        if (how.rollback) {
          result.mutable_migrate()->add_rolled_back_versions(version);
        } else {
          result.mutable_migrate()->add_applied_versions(version);
        }
      }
    }
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      RETURN_IF_ERROR(tx.InsertJob(&job));
                      for (const std::string& instance : how.instances) {
                        Task task;
                        task.id = NewId();
                        task.job_id = job.id;
                        task.instance_id = instance;
                        task.state = TaskState::kSucceeded;
                        task.error_reason = how.error_reason;
                        task.result_blob = result.SerializeAsString();
                        RETURN_IF_ERROR(tx.InsertTask(&task));
                      }
                      return absl::OkStatus();
                    })
                    .ok());
  }
  static ChangeRequest MakeLongerChange() {
    ChangeRequest longer = MakeChange();
    work::v1::Migration& second = *longer.spec.add_migrations();
    second = longer.spec.migrations(0);
    second.set_version("2");
    return longer;
  }
  void ExpectRefused(const ChangeRequest& request, const std::string& words) {
    const Job job = Planned(request);
    EXPECT_EQ(job.state, JobState::kRefused);
    EXPECT_TRUE(absl::StrContains(job.error_message, words)) << job.error_message;
  }
};

TEST_F(PromotionTest, WhatNobodyTriedBeforeIsRefusedAndSaysWhatToDo) {
  const Job job = Planned(MakeChange());
  EXPECT_EQ(StateOf(job.id), "refused");
  EXPECT_TRUE(absl::StrContains(job.error_message, "has to have succeeded in qa within 1d"))
      << job.error_message;
  EndedInQa(job, JobState::kFailed);
  EndedInQa(job, JobState::kPartial);
  EndedInQa(job, JobState::kSucceeded, {.plan_only = true});
  EndedInQa(job, JobState::kSucceeded, {.did_nothing = true});
  EndedInQa(job, JobState::kSucceeded, {.error_reason = "RESOLVED_AS_APPLIED"});
  EXPECT_EQ(Planned(MakeChange()).state, JobState::kRefused) << "none of these proves anything";
  EndedInQa(job, JobState::kSucceeded);
  EXPECT_EQ(Planned(MakeChange()).state, JobState::kAwaitingApproval);
}

// Also a rollback of which only a part succeeded leaves nothing to be promoted.
TEST_F(PromotionTest, WhatWasTakenBackIsNotPromoted) {
  const Job job = Planned(MakeChange());
  for (const JobState state : {JobState::kSucceeded, JobState::kPartial, JobState::kFailed}) {
    EndedInQa(job, JobState::kSucceeded);
    clock_.Advance(absl::Seconds(1));
    EXPECT_EQ(Planned(MakeChange()).state, JobState::kAwaitingApproval);
    EndedInQa(job, state, {.rollback = true});
    clock_.Advance(absl::Seconds(1));
    const Job refused = Planned(MakeChange());
    EXPECT_EQ(refused.state, JobState::kRefused) << NameOf(state);
    EXPECT_TRUE(absl::StrContains(refused.error_message, "took it back there, or a part of it"))
        << refused.error_message;
  }
}

TEST_F(PromotionTest, ARehearsalIsSeenInTheResults) {
  DemandRehearsals();
  const Job job = Planned(MakeChange());
  for (const bool rollback : {false, true, false}) {
    EXPECT_EQ(Planned(MakeChange()).state, JobState::kRefused);
    EndedInQa(job, JobState::kSucceeded, {.rollback = rollback});
    clock_.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(Planned(MakeChange()).state, JobState::kAwaitingApproval);
}

// Somebody looked ahead to the window's opening; what was taken back since is not there by then.
TEST_F(PromotionTest, WhatIsReadForALookAheadDoesNotCountWhenThatTimeHasCome) {
  DemandRehearsals();
  const Job change = Planned(MakeChange());
  RehearsedInQa(change, {"1"});
  const Job waiting = Planned(MakeChange());
  ASSERT_EQ(waiting.state, JobState::kAwaitingApproval);
  const absl::Time opens = clock_.Now() + absl::Seconds(5);
  const auto misses_promotion = [&](bool ahead) {
    return ReadFrom(store_,
                    [&](ReadTx& tx) -> absl::StatusOr<bool> {
                      ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(waiting.id));
                      ASSIGN_OR_RETURN(const PolicyDecision decision,
                                       flow_.EvaluatePolicyOn(tx, JobOf(waiting.id), tasks, opens,
                                                              nullptr, ahead));
                      return decision.BlockedBy("promotion");
                    })
        .value();
  };
  EXPECT_FALSE(misses_promotion(/*ahead=*/true));
  EndedInQa(change, JobState::kSucceeded, {.rollback = true, .versions = {"1"}});
  EXPECT_TRUE(misses_promotion(/*ahead=*/false));
}

// A folder of migrations grows: what it held before was rehearsed by changes of their own, and the
// newest one did nothing about it in qa. A target in production may lack both.
TEST_F(PromotionTest, ARehearsalByAShorterChangeCountsForItsVersions) {
  DemandRehearsals();
  const ChangeRequest shorter = MakeChange();
  const ChangeRequest longer = MakeLongerChange();
  const Job first = Planned(shorter);
  const Job both = Planned(longer);
  RehearsedInQa(both, {"2"});
  Job refused = Planned(longer);
  EXPECT_EQ(refused.state, JobState::kRefused);
  EXPECT_TRUE(absl::StrContains(refused.error_message,
                                "no change there, within that time, "
                                "applied 1 with the same files"))
      << refused.error_message;

  clock_.Advance(absl::Seconds(1));
  EndedInQa(first, JobState::kSucceeded);
  clock_.Advance(absl::Seconds(1));
  refused = Planned(longer);
  EXPECT_EQ(refused.state, JobState::kRefused);
  EXPECT_TRUE(absl::StrContains(refused.error_message, ", for 1, was no rehearsal: roll it back"))
      << refused.error_message;

  RehearsedInQa(first, {"1"});
  EXPECT_EQ(Planned(longer).state, JobState::kAwaitingApproval);

  EndedInQa(first, JobState::kSucceeded, {.rollback = true});
  clock_.Advance(absl::Seconds(1));
  refused = Planned(longer);
  EXPECT_EQ(refused.state, JobState::kRefused) << "it is not there any more";
  EXPECT_TRUE(absl::StrContains(refused.error_message, " took back 1 there"))
      << refused.error_message;
}

// Also one whose own results say nothing of what they left behind.
TEST_F(PromotionTest, ARollbackOfAShorterChangeUndoesTheRehearsalOfALongerOne) {
  DemandRehearsals();
  ChangeRequest shorter = MakeChange();
  const ChangeRequest longer = MakeLongerChange();
  const Job first = Planned(shorter);
  const Job both = Planned(longer);
  for (const JobState state : {JobState::kSucceeded, JobState::kPartial, JobState::kFailed}) {
    clock_.Advance(absl::Seconds(1));
    RehearsedInQa(both, {"1", "2"});
    EXPECT_EQ(Planned(longer).state, JobState::kAwaitingApproval);
    clock_.Advance(absl::Seconds(1));
    EndedInQa(first, state, {.did_nothing = state != JobState::kSucceeded, .rollback = true});
    clock_.Advance(absl::Seconds(1));
    const Job refused = Planned(longer);
    EXPECT_EQ(refused.state, JobState::kRefused) << NameOf(state);
    EXPECT_TRUE(absl::StrContains(refused.error_message, " took back 1 there"))
        << refused.error_message;
  }
}

TEST_F(PromotionTest, ARollbackThatCannotBeReadMayHaveTakenBackAnything) {
  DemandRehearsals();
  const Job job = Planned(MakeChange());
  RehearsedInQa(job, {});
  EXPECT_EQ(Planned(MakeChange()).state, JobState::kAwaitingApproval);
  Job other = JobOf(job.id);
  other.id = NewId();
  other.environment = "qa";
  other.state = JobState::kSucceeded;
  other.request_key.clear();
  other.content_digest = "of another";
  other.spec_blob = "\xff\xff garbage";
  other.end_time = clock_.Now();
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertJob(&other); }).ok());
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Planned(MakeChange()).state, JobState::kAwaitingApproval) << "it proves nothing";
  other.id = NewId();
  other.rollback_of = "the change";
  other.end_time = clock_.Now();
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertJob(&other); }).ok());
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Planned(MakeChange()).state, JobState::kRefused);
  RehearsedInQa(job, {});
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Planned(MakeChange()).state, JobState::kAwaitingApproval) << "since then";
}

TEST_F(PromotionTest, ARehearsalOfTheSameVersionWithAnotherFileIsNone) {
  DemandRehearsals();
  ChangeRequest shorter = MakeChange();
  const ChangeRequest longer = MakeLongerChange();
  RehearsedInQa(Planned(longer), {"2"});
  work::v1::ContentRef* down = shorter.spec.mutable_migrations(0)->mutable_down();
  down->set_inline_(down->inline_() + " ");
  down->set_sha256(Sha256Hex(down->inline_()));
  down->set_size_bytes(static_cast<int64_t>(down->inline_().size()));
  RehearsedInQa(Planned(shorter), {"1"});
  EXPECT_EQ(Planned(longer).state, JobState::kRefused);
}

constexpr char kNobodyApplied1[] =
    "no change there, within that time, applied 1 with the same files";

// What a file does on one engine says nothing of what it does on another.
TEST_F(PromotionTest, ARehearsalByAShorterChangeCountsForItsEnginesAlone) {
  DemandRehearsals();
  Instance mysql;
  mysql.id = "mysql-db";
  mysql.agent_id = "db1";
  mysql.environment = "qa";
  mysql.engine = "mysql";
  ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertInstance(&mysql); }).ok());
  const Job first = Planned(MakeChange());
  RehearsedInQa(Planned(MakeLongerChange()), {"2"});
  EndedInQa(first, JobState::kSucceeded, {.instances = {"mysql-db"}});
  clock_.Advance(absl::Seconds(1));
  ExpectRefused(MakeLongerChange(), kNobodyApplied1);
  RehearsedInQa(first, {"1"}, {"mysql-db"});
  ExpectRefused(MakeLongerChange(), " took back 1 there");
  RehearsedInQa(first, {"1"}, {"mysql-db", "orders-db"});
  ExpectRefused(MakeLongerChange(), " took back 1 there");
  RehearsedInQa(first, {"1"});
  EXPECT_EQ(Planned(MakeLongerChange()).state, JobState::kAwaitingApproval);
  EndedInQa(first, JobState::kSucceeded, {.rollback = true, .instances = {"mysql-db"}});
  clock_.Advance(absl::Seconds(1));
  ExpectRefused(MakeLongerChange(), " took back 1 there");
}

TEST_F(PromotionTest, ARehearsalByAShorterChangeLapsesLikeAnyOther) {
  DemandRehearsals();
  const Job first = Planned(MakeChange());
  const Job both = Planned(MakeLongerChange());
  RehearsedInQa(first, {"1"});
  clock_.JumpWallClock(absl::Hours(23));
  RehearsedInQa(both, {"2"});
  EXPECT_EQ(Planned(MakeLongerChange()).state, JobState::kAwaitingApproval);
  clock_.JumpWallClock(absl::Hours(2));
  ExpectRefused(MakeLongerChange(), kNobodyApplied1);
}

// Plans rehearse nothing, and a plan of a rollback takes nothing back.
TEST_F(PromotionTest, PlansOfAShorterChangeSayNothing) {
  DemandRehearsals();
  const Job first = Planned(MakeChange());
  RehearsedInQa(Planned(MakeLongerChange()), {"2"});
  for (const bool rollback : {false, true, false}) {
    EndedInQa(first, JobState::kSucceeded, {.plan_only = true, .rollback = rollback});
    clock_.Advance(absl::Seconds(1));
  }
  ExpectRefused(MakeLongerChange(), kNobodyApplied1);
  RehearsedInQa(first, {"1"});
  EndedInQa(first, JobState::kSucceeded, {.plan_only = true, .rollback = true});
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Planned(MakeLongerChange()).state, JobState::kAwaitingApproval);
}

// An upper bound of what is read for each evaluation (docs/guides/policies.md).
TEST_F(PromotionTest, ARehearsalBehindTwoHundredNewerChangesHasToBeRepeated) {
  DemandRehearsals();
  const Job first = Planned(MakeChange());
  const Job both = Planned(MakeLongerChange());
  // The newest are those with the highest ids.
  for (const int part : {1, 2, 3}) {
    const bool rollback = part == 2;
    EndedInQa(first, JobState::kSucceeded, {.rollback = rollback, .id = absl::StrCat("a", part)});
    EndedInQa(both, JobState::kSucceeded,
              {.rollback = rollback, .versions = {"2"}, .id = absl::StrCat("b", part)});
    clock_.Advance(absl::Seconds(1));
  }
  const auto add_others = [&](int from, int until) {
    for (int i = from; i < until; ++i) {
      EndedInQa(first, JobState::kFailed, {.id = absl::StrCat("later-", i)});
    }
    clock_.Advance(absl::Seconds(1));
  };
  add_others(0, 194);
  EXPECT_EQ(Planned(MakeLongerChange()).state, JobState::kAwaitingApproval);
  add_others(194, 197);
  ExpectRefused(MakeLongerChange(), kNobodyApplied1);
}

// One byte in one file makes another change; another target, title or consent does not.
TEST_F(PromotionTest, TheSameChangeIsTheOneWithTheSameFiles) {
  EndedInQa(Planned(MakeChange()), JobState::kSucceeded);
  ChangeRequest request = MakeChange();
  request.title = "another title";
  request.spec.set_database("shop");
  EXPECT_EQ(Planned(request).state, JobState::kAwaitingApproval);
  work::v1::Migration& migration = *request.spec.mutable_migrations(0);
  for (work::v1::ContentRef* file : {migration.mutable_up(), migration.mutable_down()}) {
    const work::v1::ContentRef former = *file;
    file->set_inline_(former.inline_() + " ");
    file->set_sha256(Sha256Hex(file->inline_()));
    file->set_size_bytes(static_cast<int64_t>(file->inline_().size()));
    EXPECT_EQ(Planned(request).state, JobState::kRefused);
    *file = former;
  }
  migration.set_version("9999");
  EXPECT_EQ(Planned(request).state, JobState::kRefused);
}

// Promoted and approved for a later window: when the promotion's time runs out meanwhile it waits
// until somebody applies it to the earlier environment again, and then goes on by itself.
TEST_F(PromotionTest, APromotionThatLapsesHoldsUpWhatWaits) {
  EndedInQa(Planned(MakeChange()), JobState::kSucceeded);
  ChangeRequest request = MakeChange();
  request.backup_gate = BackupGate::kExisting;
  const Job job = Planned(request);
  ASSERT_EQ(job.state, JobState::kAwaitingApproval);
  clock_.Advance(absl::Hours(25));
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "late"));
  AddVerifiedBackup();
  Pass(absl::Seconds(3));
  EXPECT_EQ(StateOf(job.id), "ready");
  const size_t offers = agent_.Offers().size();
  EndedInQa(job, JobState::kSucceeded);
  Pass(absl::Seconds(3));
  EXPECT_EQ(agent_.Offers().size(), offers + 1);
}

// A failure in production is taken back at once, though nobody has rehearsed that anywhere.
TEST_F(PromotionTest, ARollbackNeedsNoPromotion) {
  EndedInQa(Planned(MakeChange()), JobState::kSucceeded);
  const Job job = Planned(MakeChange());
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "yes"));
  const agent::v1::Offer offer = agent_.Offers().back();
  agent_.Accept(offer);
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  clock_.Advance(absl::Hours(48));
  const Job rollback = Must(jobs_.SubmitRollback({"users/ada", ""}, {job.id, "slow", true, {}}));
  EXPECT_EQ(rollback.content_digest, job.content_digest);
  const agent::v1::Offer plan = agent_.Offers().back();
  agent_.Accept(plan);
  agent_.Start(plan);
  agent_.Finish(plan, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  EXPECT_EQ(StateOf(rollback.id), "awaiting_approval");
}

}  // namespace
}  // namespace dbfleet::controller
