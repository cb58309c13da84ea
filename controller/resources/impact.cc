#include "controller/resources/impact.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/identity/named_roles.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/access.h"
#include "controller/resources/approval_resource.h"
#include "controller/resources/approval_source.h"
#include "controller/resources/break_glass_resource.h"
#include "controller/resources/environment_resource.h"
#include "controller/resources/view.h"
#include "controller/resources/window_resource.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::Message;

// Which environments' policies an alteration would loosen.
struct Loosened {
  bool any = false;
  bool every_environment = false;
  std::vector<std::string> environments;
  // Windows that work may begin in say something only where it has to.
  bool only_where_windows_count = false;
  // Roles that are given or taken in these environments (none: in every one): they loosen only
  // where a policy chooses people by them.
  std::vector<std::pair<Role, std::vector<std::string>>> roles;

  void Add(const std::vector<std::string>& selected) {
    any = true;
    every_environment |= selected.empty();
    environments.insert(environments.end(), selected.begin(), selected.end());
  }
  void AddRole(Role role, std::vector<std::string> selected) {
    any = true;
    roles.emplace_back(role, std::move(selected));
  }
  bool Reaches(const Environment& environment, const NamedRoles& named) const {
    if (only_where_windows_count && environment.policy.window_for == WindowFor::kNone) return false;
    const auto has = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), environment.name) != names.end();
    };
    return every_environment || has(environments) ||
           std::any_of(roles.begin(), roles.end(), [&](const auto& given) {
             return (given.second.empty() || has(given.second)) &&
                    named.Names(given.first, environment.name);
           });
  }
};

absl::StatusOr<std::vector<Environment>> AllEnvironments(ReadTx& tx) {
  std::vector<Environment> environments;
  for (PageRequest page{1000, ""};;) {
    ASSIGN_OR_RETURN(Page<Environment> stored, tx.ListEnvironments(page));
    for (Environment& environment : stored.items) environments.push_back(std::move(environment));
    page.token = stored.next_token;
    if (page.token.empty()) return environments;
  }
}

struct Sides {
  std::unique_ptr<Message> before;  // Null: there is none.
  const Message* after = nullptr;
  bool unreadable = false;  // What is there now.
};

absl::StatusOr<Sides> SidesOf(ReadTx& tx, const Alteration& alteration) {
  Sides sides;
  if (alteration.manifest != nullptr) sides.after = alteration.manifest->message.get();
  const absl::StatusOr<Resource> stored =
      tx.GetResource(absl::StrCat(alteration.kind->collection, "/", alteration.name));
  if (absl::IsNotFound(stored.status())) return sides;
  RETURN_IF_ERROR(stored.status());
  sides.before.reset(alteration.kind->prototype->New());
  sides.unreadable = !sides.before->ParseFromString(stored->blob);
  return sides;
}

// Compares both sides as `Compile` makes them of their messages.
template <typename Value, typename Proto, typename Compile, typename Tightens>
Loosened Compare(const Sides& sides, const Compile& compile, const Tightens& tightens) {
  config::Problems problems;
  std::optional<Value> before, after;
  if (sides.before != nullptr)
    before = compile(static_cast<const Proto&>(*sides.before), &problems);
  if (sides.after != nullptr) after = compile(static_cast<const Proto&>(*sides.after), &problems);
  Loosened loosened;
  if (sides.unreadable || !problems.ToStatus().ok()) {
    loosened.Add({});  // Whatever it said, everywhere.
  } else if (!tightens(before.has_value() ? &*before : nullptr,
                       after.has_value() ? &*after : nullptr)) {
    if (before.has_value()) loosened.Add(before->environments);
    if (after.has_value()) loosened.Add(after->environments);
  }
  return loosened;
}

Loosened CompareWindows(const Sides& sides, absl::Time now) {
  bool freeze = false;
  Loosened loosened = Compare<DeclaredWindow, resource::v1::MaintenanceWindow>(
      sides, CompileWindow, [&](const DeclaredWindow* before, const DeclaredWindow* after) {
        freeze = before != nullptr && before->window.effect == WindowEffect::kDeny;
        return OnlyTightens(before, after, now);
      });
  loosened.only_where_windows_count = !freeze && !sides.unreadable;
  return loosened;
}

// Roles that decide who approves, and who says what needs approval, whatever policies there are.
bool DecidesAboutApprovals(Role role) {
  return role == Role::kApprover || role == Role::kPolicyAdmin || role == Role::kAdmin;
}

