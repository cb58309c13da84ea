#include "controller/identity/roles_in.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/store/compiled_once.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {
namespace {

constexpr char kGeneration[] = "roles.generation";

std::string MakersKey(const std::string& id) { return absl::StrCat("roles.makers.", id); }

absl::StatusOr<std::shared_ptr<const RoleBook>> Load(ReadTx& tx) {
  std::vector<RoleBinding> bindings;
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kRoleBindingKind, page));
    for (const Resource& resource : found.items) {
      ASSIGN_OR_RETURN(bindings.emplace_back(), RoleBindingOf(tx, resource));
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return std::make_shared<const RoleBook>(std::move(bindings));
}

}  // namespace

absl::StatusOr<RoleBinding> RoleBindingOf(ReadTx& tx, const Resource& resource) {
  resource::v1::RoleBinding manifest;
  const bool parsed = manifest.ParseFromString(resource.blob);
  const std::optional<Role> role = FromName<Role>(manifest.spec().role());
  if (!parsed || !role.has_value()) {
    return Error(
        absl::StatusCode::kDataLoss, "STORE_CORRUPT",
        absl::StrCat("the stored ", resource.id, " cannot be read; delete it, and apply it again"));
  }
  RoleBinding binding;
  binding.id = resource.id;
  binding.role = *role;
  binding.subjects.assign(manifest.spec().subjects().begin(), manifest.spec().subjects().end());
  const auto& environments = manifest.spec().environments();
  if (!environments.empty()) {
    binding.where = EnvironmentFilter::Only({environments.begin(), environments.end()});
  }
  ASSIGN_OR_RETURN(const std::string makers, tx.GetSetting(MakersKey(resource.id)));
  binding.makers = absl::StrSplit(makers, ' ', absl::SkipEmpty());
  // As the resource tells it, should the setting be lost.
  for (const std::string& maker : {resource.creator, resource.editor}) {
    if (std::find(binding.makers.begin(), binding.makers.end(), maker) == binding.makers.end()) {
      binding.makers.push_back(maker);
    }
  }
  return binding;
}

absl::StatusOr<std::shared_ptr<const RoleBook>> ReadRoleBook(ReadTx& tx) {
  static auto* const compiled = new CompiledOnce<RoleBook>;
  ASSIGN_OR_RETURN(const std::string generation, tx.GetSetting(kGeneration));
  // Without a change there is no name under which it could be kept for all stores.
  if (generation.empty()) return Load(tx);
  return compiled->Of(generation, tx, Load);
}

absl::StatusOr<std::set<Role>> RolesIn(ReadTx& tx, const std::string& principal,
                                       const std::string& environment) {
  absl::string_view id = principal;
  if (!absl::ConsumePrefix(&id, "users/")) return std::set<Role>();
  const absl::StatusOr<User> user = tx.GetUser(id);
  if (absl::IsNotFound(user.status())) return std::set<Role>();
  RETURN_IF_ERROR(user.status());
  ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
  return RolesIn(*user, *book, environment);
}

absl::StatusOr<Rights> RightsOf(ReadTx& tx, const std::string& principal) {
  absl::string_view id = principal;
  if (!absl::ConsumePrefix(&id, "users/")) return Rights();
  absl::StatusOr<User> user = tx.GetUser(id);
  if (absl::IsNotFound(user.status())) return Rights();
  RETURN_IF_ERROR(user.status());
  const absl::StatusOr<std::shared_ptr<const RoleBook>> book = ReadRoleBook(tx);
  if (absl::IsDataLoss(book.status())) {
    std::erase(user->roles, Role::kApprover);
    return Rights::Of(*user, RoleBook({}).GrantsOf(*user));
  }
  RETURN_IF_ERROR(book.status());
  return Rights::Of(*user, (*book)->GrantsOf(*user));
}

absl::Status NoteRoleChange(WriteTx& tx, const std::string& id, const std::string& principal,
                            absl::Time now) {
  ASSIGN_OR_RETURN(std::string makers, tx.GetSetting(MakersKey(id)));
  const std::vector<std::string> known = absl::StrSplit(makers, ' ', absl::SkipEmpty());
  if (std::find(known.begin(), known.end(), principal) == known.end()) {
    absl::StrAppend(&makers, makers.empty() ? "" : " ", principal);
    RETURN_IF_ERROR(tx.PutSetting(MakersKey(id), makers));
  }
  // Never the same twice, not even after a restore.
  return NameGeneration(tx, kGeneration, now);
}

absl::Status NoteRoleRemoval(WriteTx& tx, const std::string& id, absl::Time now) {
  RETURN_IF_ERROR(tx.PutSetting(MakersKey(id), ""));
  return NameGeneration(tx, kGeneration, now);
}

absl::StatusOr<std::string> RoleGeneration(ReadTx& tx) { return tx.GetSetting(kGeneration); }

absl::Status CheckSeparateHands(const User& user, const RoleBook& book) {
  const std::vector<RoleGrant> grants = book.GrantsOf(user);
  const auto approves = std::find_if(grants.begin(), grants.end(), [](const RoleGrant& grant) {
    return grant.role == Role::kApprover;
  });
  if (approves == grants.end() || MayApproveAtAll(user, grants)) return absl::OkStatus();
  const std::string how = approves->binding.empty() ? "" : absl::StrCat(" by ", approves->binding);
  return Error(
      absl::StatusCode::kInvalidArgument, "ROLE_CONFLICT",
      user.service
          ? absl::StrCat("the service account \"", user.id, "\" would be approver", how,
                         ": approving is for people")
          : absl::StrCat("\"", user.id, "\" would be approver", how,
                         " and admin as well, be it somewhere else: who makes accounts does not "
                         "approve"));
}

}  // namespace dbfleet::controller
