#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/rpc/x509.h"
#include "common/time/clock.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The controller's own certificate authority: a key and a certificate under data_dir/ca, made at
// the first start. All agents trust it and nothing else, so it is never replaced by itself: the
// store remembers whose key it was, and a folder that is missing, incomplete or another one is
// refused with FAILED_PRECONDITION (CA_MISSING, CA_DAMAGED, CA_REPLACED). A first start that
// crashed half-way leaves a folder under another name, which the next one throws away: it never
// issued anything.
//
// Immutable after Open, hence thread-safe.
class CertificateAuthority {
 public:
  struct Options {
    std::string data_dir;
    std::string trust_domain = "dbfleet";
    absl::Duration lifetime = absl::Hours(24 * 365 * 10);
  };
  static absl::StatusOr<std::unique_ptr<CertificateAuthority>> Open(const Options& options,
                                                                    Store* store,
                                                                    const Clock* clock);

  const std::string& certificate_pem() const { return material_.certificate_pem; }
  // SHA-256, hex, of the SubjectPublicKeyInfo: the pin in join tokens.
  const std::string& spki_sha256() const { return info_.spki_sha256; }

  struct ServerMaterial {
    std::string chain_pem;  // Leaf, then CA: FetchPinnedCa reads the end of it.
    std::string key_pem;
  };
  // A fresh server certificate for these host names and addresses (a ":port" is cut off), with
  // localhost, 127.0.0.1 and ::1. Its key lives in memory only, and it as long as the CA, since
  // nothing but a restart replaces it.
  absl::StatusOr<ServerMaterial> IssueServer(const std::vector<std::string>& advertise) const;

  struct AgentCertificate {
    std::string pem;  // The leaf alone.
    std::string serial;
    std::string key_sha256;
    absl::Time not_after;
  };
  // Takes the public key of the request only. The certificate is clientAuth, with one URI.
  absl::StatusOr<AgentCertificate> IssueAgent(const std::string& csr_pem,
                                              const std::string& agent_id,
                                              absl::Duration lifetime) const;

  struct AgentName {
    std::string agent_id;
    rpc::CertificateInfo certificate;
    absl::Time issued;  // By its times and by how IssueAgent sets them; up to a second early.
  };
  // Whose certificate is this? UNAUTHENTICATED (CERTIFICATE_FOREIGN) unless this authority issued
  // it to an agent of this trust domain. Says nothing about time and revocation.
  absl::StatusOr<AgentName> NameOf(const std::string& certificate_pem) const;

 private:
  CertificateAuthority(rpc::CaMaterial material, rpc::CertificateInfo info,
                       std::string trust_domain, const Clock* clock);

  std::string UriPrefix() const;

  const rpc::CaMaterial material_;
  const rpc::CertificateInfo info_;
  const std::string trust_domain_;
  const Clock* const clock_;
};

}  // namespace dbfleet::controller
