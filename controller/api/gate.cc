#include "controller/api/gate.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/peer.h"
#include "controller/api/places.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/scope.h"

namespace dbfleet::controller {
namespace {

User UserOf(const Caller& caller) {
  User user;
  user.id = caller.user_id;
  user.roles = caller.roles;
  user.service = caller.service;
  return user;
}

// By own roles alone, without a look into the store; RoleBindings only add to them, but for
// approving (MayApproveAtAll).
bool MayByOwnRoles(const Caller& caller, const Permission& permission) {
  return caller.scope.empty() && permission.verbs != std::vector<Verb>{Verb::kApprove} &&
         permission.where != Where::kInside && AllowsEverywhere(caller.rights, permission);
}

}  // namespace

absl::Status Gate::CheckSaid(const google::protobuf::Message& request) {
  constexpr size_t kMost = 4000;
  for (const char* const name : {"reason", "title"}) {
    const google::protobuf::FieldDescriptor* const field =
        request.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr || field->is_repeated() ||
        field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      continue;
    }
    const size_t size = request.GetReflection()->GetString(request, field).size();
    if (size <= kMost) continue;
    return Error(absl::StatusCode::kInvalidArgument, "TEXT_TOO_LONG",
                 absl::StrCat("`", name, "` has ", size, " bytes; shorten it to at most ", kMost));
  }
  return absl::OkStatus();
}

absl::StatusOr<Caller> Gate::Admit(const grpc::ServerContextBase& context, absl::string_view method,
                                   const google::protobuf::Message& request) const {
  const Permission* permission = FindPermission(method);
  if (permission != nullptr && permission->access == Access::kPublic) return Caller();
  ASSIGN_OR_RETURN(const Secret token, rpc::BearerToken(context));
  Caller refused;
  absl::StatusOr<Caller> known = principals_->Authenticate(token, &refused);
  if (!known.ok()) {
    if (!refused.token_id.empty()) denials_->Record(refused, method, known.status());
    return known.status();
  }
  Caller caller = *std::move(known);
  RETURN_IF_ERROR(Audited(caller, method, CheckSource(caller, context.peer())));
  if (permission != nullptr && permission->access == Access::kVerbs &&
      MayByOwnRoles(caller, *permission)) {
    caller.where = EnvironmentFilter();
    return caller;
  }
  Rights before_scope;
  std::vector<Place> places;
  std::string environment;
  RETURN_IF_ERROR(store_->Read([&](ReadTx& tx) -> absl::Status {
    if (permission == nullptr) return absl::OkStatus();
    const User user = UserOf(caller);
    const absl::StatusOr<std::shared_ptr<const RoleBook>> book = ReadRoleBook(tx);
    // Who deletes a binding that cannot be read has to get in by own roles. They are not enough to
    // tell that somebody may approve.
    const bool unread =
        absl::IsDataLoss(book.status()) && permission->verbs != std::vector<Verb>{Verb::kApprove};
    if (!unread) RETURN_IF_ERROR(book.status());
    before_scope = Rights::Of(user, unread ? RoleBook({}).GrantsOf(user) : (*book)->GrantsOf(user));
    ASSIGN_OR_RETURN(places, PlacesOf(tx, *permission, request));
    environment = EnvironmentOfAll(tx, places);
    return absl::OkStatus();
  }));
  caller.rights = before_scope.NarrowedBy(caller.scope);
  RETURN_IF_ERROR(
      Audited(caller, method, Authorise(caller, before_scope, method, places), environment));
  if (permission->access == Access::kVerbs) {
    caller.where = caller.rights.Where(permission->verbs.front());
  }
  return caller;
}

absl::Status Gate::Audited(const Caller& caller, absl::string_view method, absl::Status status,
                           const std::string& environment) const {
  if (absl::IsPermissionDenied(status)) denials_->Record(caller, method, status, environment);
  return status;
}

EnvironmentFilter ListedOf(const Caller& caller, const std::string& environment) {
  return environment.empty() ? caller.where : EnvironmentFilter(environment);
}

absl::StatusOr<RequestMeta> MetaOf(const Caller& caller, absl::string_view request_id) {
  constexpr size_t kMaxRequestId = 128;
  if (request_id.size() > kMaxRequestId || SanitizeForDisplay(request_id) != request_id) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_REQUEST_ID",
                 "`request_id` must be at most 128 printable bytes, a UUID for example");
  }
  return RequestMeta{caller.principal, std::string(request_id), caller.token_id};
}

}  // namespace dbfleet::controller
