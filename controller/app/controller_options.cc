#include "controller/app/controller_options.h"

#include "absl/strings/str_cat.h"

#include "controller/dispatch/wire.h"

namespace dbfleet::controller {

DispatchOptions DispatchOptionsOf(const config::v1::ControllerConfig& config) {
  DispatchOptions options;
  options.ping_interval = FromProto(config.ping_interval());
  options.dead_after = FromProto(config.dead_after());
  options.lease = FromProto(config.lease());
  options.lost_grace = FromProto(config.lost_grace());
  return options;
}

std::string AgentAddress(const config::v1::ControllerConfig& config, int port) {
  if (!config.advertise_agents().empty()) return config.advertise_agents();
  const std::string& listen = config.listen();
  const std::string host = listen.substr(0, listen.rfind(':'));
  const bool any = host == "0.0.0.0" || host == "[::]";
  if (any && !config.advertise().empty()) return absl::StrCat(config.advertise(0), ":", port);
  return absl::StrCat(any ? "127.0.0.1" : host, ":", port);
}

}  // namespace dbfleet::controller
