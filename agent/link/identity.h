#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"

#include "agent/link/identity_files.h"
#include "common/base/secret.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// Gets, renews and regains the agent's certificate. Calls block, at most some seconds each: they
// belong on an executor. Thread-safe; one call at a time.
class Identity {
 public:
  struct Options {
    std::string agent_name;
    std::string controller;  // host:port.
    std::string folder;
    std::string join_token_file;  // "": none.
    std::string version;
  };
  // How to reach the controller; tests replace it.
  struct Network {
    // The CA at `controller`, if it has the pinned hash.
    std::function<absl::StatusOr<std::string>(const std::string& spki_sha256)> fetch_ca;
    // A channel that trusts `ca_pem`; with a material it authenticates itself with it.
    std::function<std::shared_ptr<grpc::Channel>(const std::string& ca_pem,
                                                 const IdentityMaterial* material)>
        connect;
  };
  static Network RealNetwork(const std::string& controller);

  Identity(Options options, Network network, Clock& clock);

  // A certificate that is valid now: enrols at the first start, regains an expired one. NOT_FOUND
  // (NOT_ENROLLED) when there is neither an identity nor a join token.
  absl::StatusOr<IdentityMaterial> Ensure();

  // Enrols with this token, whether there is an identity already or not.
  absl::Status Enroll(const Secret& join_token);

  // Renews at half of the lifetime, give or take 10 %. True: there is a new certificate.
  absl::StatusOr<bool> RenewIfDue();
  // When RenewIfDue has something to do; InfiniteFuture before Ensure.
  absl::Time next_renewal();

  // The identity was refused for good: a join token in the file, if it is a new one, replaces it.
  absl::Status TryJoinTokenAgain();

 private:
  absl::Status EnrollLocked(const Secret& join_token) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status EnrollFromFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Renew(const IdentityMaterial& material) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Regain(const IdentityMaterial& material) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<IdentityMaterial> Adopt() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Network network_;
  Clock& clock_;
  const IdentityFiles files_;
  Mutex mutex_;
  absl::Time renew_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::string renewal_of_ ABSL_GUARDED_BY(mutex_);  // The chain that renew_at_ belongs to.
};

}  // namespace dbfleet::agent
