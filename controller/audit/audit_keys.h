#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/audit/checkpoint.h"
#include "common/audit/ed25519.h"
#include "common/audit/trusted_keys.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The key that signs checkpoints of the audit trail, apart from the CA, in data_dir/audit-key
// (0700):
//   trusted-keys (0644)   all keys ever, with their validities: what verifying needs; the last one
//                         signs. Its rename is what commits a change.
//   key-<id>.pem (0600)   the private key of the last one
//   changes (0644)        each change of trusted-keys, signed by the key before it: agents follow
//
// The folder appears by one rename, like the CA's. Immutable once opened, hence thread-safe.
class AuditKeys {
 public:
  // FAILED_PRECONDITION: AUDIT_KEY_MISSING if there is no folder and `may_create` is false (the
  // store knows of a key: a new one would be a stranger to all agents), AUDIT_KEY_DAMAGED.
  static absl::StatusOr<std::unique_ptr<AuditKeys>> Open(const std::string& data_dir,
                                                         const std::string& name, bool may_create,
                                                         absl::Time now);

  // Replaces the key: ends the validity of the old one, makes a new one, lets the old one vouch for
  // it, and removes the old private key. No controller may run on the folder.
  static absl::Status Rotate(const std::string& data_dir, absl::Time now);

  const audit::SigningKey& signing_key() const { return key_; }
  // Signs it as of `now` and returns the text; sets its time and origin. A clock that stands before
  // the key's validity is wrong, and nobody would believe what it dates: then the validity's first
  // moment counts.
  absl::StatusOr<std::string> Sign(absl::Time now, audit::Checkpoint* checkpoint) const;
  const audit::TrustedKeys& trusted() const { return trusted_; }
  const std::string& trusted_text() const { return trusted_text_; }
  const std::vector<std::string>& changes() const { return changes_; }
  // Hex, of the key that signs.
  std::string key_id() const;

 private:
  AuditKeys(audit::SigningKey key, std::string trusted_text, audit::TrustedKeys trusted,
            std::vector<std::string> changes)
      : key_(std::move(key)),
        trusted_text_(std::move(trusted_text)),
        trusted_(std::move(trusted)),
        changes_(std::move(changes)) {}

  const audit::SigningKey key_;
  const std::string trusted_text_;
  const audit::TrustedKeys trusted_;
  const std::vector<std::string> changes_;
};

// "dbfleet/audit": the name under which a controller of this trust domain signs.
std::string AuditKeyName(const std::string& trust_domain);
// The id of the key that signed last, as the store remembers it; "" before the first.
absl::StatusOr<std::string> KnownAuditKey(ReadTx& tx);
absl::Status NoteAuditKey(WriteTx& tx, const std::string& key_id);

}  // namespace dbfleet::controller