// Whoever hands out or takes away such a role could otherwise approve by a friend, or leave only
// friends to approve; whatever the change, it is the quorum's.
absl::StatusOr<Loosened> LoosenedByBinding(ReadTx& tx, const Alteration& alteration) {
  Loosened loosened;
  const absl::StatusOr<Resource> stored =
      tx.GetResource(absl::StrCat(alteration.kind->collection, "/", alteration.name));
  if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
  if (stored.ok()) {
    const absl::StatusOr<RoleBinding> before = RoleBindingOf(tx, *stored);
    // One that cannot be read gives nobody anything; as long as it is there, nobody can approve.
    if (!before.ok() && !absl::IsDataLoss(before.status())) return before.status();
    if (before.ok() && DecidesAboutApprovals(before->role)) {
      loosened.Add(before->where.names());
    } else if (before.ok()) {
      loosened.AddRole(before->role, before->where.names());
    }
  }
  if (alteration.manifest == nullptr) return loosened;
  const auto& spec =
      static_cast<const resource::v1::RoleBinding&>(*alteration.manifest->message).spec();
  const std::optional<Role> role = FromName<Role>(spec.role());
  std::vector<std::string> where = {spec.environments().begin(), spec.environments().end()};
  if (!role.has_value() || DecidesAboutApprovals(*role)) {
    loosened.Add(where);
  } else {
    loosened.AddRole(*role, std::move(where));
  }
  return loosened;
}

absl::StatusOr<Loosened> LoosenedByOne(ReadTx& tx, const Alteration& alteration, absl::Time now) {
  const absl::string_view kind = alteration.kind->kind;
  if (kind == kEnvironmentKind) {
    Loosened loosened;
    const absl::StatusOr<Environment> before = tx.GetEnvironment(alteration.name);
    if (absl::IsNotFound(before.status())) return loosened;
    RETURN_IF_ERROR(before.status());
    const Environment after =
        EnvironmentOf(static_cast<const resource::v1::Environment&>(*alteration.manifest->message));
    if (!OnlyTightens(before->policy, after.policy)) loosened.Add({alteration.name});
    return loosened;
  }
  if (kind == kRoleBindingKind) return LoosenedByBinding(tx, alteration);
  if (kind != kApprovalPolicyKind && kind != kWindowKind && kind != kBreakGlassKind) {
    return Loosened();
  }
  ASSIGN_OR_RETURN(const Sides sides, SidesOf(tx, alteration));
  if (kind == kWindowKind) return CompareWindows(sides, now);
  if (kind == kBreakGlassKind) {
    return Compare<BreakGlassPolicy, resource::v1::BreakGlassPolicy>(
        sides, CompileBreakGlass,
        [](const BreakGlassPolicy* before, const BreakGlassPolicy* after) {
          return OnlyTightens(before, after);
        });
  }
  return Compare<ApprovalPolicy, resource::v1::ApprovalPolicy>(
      sides, CompileApprovalPolicy, [](const ApprovalPolicy* before, const ApprovalPolicy* after) {
        return OnlyTightens(before, after);
      });
}

// Approval policies that cannot be read are deleted or replaced, and nothing else is altered. By
// then nobody knows what they asked for, and the rest of the quorum has to do: otherwise they
// could never be mended.
bool OnlyMends(const ApprovalBook& book, absl::Span<const Alteration> alterations) {
  const auto& names = book.unreadable_names;
  return std::all_of(alterations.begin(), alterations.end(), [&](const Alteration& alteration) {
    return std::find(names.begin(), names.end(),
                     absl::StrCat(alteration.kind->collection, "/", alteration.name)) !=
           names.end();
  });
}

std::string FormedKey(const std::string& environment) {
  return absl::StrCat("quorum.", environment, ".formed");
}

}  // namespace

absl::StatusOr<std::vector<Quorum>> LoosenedBy(ReadTx& tx, absl::Span<const Alteration> alterations,
                                               absl::Time now) {
  std::vector<Loosened> all;
  for (const Alteration& alteration : alterations) {
    ASSIGN_OR_RETURN(Loosened loosened, LoosenedByOne(tx, alteration, now));
    if (loosened.any) all.push_back(std::move(loosened));
  }
  std::vector<Quorum> quorums;
  if (all.empty()) return quorums;
  ASSIGN_OR_RETURN(const auto book, ReadApprovalBook(tx));
  const bool mends = OnlyMends(*book, alterations);
  ASSIGN_OR_RETURN(const std::vector<Environment> environments, AllEnvironments(tx));
  auto named = std::make_shared<const NamedRoles>();
  if (std::any_of(all.begin(), all.end(), [](const Loosened& one) { return !one.roles.empty(); })) {
    ASSIGN_OR_RETURN(named, NamedRoles::Read(tx));
  }
  for (const Environment& environment : environments) {
    const bool reached = std::any_of(all.begin(), all.end(), [&](const Loosened& loosened) {
      return loosened.Reaches(environment, *named);
    });
    if (!reached) continue;
    Quorum quorum = QuorumOf(environment, *book);
    if (mends) quorum.unreadable.clear();
    if (quorum.needed()) quorums.push_back(std::move(quorum));
  }
  return quorums;
}

