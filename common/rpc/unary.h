#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "common/base/status.h"
#include "common/rpc/calls.h"

namespace dbfleet::rpc {

// Every unary handler goes through this:
//
//   grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context, const GetJobRequest* in,
//                                    Job* out) override {
//     return rpc::RunUnary<GetJobRequest, Job>(calls_, "dbfleet.api.v1.JobService/GetJob", context,
//                                              in, out, [this, context](const GetJobRequest& in,
//                                                                       Job* out) { ... });
//   }
//
// `handler` runs on the executor, where it may block; context, request and response live until it
// returns. A caller that has given up before its turn gets no handler run at all. When the executor
// takes nothing more the call ends UNAVAILABLE (SHUTTING_DOWN).
template <typename Request, typename Response>
grpc::ServerUnaryReactor* RunUnary(Calls* calls, absl::string_view method,
                                   grpc::CallbackServerContext* context, const Request* request,
                                   Response* response,
                                   std::function<absl::Status(const Request&, Response*)> handler) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const auto call = std::make_shared<Calls::Call>(calls->Begin(method, context->peer()));
  const bool accepted =
      calls->Run([calls, call, context, request, response, reactor, handler = std::move(handler)] {
        absl::Status status;
        if (context->IsCancelled()) {
          status = Error(absl::StatusCode::kCancelled, "CALLER_GONE",
                         "the caller gave up before the call began");
        } else {
          status = handler(*request, response);
        }
        // Finish ends the lives of context, request and response: nothing may follow it.
        reactor->Finish(calls->End(*call, status));
      });
  if (!accepted) reactor->Finish(calls->End(*call, Calls::ShuttingDown()));
  return reactor;
}

}  // namespace dbfleet::rpc
