#include "common/rpc/x509.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/ecdsa.h"
#include "common/crypto/pem.h"

namespace dbfleet::rpc {
namespace {

using crypto::BignumPtr;
using crypto::BioPtr;
using crypto::CertPtr;
using crypto::KeyPtr;
using crypto::RequestPtr;

absl::Status BadCertificate(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
               absl::StrCat("the certificate ", why));
}

absl::Status BadRequest(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CSR",
               absl::StrCat("the certificate request ", why));
}

absl::Status CryptoFailed(absl::string_view what) {
  return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED",
               absl::StrCat("cannot ", what, ": ", crypto::LastError()));
}

absl::StatusOr<KeyPtr> ReadOwnKey(const std::string& key_pem) {
  KeyPtr key = crypto::ReadPrivateKey(key_pem);
  if (!key) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY",
                 "the private key is not an unencrypted PEM key");
  }
  return key;
}

absl::StatusOr<std::string> WriteKey(EVP_PKEY* key) {
  BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio ||
      PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return CryptoFailed("write a private key");
  }
  return crypto::TakeText(bio.get());
}

absl::StatusOr<std::string> RequestFor(EVP_PKEY* key, absl::string_view common_name) {
  RequestPtr request(X509_REQ_new());
  const std::string name(common_name);
  if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key) != 1 ||
      X509_REQ_sign(request.get(), key, EVP_sha256()) <= 0) {
    return CryptoFailed("make a certificate request");
  }
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
    return CryptoFailed("write a certificate request");
  }
  return crypto::TakeText(bio.get());
}

std::string SerialOf(const X509* certificate) {
  BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* hex = number ? BN_bn2hex(number.get()) : nullptr;
  if (hex == nullptr) return "";
  std::string text(hex);
  OPENSSL_free(hex);
  const size_t start = text.find_first_not_of('0');
  return start == std::string::npos ? "0" : text.substr(start);
}

}  // namespace

absl::StatusOr<KeyAndRequest> MakeKeyAndRequest(absl::string_view common_name) {
  KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return CryptoFailed("make a key");
  KeyAndRequest made;
  ASSIGN_OR_RETURN(made.key_pem, WriteKey(key.get()));
  ASSIGN_OR_RETURN(made.csr_pem, RequestFor(key.get(), common_name));
  return made;
}

absl::StatusOr<std::string> MakeRequest(const std::string& key_pem, absl::string_view common_name) {
  ASSIGN_OR_RETURN(const KeyPtr key, ReadOwnKey(key_pem));
  return RequestFor(key.get(), common_name);
}

absl::StatusOr<CertificateInfo> ParseCertificate(const std::string& pem) {
  const CertPtr certificate = crypto::ReadCertificate(pem);
  if (!certificate) return BadCertificate("is not PEM");
  CertificateInfo info;
  info.serial = SerialOf(certificate.get());
  info.common_name = crypto::CommonNameOf(certificate.get());
  info.uris = crypto::UrisOf(certificate.get());
  const std::optional<crypto::Validity> validity = crypto::ValidityOf(certificate.get());
  if (!validity.has_value()) return BadCertificate("has a malformed time");
  info.not_before = validity->not_before;
  info.not_after = validity->not_after;
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) {
    ERR_clear_error();
    return BadCertificate("has no usable public key");
  }
  info.spki_sha256 = crypto::SpkiSha256(key);
  info.is_ca = X509_check_ca(certificate.get()) == 1;
  ERR_clear_error();
  return info;
}

absl::StatusOr<std::string> RequestKeySha256(const std::string& csr_pem) {
  const RequestPtr request = crypto::ReadRequest(csr_pem);
  if (!request) return BadRequest("is not PEM");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (!crypto::IsP256(key)) return BadRequest("does not hold an ECDSA P-256 key");
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return BadRequest("is not signed with its own key");
  }
  return crypto::SpkiSha256(key);
}

absl::Status VerifySignedBy(const std::string& leaf_pem, const std::string& ca_pem) {
  const CertPtr leaf = crypto::ReadCertificate(leaf_pem);
  const CertPtr ca = crypto::ReadCertificate(ca_pem);
  if (!leaf || !ca) return BadCertificate("is not PEM");
  if (crypto::IsIssuedBy(leaf.get(), ca.get())) return absl::OkStatus();
  return BadCertificate("was not issued by this certificate authority");
}

absl::StatusOr<std::string> Sign(const std::string& key_pem, absl::string_view data) {
  ASSIGN_OR_RETURN(const KeyPtr key, ReadOwnKey(key_pem));
  std::string signature = crypto::SignSha256(key.get(), data);
  if (signature.empty()) return CryptoFailed("sign");
  return signature;
}

absl::Status VerifySignature(const std::string& certificate_pem, absl::string_view data,
                             absl::string_view signature) {
  const CertPtr certificate = crypto::ReadCertificate(certificate_pem);
  if (!certificate) return BadCertificate("is not PEM");
  if (crypto::VerifySha256(X509_get0_pubkey(certificate.get()), data, signature)) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
               "the signature was not made by the certificate's key over this data");
}

}  // namespace dbfleet::rpc
