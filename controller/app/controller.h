#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "dbfleet/config/v1/controller_config.pb.h"

namespace dbfleet::controller {

// The whole controller, joined together: the only place that knows all of it. Start opens the
// store, the CA and the listeners; the destructor ends them in the order that lets nothing be lost:
// no new calls, then the dispatcher, then the executors, then the store. Not thread-safe itself.
class Controller {
 public:
  // `config` is complete and validated. FAILED_PRECONDITION when another controller has the folder
  // or a port, DATA_LOSS when the store is damaged; the messages say what to do.
  static absl::StatusOr<std::unique_ptr<Controller>> Start(
      const config::v1::ControllerConfig& config, Clock* clock);
  ~Controller();

  // What was bound, for configurations with port 0.
  int grpc_port() const;
  int http_port() const;
  // SHA-256 (hex) of the CA's public key, as `dbfleet login --ca-fingerprint` wants it.
  const std::string& ca_fingerprint() const;

 private:
  struct Parts;
  explicit Controller(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace dbfleet::controller
