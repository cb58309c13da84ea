#include "controller/api/job_views.h"

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

// Who could give an approval that is missing. Nobody is told of where it cannot be read (a stored
// RoleBinding that is damaged, say): a job is shown all the same, which needs no roles.
void AddCandidates(ReadTx& tx, JobManager& jobs, const JobPicture& picture, api::v1::Job* out) {
  if (!picture.open_quorum.has_value()) return;
  const absl::StatusOr<Electorate> electorate = Electorate::Read(tx);
  if (!electorate.ok()) return;
  const auto names =
      jobs.WhoCouldApprove(tx, picture, electorate->ApproversIn(picture.job.environment));
  if (!names.ok()) return;
  out->set_candidates_known(true);
  out->mutable_candidates()->Add(names->begin(), names->end());
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
  return Read(id, true);
}

absl::StatusOr<api::v1::Job> JobViews::ById(const std::string& id) const { return Read(id, false); }

absl::StatusOr<api::v1::Job> JobViews::Read(const std::string& id, bool with_candidates) const {
  JobPicture picture;
  api::v1::Job beside;  // What its picture does not tell.
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(picture, jobs_.Show(tx, id, why_no_work_));
    if (picture.job.kind != JobKind::kMigrate) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto glass, BrokenGlassOf(tx, id));
    if (glass.has_value()) *beside.mutable_broken_glass() = *std::move(glass);
    if (with_candidates) AddCandidates(tx, jobs_, picture, &beside);
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
