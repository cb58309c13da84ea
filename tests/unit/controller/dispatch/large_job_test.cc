// Jobs over many targets: no step of them looks at all the others, and each is still checked.
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"

#include "common/plan/digest_tree.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

constexpr int kTargets = 100;

class LargeJobTest : public FleetFixture {
 protected:
  LargeJobTest() {
    AddAgent("dev1", "development");
    EXPECT_TRUE(store_
                    .MutateAndWait([](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Environment development, tx.GetEnvironment("development"));
                      development.policy.destructive_approvals = 0;
                      development.policy.verified_backup_max_age = absl::ZeroDuration();
                      return tx.UpdateEnvironment(&development);
                    })
                    .ok());
    agent_one_.instance_name = "db-0";
    for (int i = 1; i < kTargets; ++i) agent_one_.more_instances.push_back(absl::StrCat("db-", i));
    agent_one_.Connect();
  }

  Job Submit(int max_parallel) {
    ChangeRequest request = MakeChange();
    request.environment = "development";
    request.max_parallel = max_parallel;
    request.instances = {agent_one_.instance_name};
    for (const std::string& name : agent_one_.more_instances) request.instances.push_back(name);
    return Must(jobs_.SubmitChange({"users/ada", ""}, request));
  }
  // What was offered since the last call.
  std::vector<agent::v1::Offer> NewOffers() {
    std::vector<agent::v1::Offer> offers = agent_one_.Offers();
    offers.erase(offers.begin(), offers.begin() + static_cast<int>(seen_));
    seen_ += offers.size();
    return offers;
  }
  void Run(const agent::v1::Offer& offer, const work::v1::TaskResult& result) {
    agent_one_.Accept(offer);
    agent_one_.Start(offer);
    agent_one_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, result);
  }
  Job Planned(int max_parallel) {
    const Job job = Submit(max_parallel);
    const auto offers = NewOffers();
    EXPECT_EQ(offers.size(), static_cast<size_t>(kTargets));
    for (const agent::v1::Offer& offer : offers) Run(offer, MakePlan());
    return JobOf(job.id);
  }

  ScriptedAgent agent_one_{dispatcher_, executor_, clock_, "dev1"};
  size_t seen_ = 0;
};

TEST_F(LargeJobTest, EachTargetIsOfferedWithItsPlaceUnderTheJobsDigest) {
  const Job job = Planned(kTargets);
  EXPECT_EQ(StateOf(job.id), "ready");
  std::set<uint64_t> places;
  for (const agent::v1::Offer& offer : NewOffers()) {
    const agent::v1::DigestInputs& inputs = offer.digest_inputs();
    ASSERT_EQ(inputs.targets_size(), 1);
    const JobDigestInput input{inputs.job_kind(),
                               inputs.params_sha256(),
                               inputs.policy_digest(),
                               inputs.rollout(),
                               {{inputs.targets(0).target(), inputs.targets(0).digest()}}};
    EXPECT_EQ(inputs.targets(0).target(),
              absl::StrCat("instances/", offer.instance(), "/databases/shop"));
    const auto digest =
        JobDigestFromPlace(input, {inputs.target_index(),
                                   inputs.target_count(),
                                   inputs.targets_root(),
                                   {inputs.target_path().begin(), inputs.target_path().end()}});
    ASSERT_TRUE(digest.ok()) << digest.status();
    EXPECT_EQ(*digest, job.digest);
    places.insert(inputs.target_index());
    Run(offer, MakeMigrated());
  }
  EXPECT_EQ(places.size(), static_cast<size_t>(kTargets));
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(LargeJobTest, NoMoreThanTheParallelismIsUnderWayAndAllAreDone) {
  const Job job = Planned(7);
  std::vector<agent::v1::Offer> offers = NewOffers();
  int done = 0;
  while (!offers.empty()) {
    ASSERT_LE(offers.size(), 7u);
    const agent::v1::Offer next = offers.front();
    offers.erase(offers.begin());
    Run(next, MakeMigrated());
    ++done;
    for (const agent::v1::Offer& offer : NewOffers()) offers.push_back(offer);
  }
  EXPECT_EQ(done, kTargets);
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(LargeJobTest, ATaskThatWasAlteredInTheStoreIsNotGranted) {
  const Job job = Planned(kTargets);
  const agent::v1::Offer offer = NewOffers().front();
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Task task, tx.GetTask(offer.task_id()));
                    task.target_digest = std::string(64, '0');
                    return tx.UpdateTask(&task);
                  })
                  .ok());
  agent_one_.Accept(offer);
  Pass(absl::Seconds(10));
  for (const auto& grant : agent_one_.Sent(agent::v1::ControllerMsg::kGrant)) {
    EXPECT_NE(grant.grant().attempt_id(), offer.attempt_id());
  }
}

