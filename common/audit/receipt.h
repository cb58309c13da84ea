#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/secret.h"

// A receipt is an agent's word that it has seen the trail at a size with a root: whoever has it can
// show later that the trail was cut or rewritten, even if the controller's own key was used. It is
// signed with the key of the agent's certificate (ECDSA P-256 with SHA-256, DER). The text:
//
//   dbfleet audit receipt v1
//   agent web-1
//   log 01JAB...
//   size 20852
//   root CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//   time 2026-01-02T03:04:05.000006Z               the agent's clock
//   certificate <base64 of SHA-256 of the certificate's DER>
//
// The certificate travels with the receipt, for it is gone from everywhere else years later.
namespace dbfleet::audit {

struct Receipt {
  std::string agent_id;  // 1 to 64 of letters, digits and ".", "_", "-".
  std::string log_id;    // The same.
  uint64_t size = 0;
  std::string root;  // 32 raw bytes.
  absl::Time time;   // To the microsecond.
  bool operator==(const Receipt&) const = default;
};

struct SignedReceipt {
  std::string text;
  std::string signature;        // DER.
  std::string certificate_pem;  // Exactly one certificate, as OpenSSL writes it.
  bool operator==(const SignedReceipt&) const = default;
};

// `certificate_pem` may be a chain; its first certificate is the key's. INVALID_ARGUMENT:
// BAD_RECEIPT if a field cannot be written, BAD_KEY, BAD_CERTIFICATE (also if it is another key's).
absl::StatusOr<SignedReceipt> SignReceipt(Receipt receipt, const Secret& key_pem,
                                          const std::string& certificate_pem);

// Reads the text without looking at the signature. INVALID_ARGUMENT (BAD_RECEIPT) with the line.
absl::StatusOr<Receipt> ParseReceipt(absl::string_view text);

// Whom to believe: either is enough.
struct ReceiptTrust {
  // The CA that issued the agents' certificates. A receipt's certificate must name its agent
  // (common name, and the URI .../agent/ID) and be valid at the receipt's time.
  std::string ca_pem;
  // By agent: a certificate or public key in PEM.
  std::map<std::string, std::string> keys;

  bool empty() const { return ca_pem.empty() && keys.empty(); }
};

// Can it be ReceiptTrust::ca_pem? INVALID_ARGUMENT (BAD_CERTIFICATE) with what it is instead.
absl::Status CheckAuthority(const std::string& ca_pem);

// UNAUTHENTICATED: BAD_SIGNATURE, UNKNOWN_KEY (the trust says nothing of its agent or certificate),
// KEY_NOT_VALID (outside of the certificate's validity); BAD_RECEIPT, BAD_CERTIFICATE.
absl::StatusOr<Receipt> VerifyReceipt(const SignedReceipt& receipt, const ReceiptTrust& trust);

}  // namespace dbfleet::audit
