#include "controller/identity/named_roles.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {
namespace {

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

absl::StatusOr<NamedRoles> NamedRoles::Read(ReadTx& tx) {
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
  return named;
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
