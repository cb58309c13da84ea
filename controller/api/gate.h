#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/server_callback.h"

#include "common/base/status.h"
#include "common/rpc/calls.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/unary.h"
#include "controller/identity/denials.h"
#include "controller/identity/permissions.h"
#include "controller/identity/principals.h"
#include "controller/jobs/job_manager.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The only way into the operator API: each method authenticates its caller by the bearer token and
// is authorised by the permission table, in the environments that the request names, before
// anything else of the request is looked at. A refusal is audited, of a token that counts no more
// as well; whose token is unknown is nobody. A stream is authorised again whenever users, tokens or
// roles change, and ends with the refusal. Thread-safe.
class Gate {
 public:
  Gate(rpc::Calls* calls, Principals* principals, Denials* denials, Store* store)
      : calls_(calls), principals_(principals), denials_(denials), store_(store) {}

  rpc::Calls* calls() const { return calls_; }

  // `method` is "dbfleet.api.v1.JobService/GetJob".
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context, absl::string_view method,
                               const google::protobuf::Message& request) const;

  // Whether what people say in a request ("reason", "title") can be kept: INVALID_ARGUMENT
  // (TEXT_TOO_LONG) above 4,000 bytes, since it goes into the audit trail.
  static absl::Status CheckSaid(const google::protobuf::Message& request);

  // The status; a PERMISSION_DENIED one is put into the audit trail, with the environment in which
  // it was to be, if that is known.
  absl::Status Audited(const Caller& caller, absl::string_view method, absl::Status status,
                       const std::string& environment = "") const;

  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Unary(
      const char* method, grpc::CallbackServerContext* context, const Request* in, Response* out,
      std::function<absl::Status(const Caller&, const Request&, Response*)> handler) const {
    return rpc::RunUnary<Request, Response>(
        calls_, method, context, in, out,
        [this, method, context, handler = std::move(handler)](const Request& request,
                                                              Response* response) -> absl::Status {
          ASSIGN_OR_RETURN(const Caller caller, Admit(*context, method, request));
          RETURN_IF_ERROR(CheckSaid(request));
          return handler(caller, request, response);
        });
  }

  template <typename Response>
  grpc::ServerWriteReactor<Response>* Stream(
      const char* method, grpc::CallbackServerContext* context, const google::protobuf::Message* in,
      std::function<absl::StatusOr<std::unique_ptr<rpc::StreamProducer<Response>>>(
          const Caller&, const rpc::Wake&)>
          open) const {
    return rpc::RunServerStream<Response>(
        calls_, method, context,
        [this, method, context, in, open = std::move(open)](const rpc::Wake& wake)
            -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<Response>>> {
          // Before it is authorised: a change that comes just behind is not missed.
          auto guarded = std::make_unique<Guarded<Response>>(principals_->changes(), wake);
          ASSIGN_OR_RETURN(const Caller caller, Admit(*context, method, *in));
          ASSIGN_OR_RETURN(auto producer, open(caller, wake));
          guarded->Open(
              std::move(producer), [this, caller] { return principals_->HasExpired(caller); },
              [this, method, context, in] { return Admit(*context, method, *in); });
          return guarded;
        });
  }

 private:
  // A producer whose caller is asked for again after each change to who may what.
  template <typename Response>
  class Guarded : public rpc::StreamProducer<Response> {
   public:
    using Next = typename rpc::StreamProducer<Response>::Next;

    Guarded(AccessChanges& changes, const rpc::Wake& wake)
        : changes_(changes),
          generation_(changes.generation()),
          subscription_(changes.Subscribe(wake)) {}

    void Open(std::unique_ptr<rpc::StreamProducer<Response>> producer,
              std::function<bool()> expired, std::function<absl::StatusOr<Caller>()> admit) {
      producer_ = std::move(producer);
      expired_ = std::move(expired);
      admit_ = std::move(admit);
    }

    absl::StatusOr<Next> Produce(Response* response) override {
      const uint64_t generation = changes_.generation();
      if (generation != generation_ || expired_()) {
        RETURN_IF_ERROR(admit_().status());
        generation_ = generation;
      }
      return producer_->Produce(response);
    }

   private:
    AccessChanges& changes_;
    uint64_t generation_;
    std::function<bool()> expired_;
    std::function<absl::StatusOr<Caller>()> admit_;
    std::unique_ptr<rpc::StreamProducer<Response>> producer_;
    const std::unique_ptr<AccessChanges::Subscription> subscription_;
  };

  rpc::Calls* const calls_;
  Principals* const principals_;
  Denials* const denials_;
  Store* const store_;
};

// Of which environments a listing is that may be narrowed to one: of that, or of all that the
// caller may see. The gate has looked at `environment`, an id or "".
EnvironmentFilter ListedOf(const Caller& caller, const std::string& environment);

// The caller and the request's id as the managers want them. INVALID_ARGUMENT (BAD_REQUEST_ID)
// above 128 bytes or with unprintable characters.
absl::StatusOr<RequestMeta> MetaOf(const Caller& caller, absl::string_view request_id);

}  // namespace dbfleet::controller
