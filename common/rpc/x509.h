#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// X.509 in the few forms that dbfleet needs, over OpenSSL 3. All keys are ECDSA P-256. Functions
// are thread-safe; errors are INVALID_ARGUMENT (BAD_CERTIFICATE, BAD_CSR) for foreign input.
namespace dbfleet::rpc {

struct KeyAndRequest {
  std::string key_pem;
  std::string csr_pem;
};

// A new key and a certificate request signed with it.
absl::StatusOr<KeyAndRequest> MakeKeyAndRequest(absl::string_view common_name);
// A request for an existing key.
absl::StatusOr<std::string> MakeRequest(const std::string& key_pem, absl::string_view common_name);

struct CertificateInfo {
  std::string serial;  // Upper-case hex, without leading zeros.
  std::string common_name;
  std::vector<std::string> uris;  // Subject alternative names.
  absl::Time not_before;
  absl::Time not_after;
  std::string spki_sha256;  // Hex.
  bool is_ca = false;
};
absl::StatusOr<CertificateInfo> ParseCertificate(
    const std::string& pem);  // The first one in `pem`.

// SHA-256 (hex) of the request's public key, after checking the request's own signature.
absl::StatusOr<std::string> RequestKeySha256(const std::string& csr_pem);

// Is `leaf_pem` signed by `ca_pem` (times not checked)?
absl::Status VerifySignedBy(const std::string& leaf_pem, const std::string& ca_pem);

// ECDSA-SHA256 signatures (DER).
absl::StatusOr<std::string> Sign(const std::string& key_pem, absl::string_view data);
absl::Status VerifySignature(const std::string& certificate_pem, absl::string_view data,
                             absl::string_view signature);

struct CaMaterial {
  std::string certificate_pem;
  std::string key_pem;
};
absl::StatusOr<CaMaterial> MakeCa(absl::string_view common_name, absl::Time now,
                                  absl::Duration lifetime);

struct IssueRequest {
  std::string csr_pem;  // Only its public key is taken.
  std::string common_name;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  absl::Time not_before;
  absl::Time not_after;
  bool server = false;  // extendedKeyUsage serverAuth, else clientAuth.
};
// The leaf as PEM, with a random 128-bit serial.
absl::StatusOr<std::string> Issue(const CaMaterial& ca, const IssueRequest& request);

}  // namespace dbfleet::rpc
