#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/server_callback.h"

#include "common/base/status.h"
#include "common/rpc/calls.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/unary.h"
#include "controller/identity/denials.h"
#include "controller/identity/permissions.h"
#include "controller/identity/principals.h"
#include "controller/jobs/job_manager.h"

namespace dbfleet::controller {

// The only way into the operator API: each method authenticates its caller by the bearer token and
// is authorised by the permission table before anything of the request is looked at. Thread-safe.
class Gate {
 public:
  Gate(rpc::Calls* calls, Principals* principals, Denials* denials)
      : calls_(calls), principals_(principals), denials_(denials) {}

  rpc::Calls* calls() const { return calls_; }

  // `method` is "dbfleet.api.v1.JobService/GetJob".
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context,
                               absl::string_view method) const;

  // The status; a PERMISSION_DENIED one is put into the audit trail.
  absl::Status Audited(const Caller& caller, absl::string_view method, absl::Status status) const;

  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Unary(
      const char* method, grpc::CallbackServerContext* context, const Request* in, Response* out,
      std::function<absl::Status(const Caller&, const Request&, Response*)> handler) const {
    return rpc::RunUnary<Request, Response>(
        calls_, method, context, in, out,
        [this, method, context, handler = std::move(handler)](const Request& request,
                                                              Response* response) -> absl::Status {
          ASSIGN_OR_RETURN(const Caller caller, Admit(*context, method));
          return handler(caller, request, response);
        });
  }

  template <typename Response>
  grpc::ServerWriteReactor<Response>* Stream(
      const char* method, grpc::CallbackServerContext* context,
      std::function<absl::StatusOr<std::unique_ptr<rpc::StreamProducer<Response>>>(
          const Caller&, const rpc::Wake&)>
          open) const {
    return rpc::RunServerStream<Response>(
        calls_, method, context,
        [this, method, context, open = std::move(open)](const rpc::Wake& wake)
            -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<Response>>> {
          ASSIGN_OR_RETURN(const Caller caller, Admit(*context, method));
          return open(caller, wake);
        });
  }

 private:
  rpc::Calls* const calls_;
  Principals* const principals_;
  Denials* const denials_;
};

// The caller and the request's id as the managers want them. INVALID_ARGUMENT (BAD_REQUEST_ID)
// above 128 bytes or with unprintable characters.
absl::StatusOr<RequestMeta> MetaOf(const Caller& caller, absl::string_view request_id);

}  // namespace dbfleet::controller
