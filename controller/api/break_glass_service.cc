#include "controller/api/break_glass_service.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/api/convert.h"
#include "controller/identity/permissions.h"

namespace dbfleet::controller {

using resource::v1::BrokenGlass;

grpc::ServerUnaryReactor* BreakGlassServiceImpl::BreakGlass(grpc::CallbackServerContext* context,
                                                            const api::v1::BreakGlassRequest* in,
                                                            BrokenGlass* out) {
  return gate_.Unary<api::v1::BreakGlassRequest, BrokenGlass>(
      "dbfleet.api.v1.BreakGlassService/BreakGlass", context, in, out,
      [this](const Caller& caller, const api::v1::BreakGlassRequest& request,
             BrokenGlass* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        controller::BreakGlass::Request wanted;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &wanted.job_id));
        wanted.waives.assign(request.waives().begin(), request.waives().end());
        wanted.duration = FromProto(request.duration());
        wanted.reason = request.reason();
        wanted.digest = request.digest();
        RETURN_IF_ERROR(
            gate_.Audited(caller, "dbfleet.api.v1.BreakGlassService/BreakGlass",
                          CheckUnlimited(caller, "dbfleet.api.v1.BreakGlassService/BreakGlass")));
        ASSIGN_OR_RETURN(*response, glass_.Break(meta, wanted));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BreakGlassServiceImpl::EndBreakGlass(
    grpc::CallbackServerContext* context, const api::v1::EndBreakGlassRequest* in,
    BrokenGlass* out) {
  return gate_.Unary<api::v1::EndBreakGlassRequest, BrokenGlass>(
      "dbfleet.api.v1.BreakGlassService/EndBreakGlass", context, in, out,
      [this](const Caller& caller, const api::v1::EndBreakGlassRequest& request,
             BrokenGlass* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        absl::StatusOr<BrokenGlass> ended = glass_.End(meta, id, request.reason(), caller.rights);
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.BreakGlassService/EndBreakGlass",
                                      ended.status()));
        *response = *std::move(ended);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BreakGlassServiceImpl::ReviewBreakGlass(
    grpc::CallbackServerContext* context, const api::v1::ReviewBreakGlassRequest* in,
    BrokenGlass* out) {
  return gate_.Unary<api::v1::ReviewBreakGlassRequest, BrokenGlass>(
      "dbfleet.api.v1.BreakGlassService/ReviewBreakGlass", context, in, out,
      [this](const Caller& caller, const api::v1::ReviewBreakGlassRequest& request,
             BrokenGlass* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        absl::StatusOr<BrokenGlass> reviewed =
            glass_.Review(meta, id, request.reason(), caller.rights);
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.BreakGlassService/ReviewBreakGlass",
                                      reviewed.status()));
        *response = *std::move(reviewed);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BreakGlassServiceImpl::ListBrokenGlass(
    grpc::CallbackServerContext* context, const api::v1::ListBrokenGlassRequest* in,
    api::v1::ListBrokenGlassResponse* out) {
  return gate_.Unary<api::v1::ListBrokenGlassRequest, api::v1::ListBrokenGlassResponse>(
      "dbfleet.api.v1.BreakGlassService/ListBrokenGlass", context, in, out,
      [this](const Caller& caller, const api::v1::ListBrokenGlassRequest& request,
             api::v1::ListBrokenGlassResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const Page<BrokenGlass> page,
                         glass_.List(/*only_open=*/!request.all(),
                                     {request.page_size(), request.page_token()}, caller.where));
        for (const BrokenGlass& glass : page.items) *response->add_broken() = glass;
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
