#include "controller/resources/apply.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/yaml_writer.h"
#include "controller/identity/named_roles.h"
#include "controller/identity/permissions.h"
#include "controller/identity/roles_in.h"
#include "controller/policy/policy.h"
#include "controller/resources/access.h"
#include "controller/resources/approval_resource.h"
#include "controller/resources/approval_source.h"
#include "controller/resources/environment_resource.h"
#include "controller/resources/event_rule_source.h"
#include "controller/resources/line_diff.h"
#include "controller/resources/schedule_source.h"
#include "controller/resources/window_resource.h"
#include "controller/resources/window_source.h"

namespace dbfleet::controller {
namespace {

using Action = ResourceChange::Action;

absl::Status Exists(absl::string_view id) {
  return Error(absl::StatusCode::kAlreadyExists, "RESOURCE_EXISTS",
               absl::StrCat("there is ", id, " already; look at it: dbfleet get ", id));
}

Environment DeclaredEnvironment(const Manifest& manifest) {
  return EnvironmentOf(static_cast<const resource::v1::Environment&>(*manifest.message));
}

// Compares by their texts, sets action and diff. `version` is what is there now.
absl::Status Compare(const Manifest& manifest, const std::string& before, uint64_t version,
                     ResourceChange* change) {
  change->diff = DiffLines(before, change->resource.yaml);
  change->action = change->diff.empty() ? Action::kUnchanged
                   : before.empty()     ? Action::kCreated
                                        : Action::kUpdated;
  // What is there as declared may be so because this is a retry.
  const bool stale = manifest.version != 0 && manifest.version != version;
  return stale && change->action != Action::kUnchanged ? Stale(manifest.id()) : absl::OkStatus();
}

// Of one that was to be made and is there already. Whoever made it just so repeats a request whose
// answer was lost; somebody else's, though it be the same, is not theirs to end.
absl::Status CheckNew(const ApplyContext& context, const Manifest& manifest,
                      const ResourceChange& change, const Resource& former) {
  const std::string& caller = context.meta.principal;
  const bool repeated =
      change.action == Action::kUnchanged && former.creator == caller && former.editor == caller;
  if (!manifest.create_only || repeated) return absl::OkStatus();
  return Exists(manifest.id());
}

absl::Status Audit(const ApplyContext& context, const Manifest& manifest,
                   const ResourceChange& change, std::map<std::string, std::string> details,
                   const std::vector<EnvironmentFilter>& reaches) {
  details["kind"] = std::string(manifest.kind->kind);
  details["diff"] = Truncate(absl::StrJoin(change.diff, "\n"), kMostAuditedYaml);
  if (!context.reason.empty()) details["reason"] = context.reason;
  details.insert(context.more.begin(), context.more.end());
  const char* verb = change.action == Action::kCreated ? "resource.create" : "resource.update";
  AuditEntry entry{context.meta.principal, verb, manifest.id(), "", std::move(details)};
  NotePlace(reaches, &entry);
  return context.write->AppendAudit(entry);
}

// Why nothing is done for the schedule or rule as it is there, though whoever applies it may have
// it done; "" for whatever else.
absl::StatusOr<std::string> WhyDeserted(const ApplyContext& context, const Manifest& manifest,
                                        const Resource& former) {
  if (former.editor == context.meta.principal ||
      !WorksByItself(*manifest.kind, *manifest.message) ||
      !MayUse(context.rights, *manifest.kind, *manifest.message)) {
    return std::string();
  }
  // Nobody is known to have lost anything while that cannot be read.
  if (absl::IsDataLoss(ReadRoleBook(context.read).status())) return std::string();
  ASSIGN_OR_RETURN(const Rights editor, RightsOf(context.read, former.editor));
  const EnvironmentFilter reach = ReachOf(*manifest.kind, *manifest.message);
  if (reach.all()) {
    if (editor.Everywhere(kScheduledVerb)) return std::string();
    return absl::StrCat(former.editor, " has not the role ",
                        RoleWords(std::vector<Verb>{kScheduledVerb}), " everywhere (any more)");
  }
  for (const std::string& name : reach.names()) {
    ASSIGN_OR_RETURN(std::string why, WhyNotEntitled(context.read, former.editor, name));
    if (!why.empty()) return why;
  }
  return std::string();
}

// What falls into the time in which a rule is suspended, or cannot be read, is not for it.
bool WasSuspended(const Resource& former) {
  const absl::StatusOr<DeclaredEventRule> rule = EventRuleIn(former);
  return !rule.ok() || rule->suspended;
}

absl::StatusOr<ResourceChange> ApplyEnvironment(const ApplyContext& context,
                                                const Manifest& manifest) {
  Environment wanted = DeclaredEnvironment(manifest);
  absl::StatusOr<Environment> former = context.read.GetEnvironment(manifest.name);
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  if (manifest.create_only && former.ok()) return Exists(manifest.id());
  ResourceChange change;
  change.resource = ViewOf(wanted);
  RETURN_IF_ERROR(Compare(manifest, former.ok() ? ViewOf(*former).yaml : "",
                          former.ok() ? former->version : 0, &change));
  // One that the configuration made becomes a declared one, though nothing else changes.
  change.takes_over = former.ok() && !former->declared;
  if (change.action == Action::kUnchanged) {
    if (!change.takes_over) {
      ASSIGN_OR_RETURN(change.resource, ViewOf(context.read, *former));
      return change;
    }
    change.action = Action::kUpdated;
  }
  if (context.write == nullptr) return change;
  if (former.ok()) {
    wanted.version = former->version;
    RETURN_IF_ERROR(context.write->UpdateEnvironment(&wanted));
  } else {
    RETURN_IF_ERROR(context.write->InsertEnvironment(&wanted));
  }
  change.resource = ViewOf(wanted);
  change.resource.editor = context.meta.principal;
  change.resource.update_time = context.now;
  std::map<std::string, std::string> details = {
      {"policy_digest", PolicyDigest(wanted.name, wanted.policy)}};
  if (change.takes_over) details["takes_over"] = "from the controller's configuration";
  RETURN_IF_ERROR(Audit(context, manifest, change, std::move(details), {manifest.name}));
  return change;
}

absl::StatusOr<ResourceChange> ApplyResource(const ApplyContext& context,
                                             const Manifest& manifest) {
  absl::StatusOr<Resource> former = context.read.GetResource(manifest.id());
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  std::string before;
  // One that cannot be read is replaced.
  if (former.ok()) {
    before = YamlOf(*manifest.kind, former->blob, former->id).value_or("unreadable");
  }
  ResourceChange change;
  change.resource.yaml = config::WriteYaml(*manifest.message);
  RETURN_IF_ERROR(Compare(manifest, before, former.ok() ? former->version : 0, &change));
  if (former.ok()) RETURN_IF_ERROR(CheckNew(context, manifest, change, *former));
  Resource next = former.ok() ? *former : Resource();
  // A schedule that stands still for want of its declarer's role goes on for whoever applies it.
  std::string deserted;
  if (change.action == Action::kUnchanged && former.ok()) {
    ASSIGN_OR_RETURN(deserted, WhyDeserted(context, manifest, *former));
    change.takes_over = !deserted.empty();
    if (change.takes_over) change.action = Action::kUpdated;
  }
  if (change.action != Action::kUnchanged) {
    next.editor = context.meta.principal;
    next.update_time = context.now;
    next.blob = manifest.message->SerializeAsString();
  }
  if (change.action == Action::kCreated) {
    next.id = manifest.id();
    next.kind = std::string(manifest.kind->kind);
    next.creator = context.meta.principal;
    next.create_time = context.now;
  }
  if (context.write != nullptr && change.action != Action::kUnchanged) {
    RETURN_IF_ERROR(former.ok() ? context.write->UpdateResource(&next)
                                : context.write->InsertResource(&next));
    RETURN_IF_ERROR(CountChange(*context.write, manifest.kind->kind, context.now));
    std::vector<EnvironmentFilter> reaches = {ReachOf(*manifest.kind, *manifest.message)};
    if (former.ok()) reaches.push_back(StoredReach(*manifest.kind, *former));
    if (manifest.kind->kind == kScheduleKind) {
      ASSIGN_OR_RETURN(const DeclaredSchedule schedule, ScheduleIn(next));
      RETURN_IF_ERROR(NoteScheduleApplied(*context.write, schedule, !(reaches[0] == reaches.back()),
                                          context.meta.principal, context.now));
    }
    if (manifest.kind->kind == kEventRuleKind) {
      ASSIGN_OR_RETURN(const DeclaredEventRule rule, EventRuleIn(next));
      const bool was_suspended = former.ok() && WasSuspended(*former);
      RETURN_IF_ERROR(NoteEventRuleApplied(*context.write, rule, !(reaches[0] == reaches.back()),
                                           was_suspended, context.meta.principal, context.now));
    }
    if (manifest.kind->kind == kRoleBindingKind) {
      RETURN_IF_ERROR(NoteRoleChange(*context.write, next.id, context.meta.principal, context.now));
    }
    std::map<std::string, std::string> details;
    if (change.takes_over) details["takes_over"] = deserted;
    RETURN_IF_ERROR(Audit(context, manifest, change, std::move(details), reaches));
  }
  ASSIGN_OR_RETURN(change.resource, ViewOf(next));
  return change;
}

}  // namespace

DeclaredWindow WindowOf(const Manifest& manifest) {
  config::Problems none;
  return CompileWindow(static_cast<const resource::v1::MaintenanceWindow&>(*manifest.message),
                       &none);
}

ApprovalPolicy ApprovalPolicyOf(const Manifest& manifest) {
  config::Problems none;
  return CompileApprovalPolicy(static_cast<const resource::v1::ApprovalPolicy&>(*manifest.message),
                               &none);
}

namespace {

// Of times that CheckTimes refused.
absl::string_view FieldToBlame(const WindowTimes& times) {
  if (times.once.has_value()) return "spec.once.end";
  if (times.duration < kShortestWindow || times.duration > kLongestRecurring) {
    return "spec.recurring.duration";
  }
  if (times.not_after < times.not_before) return "spec.recurring.not_after";
  return "spec.recurring.cron";
}

}  // namespace

absl::Status CheckTimes(absl::Span<const Manifest> manifests, absl::Time now) {
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind != kWindowKind) continue;
    const WindowTimes times = WindowOf(manifest).window.times;
    const absl::Status status = CheckTimes(times, now);
    if (status.ok()) continue;
    return BadField(manifest, FieldToBlame(times), ReasonOf(status), status.message());
  }
  return absl::OkStatus();
}