absl::StatusOr<std::vector<Quorum>> QuorumsOf(ReadTx& tx, const EnvironmentFilter& where) {
  std::vector<Quorum> quorums;
  if (!where.all() && where.names().empty()) return quorums;
  ASSIGN_OR_RETURN(const auto book, ReadApprovalBook(tx));
  ASSIGN_OR_RETURN(const std::vector<Environment> environments, AllEnvironments(tx));
  for (const Environment& environment : environments) {
    if (!where.Has(environment.name)) continue;
    Quorum quorum = QuorumOf(environment, *book);
    if (quorum.needed()) quorums.push_back(std::move(quorum));
  }
  return quorums;
}

bool TouchesRoles(absl::Span<const Alteration> alterations) {
  return std::any_of(alterations.begin(), alterations.end(), [](const Alteration& alteration) {
    return alteration.kind->kind == kRoleBindingKind;
  });
}

absl::StatusOr<EnvironmentFilter> TouchedBy(ReadTx& tx, absl::Span<const Alteration> alterations) {
  std::vector<std::string> names;
  for (const Alteration& alteration : alterations) {
    const ResourceKind& kind = *alteration.kind;
    if (kind.kind == kEnvironmentKind) {
      names.push_back(alteration.name);
      continue;
    }
    if (kind.kind != kApprovalPolicyKind && kind.kind != kRoleBindingKind) continue;
    std::vector<EnvironmentFilter> sides;
    if (alteration.manifest != nullptr) {
      sides.push_back(ReachOf(kind, *alteration.manifest->message));
    }
    const absl::StatusOr<Resource> before =
        tx.GetResource(absl::StrCat(kind.collection, "/", alteration.name));
    if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
    if (before.ok()) sides.push_back(StoredReach(kind, *before));
    for (const EnvironmentFilter& side : sides) {
      if (side.all()) return EnvironmentFilter();
      names.insert(names.end(), side.names().begin(), side.names().end());
    }
  }
  return EnvironmentFilter::Only(std::move(names));
}

absl::StatusOr<bool> IsFormed(ReadTx& tx, const Quorum& quorum) {
  ASSIGN_OR_RETURN(const std::string since, tx.GetSetting(FormedKey(quorum.environment)));
  return !since.empty();
}

absl::Status NoteFormed(WriteTx& tx, const Electorate& electorate, const Quorum& quorum,
                        const std::string& without, absl::Time now) {
  // Where nothing is known to be demanded, nobody can be said to be there for it.
  if (quorum.approvals == 0 && quorum.policies.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool formed, IsFormed(tx, quorum));
  if (formed || !electorate.CouldForm(quorum, without)) return absl::OkStatus();
  RETURN_IF_ERROR(tx.PutSetting(FormedKey(quorum.environment),
                                absl::FormatTime(absl::RFC3339_sec, now, absl::UTCTimeZone())));
  return tx.AppendAudit({"system/controller",
                         "quorum.formed",
                         absl::StrCat("environments/", quorum.environment),
                         quorum.environment,
                         {{"meaning", "loosening its policy needs its quorum from now on"}}});
}

absl::Status NoteAllFormed(WriteTx& tx, const std::string& without, absl::Time now,
                           const EnvironmentFilter& where) {
  ASSIGN_OR_RETURN(std::vector<Quorum> quorums, QuorumsOf(tx, where));
  std::vector<Quorum> unformed;
  for (Quorum& quorum : quorums) {
    ASSIGN_OR_RETURN(const bool formed, IsFormed(tx, quorum));
    if (!formed) unformed.push_back(std::move(quorum));
  }
  if (unformed.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Electorate electorate, Electorate::Read(tx));
  for (const Quorum& quorum : unformed) {
    RETURN_IF_ERROR(NoteFormed(tx, electorate, quorum, without, now));
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
