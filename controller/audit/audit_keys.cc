#include "controller/audit/audit_keys.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/audit/key_change.h"
#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr char kTrustedFile[] = "/trusted-keys";
constexpr char kChangesFile[] = "/changes";
constexpr char kKeySetting[] = "audit.key";
constexpr char kBetweenChanges = '\0';
constexpr absl::Duration kLifetime = absl::Hours(24 * 365 * 10);
// A new key counts from somewhat earlier: agents' clocks differ, and to one that is behind it would
// not be valid yet.
constexpr absl::Duration kClockAllowance = absl::Hours(24);

std::string FolderOf(const std::string& data_dir) { return absl::StrCat(data_dir, "/audit-key"); }

std::string IdOf(const audit::VerifyingKey& key) { return absl::BytesToHexString(key.id()); }

std::string KeyFile(const std::string& folder, const audit::VerifyingKey& key) {
  return absl::StrCat(folder, "/key-", IdOf(key), ".pem");
}

absl::Status Damaged(const std::string& folder, absl::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "AUDIT_KEY_DAMAGED",
               absl::StrCat("the audit key in ", folder, " is not usable: ", why,
                            "; restore the folder from the backup"));
}

audit::TrustedKey NewTrust(const audit::SigningKey& key, absl::Time now) {
  // The file holds whole seconds.
  const absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  return {key.verifying_key(), second - kClockAllowance, second + kLifetime};
}

absl::Status WriteKey(const std::string& folder, const audit::SigningKey& key) {
  ASSIGN_OR_RETURN(const Secret pem, key.Pem());
  return WriteFileAtomically(KeyFile(folder, key.verifying_key()), pem.Reveal(), 0600);
}

absl::Status Create(const std::string& folder, const std::string& name, absl::Time now) {
  const std::string unfinished = folder + ".unfinished";
  std::error_code error;
  std::filesystem::remove_all(unfinished, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("remove ", unfinished));
  RETURN_IF_ERROR(MakeDirectories(unfinished, 0700));
  ASSIGN_OR_RETURN(const audit::SigningKey key, audit::SigningKey::Generate(name));
  RETURN_IF_ERROR(WriteKey(unfinished, key));
  RETURN_IF_ERROR(WriteFileAtomically(unfinished + kTrustedFile,
                                      audit::TrustedKeys({NewTrust(key, now)}).Text(), 0644));
  // Killed before: the next start throws the unfinished folder away; it never signed anything.
  DBFLEET_FAILPOINT("audit_key.rename.before");
  if (rename(unfinished.c_str(), folder.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename ", unfinished, " to ", folder));
  }
  DBFLEET_FAILPOINT("audit_key.rename.after");
  return SyncDirectory(std::filesystem::path(folder).parent_path().string());
}

// The changes that led to `trusted`. A rotation that did not get so far as to rename trusted-keys
// may have left one more.
absl::StatusOr<std::vector<std::string>> ReadChanges(const std::string& folder,
                                                     const std::string& trusted) {
  std::vector<std::string> changes;
  const absl::StatusOr<std::string> text = ReadFile(folder + kChangesFile, 16 << 20);
  if (absl::IsNotFound(text.status())) return changes;
  if (!text.ok()) return text.status();
  for (absl::string_view part : absl::StrSplit(*text, kBetweenChanges, absl::SkipEmpty())) {
    changes.emplace_back(part);
  }
  while (!changes.empty()) {
    const absl::StatusOr<std::string> keys = audit::KeysOfChange(changes.back());
    if (keys.ok() && *keys == trusted) break;
    changes.pop_back();
  }
  return changes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditKeys>> AuditKeys::Open(const std::string& data_dir,
                                                           const std::string& name, bool may_create,
                                                           absl::Time now) {
  const std::string folder = FolderOf(data_dir);
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("stat ", folder));
    if (!may_create) {
      return Error(absl::StatusCode::kFailedPrecondition, "AUDIT_KEY_MISSING",
                   absl::StrCat("the folder ", folder,
                                " with the key that signs the audit trail is missing; restore it "
                                "from the backup"));
    }
    RETURN_IF_ERROR(Create(folder, name, now));
  }
  absl::StatusOr<std::string> text = ReadFile(folder + kTrustedFile, 1 << 20);
  if (!text.ok()) return Damaged(folder, text.status().message());
  absl::StatusOr<audit::TrustedKeys> trusted = audit::TrustedKeys::Parse(*text);
  if (!trusted.ok()) return Damaged(folder, trusted.status().message());
  const audit::VerifyingKey newest = trusted->keys().back().key;
  const absl::StatusOr<Secret> pem = ReadSecretFile(KeyFile(folder, newest));
  if (!pem.ok()) return Damaged(folder, pem.status().message());
  absl::StatusOr<audit::SigningKey> key =
      audit::SigningKey::FromPem(newest.name, Secret(pem->Reveal() + "\n"));
  if (!key.ok()) return Damaged(folder, key.status().message());
  if (!(key->verifying_key() == newest)) {
    return Damaged(folder, "the private key is not that of trusted-keys' last line");
  }
  ASSIGN_OR_RETURN(std::vector<std::string> changes, ReadChanges(folder, *text));
  return std::unique_ptr<AuditKeys>(
      new AuditKeys(*std::move(key), *std::move(text), *std::move(trusted), std::move(changes)));
}

