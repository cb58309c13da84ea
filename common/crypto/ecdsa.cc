#include "common/crypto/ecdsa.h"

namespace dbfleet::crypto {
namespace {

const unsigned char* Bytes(absl::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

}  // namespace

std::string SignSha256(EVP_PKEY* key, absl::string_view data) {
  if (key == nullptr) return "";
  const MdCtxPtr context(EVP_MD_CTX_new());
  // As long as a signature of this key can become; this one may be shorter.
  std::string signature(EVP_PKEY_get_size(key), '\0');
  size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(data), data.size()) != 1) {
    return "";
  }
  signature.resize(size);
  return signature;
}

bool VerifySha256(EVP_PKEY* key, absl::string_view data, absl::string_view signature) {
  const MdCtxPtr context(EVP_MD_CTX_new());
  const bool good = key != nullptr && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
                    EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(data),
                                     data.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace dbfleet::crypto
