#include "common/crypto/certificate.h"

#include <openssl/obj_mac.h>
#include <time.h>

#include "absl/strings/string_view.h"

#include "common/base/hash.h"

namespace dbfleet::crypto {
namespace {

bool ToTime(const ASN1_TIME* from, absl::Time* to) {
  struct tm fields;
  if (ASN1_TIME_to_tm(from, &fields) != 1) return false;
  *to = absl::FromTM(fields, absl::UTCTimeZone());
  return true;
}

}  // namespace

std::string CommonNameOf(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return "";
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  ERR_clear_error();
  if (size < 0) return "";
  std::string name(reinterpret_cast<char*>(text), size);
  OPENSSL_free(text);
  return name;
}

std::vector<std::string> UrisOf(X509* certificate) {
  std::vector<std::string> uris;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      ASN1_STRING_length(uri));
  }
  return uris;
}

std::optional<Validity> ValidityOf(X509* certificate) {
  Validity validity;
  const bool good = ToTime(X509_get0_notBefore(certificate), &validity.not_before) &&
                    ToTime(X509_get0_notAfter(certificate), &validity.not_after);
  ERR_clear_error();
  return good ? std::make_optional(validity) : std::nullopt;
}

std::string DerSha256(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  ERR_clear_error();
  if (size <= 0) return "";
  std::string hash = Sha256(absl::string_view(reinterpret_cast<char*>(der), size));
  OPENSSL_free(der);
  return hash;
}

std::string SpkiSha256(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  ERR_clear_error();
  if (size <= 0) return "";
  std::string hash = Sha256Hex(absl::string_view(reinterpret_cast<char*>(der), size));
  OPENSSL_free(der);
  return hash;
}

bool IsP256(const EVP_PKEY* key) {
  char group[32] = "";
  const bool good = key != nullptr && EVP_PKEY_is_a(key, "EC") &&
                    EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
                    absl::string_view(group) == SN_X9_62_prime256v1;
  ERR_clear_error();
  return good;
}

bool IsIssuedBy(X509* leaf, X509* ca) {
  EVP_PKEY* key = X509_get0_pubkey(ca);
  const bool good = key != nullptr && X509_check_ca(ca) == 1 &&
                    X509_check_issued(ca, leaf) == X509_V_OK && X509_verify(leaf, key) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace dbfleet::crypto
