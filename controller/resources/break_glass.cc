#include "controller/resources/break_glass.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"
#include "controller/identity/principals.h"
#include "controller/identity/request_keys.h"
#include "controller/identity/roles_in.h"
#include "controller/policy/policy.h"

namespace dbfleet::controller {
namespace {

using resource::v1::BrokenGlass;
using resource::v1::GlassEpisode;

constexpr size_t kMostReason = 4000;

std::string Moment(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

bool IsOpen(const GlassEpisode& episode) { return episode.reviewer().empty(); }

absl::Status CheckOverdue(ReadTx& tx, const std::string& principal, absl::Time now) {
  std::vector<std::string> overdue;
  RETURN_IF_ERROR(ForEachGlass(tx, [&](const BrokenGlass& glass) {
    for (const GlassEpisode& episode : glass.episodes()) {
      if (episode.principal() != principal || !IsOpen(episode)) continue;
      if (now >= FromProto(episode.review_due_time())) overdue.push_back(glass.job());
    }
  }));
  if (overdue.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, "REVIEW_OVERDUE",
               absl::StrCat(principal, " broke the glass for ", absl::StrJoin(overdue, ", "),
                            ", which nobody has reviewed in time; somebody else can: dbfleet "
                            "change review ",
                            absl::StripPrefix(overdue.front(), "jobs/"), " --reason REASON"));
}

// The answer is the same for a job elsewhere and for one that is not there, or for which nobody
// broke the glass, but to whoever may review everywhere.
absl::Status MayReview(ReadTx& tx, const BrokenGlass& glass, const std::string& principal,
                       const std::string& job_id, const Rights& rights) {
  if (glass.episodes().empty()) {
    if (rights.Everywhere(Verb::kApprove) || rights.Everywhere(Verb::kAudit)) {
      return absl::OkStatus();
    }
  } else if (rights.In(Verb::kApprove, glass.environment()) ||
             rights.In(Verb::kAudit, glass.environment())) {
    // An admin may read what auditors do, but does not review.
    ASSIGN_OR_RETURN(const std::set<Role> roles, RolesIn(tx, principal, glass.environment()));
    if (roles.count(Role::kApprover) != 0 || roles.count(Role::kAuditor) != 0) {
      return absl::OkStatus();
    }
  }
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
               absl::StrCat("nobody broke the glass for jobs/", job_id, ", or it is where ",
                            principal, " is neither approver nor auditor"));
}

// Whoever can stop the change, or judges what is waived for it, can take the waiver from it.
absl::Status MayEnd(const BrokenGlass& glass, const std::string& principal,
                    const std::string& job_id, const Rights& rights) {
  for (const Verb verb : {Verb::kOperate, Verb::kApprove, Verb::kAudit}) {
    if (glass.episodes().empty() ? rights.Everywhere(verb) : rights.In(verb, glass.environment())) {
      return absl::OkStatus();
    }
  }
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
               absl::StrCat("nobody broke the glass for jobs/", job_id, ", or it is where ",
                            principal, " is neither operator, approver, auditor nor admin"));
}

absl::Status CheckReason(const std::string& reason) {
  if (!reason.empty() && reason.size() <= kMostReason) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "REASON_REQUIRED",
               "a reason is needed here, of at most 4000 bytes (--reason)");
}

absl::Status CheckRequest(const BreakGlass::Request& request) {
  RETURN_IF_ERROR(CheckReason(request.reason));
  const auto waivable = WaivableRules();
  for (const std::string& rule : request.waives) {
    if (std::find(waivable.begin(), waivable.end(), rule) != waivable.end()) continue;
    return Error(absl::StatusCode::kInvalidArgument, "NOT_WAIVABLE",
                 absl::StrCat(absl::StrJoin(waivable, ", "),
                              " can be waived; never a backup, a rollback plan, consent or the "
                              "audit trail"));
  }
  if (request.waives.empty() || request.duration <= absl::ZeroDuration()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_WAIVER",
                 "name what is waived, and for how long (--waive, --for)");
  }
  return absl::OkStatus();
}

// Nobody renews or widens what somebody independent has not looked at, whether it has expired or
// not. Another plan is another matter: nothing is waived for it.
absl::Status CheckReviewed(const BrokenGlass& glass, const Job& job) {
  for (const GlassEpisode& episode : glass.episodes()) {
    if (!IsOpen(episode) || episode.digest() != job.digest) continue;
    return Error(
        absl::StatusCode::kFailedPrecondition, "GLASS_BROKEN",
        absl::StrCat(episode.principal(), " broke the glass for this plan of jobs/", job.id,
                     " already (", absl::StrJoin(episode.waives(), ", "),
                     "), and nobody has reviewed that; somebody else has to first: dbfleet "
                     "change review ",
                     job.id, " --reason REASON"));
  }
  return absl::OkStatus();
}

