#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/api/convert.h"
#include "controller/api/directory_services.h"
#include "controller/audit/recovery.h"
#include "controller/store/filtered_page.h"

namespace dbfleet::controller {
namespace {

// Counts what an environment holds; listings are bounded, hence the loop over pages.
absl::StatusOr<int> CountInstances(ReadTx& tx, const std::string& environment) {
  PageRequest page{1000, ""};
  int count = 0;
  do {
    ASSIGN_OR_RETURN(const Page<Instance> found, tx.ListInstances(environment, page));
    for (const Instance& instance : found.items) count += instance.removed ? 0 : 1;
    page.token = found.next_token;
  } while (!page.token.empty());
  return count;
}

absl::StatusOr<int> CountAgents(ReadTx& tx, const std::string& environment) {
  PageRequest page{1000, ""};
  int count = 0;
  do {
    ASSIGN_OR_RETURN(const Page<Agent> found, tx.ListAgents(environment, page));
    for (const Agent& agent : found.items) count += agent.revoked ? 0 : 1;
    page.token = found.next_token;
  } while (!page.token.empty());
  return count;
}

absl::StatusOr<api::v1::Environment> View(ReadTx& tx, const Environment& environment) {
  api::v1::Environment out = ToApi(environment);
  ASSIGN_OR_RETURN(const int instances, CountInstances(tx, environment.name));
  ASSIGN_OR_RETURN(const int agents, CountAgents(tx, environment.name));
  out.set_instance_count(instances);
  out.set_agent_count(agents);
  return out;
}

}  // namespace

grpc::ServerUnaryReactor* EnvironmentServiceImpl::GetEnvironment(
    grpc::CallbackServerContext* context, const api::v1::GetEnvironmentRequest* in,
    api::v1::Environment* out) {
  return gate_.Unary<api::v1::GetEnvironmentRequest, api::v1::Environment>(
      "dbfleet.api.v1.EnvironmentService/GetEnvironment", context, in, out,
      [this](const Caller&, const api::v1::GetEnvironmentRequest& request,
             api::v1::Environment* response) -> absl::Status {
        std::string name;
        RETURN_IF_ERROR(ParseResourceName("environments", request.name(), &name));
        name = std::string(PlainEnvironment(name));
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(name));
          ASSIGN_OR_RETURN(*response, View(tx, environment));
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* EnvironmentServiceImpl::ListEnvironments(
    grpc::CallbackServerContext* context, const api::v1::ListEnvironmentsRequest* in,
    api::v1::ListEnvironmentsResponse* out) {
  return gate_.Unary<api::v1::ListEnvironmentsRequest, api::v1::ListEnvironmentsResponse>(
      "dbfleet.api.v1.EnvironmentService/ListEnvironments", context, in, out,
      [this](const Caller& caller, const api::v1::ListEnvironmentsRequest& request,
             api::v1::ListEnvironmentsResponse* response) -> absl::Status {
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Page<Environment> page,
                           FilteredPage<Environment>(
                               [&](const PageRequest& part) { return tx.ListEnvironments(part); },
                               [&](const Environment& environment) -> absl::StatusOr<bool> {
                                 return caller.where.Has(environment.name);
                               },
                               {request.page_size(), request.page_token()}));
          for (const Environment& environment : page.items) {
            ASSIGN_OR_RETURN(*response->add_environments(), View(tx, environment));
          }
          response->set_next_page_token(page.next_token);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* MetaServiceImpl::GetVersion(grpc::CallbackServerContext* context,
                                                      const api::v1::GetVersionRequest* in,
                                                      api::v1::Version* out) {
  return gate_.Unary<api::v1::GetVersionRequest, api::v1::Version>(
      "dbfleet.api.v1.MetaService/GetVersion", context, in, out,
      [this](const Caller&, const api::v1::GetVersionRequest&,
             api::v1::Version* response) -> absl::Status {
        response->set_version(version_);
        response->set_epoch(store_.epoch());
        *response->mutable_time() = ToProto(clock_.Now());
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> demand, ReadRecovery(tx));
          if (demand.has_value()) response->set_recovery(demand->why);
          return absl::OkStatus();
        });
      });
}

}  // namespace dbfleet::controller
