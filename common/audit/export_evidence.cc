#include "common/audit/export_evidence.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "nlohmann/json.hpp"

#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

using Json = nlohmann::ordered_json;

// Evidence is small; what is longer is not parsed at all.
constexpr size_t kMaxBytes = 256 << 10;

absl::Status BadForm() {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_AUDIT_LINE",
               "it is not in the form that exports have");
}

absl::StatusOr<Json> Parse(absl::string_view line) {
  if (line.size() > kMaxBytes) return BadForm();
  Json object = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded() || !object.is_object()) return BadForm();
  return object;
}

absl::StatusOr<std::string> Text(const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return BadForm();
  return it->get<std::string>();
}

std::string Write(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string WriteText(const char* type, const std::string& text) {
  return Write({{"type", type}, {"text", text}});
}

absl::StatusOr<std::string> ReadText(const char* type, absl::string_view line) {
  ASSIGN_OR_RETURN(const Json object, Parse(line));
  ASSIGN_OR_RETURN(std::string text, Text(object, "text"));
  if (WriteText(type, text) != line) return BadForm();
  return text;
}

}  // namespace

LineKind KindOfLine(absl::string_view line) {
  if (absl::StartsWith(line, "{\"type\":\"adoption\",")) return LineKind::kAdoption;
  if (absl::StartsWith(line, "{\"type\":\"checkpoint\",")) return LineKind::kCheckpoint;
  if (absl::StartsWith(line, "{\"type\":\"receipt\",")) return LineKind::kReceipt;
  return LineKind::kRecord;
}

std::string WriteCheckpointLine(const std::string& text) { return WriteText("checkpoint", text); }

absl::StatusOr<std::string> ReadCheckpointLine(absl::string_view line) {
  return ReadText("checkpoint", line);
}

std::string WriteAdoptionLine(const std::string& text) { return WriteText("adoption", text); }

absl::StatusOr<std::string> ReadAdoptionLine(absl::string_view line) {
  return ReadText("adoption", line);
}

std::string WriteReceiptLine(const SignedReceipt& receipt) {
  return Write({{"type", "receipt"},
                {"text", receipt.text},
                {"signature", absl::Base64Escape(receipt.signature)},
                {"certificate", receipt.certificate_pem}});
}

absl::StatusOr<SignedReceipt> ReadReceiptLine(absl::string_view line) {
  ASSIGN_OR_RETURN(const Json object, Parse(line));
  SignedReceipt receipt;
  ASSIGN_OR_RETURN(receipt.text, Text(object, "text"));
  ASSIGN_OR_RETURN(const std::string signature, Text(object, "signature"));
  if (!absl::Base64Unescape(signature, &receipt.signature)) return BadForm();
  ASSIGN_OR_RETURN(receipt.certificate_pem, Text(object, "certificate"));
  if (WriteReceiptLine(receipt) != line) return BadForm();
  return receipt;
}

}  // namespace dbfleet::audit