TEST_F(LargeJobTest, AFailureStopsWhatHasNotBegunAndACancelReachesWhatRuns) {
  const Job job = Planned(10);
  const auto offers = NewOffers();
  ASSERT_EQ(offers.size(), 10u);
  for (const agent::v1::Offer& offer : offers) {
    agent_one_.Accept(offer);
    agent_one_.Start(offer);
  }
  agent_one_.Finish(offers[0], agent::v1::OUTCOME_FAILED, {}, "DATABASE_ERROR");
  EXPECT_TRUE(NewOffers().empty());
  Must(jobs_.Cancel({"users/ada", ""}, job.id, "enough"));
  std::set<std::string> cancelled;
  for (const auto& message : agent_one_.Sent(agent::v1::ControllerMsg::kCancel)) {
    cancelled.insert(message.cancel().attempt_id());
  }
  EXPECT_EQ(cancelled.size(), 9u) << "each of those that run, and no other";
  for (size_t i = 1; i < offers.size(); ++i) {
    agent_one_.Finish(offers[i], agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  }
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf(job.id), "partial");
}

TEST_F(LargeJobTest, APlanThatFailedForNowIsMadeAgainForThatTargetAlone) {
  Submit(1);
  const auto offers = NewOffers();
  agent_one_.Accept(offers[3]);
  agent_one_.Start(offers[3]);
  agent_one_.Finish(offers[3], agent::v1::OUTCOME_FAILED, {}, "AGENT_RESTARTED");
  const auto again = NewOffers();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].task_id(), offers[3].task_id());
  EXPECT_EQ(again[0].purpose(), agent::v1::PURPOSE_PLAN);
}

// The store's queue holds a bounded number of them, and all get their turn.
TEST_F(LargeJobTest, MoreChecksThanMayBeOnTheirWayAtOnceAreAllDone) {
  std::vector<std::string> jobs;
  for (int i = 0; i < 700; ++i) {
    absl::StatusOr<Job> job =
        jobs_.SubmitCheck({"users/ada", ""}, absl::StrCat("db-", i % kTargets));
    ASSERT_TRUE(job.ok());
    jobs.push_back(job->id);
  }
  executor_.RunAll();
  work::v1::TaskResult healthy;
  healthy.mutable_check()->mutable_health()->set_status(work::v1::HEALTH_STATUS_OK);
  for (auto offers = NewOffers(); !offers.empty(); offers = NewOffers()) {
    for (const agent::v1::Offer& offer : offers) Run(offer, healthy);
  }
  for (const std::string& job : jobs) EXPECT_EQ(StateOf(job), "succeeded");
}

TEST_F(LargeJobTest, AGrantIsToldToWhoeverWatchesTheJob) {
  const Job job = Submit(1);
  int told = 0;
  const auto watch = hub_.Subscribe(job.id, [&](const JobChanges&) { ++told; });
  agent_one_.Accept(NewOffers().front());
  EXPECT_EQ(told, 2) << "the acceptance, and the grant";
}

TEST_F(LargeJobTest, ADeclinedOfferIsForgotten) {
  const Job job = Submit(1);
  const agent::v1::Offer offer = NewOffers().front();
  agent::v1::Event event = agent_one_.NewEvent(offer);
  event.mutable_declined()->set_reason("NOT_HERE");
  agent_one_.SayEvent(event);
  EXPECT_EQ(StateOf(job.id), "failed");
  // Had it stayed among the offered ones, a later look would take it back once more.
  Pass(absl::Seconds(5));
  for (const auto& message : agent_one_.Sent(agent::v1::ControllerMsg::kWithdraw)) {
    EXPECT_NE(message.withdraw().attempt_id(), offer.attempt_id());
  }
}

}  // namespace
}  // namespace dbfleet::controller
