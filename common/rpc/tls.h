#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"

namespace dbfleet::rpc {

// The server's credentials: TLS, a client certificate asked for and, when given, verified against
// `ca_pem` (enrolment and operators come without one). The chain that the server sends ends with
// the CA.
std::shared_ptr<grpc::ServerCredentials> ServerTls(const std::string& chain_pem,
                                                   const std::string& key_pem,
                                                   const std::string& ca_pem);

// A client that trusts `ca_pem` only; with certificate and key it authenticates itself.
std::shared_ptr<grpc::ChannelCredentials> ClientTls(const std::string& ca_pem,
                                                    const std::string& chain_pem,
                                                    const std::string& key_pem);

// Connects to `address` (host:port), takes the CA certificate that the server's chain ends with,
// and returns it as PEM if the SHA-256 of its SubjectPublicKeyInfo is `spki_sha256_hex` and the
// chain verifies under it. UNAUTHENTICATED (CA_MISMATCH) otherwise. Blocks; at most `timeout`.
absl::StatusOr<std::string> FetchPinnedCa(const std::string& address,
                                          absl::string_view spki_sha256_hex,
                                          absl::Duration timeout);

// Channel arguments that both ends agree on: keepalive 20 s / 10 s, message limits.
inline constexpr int kMaxApiMessageBytes = 40 << 20;
inline constexpr int kMaxAgentMessageBytes = 4 << 20;

}  // namespace dbfleet::rpc
