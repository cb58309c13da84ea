#include "controller/resources/waiver.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/duration_text.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/transitions.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/user_rows.h"
#include "controller/resources/break_glass_resource.h"
#include "controller/resources/kinds.h"

namespace dbfleet::controller {
namespace {

using resource::v1::BrokenGlass;
using resource::v1::GlassEpisode;

constexpr char kActor[] = "system/controller";

// Why this policy does not let the principal do that; "" if it does.
std::string WhyNot(const BreakGlassPolicy& policy, const std::set<Role>& roles,
                   const WaiverAsk& ask) {
  const bool named =
      std::find(policy.users.begin(), policy.users.end(), ask.principal) != policy.users.end() ||
      std::any_of(policy.roles.begin(), policy.roles.end(),
                  [&](Role role) { return roles.count(role) != 0; });
  // Users that are disabled have no role, and no token either.
  if (roles.empty() || !named) return absl::StrCat("does not name ", ask.principal);
  for (const std::string& rule : ask.rules) {
    if (std::find(policy.waives.begin(), policy.waives.end(), rule) == policy.waives.end()) {
      return absl::StrCat("does not let anybody waive ", rule);
    }
  }
  if (ask.duration <= policy.max_duration) return "";
  return absl::StrCat("lets nobody do so for longer than ", DurationText(policy.max_duration));
}

WaiverAsk AskOf(const std::string& environment, const GlassEpisode& episode) {
  WaiverAsk ask;
  ask.principal = episode.principal();
  ask.environment = environment;
  ask.rules.assign(episode.waives().begin(), episode.waives().end());
  ask.duration = FromProto(episode.expire_time()) - FromProto(episode.create_time());
  ask.when = FromProto(episode.create_time());
  return ask;
}

bool Covers(const BreakGlassPolicy& policy, const std::string& environment) {
  const auto& names = policy.environments;
  return names.empty() || std::find(names.begin(), names.end(), environment) != names.end();
}

std::string NotPermitted(const absl::Status& status) {
  return absl::StrCat("it is not permitted any more: ", status.message());
}

}  // namespace

std::string GlassRowOf(const std::string& job_id) { return absl::StrCat("brokenglass/", job_id); }

absl::StatusOr<StoredGlass> LoadGlass(ReadTx& tx, const std::string& job_id) {
  StoredGlass stored;
  absl::StatusOr<Resource> row = tx.GetResource(GlassRowOf(job_id));
  if (absl::IsNotFound(row.status())) return stored;
  RETURN_IF_ERROR(row.status());
  stored.row = *std::move(row);
  if (stored.glass.ParseFromString(stored.row.blob)) return stored;
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               absl::StrCat("the stored ", stored.row.id, " cannot be read"));
}

absl::Status ForEachGlass(ReadTx& tx, const std::function<void(const BrokenGlass&)>& fn) {
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kBrokenGlassKind, page));
    for (const Resource& row : found.items) {
      BrokenGlass glass;
      if (glass.ParseFromString(row.blob)) fn(glass);
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return absl::OkStatus();
}

absl::StatusOr<BreakGlassPolicy> PermitWaiver(ReadTx& tx, const WaiverAsk& ask) {
  ASSIGN_OR_RETURN(const std::set<Role> roles, RolesIn(tx, ask.principal, ask.environment));
  ASSIGN_OR_RETURN(const User user, tx.GetUser(absl::StripPrefix(ask.principal, "users/")));
  if (user.service) {
    return Error(absl::StatusCode::kPermissionDenied, "NO_BREAK_GLASS",
                 absl::StrCat(ask.principal, " is a service account; only people break the glass"));
  }
  std::vector<std::string> why;
  for (PageRequest page{1000, ""};;) {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kBreakGlassKind, page));
    for (const Resource& row : found.items) {
      resource::v1::BreakGlassPolicy manifest;
      config::Problems problems;
      if (ask.without.count(row.id) != 0) continue;
      if (!manifest.ParseFromString(row.blob)) continue;  // Permits nothing.
      BreakGlassPolicy policy = CompileBreakGlass(manifest, &problems);
      if (!problems.ToStatus().ok() || !Covers(policy, ask.environment)) continue;
      const std::string reason = row.update_time > ask.when ? "was declared or changed after that"
                                                            : WhyNot(policy, roles, ask);
      if (reason.empty()) return policy;
      why.push_back(absl::StrCat(row.id, " ", reason));
    }
    page.token = found.next_token;
    if (page.token.empty()) break;
  }
  return Error(
      absl::StatusCode::kPermissionDenied, "NO_BREAK_GLASS",
      absl::StrCat(ask.principal, " may not waive ", absl::StrJoin(ask.rules, ", "), " in ",
                   ask.environment, ": ",
                   why.empty() ? "no BreakGlassPolicy is there for it" : absl::StrJoin(why, "; ")));
}

