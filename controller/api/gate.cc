#include "controller/api/gate.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/peer.h"

namespace dbfleet::controller {

absl::StatusOr<Caller> Gate::Admit(const grpc::ServerContextBase& context,
                                   absl::string_view method) const {
  const Permission* permission = FindPermission(method);
  if (permission != nullptr && permission->access == Access::kPublic) return Caller();
  ASSIGN_OR_RETURN(const Secret token, rpc::BearerToken(context));
  ASSIGN_OR_RETURN(Caller caller, principals_->Authenticate(token));
  RETURN_IF_ERROR(Audited(caller, method, Authorise(caller, method)));
  return caller;
}

absl::Status Gate::Audited(const Caller& caller, absl::string_view method,
                           absl::Status status) const {
  if (absl::IsPermissionDenied(status)) denials_->Record(caller, method, status);
  return status;
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
