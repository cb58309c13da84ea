#pragma once

#include "controller/api/gate.h"
#include "controller/resources/break_glass.h"
#include "dbfleet/api/v1/break_glass_service.grpc.pb.h"

namespace dbfleet::controller {

// Thin handlers over BreakGlass. Thread-safe; nothing owned.
class BreakGlassServiceImpl : public api::v1::BreakGlassService::CallbackService {
 public:
  BreakGlassServiceImpl(const Gate& gate, controller::BreakGlass& glass)
      : gate_(gate), glass_(glass) {}

  grpc::ServerUnaryReactor* BreakGlass(grpc::CallbackServerContext*,
                                       const api::v1::BreakGlassRequest*,
                                       resource::v1::BrokenGlass*) override;
  grpc::ServerUnaryReactor* EndBreakGlass(grpc::CallbackServerContext*,
                                          const api::v1::EndBreakGlassRequest*,
                                          resource::v1::BrokenGlass*) override;
  grpc::ServerUnaryReactor* ReviewBreakGlass(grpc::CallbackServerContext*,
                                             const api::v1::ReviewBreakGlassRequest*,
                                             resource::v1::BrokenGlass*) override;
  grpc::ServerUnaryReactor* ListBrokenGlass(grpc::CallbackServerContext*,
                                            const api::v1::ListBrokenGlassRequest*,
                                            api::v1::ListBrokenGlassResponse*) override;

 private:
  const Gate& gate_;
  controller::BreakGlass& glass_;
};

}  // namespace dbfleet::controller
