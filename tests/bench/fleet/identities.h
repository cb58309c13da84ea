#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/bench/fleet/sim_agent.h"

namespace dbfleet::bench {

struct EnrolOptions {
  std::string controller;  // host:port
  std::string ca_pem;
  std::string admin_token;
  std::string environment;
  int agents = 0;
  int threads = 4;
};

// Enrols `agents` agents "sim-00000", ... with the real calls: a join token each, a key of its own,
// a certificate. Blocks.
absl::StatusOr<std::vector<SimIdentity>> EnrolFleet(const EnrolOptions& options);

// The identities as JSON lines, so that one enrolment serves several runs against one store.
absl::Status SaveIdentities(const std::string& path, const std::vector<SimIdentity>& fleet);
absl::StatusOr<std::vector<SimIdentity>> LoadIdentities(const std::string& path);

}  // namespace dbfleet::bench
