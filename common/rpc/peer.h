#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/server_context.h"

#include "common/base/secret.h"

// Who is at the other end of a call. All functions are thread-safe.
namespace dbfleet::rpc {

// The client's certificate, which the handshake has verified; "" if it gave none.
std::string PeerCertificatePem(const grpc::AuthContext& context);
std::string PeerCertificatePem(const grpc::ServerContextBase& context);

// The token of the metadata "authorization: Bearer TOKEN". UNAUTHENTICATED: TOKEN_MISSING when
// there is no such header, TOKEN_MALFORMED when it is of another form. Errors never quote the
// header.
absl::StatusOr<Secret> BearerToken(const grpc::ServerContextBase& context);

}  // namespace dbfleet::rpc