absl::Status AuditKeys::Rotate(const std::string& data_dir, absl::Time now) {
  const std::string folder = FolderOf(data_dir);
  ASSIGN_OR_RETURN(const std::unique_ptr<AuditKeys> old,
                   Open(data_dir, "", /*may_create=*/false, now));
  const audit::VerifyingKey& former = old->signing_key().verifying_key();
  ASSIGN_OR_RETURN(const audit::SigningKey key, audit::SigningKey::Generate(former.name));
  std::vector<audit::TrustedKey> keys = old->trusted().keys();
  const audit::TrustedKey added = NewTrust(key, now);
  // What the old key signed up to now stays good.
  keys.back().not_after = added.not_before + kClockAllowance + absl::Seconds(1);
  keys.push_back(added);
  const std::string text = audit::TrustedKeys(std::move(keys)).Text();
  ASSIGN_OR_RETURN(const std::string change, audit::SignKeyChange(text, old->signing_key()));
  std::string changes;
  for (const std::string& earlier : old->changes()) {
    absl::StrAppend(&changes, earlier, std::string(1, kBetweenChanges));
  }
  absl::StrAppend(&changes, change, std::string(1, kBetweenChanges));
  RETURN_IF_ERROR(WriteKey(folder, key));
  RETURN_IF_ERROR(WriteFileAtomically(folder + kChangesFile, changes, 0644));
  RETURN_IF_ERROR(WriteFileAtomically(folder + kTrustedFile, text, 0644));
  if (unlink(KeyFile(folder, former).c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("remove ", KeyFile(folder, former)));
  }
  return SyncDirectory(folder);
}

std::string AuditKeyName(const std::string& trust_domain) {
  return absl::StrCat(trust_domain, "/audit");
}

absl::StatusOr<std::string> KnownAuditKey(ReadTx& tx) { return tx.GetSetting(kKeySetting); }

absl::Status NoteAuditKey(WriteTx& tx, const std::string& key_id) {
  return tx.PutSetting(kKeySetting, key_id);
}

absl::StatusOr<std::string> AuditKeys::Sign(absl::Time now, audit::Checkpoint* checkpoint) const {
  const audit::VerifyingKey& own = key_.verifying_key();
  for (const audit::TrustedKey& key : trusted_.keys()) {
    if (key.key == own) now = std::max(now, key.not_before);
  }
  checkpoint->time = absl::FromUnixMicros(absl::ToUnixMicros(now));
  checkpoint->origin = own.name;
  return audit::SignCheckpoint(*checkpoint, key_);
}

std::string AuditKeys::key_id() const { return IdOf(key_.verifying_key()); }

}  // namespace dbfleet::controller
