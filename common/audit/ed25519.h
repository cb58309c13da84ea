#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/base/secret.h"

// Ed25519 keys (RFC 8032) with names, as C2SP signed-note has them. The name belongs to whoever
// signs and stays when the key is changed; the key's id tells keys of the same name apart.
namespace dbfleet::audit {

inline constexpr size_t kPublicKeyBytes = 32;
inline constexpr size_t kKeyIdBytes = 4;

// 1 to 128 of letters, digits and ".", "_", "-", "/", ":"; for example "db.example.com/audit".
// INVALID_ARGUMENT (BAD_KEY_NAME).
absl::Status ValidateKeyName(absl::string_view name);

struct VerifyingKey {
  std::string name;
  std::string public_key;  // 32 raw bytes.

  // The first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key).
  std::string id() const;
  // "<name>+<id in hex>+<base64 of 0x01 || public key>": signed-note's form of a verifier key.
  std::string Text() const;
  bool Verifies(absl::string_view data, absl::string_view signature) const;
  bool operator==(const VerifyingKey&) const = default;
};

// INVALID_ARGUMENT (BAD_KEY) unless the text is what VerifyingKey::Text writes.
absl::StatusOr<VerifyingKey> ParseVerifyingKey(absl::string_view text);

// The private half. Whoever keeps it in a file sees to the file's mode. Thread-safe once made.
class SigningKey {
 public:
  static absl::StatusOr<SigningKey> Generate(absl::string_view name);
  // From PEM (PKCS #8, not encrypted). INVALID_ARGUMENT (BAD_KEY).
  static absl::StatusOr<SigningKey> FromPem(absl::string_view name, const Secret& pem);

  absl::StatusOr<Secret> Pem() const;
  const VerifyingKey& verifying_key() const { return verifying_key_; }
  // 64 bytes.
  absl::StatusOr<std::string> Sign(absl::string_view data) const;

 private:
  SigningKey(VerifyingKey verifying_key, Secret seed)
      : verifying_key_(std::move(verifying_key)), seed_(std::move(seed)) {}

  VerifyingKey verifying_key_;
  Secret seed_;  // 32 raw bytes.
};

}  // namespace dbfleet::audit
