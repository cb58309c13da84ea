#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {

inline constexpr int kTargets = 6;

class RolloutLifeTest : public FleetFixture {
 protected:
  RolloutLifeTest() {
    agent_.instance_name = "db-0";
    for (int i = 1; i < kTargets; ++i) agent_.more_instances.push_back(absl::StrCat("db-", i));
    agent_.Connect();
    for (int i = 0; i < kTargets; ++i) AddVerifiedBackup(absl::StrCat("db-", i));
  }

  static ChangeRequest MakeRollout() {
    ChangeRequest request = MakeChange();
    request.instances.clear();
    for (int i = 0; i < kTargets; ++i) request.instances.push_back(absl::StrCat("db-", i));
    request.max_parallel = kTargets;
    request.rollout.waves = {"1", "2", "3"};
    return request;
  }

  // Planned and approved: its first wave has been offered.
  std::string Begun(const ChangeRequest& request) {
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    for (const agent::v1::Offer& offer : NewOffers()) End(offer, MakePlan());
    Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "looks right"));
    return job.id;
  }

  // Its approvals count no more when its second wave is to begin.
  std::string LapsedAfterItsFirstWave() {
    ChangeRequest request = MakeRollout();
    request.rollout.pause_between = absl::Hours(30);  // Approvals count for 24h.
    request.rollout.health_check = false;
    request.expire_after = absl::Hours(24 * 7);
    const std::string job = Begun(request);
    EndWave({"db-0"});
    clock_.Advance(absl::Hours(30));
    for (int i = 0; i < kTargets; ++i) AddVerifiedBackup(absl::StrCat("db-", i));
    Pass(absl::Seconds(10));
    for (const agent::v1::Offer& offer : NewOffers()) agent_.Accept(offer);
    return job;
  }

  std::vector<agent::v1::Offer> NewOffers() {
    std::vector<agent::v1::Offer> offers = agent_.Offers();
    offers.erase(offers.begin(), offers.begin() + static_cast<int>(seen_));
    seen_ += offers.size();
    return offers;
  }
  void End(const agent::v1::Offer& offer, const work::v1::TaskResult& result,
           agent::v1::Outcome outcome = agent::v1::OUTCOME_SUCCEEDED) {
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, outcome, result,
                  outcome == agent::v1::OUTCOME_SUCCEEDED ? "" : "DATABASE_ERROR");
  }
  static work::v1::TaskResult Health(work::v1::HealthStatus status, const std::string& why = "") {
    work::v1::TaskResult result;
    result.mutable_check()->mutable_health()->set_status(status);
    if (!why.empty()) result.mutable_check()->mutable_health()->add_reasons(why);
    return result;
  }
  static std::set<std::string> InstancesOf(const std::vector<agent::v1::Offer>& offers) {
    std::set<std::string> names;
    for (const agent::v1::Offer& offer : offers) names.insert(offer.instance());
    return names;
  }
  // Ends what is offered now, which must be changes of these; those in `fail` fail, last of all.
  void EndWave(const std::set<std::string>& instances, const std::set<std::string>& fail = {}) {
    const std::vector<agent::v1::Offer> offers = NewOffers();
    EXPECT_EQ(InstancesOf(offers), instances);
    for (const agent::v1::Offer& offer : offers) {
      ASSERT_TRUE(offer.spec().has_migrate());
      agent_.Accept(offer);
      agent_.Start(offer);
    }
    for (const bool fails : {false, true}) {
      for (const agent::v1::Offer& offer : offers) {
        if (fails != (fail.count(offer.instance()) > 0)) continue;
        Finish(offer, fails);
      }
    }
  }
  // What is offered now has begun.
  std::vector<agent::v1::Offer> BegunWave() {
    std::vector<agent::v1::Offer> offers = NewOffers();
    for (const agent::v1::Offer& offer : offers) {
      agent_.Accept(offer);
      agent_.Start(offer);
    }
    return offers;
  }
  static work::v1::TaskResult TakenBack() {
    work::v1::TaskResult result;
    result.mutable_migrate()->set_rolled_back(true);
    return result;
  }
  void Finish(const agent::v1::Offer& offer, bool fails) {
    agent_.Finish(offer, fails ? agent::v1::OUTCOME_FAILED : agent::v1::OUTCOME_SUCCEEDED,
                  fails ? work::v1::TaskResult() : MakeMigrated(), fails ? "DATABASE_ERROR" : "");
  }
  // The same for the checks between two waves.
  void EndChecks(const std::set<std::string>& instances,
                 const work::v1::TaskResult& result = Health(work::v1::HEALTH_STATUS_OK)) {
    const std::vector<agent::v1::Offer> offers = NewOffers();
    EXPECT_EQ(InstancesOf(offers), instances);
    for (const agent::v1::Offer& offer : offers) {
      ASSERT_TRUE(offer.spec().has_check());
      End(offer, result);
    }
  }
  std::map<std::string, TaskState> TaskStates(const std::string& job_id) {
    std::map<std::string, TaskState> states;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job_id));
                      for (const Task& task : tasks) states[task.instance_id] = task.state;
                      return absl::OkStatus();
                    })
                    .ok());
    return states;
  }
  int CountOf(const std::string& job_id, TaskState state) {
    int count = 0;
    for (const auto& [instance, its] : TaskStates(job_id)) count += its == state ? 1 : 0;
    return count;
  }
  std::string WhyPaused(const std::string& job_id) {
    EXPECT_EQ(StateOf(job_id), "paused");
    return JobOf(job_id).error_reason;
  }
  std::vector<Job> RollbacksOf(const std::string& job_id) {
    std::vector<Job> found;
    const auto page = ReadFrom(store_, [](ReadTx& tx) {
                        return tx.ListJobs({}, {1000, ""});
                      }).value();
    for (const Job& job : page.items) {
      if (job.rollback_of == job_id) found.push_back(job);
    }
    return found;
  }

  size_t seen_ = 0;
};

}  // namespace dbfleet::controller
