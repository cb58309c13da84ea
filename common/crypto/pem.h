#pragma once

#include <string>

#include "common/crypto/openssl_ptr.h"

// PEM text to OpenSSL's objects and back. The readers take the first object of their kind in the
// text, at most 64 KiB of it, never ask for a passphrase, return null if there is none, and leave
// the thread's error queue empty. Thread-safe.
namespace dbfleet::crypto {

CertPtr ReadCertificate(const std::string& pem);
RequestPtr ReadRequest(const std::string& pem);
KeyPtr ReadPrivateKey(const std::string& pem);
KeyPtr ReadPublicKey(const std::string& pem);

std::string WriteCertificate(X509* certificate);  // "" if it cannot be written.
std::string TakeText(BIO* bio);                   // What a memory BIO holds.

}  // namespace dbfleet::crypto
