#include <openssl/pem.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/crypto/pem.h"
#include "common/rpc/x509.h"

namespace dbfleet::rpc {
namespace {

using crypto::BignumPtr;
using crypto::CertPtr;
using crypto::KeyPtr;
using crypto::NamePtr;
using crypto::NamesPtr;
using crypto::RequestPtr;

absl::Status Failed(absl::string_view what) {
  return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED",
               absl::StrCat("cannot ", what, ": ", crypto::LastError()));
}

// RFC 5280 wants serial numbers positive and not zero; 127 random bits under a leading one are.
absl::Status SetRandomSerial(X509* certificate) {
  std::string bytes = RandomBytes(16);
  bytes[0] = static_cast<char>(static_cast<unsigned char>(bytes[0]) | 0x80);
  BignumPtr number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                             static_cast<int>(bytes.size()), nullptr));
  if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return Failed("set a serial number");
  }
  return absl::OkStatus();
}

absl::Status SetCommonName(X509_NAME* name, absl::string_view common_name) {
  if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) != 1) {
    return Failed("set a common name");
  }
  return absl::OkStatus();
}

absl::Status SetTimes(X509* certificate, absl::Time not_before, absl::Time not_after) {
  if (ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(not_before)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(not_after)) == nullptr) {
    return Failed("set a validity");
  }
  return absl::OkStatus();
}

// `value` is one of our constants, never text from outside: OpenSSL's little language is not for
// it.
absl::Status AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added ? absl::OkStatus() : Failed(absl::StrCat("add the extension ", OBJ_nid2sn(nid)));
}

absl::Status AddName(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  NamePtr name(GENERAL_NAME_new());
  if (!name || value == nullptr) {
    ASN1_STRING_free(value);
    return Failed("add an alternative name");
  }
  GENERAL_NAME_set0_value(name.get(), type, value);
  if (sk_GENERAL_NAME_push(names, name.get()) <= 0) return Failed("add an alternative name");
  name.release();
  return absl::OkStatus();
}

ASN1_STRING* Ia5(const std::string& text) {
  ASN1_STRING* value = ASN1_IA5STRING_new();
  if (value != nullptr && ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1) {
    ASN1_STRING_free(value);
    return nullptr;
  }
  return value;
}

absl::Status AddAlternativeNames(X509* certificate, const IssueRequest& request) {
  NamesPtr names(GENERAL_NAMES_new());
  if (!names) return Failed("add alternative names");
  for (const std::string& uri : request.uris) {
    RETURN_IF_ERROR(AddName(names.get(), GEN_URI, Ia5(uri)));
  }
  for (const std::string& dns : request.dns_names) {
    RETURN_IF_ERROR(AddName(names.get(), GEN_DNS, Ia5(dns)));
  }
  for (const std::string& address : request.ip_addresses) {
    ASN1_OCTET_STRING* value = a2i_IPADDRESS(address.c_str());
    if (value == nullptr) {
      ERR_clear_error();
      return Error(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
                   absl::StrCat("\"", address, "\" is not an IP address"));
    }
    RETURN_IF_ERROR(AddName(names.get(), GEN_IPADD, value));
  }
  if (sk_GENERAL_NAME_num(names.get()) == 0) return absl::OkStatus();
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1) {
    return Failed("add alternative names");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SignAndWrite(X509* certificate, EVP_PKEY* key) {
  if (X509_sign(certificate, key, EVP_sha256()) <= 0) return Failed("sign a certificate");
  std::string pem = crypto::WriteCertificate(certificate);
  if (pem.empty()) return Failed("write a certificate");
  return pem;
}

absl::Status FillCa(X509* certificate, EVP_PKEY* key, absl::string_view common_name, absl::Time now,
                    absl::Duration lifetime) {
  RETURN_IF_ERROR(SetRandomSerial(certificate));
  RETURN_IF_ERROR(SetCommonName(X509_get_subject_name(certificate), common_name));
  // Hosts whose clocks are a little behind shall accept it at once.
  RETURN_IF_ERROR(SetTimes(certificate, now - absl::Hours(1), now + lifetime));
  if (X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
      X509_set_pubkey(certificate, key) != 1) {
    return Failed("fill a certificate");
  }
  RETURN_IF_ERROR(
      AddExtension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  RETURN_IF_ERROR(
      AddExtension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign"));
  return AddExtension(certificate, certificate, NID_subject_key_identifier, "hash");
}

absl::Status FillLeaf(X509* certificate, X509* issuer, EVP_PKEY* public_key,
                      const IssueRequest& request) {
  RETURN_IF_ERROR(SetRandomSerial(certificate));
  RETURN_IF_ERROR(SetCommonName(X509_get_subject_name(certificate), request.common_name));
  RETURN_IF_ERROR(SetTimes(certificate, request.not_before, request.not_after));
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
      X509_set_pubkey(certificate, public_key) != 1) {
    return Failed("fill a certificate");
  }
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE"));
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_key_usage, "critical,digitalSignature"));
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_ext_key_usage,
                               request.server ? "serverAuth" : "clientAuth"));
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_subject_key_identifier, "hash"));
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid:always"));
  return AddAlternativeNames(certificate, request);
}

}  // namespace

absl::StatusOr<CaMaterial> MakeCa(absl::string_view common_name, absl::Time now,
                                  absl::Duration lifetime) {
  ASSIGN_OR_RETURN(KeyAndRequest made, MakeKeyAndRequest(common_name));
  const KeyPtr key = crypto::ReadPrivateKey(made.key_pem);
  CertPtr certificate(X509_new());
  if (!key || !certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1) {
    return Failed("make a certificate");
  }
  RETURN_IF_ERROR(FillCa(certificate.get(), key.get(), common_name, now, lifetime));
  CaMaterial ca;
  ca.key_pem = std::move(made.key_pem);
  ASSIGN_OR_RETURN(ca.certificate_pem, SignAndWrite(certificate.get(), key.get()));
  return ca;
}

absl::StatusOr<std::string> Issue(const CaMaterial& ca, const IssueRequest& request) {
  RETURN_IF_ERROR(RequestKeySha256(request.csr_pem).status());
  const RequestPtr csr = crypto::ReadRequest(request.csr_pem);
  const CertPtr issuer = crypto::ReadCertificate(ca.certificate_pem);
  const KeyPtr key = crypto::ReadPrivateKey(ca.key_pem);
  if (!issuer || !key) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
                 "the certificate authority's certificate or key is not PEM");
  }
  if (X509_check_private_key(issuer.get(), key.get()) != 1) {
    ERR_clear_error();
    return Error(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
                 "the certificate authority's key does not belong to its certificate");
  }
  CertPtr certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1) {
    return Failed("make a certificate");
  }
  RETURN_IF_ERROR(
      FillLeaf(certificate.get(), issuer.get(), X509_REQ_get0_pubkey(csr.get()), request));
  return SignAndWrite(certificate.get(), key.get());
}

}  // namespace dbfleet::rpc
