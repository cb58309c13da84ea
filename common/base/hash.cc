#include "common/base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/escaping.h"

namespace dbfleet {
namespace {

// libcrypto fails here only when out of memory or broken; going on would produce wrong digests.
void CheckCrypto(bool ok, const char* what) {
  if (!ok) {
    std::fprintf(stderr, "fatal: libcrypto failed: %s\n", what);
    std::abort();
  }
}

// Fetched once: EVP_sha256() would look for the implementation anew in every call.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CheckCrypto(algorithm != nullptr, "EVP_MD_fetch");
  return algorithm;
}

}  // namespace

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  CheckCrypto(
      state_->context != nullptr && EVP_DigestInit_ex(state_->context, Algorithm(), nullptr) == 1,
      "EVP_DigestInit_ex");
}

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(absl::string_view data) {
  CheckCrypto(EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1, "EVP_DigestUpdate");
}

std::string Sha256Stream::Finish() {
  std::string out(32, '\0');
  unsigned int size = 0;
  CheckCrypto(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(out.data()),
                                 &size) == 1 &&
                  size == 32,
              "EVP_DigestFinal_ex");
  return out;
}

std::string Sha256Stream::FinishHex() { return HexEncode(Finish()); }

std::string Sha256(absl::string_view data) {
  std::string out(32, '\0');
  unsigned int size = 0;
  CheckCrypto(EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(out.data()),
                         &size, Algorithm(), nullptr) == 1 &&
                  size == 32,
              "EVP_Digest");
  return out;
}

std::string Sha256Hex(absl::string_view data) { return HexEncode(Sha256(data)); }

std::string RandomBytes(int n) {
  std::string out(n, '\0');
  CheckCrypto(RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), n) == 1, "RAND_bytes");
  return out;
}

std::string RandomHex(int n_bytes) { return HexEncode(RandomBytes(n_bytes)); }

std::string HexEncode(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

bool ConstantTimeEquals(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace dbfleet
