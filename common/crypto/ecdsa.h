#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/crypto/openssl_ptr.h"

// ECDSA signatures (DER) over the SHA-256 of the data. Thread-safe.
namespace dbfleet::crypto {

std::string SignSha256(EVP_PKEY* key, absl::string_view data);  // "": see LastError.
bool VerifySha256(EVP_PKEY* key, absl::string_view data, absl::string_view signature);

}  // namespace dbfleet::crypto
