#pragma once

#include <string>

#include "absl/time/time.h"

#include "common/audit/checkpoint.h"
#include "common/audit/receipt.h"
#include "common/audit/trusted_keys.h"
#include "common/rpc/x509.h"

namespace dbfleet::audit {

inline constexpr char kKeyName[] = "db.example.com/audit";
inline absl::Time Noon(int day) {
  return absl::FromCivil(absl::CivilHour(2026, 1, day, 12), absl::UTCTimeZone());
}

// A key that is trusted in January 2026.
struct KeyAndTrust {
  SigningKey key = SigningKey::Generate(kKeyName).value();
  TrustedKeys trusted{{{key.verifying_key(), Noon(1), Noon(31)}}};
};

// An agent with a certificate, as the controller's CA issues them.
struct TestAgent {
  rpc::CaMaterial ca = rpc::MakeCa("test CA", Noon(1), absl::Hours(24 * 300)).value();
  std::string key_pem;
  std::string certificate_pem;

  explicit TestAgent(const std::string& id, const std::string& uri_id = "") {
    const auto made = rpc::MakeKeyAndRequest(id).value();
    key_pem = made.key_pem;
    rpc::IssueRequest request;
    request.csr_pem = made.csr_pem;
    request.common_name = id;
    request.uris = {"spiffe://dbfleet/agent/" + (uri_id.empty() ? id : uri_id)};
    request.not_before = Noon(1);
    request.not_after = Noon(20);
    certificate_pem = rpc::Issue(ca, request).value();
  }
  SignedReceipt Sign(const Receipt& receipt) const {
    return SignReceipt(receipt, Secret(key_pem), certificate_pem + ca.certificate_pem).value();
  }
};

}  // namespace dbfleet::audit
