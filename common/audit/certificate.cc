#include "common/audit/certificate.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/ecdsa.h"
#include "common/crypto/pem.h"

namespace dbfleet::audit::impl {
namespace {

absl::Status BadCertificate(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
               absl::StrCat("the certificate ", why));
}

}  // namespace

absl::StatusOr<Certificate> ReadCertificate(const std::string& pem) {
  Certificate certificate;
  certificate.x509 = crypto::ReadCertificate(pem);
  X509* x509 = certificate.x509.get();
  if (x509 == nullptr) return BadCertificate("is not PEM");
  if (!crypto::IsP256(X509_get0_pubkey(x509))) {
    return BadCertificate("does not hold an ECDSA P-256 key");
  }
  certificate.pem = crypto::WriteCertificate(x509);
  certificate.sha256 = crypto::DerSha256(x509);
  certificate.common_name = crypto::CommonNameOf(x509);
  certificate.uris = crypto::UrisOf(x509);
  certificate.is_ca = X509_check_ca(x509) == 1;
  const std::optional<crypto::Validity> validity = crypto::ValidityOf(x509);
  if (!validity.has_value()) return BadCertificate("has a malformed time");
  certificate.not_before = validity->not_before;
  certificate.not_after = validity->not_after;
  ERR_clear_error();
  return certificate;
}

crypto::KeyPtr ReadAgentKey(const std::string& pem) {
  if (const absl::StatusOr<Certificate> certificate = ReadCertificate(pem); certificate.ok()) {
    EVP_PKEY_up_ref(certificate->key());
    return crypto::KeyPtr(certificate->key());
  }
  crypto::KeyPtr key = crypto::ReadPublicKey(pem);
  return crypto::IsP256(key.get()) ? std::move(key) : nullptr;
}

absl::StatusOr<std::string> SignP256(const Secret& key_pem, absl::string_view data) {
  const crypto::KeyPtr key = crypto::ReadPrivateKey(key_pem.Reveal());
  if (!crypto::IsP256(key.get())) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY",
                 "the private key is not an unencrypted ECDSA P-256 key in PEM");
  }
  std::string signature = crypto::SignSha256(key.get(), data);
  if (!signature.empty()) return signature;
  return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED",
               absl::StrCat("libcrypto could not sign: ", crypto::LastError()));
}

}  // namespace dbfleet::audit::impl
