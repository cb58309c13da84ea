#include "agent/link/dialer.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {

absl::StatusOr<std::shared_ptr<grpc::Channel>> TlsDialer::Dial() {
  ASSIGN_OR_RETURN(const IdentityMaterial material, identity_.Ensure());
  return network_.connect(material.ca_pem, &material);
}

void TlsDialer::OnRevoked() {
  const absl::Status status = identity_.TryJoinTokenAgain();
  if (status.ok()) {
    log::Info("enrolled again with the join token in join_token_file");
  }
}

}  // namespace dbfleet::agent
