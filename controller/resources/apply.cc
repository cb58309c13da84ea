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
#include "controller/policy/policy.h"
#include "controller/resources/environment_resource.h"
#include "controller/resources/line_diff.h"
#include "controller/resources/window_resource.h"
#include "controller/resources/window_source.h"

namespace dbfleet::controller {
namespace {

using Action = ResourceChange::Action;

Environment DeclaredEnvironment(const Manifest& manifest) {
  return EnvironmentOf(static_cast<const resource::v1::Environment&>(*manifest.message));
}

// Nobody waits for a window of an environment that there is not.
absl::Status CheckKnown(const Manifest& manifest, const std::vector<std::string>& names,
                        const std::set<std::string>& environments) {
  for (const std::string& name : names) {
    if (environments.count(name) != 0) continue;
    return Error(
        absl::StatusCode::kInvalidArgument, "UNKNOWN_ENVIRONMENT",
        absl::StrCat(manifest.place, ": ", manifest.id(), ": there is no environment \"",
                     SanitizeForDisplay(Truncate(name, 100)), "\"; see: dbfleet environment list"));
  }
  return absl::OkStatus();
}

// Each comes after one that is there, and none, by whatever way, after itself.
absl::Status CheckPromotionOrder(const Manifest& manifest,
                                 const std::map<std::string, std::string>& promotes_from) {
  std::vector<std::string> way = {manifest.name};
  for (std::string from = promotes_from.at(manifest.name); !from.empty();) {
    const auto next = promotes_from.find(from);
    if (next == promotes_from.end()) {
      return CheckKnown(manifest, {from}, {});
    }
    way.push_back(from);
    if (std::count(way.begin(), way.end(), from) > 1) {
      return Error(
          absl::StatusCode::kInvalidArgument, "PROMOTION_CIRCLE",
          absl::StrCat(manifest.place, ": ", manifest.id(),
                       ": environments would wait for each other: ", absl::StrJoin(way, " from ")));
    }
    from = next->second;
  }
  return absl::OkStatus();
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

absl::Status Audit(const ApplyContext& context, const Manifest& manifest,
                   const ResourceChange& change, std::map<std::string, std::string> details,
                   const std::string& environment) {
  details["kind"] = std::string(manifest.kind->kind);
  details["diff"] = Truncate(absl::StrJoin(change.diff, "\n"), kMostAuditedYaml);
  if (!context.reason.empty()) details["reason"] = context.reason;
  const char* verb = change.action == Action::kCreated ? "resource.create" : "resource.update";
  return context.write->AppendAudit(
      {context.meta.principal, verb, manifest.id(), environment, std::move(details)});
}

absl::StatusOr<ResourceChange> ApplyEnvironment(const ApplyContext& context,
                                                const Manifest& manifest) {
  Environment wanted = DeclaredEnvironment(manifest);
  absl::StatusOr<Environment> former = context.read.GetEnvironment(manifest.name);
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  ResourceChange change;
  change.resource = ViewOf(wanted);
  RETURN_IF_ERROR(Compare(manifest, former.ok() ? ViewOf(*former).yaml : "",
                          former.ok() ? former->version : 0, &change));
  // One that the configuration made becomes a declared one, though nothing else changes.
  change.takes_over = former.ok() && !former->declared;
  if (change.action == Action::kUnchanged) {
    if (!change.takes_over) {
      change.resource = ViewOf(*former);
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
  std::map<std::string, std::string> details = {
      {"policy_digest", PolicyDigest(wanted.name, wanted.policy)}};
  if (change.takes_over) details["takes_over"] = "from the controller's configuration";
  RETURN_IF_ERROR(Audit(context, manifest, change, std::move(details), manifest.name));
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
  Resource next = former.ok() ? *former : Resource();
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
    if (manifest.kind->kind == kWindowKind) {
      RETURN_IF_ERROR(WindowSource::CountChange(*context.write, context.now));
    }
    RETURN_IF_ERROR(Audit(context, manifest, change, {}, ""));
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

absl::Status CheckTimes(absl::Span<const Manifest> manifests, absl::Time now) {
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind != kWindowKind) continue;
    RETURN_IF_ERROR(Annotate(CheckTimes(WindowOf(manifest).window.times, now),
                             absl::StrCat(manifest.place, ": ", manifest.id())));
  }
  return absl::OkStatus();
}

absl::Status CheckReferences(ReadTx& tx, absl::Span<const Manifest> manifests) {
  std::set<std::string> environments;
  std::map<std::string, std::string> promotes_from;  // As it would be afterwards.
  for (PageRequest page{1000, ""};;) {
    ASSIGN_OR_RETURN(const Page<Environment> stored, tx.ListEnvironments(page));
    for (const Environment& environment : stored.items) {
      environments.insert(environment.name);
      promotes_from[environment.name] = environment.policy.promotion.from;
    }
    page.token = stored.next_token;
    if (page.token.empty()) break;
  }
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind != kEnvironmentKind) continue;
    environments.insert(manifest.name);
    promotes_from[manifest.name] = DeclaredEnvironment(manifest).policy.promotion.from;
  }
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind == kWindowKind) {
      RETURN_IF_ERROR(CheckKnown(manifest, WindowOf(manifest).environments, environments));
    } else if (manifest.kind->kind == kEnvironmentKind) {
      RETURN_IF_ERROR(CheckPromotionOrder(manifest, promotes_from));
    }
  }
  return absl::OkStatus();
}

absl::Status Stale(absl::string_view id) {
  return Error(absl::StatusCode::kAborted, "STALE",
               absl::StrCat(id, " was changed meanwhile; look at it again: dbfleet get ", id));
}

absl::StatusOr<ResourceChange> ApplyManifest(const ApplyContext& context,
                                             const Manifest& manifest) {
  return manifest.kind->kind == kEnvironmentKind ? ApplyEnvironment(context, manifest)
                                                 : ApplyResource(context, manifest);
}

}  // namespace dbfleet::controller
