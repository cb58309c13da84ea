#include "agent/link/dialer.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {

absl::StatusOr<std::shared_ptr<grpc::Channel>> TlsDialer::Dial() {
  ASSIGN_OR_RETURN(const IdentityMaterial material, identity_.Ensure());
  return network_.connect(material.ca_pem, &material);
}

bool TlsDialer::OnRevoked() {
  if (!identity_.TryJoinTokenAgain().ok()) return false;
  log::Info("enrolled again with the join token in join_token_file");
  return true;
}

}  // namespace dbfleet::agent
