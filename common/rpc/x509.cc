#include "common/rpc/x509.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <time.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/rpc/openssl_ptr.h"

namespace dbfleet::rpc {
namespace {

using impl::BignumPtr;
using impl::BioPtr;
using impl::CertPtr;
using impl::KeyPtr;
using impl::LastError;
using impl::MdCtxPtr;
using impl::NamesPtr;
using impl::RequestPtr;

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
               absl::StrCat("cannot ", what, ": ", LastError()));
}

absl::StatusOr<KeyPtr> ReadOwnKey(const std::string& key_pem) {
  KeyPtr key = impl::ReadKey(key_pem);
  if (!key) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY",
                 "the private key is not an unencrypted PEM key");
  }
  return key;
}

std::string TakeBio(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, size);
}

absl::StatusOr<std::string> WriteKey(EVP_PKEY* key) {
  BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio ||
      PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return CryptoFailed("write a private key");
  }
  return TakeBio(bio.get());
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
  return TakeBio(bio.get());
}

absl::StatusOr<absl::Time> ToTime(const ASN1_TIME* time) {
  struct tm fields;
  if (ASN1_TIME_to_tm(time, &fields) != 1) return BadCertificate("has a malformed time");
  return absl::FromTM(fields, absl::UTCTimeZone());
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

std::string CommonNameOf(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return "";
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) return "";
  std::string name(reinterpret_cast<char*>(text), size);
  OPENSSL_free(text);
  return name;
}

std::vector<std::string> UrisOf(X509* certificate) {
  std::vector<std::string> uris;
  NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      ASN1_STRING_length(uri));
  }
  return uris;
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
  const CertPtr certificate = impl::ReadCertificate(pem);
  if (!certificate) return BadCertificate("is not PEM");
  CertificateInfo info;
  info.serial = SerialOf(certificate.get());
  info.common_name = CommonNameOf(certificate.get());
  info.uris = UrisOf(certificate.get());
  ASSIGN_OR_RETURN(info.not_before, ToTime(X509_get0_notBefore(certificate.get())));
  ASSIGN_OR_RETURN(info.not_after, ToTime(X509_get0_notAfter(certificate.get())));
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) {
    ERR_clear_error();
    return BadCertificate("has no usable public key");
  }
  info.spki_sha256 = impl::SpkiSha256(key);
  info.is_ca = X509_check_ca(certificate.get()) == 1;
  ERR_clear_error();
  return info;
}

absl::StatusOr<std::string> RequestKeySha256(const std::string& csr_pem) {
  const RequestPtr request = impl::ReadRequest(csr_pem);
  if (!request) return BadRequest("is not PEM");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  char group[32] = "";
  if (key == nullptr || !EVP_PKEY_is_a(key, "EC") ||
      EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1 ||
      absl::string_view(group) != SN_X9_62_prime256v1) {
    ERR_clear_error();
    return BadRequest("does not hold an ECDSA P-256 key");
  }
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return BadRequest("is not signed with its own key");
  }
  return impl::SpkiSha256(key);
}

absl::Status VerifySignedBy(const std::string& leaf_pem, const std::string& ca_pem) {
  const CertPtr leaf = impl::ReadCertificate(leaf_pem);
  const CertPtr ca = impl::ReadCertificate(ca_pem);
  if (!leaf || !ca) return BadCertificate("is not PEM");
  EVP_PKEY* key = X509_get0_pubkey(ca.get());
  const bool good = key != nullptr && X509_check_ca(ca.get()) == 1 &&
                    X509_check_issued(ca.get(), leaf.get()) == X509_V_OK &&
                    X509_verify(leaf.get(), key) == 1;
  ERR_clear_error();
  return good ? absl::OkStatus() : BadCertificate("was not issued by this certificate authority");
}

absl::StatusOr<std::string> Sign(const std::string& key_pem, absl::string_view data) {
  ASSIGN_OR_RETURN(const KeyPtr key, ReadOwnKey(key_pem));
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  MdCtxPtr context(EVP_MD_CTX_new());
  size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) != 1) {
    return CryptoFailed("sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, data.size()) != 1) {
    return CryptoFailed("sign");
  }
  signature.resize(size);
  return signature;
}

absl::Status VerifySignature(const std::string& certificate_pem, absl::string_view data,
                             absl::string_view signature) {
  const CertPtr certificate = impl::ReadCertificate(certificate_pem);
  if (!certificate) return BadCertificate("is not PEM");
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  MdCtxPtr context(EVP_MD_CTX_new());
  const bool good =
      key != nullptr && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(), reinterpret_cast<const unsigned char*>(data.data()),
                       data.size()) == 1;
  ERR_clear_error();
  if (good) return absl::OkStatus();
  return Error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
               "the signature was not made by the certificate's key over this data");
}

}  // namespace dbfleet::rpc
