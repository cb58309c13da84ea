#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {

// Production with four instances of one agent, for work that is queued for windows.
class QueueFixture : public WindowFixture {
 protected:
  QueueFixture() {
    agent_.more_instances = {"users-db", "a-db", "b-db"};
    agent_.Connect();
  }

  static QueueAsk For(const std::string& window, int priority, absl::Duration estimate) {
    return {window, priority, estimate};
  }
  Job Backup(const std::string& instance, const QueueAsk& queue) {
    return Must(jobs_.SubmitBackup({"users/ada", ""}, instance, {}, false, "", queue));
  }
  std::string Refusal(const std::string& instance, const QueueAsk& queue) {
    const absl::StatusOr<Job> job =
        jobs_.SubmitBackup({"users/ada", ""}, instance, {}, false, "", queue);
    executor_.RunAll();
    return job.ok() ? "none" : ReasonOf(job.status()) + ": " + std::string(job.status().message());
  }
  // A change that was planned; `approved` by bob.
  Job Change(const QueueAsk& queue, bool approved = true,
             std::vector<std::string> instances = {"orders-db"}) {
    for (const std::string& instance : instances) AddVerifiedBackup(instance);
    ChangeRequest request = MakeChange();
    request.instances = instances;
    request.queue = queue;
    const Job job = Must(jobs_.SubmitChange({"users/ada", ""}, request));
    for (size_t i = 0; i < instances.size(); ++i) WindowFixture::Run(Unanswered(), MakePlan());
    if (approved) Must(jobs_.Approve({"users/bob", ""}, job.id, JobOf(job.id).digest, "fine"));
    return JobOf(job.id);
  }

  static work::v1::TaskResult ResultOf(const agent::v1::Offer& offer) {
    if (!offer.spec().has_backup()) return MakeMigrated();
    work::v1::TaskResult result;
    result.mutable_backup()->set_backup_id(offer.spec().backup().backup_id());
    result.mutable_backup()->add_databases("shop");
    return result;
  }
  // What is offered now is begun: of which job it is, "" if nothing is offered.
  std::string BeginNext() {
    if (!IsOffered()) return "";
    const int grants = agent_.Grants();
    running_ = Begun();
    EXPECT_EQ(agent_.Grants(), grants + 1) << "it was offered, but not granted";
    return running_->job_id();
  }
  void EndIt() {
    agent_.Finish(*running_, agent::v1::OUTCOME_SUCCEEDED, ResultOf(*running_));
    running_.reset();
  }
  // Far ahead, with the ticks that look at what waits.
  void Jump(absl::Duration duration) {
    clock_.JumpWallClock(duration);
    Pass(absl::Seconds(10));
  }
  QueuePicture QueueOf(const std::string& window) {
    const auto why = [this](const std::string& id) { return dispatcher_.WhyNoWork(id); };
    return ReadFrom(store_, [&](ReadTx& tx) { return jobs_.ShowQueue(tx, window, why); }).value();
  }

  std::optional<agent::v1::Offer> running_;
};

}  // namespace dbfleet::controller