std::vector<std::string> Arguments(const BreakGlass::Request& request) {
  return {request.job_id, absl::StrJoin(request.waives, ","),
          absl::FormatDuration(request.duration), request.reason, request.digest};
}

absl::Status CheckJob(const Job& job, const std::string& digest) {
  if (job.kind != JobKind::kMigrate ||
      (job.state != JobState::kAwaitingApproval && job.state != JobState::kReady &&
       job.state != JobState::kPaused)) {
    return Error(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
                 absl::StrCat("jobs/", job.id, " is ", NameOf(job.state),
                              "; the glass is broken for changes that are planned and wait"));
  }
  if (digest.empty() || digest == job.digest) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "DIGEST_CHANGED",
               absl::StrCat("jobs/", job.id, " now has the digest ", job.digest,
                            "; look at it again: dbfleet change get ", job.id));
}

}  // namespace

absl::StatusOr<BrokenGlass> BreakGlass::Break(const RequestMeta& meta, const Request& request) {
  RETURN_IF_ERROR(CheckRequest(request));
  const class RequestKey key("break_glass", meta.principal, meta.request_id, Arguments(request));
  StoredGlass stored;
  absl::Status refusal;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = clock_.Now();
    refusal = absl::OkStatus();
    ASSIGN_OR_RETURN(const Job job, tx.GetJob(request.job_id));
    ASSIGN_OR_RETURN(const std::string made, key.FindMade(tx, now));
    ASSIGN_OR_RETURN(stored, LoadGlass(tx, job.id));
    if (!made.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckJob(job, request.digest));
    const std::string resource = absl::StrCat("jobs/", job.id);
    refusal = CheckOverdue(tx, meta.principal, now);
    absl::StatusOr<BreakGlassPolicy> policy =
        PermitWaiver(tx, {meta.principal, job.environment, request.waives, request.duration});
    if (refusal.ok() && absl::IsPermissionDenied(policy.status())) refusal = policy.status();
    if (refusal.ok()) refusal = CheckReviewed(stored.glass, job);
    if (!refusal.ok()) {
      return tx.AppendAudit({meta.principal,
                             "change.break_glass_refused",
                             resource,
                             job.environment,
                             {{"why", std::string(refusal.message())}}});
    }
    RETURN_IF_ERROR(policy.status());
    stored.glass.set_job(resource);
    stored.glass.set_environment(job.environment);
    GlassEpisode& episode = *stored.glass.add_episodes();
    episode.set_principal(meta.principal);
    for (const std::string& rule : request.waives) episode.add_waives(rule);
    episode.set_reason(request.reason);
    episode.set_digest(job.digest);
    episode.set_token(meta.token_id);
    *episode.mutable_create_time() = ToProto(now);
    *episode.mutable_expire_time() = ToProto(now + request.duration);
    *episode.mutable_review_due_time() = ToProto(now + policy->review_within);
    RETURN_IF_ERROR(SaveGlass(tx, job.id, meta.principal, now, &stored));
    RETURN_IF_ERROR(key.Remember(tx, stored.row.id, now));
    return tx.AppendAudit({meta.principal,
                           "change.break_glass",
                           resource,
                           job.environment,
                           {{"waives", absl::StrJoin(request.waives, ", ")},
                            {"reason", request.reason},
                            {"digest", job.digest},
                            {"until", Moment(now + request.duration)},
                            {"policy", policy->name},
                            {"review_due", Moment(now + policy->review_within)},
                            {"token", meta.token_id}}});
  }));
  RETURN_IF_ERROR(refusal);
  (void)Count();
  // Only now that the record stands does anything come of it.
  RETURN_IF_ERROR(LookAgain(meta, request.job_id));
  return std::move(stored.glass);
}

absl::Status BreakGlass::LookAgain(const RequestMeta& meta, const std::string& job_id) {
  JobChanges changes;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    FlowContext context{tx, clock_.Now(), meta.principal, {}};
    RETURN_IF_ERROR(flow_.Advance(context, job_id));
    changes = std::move(context.changes);
    return absl::OkStatus();
  }));
  hub_.Notify(changes);
  return absl::OkStatus();
}

