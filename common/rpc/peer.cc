#include "common/rpc/peer.h"

#include <grpc/grpc_security_constants.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

#include "common/base/status.h"

namespace dbfleet::rpc {
namespace {

constexpr absl::string_view kScheme = "Bearer ";
constexpr size_t kMaxTokenBytes = 4096;

absl::Status Refuse(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, reason, message);
}

}  // namespace

std::string PeerCertificatePem(const grpc::AuthContext& context) {
  const auto values = context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (values.size() != 1) return "";
  return std::string(values[0].data(), values[0].size());
}

std::string PeerCertificatePem(const grpc::ServerContextBase& context) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  return auth == nullptr ? "" : PeerCertificatePem(*auth);
}

absl::StatusOr<Secret> BearerToken(const grpc::ServerContextBase& context) {
  const auto range = context.client_metadata().equal_range("authorization");
  if (range.first == range.second) {
    return Refuse("TOKEN_MISSING", "the call carries no token; log in first: dbfleet login");
  }
  const absl::string_view header(range.first->second.data(), range.first->second.size());
  if (std::next(range.first) != range.second || header.size() > kMaxTokenBytes ||
      !absl::StartsWithIgnoreCase(header, kScheme)) {
    return Refuse("TOKEN_MALFORMED", "the call's authorization is not one \"Bearer TOKEN\"");
  }
  const absl::string_view token = absl::StripAsciiWhitespace(header.substr(kScheme.size()));
  if (token.empty()) {
    return Refuse("TOKEN_MALFORMED", "the call's authorization is not one \"Bearer TOKEN\"");
  }
  return Secret(std::string(token));
}

}  // namespace dbfleet::rpc
