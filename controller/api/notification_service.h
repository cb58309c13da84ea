#pragma once

#include "controller/api/gate.h"
#include "controller/notify/notifier.h"
#include "dbfleet/api/v1/notification_service.grpc.pb.h"

namespace dbfleet::controller {

// Thin handlers over Notifier. Thread-safe; nothing owned.
class NotificationServiceImpl : public api::v1::NotificationService::CallbackService {
 public:
  NotificationServiceImpl(const Gate& gate, Notifier& notifier)
      : gate_(gate), notifier_(notifier) {}

  grpc::ServerUnaryReactor* TestNotificationRoute(grpc::CallbackServerContext*,
                                                  const api::v1::TestNotificationRouteRequest*,
                                                  api::v1::TestNotificationRouteResponse*) override;
  grpc::ServerUnaryReactor* ListNotifications(grpc::CallbackServerContext*,
                                              const api::v1::ListNotificationsRequest*,
                                              api::v1::ListNotificationsResponse*) override;
  grpc::ServerUnaryReactor* RetryNotifications(grpc::CallbackServerContext*,
                                               const api::v1::RetryNotificationsRequest*,
                                               api::v1::RetryNotificationsResponse*) override;

 private:
  const Gate& gate_;
  Notifier& notifier_;
};

}  // namespace dbfleet::controller
