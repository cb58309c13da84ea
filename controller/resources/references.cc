// What only the store can tell to be wrong with manifests (see apply.h).
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/apply.h"
#include "controller/resources/environment_resource.h"
#include "controller/routes/route.h"
#include "controller/rules/rule.h"
#include "dbfleet/resource/v1/event_rule.pb.h"

namespace dbfleet::controller {
namespace {

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

RoleBinding BindingOf(const Manifest& manifest) {
  const auto& spec = static_cast<const resource::v1::RoleBinding&>(*manifest.message).spec();
  RoleBinding binding;
  binding.id = manifest.id();
  binding.role = FromName<Role>(spec.role()).value_or(Role::kViewer);
  binding.subjects.assign(spec.subjects().begin(), spec.subjects().end());
  if (!spec.environments().empty()) {
    binding.where =
        EnvironmentFilter::Only({spec.environments().begin(), spec.environments().end()});
  }
  return binding;
}

// With these bindings in place of those that are there, nobody may hold what is for separate hands.
absl::Status CheckHands(ReadTx& tx, absl::Span<const Manifest> manifests) {
  std::map<std::string, RoleBinding> bindings;
  std::map<std::string, const Manifest*> concerned;  // Users, with one manifest that names them.
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind != kRoleBindingKind) continue;
    RoleBinding binding = BindingOf(manifest);
    for (const std::string& subject : binding.subjects) concerned[subject] = &manifest;
    bindings[binding.id] = std::move(binding);
  }
  if (concerned.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> stored, ReadRoleBook(tx));
  for (const RoleBinding& binding : stored->bindings()) bindings.emplace(binding.id, binding);
  std::vector<RoleBinding> all;
  for (auto& [id, binding] : bindings) all.push_back(std::move(binding));
  const RoleBook book(std::move(all));
  for (const auto& [subject, manifest] : concerned) {
    const std::string place = absl::StrCat(manifest->place, ": ", manifest->id());
    const absl::StatusOr<User> user = tx.GetUser(subject);
    if (absl::IsNotFound(user.status())) {
      return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_USER",
                   absl::StrCat(place, ": there is no user \"", subject,
                                "\"; make one first: dbfleet user create ", subject));
    }
    RETURN_IF_ERROR(user.status());
    RETURN_IF_ERROR(Annotate(CheckSeparateHands(*user, book), place));
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

}  // namespace

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
    } else if (manifest.kind->kind == kScheduleKind) {
      const auto& schedule = static_cast<const resource::v1::Schedule&>(*manifest.message);
      RETURN_IF_ERROR(CheckKnown(manifest, {schedule.spec().environment()}, environments));
    } else if (manifest.kind->kind == kEventRuleKind) {
      const auto& named = static_cast<const resource::v1::EventRule&>(*manifest.message)
                              .spec()
                              .selector()
                              .environments();
      RETURN_IF_ERROR(CheckKnown(manifest, {named.begin(), named.end()}, environments));
    } else if (manifest.kind->kind == kRouteKind) {
      const auto& named = static_cast<const resource::v1::NotificationRoute&>(*manifest.message)
                              .spec()
                              .selector()
                              .environments();
      RETURN_IF_ERROR(CheckKnown(manifest, {named.begin(), named.end()}, environments));
    } else if (manifest.kind->kind == kApprovalPolicyKind) {
      RETURN_IF_ERROR(CheckKnown(manifest, ApprovalPolicyOf(manifest).environments, environments));
    } else if (manifest.kind->kind == kBreakGlassKind) {
      const auto& spec =
          static_cast<const resource::v1::BreakGlassPolicy&>(*manifest.message).spec();
      RETURN_IF_ERROR(CheckKnown(manifest, {spec.environments().begin(), spec.environments().end()},
                                 environments));
    } else if (manifest.kind->kind == kEnvironmentKind) {
      RETURN_IF_ERROR(CheckPromotionOrder(manifest, promotes_from));
    } else if (manifest.kind->kind == kRoleBindingKind) {
      RETURN_IF_ERROR(CheckKnown(manifest, BindingOf(manifest).where.names(), environments));
    }
  }
  return CheckHands(tx, manifests);
}

}  // namespace dbfleet::controller
