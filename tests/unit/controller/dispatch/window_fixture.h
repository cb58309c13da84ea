#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {

// Production demands windows for schema changes; the tests declare them.
class WindowFixture : public FleetFixture {
 protected:
  WindowFixture() {
    ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kSchemaChanges; });
    agent_.more_instances = {"users-db"};
    agent_.Connect();
  }

  void ChangePolicy(const std::function<void(EnvironmentPolicy*)>& change) {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Environment production, tx.GetEnvironment("production"));
                      change(&production.policy);
                      return tx.UpdateEnvironment(&production);
                    })
                    .ok());
  }

  void SetLabels(const std::string& name, const std::map<std::string, std::string>& labels) {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(Instance instance, tx.GetInstance(name));
                      instance.labels = labels;
                      return tx.UpdateInstance(&instance);
                    })
                    .ok());
  }

  // From `from` after now, for `duration`.
  DeclaredWindow Once(const std::string& name, absl::Duration from, absl::Duration duration,
                      Overrun overrun = Overrun::kFinish,
                      WindowEffect effect = WindowEffect::kAllow) {
    DeclaredWindow declared;
    declared.window.name = name;
    declared.window.overrun = overrun;
    declared.window.effect = effect;
    const absl::Time begin = clock_.Now() + from;
    declared.window.times.once = Span{begin, begin + duration};
    return declared;
  }
  DeclaredWindow Freeze(const std::string& name, absl::Duration from, absl::Duration duration) {
    return Once(name, from, duration, Overrun::kFinish, WindowEffect::kDeny);
  }
  void Declare(std::vector<DeclaredWindow> windows) {
    windows_ = std::make_shared<const WindowBook>(std::move(windows));
  }

  // Planned and approved, on one target or on two of which one at a time may run.
  Job Approved(std::vector<std::string> instances = {"orders-db"}, int max_parallel = 1,
               absl::Duration expire_after = absl::Hours(7 * 24)) {
    ChangeRequest request = MakeChange();
    request.instances = instances;
    request.max_parallel = max_parallel;
    request.expire_after = expire_after;
    return ApprovedOf(request);
  }
  Job ApprovedOf(const ChangeRequest& request) {
    for (const std::string& instance : request.instances) AddVerifiedBackup(instance);
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    for (size_t i = 0; i < request.instances.size(); ++i) {
      const agent::v1::Offer offer = Unanswered();
      EXPECT_EQ(offer.purpose(), agent::v1::PURPOSE_PLAN);
      Run(offer, MakePlan());
    }
    Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "looks right"));
    return JobOf(job.id);
  }
  bool IsOffered() { return agent_.Offers().size() > answered_; }
  agent::v1::Offer Unanswered() {
    const std::vector<agent::v1::Offer> offers = agent_.Offers();
    EXPECT_GT(offers.size(), answered_) << "nothing was offered";
    if (offers.size() <= answered_) return {};
    return offers[answered_++];
  }
  // It is about to execute its first statement.
  void Step(const agent::v1::Offer& offer) {
    agent::v1::Event event = agent_.NewEvent(offer);
    event.mutable_step()->set_state(work::v1::STEP_STATE_RUNNING);
    agent_.SayEvent(event);
  }
  agent::v1::Offer Begun() {
    const agent::v1::Offer offer = Unanswered();
    agent_.Accept(offer);
    agent_.Start(offer);
    Step(offer);
    return offer;
  }
  // Whatever is offered is not granted.
  void ExpectPaused(const std::string& job_id) {
    const int grants = agent_.Grants();
    if (IsOffered()) agent_.Accept(Unanswered());
    EXPECT_EQ(agent_.Grants(), grants);
    EXPECT_EQ(StateOf(job_id), "paused");
  }
  void Run(const agent::v1::Offer& offer, const work::v1::TaskResult& result) {
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, result);
  }
  // Approved on two targets; the first is done when the window, which lasts an hour, closes.
  Job PausedBetweenTargets() {
    const Job job = Approved({"orders-db", "users-db"});
    const agent::v1::Offer first = Begun();
    clock_.JumpWallClock(absl::Hours(1));
    agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
    ExpectPaused(job.id);
    return job;
  }
  agent::v1::Grant LastGrant() {
    return agent_.Sent(agent::v1::ControllerMsg::kGrant).back().grant();
  }
  // What `job explain` says, while all agents are there.
  std::string Explained(const std::string& job_id) {
    std::string text;
    const Job job = JobOf(job_id);
    const auto here = [](const std::string&) { return std::optional<PolicyBlocker>(); };
    const auto blockers =
        ReadFrom(store_, [&](ReadTx& tx) { return jobs_.Explain(tx, job, here); }).value();
    for (const PolicyBlocker& blocker : blockers) {
      text += blocker.rule + ": " + blocker.message + "\n";
    }
    return text;
  }
  std::string WhyOf(const std::string& job_id) {
    std::string text;
    const Job job = JobOf(job_id);
    const PolicyDecision decision = ReadFrom(store_, [&](ReadTx& tx) {
                                      return flow_.EvaluatePolicy(tx, job, clock_.Now());
                                    }).value();
    for (const PolicyBlocker& blocker : decision.blockers) {
      text += blocker.rule + ": " + blocker.message + "\n";
    }
    return text;
  }

  size_t answered_ = 0;
};

}  // namespace dbfleet::controller
