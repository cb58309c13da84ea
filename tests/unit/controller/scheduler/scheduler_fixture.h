#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/status.h"
#include "controller/resources/resource_manager.h"
#include "controller/resources/schedule_source.h"
#include "controller/scheduler/schedule_runs.h"
#include "controller/scheduler/scheduler.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {

// A controller with a scheduler, without network, disk and threads. It is 08:00 UTC.
class SchedulerFixture : public FleetFixture {
 protected:
  SchedulerFixture() {
    options_.chunk = 10;
    for (const char* id : {"polly", "eve", "ann"})
      SetRoles(id, {Role::kPolicyAdmin, Role::kOperator});
  }
  ~SchedulerFixture() override { Crash(); }

  void SetRoles(const std::string& id, std::vector<Role> roles) {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      absl::StatusOr<User> user = tx.GetUser(id);
                      User next = user.ok() ? *user : User();
                      next.id = id;
                      next.roles = roles;
                      return user.ok() ? tx.UpdateUser(&next) : tx.InsertUser(&next);
                    })
                    .ok());
  }

  // Of production; `more` are further fields of the spec.
  static std::string Yaml(const std::string& name, const std::string& cron,
                          const std::string& more = "", const std::string& job = "check: {}") {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: Schedule\nmetadata: {name: ", name,
                        "}\nspec: {environment: production, cron: \"", cron, "\", ",
                        more.empty() ? "" : more + ", ", "job: {", job, "}}\n");
  }
  absl::Status Apply(const std::string& yaml, const std::string& who = "users/polly") {
    const absl::Status status =
        resources_.Apply({who, ""}, {{{"f.yaml", yaml}}}, false, "").status();
    executor_.RunAll();
    return status;
  }
  void Declare(const std::string& name, const std::string& cron, const std::string& more = "",
               const std::string& job = "check: {}") {
    const absl::Status status = Apply(Yaml(name, cron, more, job));
    EXPECT_TRUE(status.ok()) << status;
  }
  void Delete(const std::string& name) {
    const auto deleted = resources_.Delete({"users/polly", ""}, "schedules/" + name, 0, "");
    EXPECT_TRUE(deleted.ok()) << deleted.status();
  }

  void Make() {
    scheduler_ = std::make_unique<Scheduler>(options_, store_, jobs_, hub_, source_, clock_,
                                             executor_, metrics_);
  }
  void Boot() {
    Make();
    scheduler_->Start();
    executor_.RunAll();
  }
  void Crash() { scheduler_.reset(); }
  void Reboot() {
    Crash();
    Boot();
  }
  // While nobody looks.
  void Sleep(absl::Duration duration) {
    Crash();
    clock_.JumpWallClock(duration);
  }

  void AddInstances(int count, const std::string& engine = "postgresql") {
    for (int i = 0; i < count; ++i) {
      Instance instance;
      instance.id = absl::StrFormat("%s-%04d", engine, i);
      instance.agent_id = "db1";
      instance.environment = "production";
      instance.engine = engine;
      instance.server_version = "15.4";
      EXPECT_TRUE(
          store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertInstance(&instance); }).ok());
    }
  }

  std::vector<OccurrenceView> History(const std::string& name) {  // Newest first.
    const auto page = runs_.List(name, {1000, ""});
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? page->items : std::vector<OccurrenceView>();
  }
  // "08:05 succeeded", newest first.
  std::vector<std::string> Told(const std::string& name) {
    static constexpr const char* kWords[] = {"pending", "submitting", "running",   "succeeded",
                                             "failed",  "skipped",    "cancelled", "unknown"};
    std::vector<std::string> told;
    for (const OccurrenceView& view : History(name)) {
      const std::string& reason = view.occurrence.reason;
      told.push_back(
          absl::StrCat(absl::FormatTime("%H:%M", view.occurrence.nominal, absl::UTCTimeZone()), " ",
                       kWords[static_cast<int>(view.state)], reason.empty() ? "" : " ", reason));
    }
    return told;
  }
  std::vector<Job> JobsOf(const std::string& name) {
    return ReadFrom(store_,
                    [&](ReadTx& tx) {
                      return tx.JobsByKey(absl::StrCat("schedules/", name, " "), "", 100'000);
                    })
        .value();
  }
  void FinishCheck(const agent::v1::Offer& offer,
                   agent::v1::Outcome outcome = agent::v1::OUTCOME_SUCCEEDED) {
    agent_.Accept(offer);
    agent_.Start(offer);
    work::v1::TaskResult result;
    result.mutable_check();
    agent_.Finish(offer, outcome, result);
  }
  std::vector<AuditRow> Records(const std::string& action) {
    std::vector<AuditRow> found;
    for (const AuditRow& row : store_.Audit()) {
      if (row.entry.action == action) found.push_back(row);
    }
    return found;
  }

  SchedulerOptions options_;
  ScheduleSource source_;
  ResourceManager resources_{store_, clock_};
  std::unique_ptr<Scheduler> scheduler_;
  ScheduleRuns runs_{store_, clock_, [this] {
                       if (scheduler_ != nullptr) scheduler_->Wake();
                     }};
};

}  // namespace dbfleet::controller