absl::Status AuthoriseManifest(const ApplyContext& context, const Manifest& manifest) {
  const ResourceKind& kind = *manifest.kind;
  const auto refuse = [&](absl::string_view where) {
    const std::vector<Verb> verbs = {VerbToChange(kind)};
    return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
                 absl::StrCat(manifest.place, ": ", context.meta.principal, " may not change ",
                              manifest.id(), ": it needs the role ", RoleWords(verbs), " in ",
                              where, ", and a token that is not limited to less"));
  };
  const EnvironmentFilter reach = ReachOf(kind, *manifest.message);
  if (!MayChange(context.rights, kind, reach)) {
    return refuse(reach.all() ? "all environments, which it is about"
                              : absl::StrCat("each environment that it is about: ",
                                             absl::StrJoin(reach.names(), ", ")));
  }
  absl::StatusOr<Resource> former = absl::NotFoundError("");
  if (kind.kind != kEnvironmentKind) former = context.read.GetResource(manifest.id());
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  // Applying what is there changes nothing of it, and nobody's account for what it does.
  const bool unchanged = former.ok() && YamlOf(kind, former->blob, former->id).value_or("") ==
                                            config::WriteYaml(*manifest.message);
  if (!unchanged && !MayUse(context.rights, kind, *manifest.message)) {
    return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
                 absl::StrCat(manifest.place, ": ", context.meta.principal, " may not apply ",
                              manifest.id(), ": what it has done needs the role ",
                              RoleWords(std::vector<Verb>{kScheduledVerb}), " in ",
                              reach.all() ? "all environments" : absl::StrJoin(reach.names(), ", "),
                              " as by hand, and a token that is not limited to less; suspended it "
                              "can be applied without"));
  }
  if (!former.ok()) return absl::OkStatus();
  if (MayChange(context.rights, kind, StoredReach(kind, *former))) return absl::OkStatus();
  return refuse("each environment that the one with this name is about");
}

