#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/rpc/x509.h"

namespace dbfleet::agent {

// A certificate with what is needed to use it.
struct IdentityMaterial {
  std::string key_pem;
  std::string chain_pem;  // The leaf, then the CA.
  std::string ca_pem;     // Whom the agent trusts.
  absl::Time installed;   // When it came; the controller may have dated it back.
  absl::Time not_after;
};

// The agent's identity on disk: a folder (0700) with
//   pending-key.pem   the key of the request that is under way; the same until its certificate came
//   key-<spki>.pem    the key of the certificate whose public key has that hash
//   ca.pem, chain.pem the certificates; chain.pem is written last and is what counts
// All files are written atomically and keys are 0600. After a crash at any point either the former
// identity is whole, or none is and the pending key is still there, so that the same request (to
// which a join token is bound) can be made again. Not thread-safe.
class IdentityFiles {
 public:
  explicit IdentityFiles(std::string folder) : folder_(std::move(folder)) {}

  // nullopt: there is none yet. DATA_LOSS (IDENTITY_BROKEN) if files are missing or do not belong
  // together.
  absl::StatusOr<std::optional<IdentityMaterial>> Load() const;

  // The pending key, made and stored if there is none, with a request signed by it.
  absl::StatusOr<rpc::KeyAndRequest> PendingRequest(const std::string& common_name) const;

  // Stores the certificate that came for the pending key and makes it the identity.
  // UNAUTHENTICATED (CERTIFICATE_FOREIGN) if it is not for that key or not signed by `ca_pem`.
  absl::Status Install(const std::string& chain_pem, const std::string& ca_pem) const;

 private:
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void RemoveOtherKeys(const std::string& keep) const;

  const std::string folder_;
};

}  // namespace dbfleet::agent
