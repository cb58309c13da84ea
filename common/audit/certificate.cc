#include "common/audit/certificate.h"

#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::audit::impl {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

constexpr size_t kMaxPemBytes = 64 << 10;

absl::Status BadCertificate(absl::string_view why) {
  ERR_clear_error();
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
               absl::StrCat("the certificate ", why));
}

// Without a callback OpenSSL would ask for the passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

BioPtr ReadOnly(const std::string& pem) {
  if (pem.size() > kMaxPemBytes) return nullptr;
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

bool IsP256(EVP_PKEY* key) {
  char group[32] = "";
  const bool good = key != nullptr && EVP_PKEY_is_a(key, "EC") &&
                    EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
                    absl::string_view(group) == SN_X9_62_prime256v1;
  ERR_clear_error();
  return good;
}

bool ToTime(const ASN1_TIME* from, absl::Time* to) {
  struct tm fields;
  if (ASN1_TIME_to_tm(from, &fields) != 1) return false;
  *to = absl::FromTM(fields, absl::UTCTimeZone());
  return true;
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
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
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

std::string WritePem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return "";
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, size);
}

std::string DerSha256(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return "";
  std::string hash = Sha256(absl::string_view(reinterpret_cast<char*>(der), size));
  OPENSSL_free(der);
  return hash;
}

}  // namespace

bool Certificate::IssuedBy(const Certificate& ca) const {
  const bool good = ca.is_ca && X509_check_issued(ca.x509.get(), x509.get()) == X509_V_OK &&
                    X509_verify(x509.get(), ca.key()) == 1;
  ERR_clear_error();
  return good;
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& pem) {
  const BioPtr bio = ReadOnly(pem);
  Certificate certificate;
  certificate.x509.reset(bio ? PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)
                             : nullptr);
  X509* x509 = certificate.x509.get();
  if (x509 == nullptr) return BadCertificate("is not PEM");
  if (!IsP256(X509_get0_pubkey(x509))) return BadCertificate("does not hold an ECDSA P-256 key");
  certificate.pem = WritePem(x509);
  certificate.sha256 = DerSha256(x509);
  certificate.common_name = CommonNameOf(x509);
  certificate.uris = UrisOf(x509);
  certificate.is_ca = X509_check_ca(x509) == 1;
  if (!ToTime(X509_get0_notBefore(x509), &certificate.not_before) ||
      !ToTime(X509_get0_notAfter(x509), &certificate.not_after)) {
    return BadCertificate("has a malformed time");
  }
  ERR_clear_error();
  return certificate;
}

KeyPtr ReadPublicKey(const std::string& pem) {
  KeyPtr key;
  if (const absl::StatusOr<Certificate> certificate = ReadCertificate(pem); certificate.ok()) {
    key.reset(certificate->key());
    EVP_PKEY_up_ref(key.get());
    return key;
  }
  const BioPtr bio = ReadOnly(pem);
  key.reset(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassphrase, nullptr) : nullptr);
  ERR_clear_error();
  return IsP256(key.get()) ? std::move(key) : nullptr;
}

absl::StatusOr<std::string> SignP256(const Secret& key_pem, absl::string_view data) {
  const BioPtr bio = ReadOnly(key_pem.Reveal());
  const KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr)
                       : nullptr);
  if (!IsP256(key.get())) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY",
                 "the private key is not an unencrypted ECDSA P-256 key in PEM");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  const MdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(EVP_PKEY_get_size(key.get()), '\0');
  size_t size = signature.size();
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, data.size()) != 1) {
    ERR_clear_error();
    return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED", "libcrypto could not sign");
  }
  signature.resize(size);
  return signature;
}

bool VerifyP256(EVP_PKEY* key, absl::string_view data, absl::string_view signature) {
  const MdCtxPtr context(EVP_MD_CTX_new());
  const bool good =
      key != nullptr && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(), reinterpret_cast<const unsigned char*>(data.data()),
                       data.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace dbfleet::audit::impl
