#pragma once

#include "common/time/clock.h"
#include "controller/api/gate.h"
#include "controller/resources/resource_manager.h"
#include "dbfleet/api/v1/resource_service.grpc.pb.h"

namespace dbfleet::controller {

// Thin handlers over ResourceManager. Thread-safe; nothing owned.
class ResourceServiceImpl : public api::v1::ResourceService::CallbackService {
 public:
  ResourceServiceImpl(const Gate& gate, Store& store, ResourceManager& resources, Clock& clock)
      : gate_(gate), store_(store), resources_(resources), clock_(clock) {}

  grpc::ServerUnaryReactor* ApplyResources(grpc::CallbackServerContext*,
                                           const api::v1::ApplyResourcesRequest*,
                                           api::v1::ApplyResourcesResponse*) override;
  grpc::ServerUnaryReactor* GetResource(grpc::CallbackServerContext*,
                                        const api::v1::GetResourceRequest*,
                                        api::v1::Resource*) override;
  grpc::ServerUnaryReactor* ListResources(grpc::CallbackServerContext*,
                                          const api::v1::ListResourcesRequest*,
                                          api::v1::ListResourcesResponse*) override;
  grpc::ServerUnaryReactor* DeleteResource(grpc::CallbackServerContext*,
                                           const api::v1::DeleteResourceRequest*,
                                           api::v1::Resource*) override;
  grpc::ServerUnaryReactor* ListWindowOccurrences(grpc::CallbackServerContext*,
                                                  const api::v1::ListWindowOccurrencesRequest*,
                                                  api::v1::ListWindowOccurrencesResponse*) override;

 private:
  const Gate& gate_;
  Store& store_;
  ResourceManager& resources_;
  Clock& clock_;
};

}  // namespace dbfleet::controller
