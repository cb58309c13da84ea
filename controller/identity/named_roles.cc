#include "controller/identity/named_roles.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/store/compiled_once.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {
namespace {

constexpr char kGeneration[] = "named_roles.generation";

absl::Status ForEach(ReadTx& tx, absl::string_view kind,
                     const std::function<void(const std::string& blob)>& fn) {
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kind, page));
    for (const Resource& resource : found.items) fn(resource.blob);
    page.token = found.next_token;
  } while (!page.token.empty());
  return absl::OkStatus();
}

template <typename Names>
std::vector<std::string> ListOf(const Names& names) {
  return {names.begin(), names.end()};
}

}  // namespace

absl::StatusOr<std::shared_ptr<const NamedRoles>> NamedRoles::Read(ReadTx& tx) {
  static auto* const compiled = new CompiledOnce<NamedRoles>;
  ASSIGN_OR_RETURN(const std::string generation, tx.GetSetting(kGeneration));
  // Without a change there is no name under which it could be kept for all stores.
  if (generation.empty()) return Load(tx);
  return compiled->Of(generation, tx, Load);
}

absl::Status NamedRoles::NoteChange(WriteTx& tx, absl::Time now) {
  return NameGeneration(tx, kGeneration, now);
}

absl::StatusOr<std::string> NamedRoles::Generation(ReadTx& tx) {
  return tx.GetSetting(kGeneration);
}

absl::StatusOr<std::shared_ptr<const NamedRoles>> NamedRoles::Load(ReadTx& tx) {
  NamedRoles named;
  RETURN_IF_ERROR(ForEach(tx, "ApprovalPolicy", [&](const std::string& blob) {
    resource::v1::ApprovalPolicy policy;
    named.all_ |= !policy.ParseFromString(blob);
    for (const resource::v1::RequirementSpec& requirement : policy.spec().requirements()) {
      for (const std::string& role : requirement.roles()) {
        named.Add(ListOf(policy.spec().selector().environments()), role);
      }
    }
  }));
  RETURN_IF_ERROR(ForEach(tx, "BreakGlassPolicy", [&](const std::string& blob) {
    resource::v1::BreakGlassPolicy policy;
    named.all_ |= !policy.ParseFromString(blob);
    for (const std::string& role : policy.spec().roles()) {
      named.Add(ListOf(policy.spec().environments()), role);
    }
  }));
  return std::make_shared<const NamedRoles>(std::move(named));
}

void NamedRoles::Add(const std::vector<std::string>& environments, const std::string& role) {
  const std::optional<Role> known = FromName<Role>(role);
  if (!known.has_value()) {
    all_ = true;
    return;
  }
  if (environments.empty()) everywhere_.insert(*known);
  for (const std::string& environment : environments) somewhere_.emplace(*known, environment);
}

bool NamedRoles::Names(Role role, absl::string_view environment) const {
  return all_ || everywhere_.count(role) != 0 ||
         somewhere_.count({role, std::string(environment)}) != 0;
}

bool NamedRoles::NamesIn(Role role, const EnvironmentFilter& where) const {
  return all_ || everywhere_.count(role) != 0 ||
         std::any_of(somewhere_.begin(), somewhere_.end(), [&](const auto& named) {
           return named.first == role && where.Has(named.second);
         });
}

}  // namespace dbfleet::controller
