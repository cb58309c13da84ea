#include "common/audit/ed25519.h"

#include <openssl/pem.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/crypto/openssl_ptr.h"
#include "common/crypto/pem.h"

namespace dbfleet::audit {
namespace {

using crypto::BioPtr;
using crypto::KeyPtr;
using crypto::MdCtxPtr;

constexpr char kAlgorithm = 1;  // Ed25519 in signed-note.
constexpr size_t kSeedBytes = 32;
constexpr size_t kSignatureBytes = 64;

absl::Status BadKey(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY", what);
}

absl::Status CryptoFailed(absl::string_view what) {
  ERR_clear_error();
  return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED",
               absl::StrCat("libcrypto could not ", what));
}

const unsigned char* Bytes(absl::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

KeyPtr PrivateKey(const Secret& seed) {
  return KeyPtr(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed.Reveal()),
                                             seed.Reveal().size()));
}

}  // namespace

absl::Status ValidateKeyName(absl::string_view name) {
  const bool good = !name.empty() && name.size() <= 128 &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return absl::ascii_isalnum(c) ||
                             absl::string_view("._-/:").find(c) != absl::string_view::npos;
                    });
  if (good) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY_NAME",
               "a signing key's name is 1 to 128 of letters, digits and . _ - / :");
}

std::string VerifyingKey::id() const {
  return Sha256(absl::StrCat(name, "\n", std::string(1, kAlgorithm), public_key))
      .substr(0, kKeyIdBytes);
}

std::string VerifyingKey::Text() const {
  return absl::StrCat(name, "+", HexEncode(id()), "+",
                      absl::Base64Escape(absl::StrCat(std::string(1, kAlgorithm), public_key)));
}

bool VerifyingKey::Verifies(absl::string_view data, absl::string_view signature) const {
  const KeyPtr key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key), public_key.size()));
  const MdCtxPtr context(EVP_MD_CTX_new());
  const bool good =
      key && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(data),
                       data.size()) == 1;
  ERR_clear_error();
  return good;
}

absl::StatusOr<VerifyingKey> ParseVerifyingKey(absl::string_view text) {
  VerifyingKey key;
  // Base64 may hold "+" itself.
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('+', 2));
  std::string tagged;
  if (parts.size() != 3 || !absl::Base64Unescape(parts[2], &tagged) ||
      tagged.size() != 1 + kPublicKeyBytes || tagged[0] != kAlgorithm) {
    return BadKey("a public key reads NAME+ID+BASE64, as the key's generation printed it");
  }
  key.name = parts[0];
  RETURN_IF_ERROR(ValidateKeyName(key.name));
  key.public_key = tagged.substr(1);
  if (key.Text() != text)
    return BadKey("the public key's id does not belong to its name and bytes");
  return key;
}

absl::StatusOr<SigningKey> SigningKey::Generate(absl::string_view name) {
  RETURN_IF_ERROR(ValidateKeyName(name));
  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!key || !bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return CryptoFailed("make an Ed25519 key");
  }
  return FromPem(name, Secret(crypto::TakeText(bio.get())));
}

absl::StatusOr<SigningKey> SigningKey::FromPem(absl::string_view name, const Secret& pem) {
  RETURN_IF_ERROR(ValidateKeyName(name));
  const KeyPtr key = crypto::ReadPrivateKey(pem.Reveal());
  std::string seed(kSeedBytes, '\0');
  size_t seed_size = seed.size();
  VerifyingKey verifying;
  verifying.name = std::string(name);
  verifying.public_key.resize(kPublicKeyBytes);
  size_t public_size = kPublicKeyBytes;
  const bool good =
      key && EVP_PKEY_is_a(key.get(), "ED25519") &&
      EVP_PKEY_get_raw_private_key(key.get(), reinterpret_cast<unsigned char*>(seed.data()),
                                   &seed_size) == 1 &&
      EVP_PKEY_get_raw_public_key(key.get(),
                                  reinterpret_cast<unsigned char*>(verifying.public_key.data()),
                                  &public_size) == 1;
  ERR_clear_error();
  Secret kept(std::move(seed));
  if (!good) return BadKey("the signing key is not an unencrypted Ed25519 key in PEM");
  return SigningKey(std::move(verifying), std::move(kept));
}

absl::StatusOr<Secret> SigningKey::Pem() const {
  const KeyPtr key = PrivateKey(seed_);
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!key || !bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return CryptoFailed("write the signing key");
  }
  return Secret(crypto::TakeText(bio.get()));
}

absl::StatusOr<std::string> SigningKey::Sign(absl::string_view data) const {
  const KeyPtr key = PrivateKey(seed_);
  const MdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  size_t size = signature.size();
  if (!key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(data), data.size()) != 1) {
    return CryptoFailed("sign");
  }
  return signature;
}

}  // namespace dbfleet::audit
