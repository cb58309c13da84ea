#include "common/rpc/status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::rpc {
namespace {

constexpr char kDomain[] = "dbfleet";
// HTTP/2 peers commonly limit all headers together to 8 KiB, and the message travels in one of them
// twice (grpc-message and grpc-status-details-bin).
constexpr size_t kMaxMessageBytes = 2048;

std::string ReasonIn(const std::string& details) {
  google::rpc::Status status;
  if (details.empty() || !status.ParseFromString(details)) return "";
  for (const auto& detail : status.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info) && info.domain() == kDomain) return info.reason();
  }
  return "";
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // Bytes that are not UTF-8 would make the details unreadable, and the reason be lost with them.
  const absl::string_view text = status.message();
  const std::string message = Truncate(
      IsValidUtf8(text) ? std::string(text) : SanitizeForDisplay(text, true), kMaxMessageBytes);
  // The codes have the same numbers on purpose (grpc/status.h says so).
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  const std::string reason = ReasonOf(status);
  if (reason.empty()) return grpc::Status(code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain(kDomain);
  google::rpc::Status details;
  details.set_code(status.raw_code());
  details.set_message(message);
  details.add_details()->PackFrom(info);
  return grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  auto code = static_cast<absl::StatusCode>(status.error_code());
  if (status.error_code() < 0 || status.error_code() > 16) code = absl::StatusCode::kUnknown;
  std::string reason = ReasonIn(status.error_details());
  if (reason.empty() && code == absl::StatusCode::kUnavailable) reason = "CONTROLLER_UNREACHABLE";
  if (reason.empty()) return absl::Status(code, status.error_message());
  return Error(code, reason, status.error_message());
}

}  // namespace dbfleet::rpc