absl::StatusOr<BrokenGlass> BreakGlass::End(const RequestMeta& meta, const std::string& job_id,
                                            const std::string& reason, const Rights& rights) {
  RETURN_IF_ERROR(CheckReason(reason));
  StoredGlass stored;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(stored, LoadGlass(tx, job_id));
    RETURN_IF_ERROR(MayEnd(stored.glass, meta.principal, job_id, rights));
    if (stored.glass.episodes().empty()) {
      return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_END",
                   absl::StrCat("nobody broke the glass for jobs/", job_id));
    }
    GlassEpisode& last = *stored.glass.mutable_episodes()->rbegin();
    if (!last.ender().empty()) return absl::OkStatus();  // A retry, or somebody was faster.
    const absl::Time until = FromProto(last.expire_time());
    if (now >= until) {
      return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_END",
                   absl::StrCat("what was waived for jobs/", job_id, " was so until ",
                                Moment(until), ", which is over"));
    }
    EndEpisode(meta.principal, reason, now, &last);
    RETURN_IF_ERROR(SaveGlass(tx, job_id, meta.principal, now, &stored));
    return tx.AppendAudit({meta.principal,
                           "change.end_break_glass",
                           absl::StrCat("jobs/", job_id),
                           stored.glass.environment(),
                           {{"reason", reason},
                            {"broken_by", last.principal()},
                            {"waived", absl::StrJoin(last.waives(), ", ")},
                            {"until", Moment(until)},
                            {"token", meta.token_id}}});
  }));
  // It is ended, whatever becomes of this: the job is looked at again before anything of it begins.
  (void)LookAgain(meta, job_id);
  return std::move(stored.glass);
}

absl::StatusOr<BrokenGlass> BreakGlass::Review(const RequestMeta& meta, const std::string& job_id,
                                               const std::string& reason, const Rights& rights) {
  if (reason.empty() || reason.size() > kMostReason) {
    return Error(absl::StatusCode::kInvalidArgument, "REASON_REQUIRED",
                 "say what the review found, in at most 4000 bytes (--reason)");
  }
  StoredGlass stored;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(stored, LoadGlass(tx, job_id));
    RETURN_IF_ERROR(MayReview(tx, stored.glass, meta.principal, job_id, rights));
    if (stored.glass.episodes().empty()) {
      return Error(absl::StatusCode::kNotFound, "NOTHING_TO_REVIEW",
                   absl::StrCat("nobody broke the glass for jobs/", job_id));
    }
    ASSIGN_OR_RETURN(const Job job, tx.GetJob(job_id));
    ASSIGN_OR_RETURN(const User reviewer, tx.GetUser(absl::StripPrefix(meta.principal, "users/")));
    if (meta.principal == job.requester || reviewer.service) {
      return Error(absl::StatusCode::kPermissionDenied, "SELF_REVIEW",
                   absl::StrCat(job.requester, " requested jobs/", job_id,
                                "; another person has to review it, not ", meta.principal));
    }
    std::vector<std::string> reviewed;
    for (GlassEpisode& episode : *stored.glass.mutable_episodes()) {
      if (!IsOpen(episode)) continue;
      ASSIGN_OR_RETURN(std::vector<std::string> dependents,
                       DependentPrincipals(tx, episode.principal()));
      dependents.push_back(episode.principal());
      if (std::find(dependents.begin(), dependents.end(), meta.principal) != dependents.end()) {
        return Error(absl::StatusCode::kPermissionDenied, "SELF_REVIEW",
                     absl::StrCat(episode.principal(), " broke the glass for jobs/", job_id,
                                  "; somebody independent has to review it, not ", meta.principal));
      }
      episode.set_reviewer(meta.principal);
      episode.set_review(reason);
      *episode.mutable_review_time() = ToProto(now);
      reviewed.push_back(episode.principal());
    }
    if (reviewed.empty()) return absl::OkStatus();  // A retry, or somebody was faster.
    RETURN_IF_ERROR(SaveGlass(tx, job_id, meta.principal, now, &stored));
    return tx.AppendAudit({meta.principal,
                           "change.review_break_glass",
                           absl::StrCat("jobs/", job_id),
                           stored.glass.environment(),
                           {{"reason", reason},
                            {"broken_by", absl::StrJoin(reviewed, ", ")},
                            {"token", meta.token_id}}});
  }));
  (void)Count();
  return std::move(stored.glass);
}

absl::StatusOr<Page<BrokenGlass>> BreakGlass::List(bool only_open, const PageRequest& page,
                                                   const EnvironmentFilter& where) {
  Page<BrokenGlass> shown;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kBrokenGlassKind, page));
    shown.next_token = found.next_token;
    for (const Resource& row : found.items) {
      BrokenGlass glass;
      if (!glass.ParseFromString(row.blob) || !where.Has(glass.environment())) continue;
      RETURN_IF_ERROR(ShowVoid(tx, clock_.Now(), &glass));
      const bool open = std::any_of(glass.episodes().begin(), glass.episodes().end(), IsOpen);
      if (open || !only_open) shown.items.push_back(std::move(glass));
    }
    return absl::OkStatus();
  }));
  return shown;
}

absl::Status BreakGlass::Count() {
  int open = 0;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) {
    return ForEachGlass(tx, [&](const BrokenGlass& glass) {
      open +=
          static_cast<int>(std::count_if(glass.episodes().begin(), glass.episodes().end(), IsOpen));
    });
  }));
  on_change_(open);
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
