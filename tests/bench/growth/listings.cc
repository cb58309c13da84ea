#include "tests/bench/growth/listings.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/audit/tiles.h"
#include "common/base/status.h"
#include "controller/audit/trail.h"
#include "tests/bench/growth/history.h"

namespace dbfleet::bench {
namespace {

using controller::AuditFilter;
using controller::JobFilter;
using controller::JobKind;
using controller::JobState;
using controller::PageRequest;
using controller::ReadTx;

constexpr absl::Duration kMostOfOne = absl::Seconds(4);
constexpr int kDeepPages = 50;  // Of 1,000: how far behind the newest the pages "deep" lie.

// Gives the number of rows. Called with the number of the call.
using OneRead = std::function<absl::StatusOr<int>(ReadTx& tx, int call)>;

class Meter {
 public:
  Meter(controller::Store* store, const Clock* clock, int calls)
      : store_(*store), clock_(*clock), calls_(calls) {}

  absl::Status Measure(std::string name, const OneRead& read) {
    ReadFigure figure;
    figure.name = std::move(name);
    std::vector<double> micros;
    const absl::Duration began = clock_.Monotonic();
    for (int i = 0; i < calls_ && (i == 0 || clock_.Monotonic() - began < kMostOfOne); ++i) {
      const absl::Duration start = clock_.Monotonic();
      RETURN_IF_ERROR(Annotate(store_.Read([&](ReadTx& tx) -> absl::Status {
        ASSIGN_OR_RETURN(figure.rows, read(tx, i));
        return absl::OkStatus();
      }),
                               figure.name));
      micros.push_back(absl::ToDoubleMicroseconds(clock_.Monotonic() - start));
    }
    std::sort(micros.begin(), micros.end());
    figure.p50_us = micros[(micros.size() - 1) / 2];
    figure.calls = static_cast<int>(micros.size());
    figures_.push_back(std::move(figure));
    return absl::OkStatus();
  }

  absl::Status Jobs(std::string name, const JobFilter& filter, const std::string& token = "") {
    return Measure(absl::StrCat("jobs ", name), [&](ReadTx& tx, int) -> absl::StatusOr<int> {
      ASSIGN_OR_RETURN(const auto page, tx.ListJobs(filter, {0, token}));
      return static_cast<int>(page.items.size());
    });
  }

  absl::Status Audit(std::string name, const AuditFilter& filter, const std::string& token = "") {
    return Measure(absl::StrCat("audit ", name), [&](ReadTx& tx, int) -> absl::StatusOr<int> {
      ASSIGN_OR_RETURN(const auto page, tx.ListAudit(filter, {0, token}));
      return static_cast<int>(page.items.size());
    });
  }

  std::vector<ReadFigure> TakeFigures() { return std::move(figures_); }

