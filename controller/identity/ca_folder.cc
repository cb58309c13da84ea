#include "controller/identity/ca_folder.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/secret.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr char kKeyFile[] = "/ca.key";
constexpr char kCertificateFile[] = "/ca.crt";

absl::Status Damaged(const std::string& path, absl::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "CA_DAMAGED",
               absl::StrCat("the certificate authority in ", path, " is not usable: ", why,
                            "; restore the folder from the backup"));
}

}  // namespace

CaFolder::CaFolder(const std::string& data_dir)
    : path_(absl::StrCat(data_dir, "/ca")),
      unfinished_path_(absl::StrCat(data_dir, "/ca.unfinished")) {}

absl::StatusOr<bool> CaFolder::Exists() const {
  struct stat info;
  if (lstat(path_.c_str(), &info) == 0) return true;
  if (errno == ENOENT) return false;
  return ErrnoStatus(errno, absl::StrCat("stat ", path_));
}

absl::StatusOr<rpc::CaMaterial> CaFolder::Load() const {
  absl::StatusOr<Secret> key = ReadSecretFile(path_ + kKeyFile);
  if (!key.ok()) return Damaged(path_, key.status().message());
  absl::StatusOr<std::string> certificate = ReadFile(path_ + kCertificateFile, 64 << 10);
  if (!certificate.ok()) return Damaged(path_, certificate.status().message());
  const absl::StatusOr<rpc::CertificateInfo> info = rpc::ParseCertificate(*certificate);
  if (!info.ok()) return Damaged(path_, info.status().message());
  if (!info->is_ca) return Damaged(path_, "ca.crt is not an authority's certificate");

  rpc::CaMaterial material{*std::move(certificate), key->Reveal() + "\n"};
  // Signing with the key and verifying with the certificate is the proof that they are a pair.
  const std::string probe = RandomBytes(32);
  const absl::StatusOr<std::string> signature = rpc::Sign(material.key_pem, probe);
  if (!signature.ok()) return Damaged(path_, "ca.key is not a private key");
  if (!rpc::VerifySignature(material.certificate_pem, probe, *signature).ok()) {
    return Damaged(path_, "ca.key does not belong to ca.crt");
  }
  return material;
}

absl::Status CaFolder::Create(absl::string_view common_name, absl::Time now,
                              absl::Duration lifetime) const {
  std::error_code error;
  std::filesystem::remove_all(unfinished_path_, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("remove ", unfinished_path_));
  RETURN_IF_ERROR(MakeDirectories(unfinished_path_, 0700));
  ASSIGN_OR_RETURN(const rpc::CaMaterial made, rpc::MakeCa(common_name, now, lifetime));
  RETURN_IF_ERROR(WriteFileAtomically(unfinished_path_ + kKeyFile, made.key_pem, 0600));
  RETURN_IF_ERROR(
      WriteFileAtomically(unfinished_path_ + kCertificateFile, made.certificate_pem, 0644));
  DBFLEET_FAILPOINT("ca.rename.before");
  if (rename(unfinished_path_.c_str(), path_.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename ", unfinished_path_, " to ", path_));
  }
  DBFLEET_FAILPOINT("ca.rename.after");
  return SyncDirectory(std::filesystem::path(path_).parent_path().string());
}

}  // namespace dbfleet::controller
