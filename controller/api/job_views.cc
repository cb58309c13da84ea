#include "controller/api/job_views.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/api/convert.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/resources/break_glass.h"
#include "controller/resources/electorate.h"

namespace dbfleet::controller {

namespace {

// A rollback has the contents of what it takes back. Changes of versions that did not compare
// contents are not found.
absl::Status AddRollbacks(ReadTx& tx, const Job& job, api::v1::Job* out) {
  constexpr int kMostShown = 50;
  if (job.content_digest.empty() || !IsTerminal(job.state)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Job> rollbacks,
                   tx.ChangesOfContent({job.environment, job.content_digest, job.id}, kMostShown));
  for (const Job& rollback : rollbacks) {
    out->add_rolled_back_by(absl::StrCat("jobs/", rollback.id));
  }
  return absl::OkStatus();
}

// Who could give an approval that is missing, as a proposal's candidates.
absl::Status AddCandidates(ReadTx& tx, const JobPicture& picture, api::v1::Job* out) {
  if (!picture.not_asked.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Electorate electorate, Electorate::Read(tx));
  std::set<std::string> candidates;
  for (const Voter& approver : electorate.ApproversIn(picture.job.environment)) {
    const auto& spent = *picture.not_asked;
    if (std::find(spent.begin(), spent.end(), approver.principal) == spent.end()) {
      candidates.insert(approver.principal);
    }
  }
  out->mutable_candidates()->Add(candidates.begin(), candidates.end());
  return absl::OkStatus();
}

}  // namespace

std::string EnvironmentId(const std::string& name) {
  return std::string(PlainEnvironment(absl::StripPrefix(name, "environments/")));
}

absl::Status CheckEnvironmentFilter(ReadTx& tx, const std::string& environment) {
  if (environment.empty() || tx.GetEnvironment(environment).ok()) return absl::OkStatus();
  return Error(
      absl::StatusCode::kNotFound, "UNKNOWN_ENVIRONMENT",
      absl::StrCat("there is no environment \"", SanitizeForDisplay(Truncate(environment, 100)),
                   "\"; see: dbfleet environment list"));
}

absl::StatusOr<api::v1::Job> JobViews::ByName(const std::string& name) const {
  std::string id;
  RETURN_IF_ERROR(ParseResourceName("jobs", name, &id));
  return ById(id);
}

absl::StatusOr<api::v1::Job> JobViews::ById(const std::string& id) const {
  JobPicture picture;
  api::v1::Job beside;  // What its picture does not tell.
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(picture, jobs_.Show(tx, id, why_no_work_));
    if (picture.job.kind != JobKind::kMigrate) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto glass, BrokenGlassOf(tx, id));
    if (glass.has_value()) *beside.mutable_broken_glass() = *std::move(glass);
    RETURN_IF_ERROR(AddCandidates(tx, picture, &beside));
    return AddRollbacks(tx, picture.job, &beside);
  }));
  ASSIGN_OR_RETURN(api::v1::Job out, Of(picture));
  out.MergeFrom(beside);
  return out;
}

absl::StatusOr<api::v1::Job> JobViews::Of(const JobPicture& picture) const {
  ASSIGN_OR_RETURN(api::v1::Job out, ToApi(picture.job, clock_.Now()));
  RETURN_IF_ERROR(AddTasks(picture, &out));
  AddBlockers(picture.blockers, &out);
  for (const PolicyBlocker& blocker : picture.foreseen) {
    api::v1::Blocker* const shown = out.add_foreseen();
    shown->set_rule(blocker.rule);
    shown->set_message(blocker.message);
  }
  return out;
}

absl::Status JobViews::List(const api::v1::ListJobsRequest& request,
                            const EnvironmentFilter& visible, bool only_changes,
                            api::v1::ListJobsResponse* response) const {
  const std::string environment = EnvironmentId(request.environment());
  JobFilter filter;
  filter.environment = environment.empty() ? visible : EnvironmentFilter(environment);
  if (only_changes) {
    filter.kind = JobKind::kMigrate;
  } else if (!request.kind().empty()) {
    filter.kind = FromName<JobKind>(request.kind());
    if (!filter.kind.has_value()) {
      return Error(
          absl::StatusCode::kInvalidArgument, "UNKNOWN_KIND",
          absl::StrCat("\"", SanitizeForDisplay(Truncate(request.kind(), 50)),
                       "\" is not a kind of job: check, inspect, backup, verify, migrate"));
    }
  }
  if (request.state() != api::v1::Job::STATE_UNSPECIFIED) {
    ASSIGN_OR_RETURN(filter.state, StateFromApi(request.state()));
  }
  return store_.Read([&](ReadTx& tx) -> absl::Status {
    RETURN_IF_ERROR(CheckEnvironmentFilter(tx, environment));
    ASSIGN_OR_RETURN(const Page<Job> page,
                     tx.ListJobs(filter, {request.page_size(), request.page_token()}));
    for (const Job& job : page.items) {
      ASSIGN_OR_RETURN(api::v1::Job out, ToApi(job, clock_.Now()));
      RETURN_IF_ERROR(AddTargets(tx, job, &out));
      *response->add_jobs() = std::move(out);
    }
    response->set_next_page_token(page.next_token);
    return absl::OkStatus();
  });
}

}  // namespace dbfleet::controller