absl::Status CountChange(WriteTx& tx, absl::string_view kind, absl::Time now) {
  if (kind == kWindowKind) return WindowSource::CountChange(tx, now);
  if (kind == kApprovalPolicyKind || kind == kBreakGlassKind) {
    RETURN_IF_ERROR(NamedRoles::NoteChange(tx, now));
  }
  if (kind == kApprovalPolicyKind) return CountApprovalChange(tx, now);
  return absl::OkStatus();
}

absl::Status Stale(absl::string_view id) {
  return Error(absl::StatusCode::kAborted, "STALE",
               absl::StrCat(id, " was changed meanwhile; look at it again: dbfleet get ", id));
}

absl::StatusOr<ResourceView> DeleteDeclared(const ApplyContext& context, const std::string& id,
                                            uint64_t version) {
  ASSIGN_OR_RETURN(const Resource resource, context.read.GetResource(id));
  if (version != 0 && version != resource.version) return Stale(id);
  // One that cannot be read can still be deleted.
  absl::StatusOr<ResourceView> known = ViewOf(resource);
  ResourceView view = known.ok() ? *std::move(known) : ResourceView{id, resource.kind, ""};
  if (context.write == nullptr) return view;
  RETURN_IF_ERROR(context.write->DeleteResource(resource));
  RETURN_IF_ERROR(CountChange(*context.write, resource.kind, context.now));
  if (resource.kind == kScheduleKind) {
    RETURN_IF_ERROR(NoteScheduleDeleted(*context.write, id.substr(id.find('/') + 1),
                                        context.meta.principal, context.now));
  }
  if (resource.kind == kEventRuleKind) {
    RETURN_IF_ERROR(NoteEventRuleDeleted(*context.write, id.substr(id.find('/') + 1),
                                         context.meta.principal, context.now));
  }
  if (resource.kind == kRoleBindingKind) {
    RETURN_IF_ERROR(NoteRoleRemoval(*context.write, id, context.now));
  }
  std::map<std::string, std::string> details = {{"kind", resource.kind},
                                                {"was", Truncate(view.yaml, kMostAuditedYaml)}};
  if (!context.reason.empty()) details["reason"] = context.reason;
  details.insert(context.more.begin(), context.more.end());
  AuditEntry entry{context.meta.principal, "resource.delete", id, "", std::move(details)};
  const ResourceKind* const kind = FindResourceKind(resource.kind);
  if (kind != nullptr) NotePlace({StoredReach(*kind, resource)}, &entry);
  RETURN_IF_ERROR(context.write->AppendAudit(entry));
  return view;
}

absl::StatusOr<ResourceChange> ApplyManifest(const ApplyContext& context,
                                             const Manifest& manifest) {
  return manifest.kind->kind == kEnvironmentKind ? ApplyEnvironment(context, manifest)
                                                 : ApplyResource(context, manifest);
}

}  // namespace dbfleet::controller
