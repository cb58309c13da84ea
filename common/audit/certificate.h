#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/secret.h"
#include "common/crypto/openssl_ptr.h"

// What receipts need of X.509 and ECDSA P-256, for the .cc files of this folder.
namespace dbfleet::audit::impl {

struct Certificate {
  crypto::CertPtr x509;
  std::string pem;  // As OpenSSL writes it.
  std::string sha256;
  std::string common_name;
  std::vector<std::string> uris;
  absl::Time not_before;
  absl::Time not_after;
  bool is_ca = false;

  EVP_PKEY* key() const { return X509_get0_pubkey(x509.get()); }
};

// The first certificate in the text. INVALID_ARGUMENT (BAD_CERTIFICATE), also if its key is no
// ECDSA P-256 key.
absl::StatusOr<Certificate> ReadCertificate(const std::string& pem);

// The key of a certificate or of a public key in PEM; null if it is neither, or not P-256.
crypto::KeyPtr ReadAgentKey(const std::string& pem);

absl::StatusOr<std::string> SignP256(const Secret& key_pem, absl::string_view data);

}  // namespace dbfleet::audit::impl