 private:
  controller::Store& store_;
  const Clock& clock_;
  const int calls_;
  std::vector<ReadFigure> figures_;
};

// What the reads ask for, found once.
struct Landmarks {
  std::string deep_jobs, deep_audit;  // Page tokens.
  std::string job_id, task_id, agent_id;
  uint64_t records = 0;
};

absl::Status Find(ReadTx& tx, Landmarks* marks) {
  PageRequest request{1000, ""};
  for (int i = 0; i < kDeepPages; ++i) {
    ASSIGN_OR_RETURN(const auto jobs, tx.ListJobs({}, request));
    request.token = jobs.next_token;
    if (request.token.empty()) break;
    marks->deep_jobs = request.token;
    marks->job_id = jobs.items.back().id;
  }
  request.token.clear();
  for (int i = 0; i < kDeepPages; ++i) {
    ASSIGN_OR_RETURN(const auto audit, tx.ListAudit({}, request));
    request.token = audit.next_token;
    if (request.token.empty()) break;
    marks->deep_audit = request.token;
  }
  if (marks->deep_jobs.empty() || marks->deep_audit.empty()) {
    return absl::FailedPreconditionError("the store has fewer than 1,000 jobs: fill it first");
  }
  ASSIGN_OR_RETURN(const auto tasks, tx.TasksOfJob(marks->job_id));
  marks->task_id = tasks.at(0).id;
  marks->agent_id = tasks.at(0).instance_id;
  ASSIGN_OR_RETURN(marks->records, controller::TrailSize(tx));
  return absl::OkStatus();
}

// "common" matches nearly every job, "rare" only some of the first.
absl::Status MeasureJobs(const Landmarks& marks, Meter* meter) {
  const JobKind check = JobKind::kCheck, verify = JobKind::kVerify;
  const JobState succeeded = JobState::kSucceeded, failed = JobState::kFailed;
  RETURN_IF_ERROR(meter->Jobs("first page", {}));
  RETURN_IF_ERROR(meter->Jobs("deep page", {}, marks.deep_jobs));
  RETURN_IF_ERROR(meter->Jobs("environment common", {"development", {}, {}}));
  RETURN_IF_ERROR(meter->Jobs("environment rare", {"production", {}, {}}));
  RETURN_IF_ERROR(meter->Jobs("state common", {"", {}, succeeded}));
  RETURN_IF_ERROR(meter->Jobs("state rare", {"", {}, failed}));
  RETURN_IF_ERROR(meter->Jobs("kind common", {"", check, {}}));
  RETURN_IF_ERROR(meter->Jobs("kind rare", {"", verify, {}}));
  RETURN_IF_ERROR(meter->Jobs("environment common, state common", {"development", {}, succeeded}));
  RETURN_IF_ERROR(meter->Jobs("environment common, state rare", {"development", {}, failed}));
  RETURN_IF_ERROR(meter->Jobs("environment rare, state common", {"production", {}, succeeded}));
  RETURN_IF_ERROR(meter->Jobs("environment common, kind rare", {"development", verify, {}}));
  RETURN_IF_ERROR(meter->Jobs("state common, kind rare", {"", verify, succeeded}));
  RETURN_IF_ERROR(meter->Jobs("state rare, kind common", {"", check, failed}));
  RETURN_IF_ERROR(meter->Jobs("environment common, state common, kind rare",
                              {"development", verify, succeeded}));
  return meter->Jobs("environment rare, state rare, kind rare", {"production", verify, failed});
}

absl::Status MeasureAudit(const Landmarks& marks, Meter* meter) {
  const std::string agent = absl::StrCat("agents/", marks.agent_id);
  RETURN_IF_ERROR(meter->Audit("first page", {}));
  RETURN_IF_ERROR(meter->Audit("deep page", {}, marks.deep_audit));
  RETURN_IF_ERROR(meter->Audit("resource: one job", {absl::StrCat("jobs/", marks.job_id), ""}));
  RETURN_IF_ERROR(meter->Audit("resource: all environments", {"environments/", ""}));
  RETURN_IF_ERROR(meter->Audit("resource: one agent", {agent, ""}));
  RETURN_IF_ERROR(meter->Audit("resource: all agents", {"agents/", ""}));
  RETURN_IF_ERROR(meter->Audit("resource: all jobs", {"jobs/", ""}));
  RETURN_IF_ERROR(meter->Audit("actor: the dispatcher", {"", "system/dispatch"}));
  RETURN_IF_ERROR(meter->Audit("actor: one agent", {"", agent}));
  RETURN_IF_ERROR(meter->Audit("actor: nobody", {"", "users/nobody"}));
  RETURN_IF_ERROR(meter->Audit("actor: one agent, resource: all jobs", {"jobs/", agent}));
  return meter->Measure(
      "audit consistency proof", [&marks](ReadTx& tx, int call) -> absl::StatusOr<int> {
        controller::StoredTiles tiles(&tx);
        // From sizes all over the history, as agents that were long away have them.
        const uint64_t from = 1 + static_cast<uint64_t>(call) * 7919 * 7919 % (marks.records - 1);
        ASSIGN_OR_RETURN(const auto proof, audit::ConsistencyProof(tiles, from, marks.records));
        return static_cast<int>(proof.size());
      });
}

absl::Status MeasureOthers(const Landmarks& marks, Meter* meter) {
  RETURN_IF_ERROR(
      meter->Measure("audit root for a checkpoint", [&](ReadTx& tx, int) -> absl::StatusOr<int> {
        RETURN_IF_ERROR(controller::DescribeTrail(tx, {}, marks.records).status());
        return 1;
      }));
  RETURN_IF_ERROR(
      meter->Measure("a job with its tasks", [&](ReadTx& tx, int) -> absl::StatusOr<int> {
        RETURN_IF_ERROR(tx.GetJob(marks.job_id).status());
        ASSIGN_OR_RETURN(const auto tasks, tx.TasksOfJob(marks.job_id));
        return static_cast<int>(tasks.size());
      }));
  RETURN_IF_ERROR(meter->Measure("progress of a job", [&](ReadTx& tx, int) -> absl::StatusOr<int> {
    RETURN_IF_ERROR(tx.ProgressOf(marks.job_id).status());
    ASSIGN_OR_RETURN(const auto attempts, tx.AttemptsOfTask(marks.task_id));
    return static_cast<int>(attempts.size());
  }));
  RETURN_IF_ERROR(meter->Measure("open attempts", [&](ReadTx& tx, int) -> absl::StatusOr<int> {
    RETURN_IF_ERROR(tx.OpenAttemptsOfInstance(marks.agent_id).status());
    RETURN_IF_ERROR(tx.OpenAttemptsOfAgent(marks.agent_id).status());
    RETURN_IF_ERROR(tx.OpenAttemptsOfJob(marks.job_id).status());
    ASSIGN_OR_RETURN(const auto attempts, tx.OpenAttempts());
    return static_cast<int>(attempts.size());
  }));
  return meter->Measure("jobs that are rolling", [&](ReadTx& tx, int) -> absl::StatusOr<int> {
    controller::Unreadable unreadable;
    ASSIGN_OR_RETURN(const auto jobs, tx.JobsInState(JobState::kRolling, &unreadable));
    return static_cast<int>(jobs.size());
  });
}

}  // namespace

absl::StatusOr<std::vector<ReadFigure>> MeasureReads(controller::Store& store, const Clock& clock,
                                                     int calls) {
  Landmarks marks;
  RETURN_IF_ERROR(store.Read([&](ReadTx& tx) { return Find(tx, &marks); }));
  Meter meter(&store, &clock, calls);
  RETURN_IF_ERROR(MeasureJobs(marks, &meter));
  RETURN_IF_ERROR(MeasureAudit(marks, &meter));
  RETURN_IF_ERROR(MeasureOthers(marks, &meter));
  return meter.TakeFigures();
}

}  // namespace dbfleet::bench
