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

absl::Status UnknownEnvironment(const Manifest& manifest, absl::string_view field,
                                absl::string_view name) {
  return BadField(
      manifest, field, "UNKNOWN_ENVIRONMENT",
      absl::StrCat("there is no environment \"", SanitizeForDisplay(Truncate(name, 100)),
                   "\"; see: dbfleet environment list"));
}

// Nobody waits for a window of an environment that there is not.
template <typename Names>
absl::Status CheckKnown(const Manifest& manifest, const Names& names, absl::string_view field,
                        const std::set<std::string>& environments) {
  int i = 0;
  for (const std::string& name : names) {
    const std::string item = absl::StrCat(field, "[", i++, "]");
    if (environments.count(name) == 0) return UnknownEnvironment(manifest, item, name);
  }
  return absl::OkStatus();
}

template <typename T>
const auto& SpecOf(const Manifest& manifest) {
  return static_cast<const T&>(*manifest.message).spec();
}

RoleBinding BindingOf(const Manifest& manifest) {
  const auto& spec = SpecOf<resource::v1::RoleBinding>(manifest);
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
  // Users, with one manifest that names them, and where.
  std::map<std::string, std::pair<const Manifest*, std::string>> concerned;
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind != kRoleBindingKind) continue;
    RoleBinding binding = BindingOf(manifest);
    for (size_t i = 0; i < binding.subjects.size(); ++i) {
      concerned[binding.subjects[i]] = {&manifest, absl::StrCat("spec.subjects[", i, "]")};
    }
    bindings[binding.id] = std::move(binding);
  }
  if (concerned.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> stored, ReadRoleBook(tx));
  for (const RoleBinding& binding : stored->bindings()) bindings.emplace(binding.id, binding);
  std::vector<RoleBinding> all;
  for (auto& [id, binding] : bindings) all.push_back(std::move(binding));
  const RoleBook book(std::move(all));
  for (const auto& [subject, named] : concerned) {
    const absl::StatusOr<User> user = tx.GetUser(subject);
    if (absl::IsNotFound(user.status())) {
      return BadField(*named.first, named.second, "UNKNOWN_USER",
                      absl::StrCat("there is no user \"", subject,
                                   "\"; make one first: dbfleet user create ", subject));
    }
    RETURN_IF_ERROR(user.status());
    const absl::Status separate = CheckSeparateHands(*user, book);
    if (absl::IsInvalidArgument(separate)) {
      return BadField(*named.first, named.second, ReasonOf(separate), separate.message());
    }
    RETURN_IF_ERROR(separate);
  }
  return absl::OkStatus();
}

constexpr absl::string_view kPromotesFrom = "spec.policy.promotion.from";

// Each comes after one that is there, and none, by whatever way, after itself.
absl::Status CheckPromotionOrder(const Manifest& manifest,
                                 const std::map<std::string, std::string>& promotes_from) {
  std::vector<std::string> way = {manifest.name};
  for (std::string from = promotes_from.at(manifest.name); !from.empty();) {
    const auto next = promotes_from.find(from);
    if (next == promotes_from.end()) {
      return UnknownEnvironment(manifest, kPromotesFrom, from);
    }
    way.push_back(from);
    if (std::count(way.begin(), way.end(), from) > 1) {
      return BadField(
          manifest, kPromotesFrom, "PROMOTION_CIRCLE",
          absl::StrCat("environments would wait for each other: ", absl::StrJoin(way, " from ")));
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
  constexpr absl::string_view kSelected = "spec.selector.environments";
  for (const Manifest& manifest : manifests) {
    const absl::string_view kind = manifest.kind->kind;
    const auto known = [&](const auto& names, absl::string_view field) {
      return CheckKnown(manifest, names, field, environments);
    };
    absl::Status status;
    if (kind == kWindowKind) {
      const auto& spec = SpecOf<resource::v1::MaintenanceWindow>(manifest);
      status = known(spec.selector().environments(), kSelected);
    } else if (kind == kScheduleKind) {
      const std::string& name = SpecOf<resource::v1::Schedule>(manifest).environment();
      if (environments.count(name) == 0) {
        status = UnknownEnvironment(manifest, "spec.environment", name);
      }
    } else if (kind == kEventRuleKind) {
      const auto& spec = SpecOf<resource::v1::EventRule>(manifest);
      status = known(spec.selector().environments(), kSelected);
    } else if (kind == kRouteKind) {
      const auto& spec = SpecOf<resource::v1::NotificationRoute>(manifest);
      status = known(spec.selector().environments(), kSelected);
    } else if (kind == kApprovalPolicyKind) {
      const auto& spec = SpecOf<resource::v1::ApprovalPolicy>(manifest);
      status = known(spec.selector().environments(), kSelected);
    } else if (kind == kBreakGlassKind) {
      const auto& spec = SpecOf<resource::v1::BreakGlassPolicy>(manifest);
      status = known(spec.environments(), "spec.environments");
    } else if (kind == kEnvironmentKind) {
      status = CheckPromotionOrder(manifest, promotes_from);
    } else if (kind == kRoleBindingKind) {
      const auto& spec = SpecOf<resource::v1::RoleBinding>(manifest);
      status = known(spec.environments(), "spec.environments");
    }
    RETURN_IF_ERROR(status);
  }
  return CheckHands(tx, manifests);
}

}  // namespace dbfleet::controller