absl::StatusOr<std::string> WhyVoid(ReadTx& tx, const std::string& environment,
                                    const GlassEpisode& episode) {
  const std::string& who = episode.principal();
  if (!episode.ender().empty()) {
    return absl::StrCat(episode.ender(), " ended it: ", episode.end_reason());
  }
  ASSIGN_OR_RETURN(const bool revoked, IsRevoked(tx, episode.token()));
  if (revoked) return absl::StrCat(who, " broke it with a token that was revoked since");
  const absl::StatusOr<User> user = tx.GetUser(absl::StripPrefix(who, "users/"));
  if (absl::IsNotFound(user.status())) return absl::StrCat(who, " is not there any more");
  RETURN_IF_ERROR(user.status());
  if (user->disabled) return absl::StrCat(who, " is disabled");
  const absl::Status permitted = PermitWaiver(tx, AskOf(environment, episode)).status();
  if (permitted.ok()) return std::string();
  // While a role cannot be read, it is not known who may.
  if (!absl::IsPermissionDenied(permitted) && !absl::IsDataLoss(permitted)) return permitted;
  return NotPermitted(permitted);
}

absl::StatusOr<std::optional<Waiver>> ReadWaiver(ReadTx& tx, const std::string& job_id) {
  const absl::StatusOr<StoredGlass> stored = LoadGlass(tx, job_id);
  // One that cannot be read waives nothing, and must not hold up an outcome.
  if (absl::IsDataLoss(stored.status())) return std::nullopt;
  RETURN_IF_ERROR(stored.status());
  if (stored->glass.episodes().empty()) return std::nullopt;
  const GlassEpisode& last = *stored->glass.episodes().rbegin();
  ASSIGN_OR_RETURN(const std::string why, WhyVoid(tx, stored->glass.environment(), last));
  if (!why.empty()) return std::nullopt;
  Waiver waiver;
  waiver.rules.assign(last.waives().begin(), last.waives().end());
  waiver.digest = last.digest();
  waiver.principal = last.principal();
  waiver.create_time = FromProto(last.create_time());
  waiver.expire_time = FromProto(last.expire_time());
  return waiver;
}

