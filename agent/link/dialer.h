#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"

#include "agent/link/identity.h"

namespace dbfleet::agent {

// How the link gets an authenticated channel to the controller. Calls may block for some seconds.
class Dialer {
 public:
  virtual ~Dialer() = default;

  virtual absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial() = 0;
  // True: a new certificate came, so the link should dial again.
  virtual absl::StatusOr<bool> RenewIfDue() = 0;
  virtual absl::Time next_renewal() = 0;
  // The controller says that this agent is revoked. True: it has been let in again.
  virtual bool OnRevoked() = 0;
};

// Over mutual TLS with the agent's identity.
class TlsDialer : public Dialer {
 public:
  TlsDialer(Identity& identity, Identity::Network network)
      : identity_(identity), network_(std::move(network)) {}

  absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial() override;
  absl::StatusOr<bool> RenewIfDue() override { return identity_.RenewIfDue(); }
  absl::Time next_renewal() override { return identity_.next_renewal(); }
  bool OnRevoked() override;

 private:
  Identity& identity_;
  const Identity::Network network_;
};

}  // namespace dbfleet::agent
