#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "common/config/problems.h"
#include "controller/notify/notifier.h"
#include "dbfleet/config/v1/controller_config.pb.h"

namespace dbfleet::controller {

// What is wrong with the part `notifications` of the configuration.
void CheckNotifications(const config::v1::NotificationsConfig& config, config::Problems* problems);

// Of a configuration that passed. INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
absl::StatusOr<std::unique_ptr<Notifier>> MakeNotifier(
    const config::v1::NotificationsConfig& config, Store& store, Clock& clock,
    metrics::Registry& registry, Notifier::Windows windows);

}  // namespace dbfleet::controller
