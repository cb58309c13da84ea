#include "controller/api/job_views.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/api/convert.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/identity/user_rows.h"
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
// RoleBinding that is damaged, say): a job is shown all the same, which needs no roles. The words
// of what blocks it are told who can fill each requirement.
void AddCandidates(ReadTx& tx, JobManager& jobs, JobPicture* whole, api::v1::Job* out) {
  const JobPicture& picture = *whole;
  if (!picture.open_quorum.has_value()) return;
  const absl::StatusOr<Electorate> electorate = Electorate::Read(tx);
  if (!electorate.ok()) return;
  const std::string& environment = picture.job.environment;
  const auto others = jobs.OtherApprovers(tx, picture, electorate->ApproversIn(environment));
  if (!others.ok()) return;
  out->set_candidates_known(true);
  std::set<std::string> names;
  for (const Voter& other : *others) {
    if (FillsPlace(*picture.open_quorum, other)) names.insert(other.principal);
  }
  out->mutable_candidates()->Add(names.begin(), names.end());
  for (const auto& opening : electorate->WhoCan(*picture.open_quorum, *others, environment)) {
    for (PolicyBlocker& blocker : whole->blockers) {
      if (blocker.rule != "approvals" || blocker.policy != opening.policy) continue;
      absl::StrAppend(&blocker.message, "; who can fill ", opening.requirement, ": ",
                      opening.who_can);
    }
  }
}

// An approval that was given with a token that is revoked now is void, which the job does not tell.
// Their places among the job's approvals.
absl::StatusOr<std::vector<int>> VoidApprovals(ReadTx& tx, const Job& job) {
  std::vector<int> places;
  for (size_t i = 0; i < job.approvals.size(); ++i) {
    if (!job.approvals[i].approved) continue;
    ASSIGN_OR_RETURN(const bool revoked, IsRevoked(tx, job.approvals[i].token));
    if (revoked) places.push_back(static_cast<int>(i));
  }
  return places;
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
  std::vector<int> voided;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(picture, jobs_.Show(tx, id, why_no_work_));
    ASSIGN_OR_RETURN(voided, VoidApprovals(tx, picture.job));
    if (picture.job.kind != JobKind::kMigrate) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto glass, BrokenGlassOf(tx, id, clock_.Now()));
    if (glass.has_value()) *beside.mutable_broken_glass() = *std::move(glass);
    if (with_candidates) AddCandidates(tx, jobs_, &picture, &beside);
    return AddRollbacks(tx, picture.job, &beside);
  }));
  ASSIGN_OR_RETURN(api::v1::Job out, Of(picture));
  out.MergeFrom(beside);
  for (const int place : voided) out.mutable_approvals(place)->set_void_(true);
  return out;
}

absl::StatusOr<api::v1::Job> JobViews::Of(const JobPicture& picture) const {
  ASSIGN_OR_RETURN(api::v1::Job out, ToApi(picture.job, clock_.Now()));
  RETURN_IF_ERROR(AddTasks(picture, &out));
  AddBlockers(picture.blockers, &out);
  for (const PolicyBlocker& blocker : picture.foreseen) *out.add_foreseen() = ToApi(blocker);
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