absl::StatusOr<std::vector<std::string>> ChangesWithWaivers(
    ReadTx& tx, absl::Time now,
    const std::function<bool(const std::string&, const GlassEpisode&)>& is_one) {
  std::vector<BrokenGlass> broken;
  RETURN_IF_ERROR(ForEachGlass(tx, [&](const BrokenGlass& glass) {
    if (glass.episodes().empty()) return;
    const GlassEpisode& last = *glass.episodes().rbegin();  // Only that waives anything.
    if (last.ender().empty() && now < FromProto(last.expire_time()) &&
        is_one(glass.environment(), last)) {
      broken.push_back(glass);
    }
  }));
  std::vector<std::string> names;
  for (const BrokenGlass& glass : broken) {
    const absl::StatusOr<Job> job = tx.GetJob(std::string(absl::StripPrefix(glass.job(), "jobs/")));
    if (absl::IsNotFound(job.status())) continue;
    RETURN_IF_ERROR(job.status());
    if (!IsTerminal(job->state) && glass.episodes().rbegin()->digest() == job->digest) {
      names.push_back(glass.job());
    }
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> WaiversOnlyBy(ReadTx& tx,
                                                       const std::set<std::string>& policies,
                                                       absl::Time now) {
  absl::Status failed;
  ASSIGN_OR_RETURN(
      std::vector<std::string> names,
      ChangesWithWaivers(tx, now, [&](const std::string& environment, const GlassEpisode& last) {
        const absl::StatusOr<std::string> before = WhyVoid(tx, environment, last);
        failed.Update(before.status());
        if (!before.ok() || !before->empty()) return false;
        WaiverAsk ask = AskOf(environment, last);
        ask.without = policies;
        const absl::Status after = PermitWaiver(tx, ask).status();
        if (!absl::IsPermissionDenied(after)) failed.Update(after);
        return absl::IsPermissionDenied(after);
      }));
  RETURN_IF_ERROR(failed);
  return names;
}

absl::Status EndVoidWaivers(WriteTx& tx, absl::Time now) {
  std::vector<std::string> ids;
  RETURN_IF_ERROR(ForEachGlass(tx, [&](const BrokenGlass& glass) {
    if (glass.episodes().empty()) return;
    const GlassEpisode& last = *glass.episodes().rbegin();  // Only that waives anything.
    if (!last.ender().empty() || now >= FromProto(last.expire_time())) return;
    ids.emplace_back(absl::StripPrefix(glass.job(), "jobs/"));
  }));
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(StoredGlass stored, LoadGlass(tx, id));
    if (stored.glass.episodes().empty()) continue;  // The row is not what it was listed as.
    GlassEpisode& last = *stored.glass.mutable_episodes()->rbegin();
    ASSIGN_OR_RETURN(const std::string why, WhyVoid(tx, stored.glass.environment(), last));
    if (why.empty()) continue;
    // A role that cannot be read waives nothing now, and may be read again once it is mended.
    const absl::Status permitted =
        PermitWaiver(tx, AskOf(stored.glass.environment(), last)).status();
    if (absl::IsDataLoss(permitted) && why == NotPermitted(permitted)) continue;
    const std::string until =
        absl::FormatTime(absl::RFC3339_sec, FromProto(last.expire_time()), absl::UTCTimeZone());
    EndEpisode(kActor, why, now, &last);
    RETURN_IF_ERROR(SaveGlass(tx, id, kActor, now, &stored));
    RETURN_IF_ERROR(tx.AppendAudit({kActor,
                                    "change.end_break_glass",
                                    absl::StrCat("jobs/", id),
                                    stored.glass.environment(),
                                    {{"reason", why},
                                     {"broken_by", last.principal()},
                                     {"waived", absl::StrJoin(last.waives(), ", ")},
                                     {"until", until}}}));
  }
  return absl::OkStatus();
}

void EndEpisode(const std::string& ender, const std::string& reason, absl::Time now,
                GlassEpisode* episode) {
  episode->set_ender(ender);
  episode->set_end_reason(reason);
  // Also for a version that does not know of ends.
  *episode->mutable_end_time() = *episode->mutable_expire_time() = ToProto(now);
}

absl::Status SaveGlass(WriteTx& tx, const std::string& job_id, const std::string& editor,
                       absl::Time now, StoredGlass* stored) {
  Resource& row = stored->row;
  row.blob = stored->glass.SerializeAsString();
  row.editor = editor;
  row.update_time = now;
  if (row.version != 0) return tx.UpdateResource(&row);
  row.id = GlassRowOf(job_id);
  row.kind = std::string(kBrokenGlassKind);
  row.creator = editor;
  row.create_time = now;
  return tx.InsertResource(&row);
}

absl::Status ShowVoid(ReadTx& tx, absl::Time now, BrokenGlass* glass) {
  if (glass->episodes().empty()) return absl::OkStatus();
  GlassEpisode& last = *glass->mutable_episodes()->rbegin();
  if (!last.ender().empty() || now >= FromProto(last.expire_time())) return absl::OkStatus();
  ASSIGN_OR_RETURN(*last.mutable_void_because(), WhyVoid(tx, glass->environment(), last));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<BrokenGlass>> BrokenGlassOf(ReadTx& tx, const std::string& job_id,
                                                         absl::Time now) {
  ASSIGN_OR_RETURN(StoredGlass stored, LoadGlass(tx, job_id));
  if (stored.glass.episodes().empty()) return std::nullopt;
  RETURN_IF_ERROR(ShowVoid(tx, now, &stored.glass));
  return std::move(stored.glass);
}

}  // namespace dbfleet::controller
