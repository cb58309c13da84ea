// Whatever bytes come as a certificate, a certificate request, a key or a join token: they are
// refused with INVALID_ARGUMENT, or what was read of them is complete. The first byte says what the
// rest is, the second whether it is PEM text or DER to be wrapped.
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/join_token.h"
#include "common/rpc/x509.h"
#include "tests/fuzz/require.h"

namespace {

using namespace dbfleet;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

bool IsHash(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

const rpc::CaMaterial& Ca() {
  static const rpc::CaMaterial& ca =
      *new rpc::CaMaterial(rpc::MakeCa("fuzz", kNow, absl::Hours(24)).value());
  return ca;
}

std::string Pem(absl::string_view label, const std::string& body, bool wrap) {
  if (!wrap) return body;
  std::string lines;
  const std::string text = absl::Base64Escape(body);
  for (size_t i = 0; i < text.size(); i += 64) absl::StrAppend(&lines, text.substr(i, 64), "\n");
  return absl::StrCat("-----BEGIN ", label, "-----\n", lines, "-----END ", label, "-----\n");
}

void Refused(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument);
  Require(IsValidUtf8(status.message()));
}

void TryCertificate(const std::string& pem) {
  const auto info = rpc::ParseCertificate(pem);
  if (info.ok()) {
    Require(IsHash(info->spki_sha256));
    Require(!info->serial.empty());
  } else {
    Refused(info.status());
  }
  // Nobody can have signed it with a key that was made a moment ago.
  Require(!rpc::VerifySignedBy(pem, Ca().certificate_pem).ok());
  (void)rpc::VerifySignedBy(Ca().certificate_pem, pem);
  (void)rpc::VerifySignedBy(pem, pem);
  Require(!rpc::VerifySignature(pem, "data", pem.substr(0, 72)).ok());
}

void TryRequest(const std::string& pem) {
  const auto hash = rpc::RequestKeySha256(pem);
  rpc::IssueRequest request;
  request.csr_pem = pem;
  request.common_name = "db1";
  request.uris = {"spiffe://dbfleet/agent/db1"};
  request.not_before = kNow;
  request.not_after = kNow + absl::Hours(1);
  const auto issued = rpc::Issue(Ca(), request);
  Require(hash.ok() == issued.ok());
  if (!hash.ok()) return Refused(hash.status());
  // Of the request only the key is taken.
  Require(IsHash(*hash));
  const auto info = rpc::ParseCertificate(*issued);
  Require(info.ok() && info->spki_sha256 == *hash && info->uris == request.uris);
  Require(info->common_name == "db1" && !info->is_ca && info->not_after == request.not_after);
  Require(rpc::VerifySignedBy(*issued, Ca().certificate_pem).ok());
}

void TryKey(const std::string& pem) {
  const auto request = rpc::MakeRequest(pem, "db1");
  if (request.ok()) Require(request->find("CERTIFICATE REQUEST") != std::string::npos);
  (void)rpc::Sign(pem, "data");
}

void TryJoinToken(const std::string& text) {
  const auto token = rpc::ParseJoinToken(text);
  if (token.ok()) {
    Require(IsHash(token->ca_spki_sha256) && IsHash(rpc::JoinTokenHash(*token)));
    Require(token->secret_text.Reveal() == absl::StripAsciiWhitespace(text));
  } else {
    Refused(token.status());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool wrap = data[1] % 2 != 0;
  switch (data[0] % 4) {
    case 0:
      TryCertificate(Pem("CERTIFICATE", body, wrap));
      break;
    case 1:
      TryRequest(Pem("CERTIFICATE REQUEST", body, wrap));
      break;
    case 2:
      TryKey(Pem(data[1] % 4 < 2 ? "PRIVATE KEY" : "EC PRIVATE KEY", body, wrap));
      break;
    default:
      TryJoinToken(body);
  }
  return 0;
}
