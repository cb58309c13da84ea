#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/crypto/openssl_ptr.h"

// What certificates and public keys say. Nothing here leaves an error in the thread's queue.
// Thread-safe.
namespace dbfleet::crypto {

std::string CommonNameOf(X509* certificate);         // "" if it has none.
std::vector<std::string> UrisOf(X509* certificate);  // Subject alternative names.

// With both times; nullopt if one is malformed.
struct Validity {
  absl::Time not_before;
  absl::Time not_after;
};
std::optional<Validity> ValidityOf(X509* certificate);

std::string DerSha256(X509* certificate);  // Raw bytes.
std::string SpkiSha256(EVP_PKEY* key);     // Hex.

bool IsP256(const EVP_PKEY* key);  // Null is not.

// Is `ca` an authority, and did it sign `leaf`? (Times are not checked.)
bool IsIssuedBy(X509* leaf, X509* ca);

}  // namespace dbfleet::crypto
