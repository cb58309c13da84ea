#include "agent/link/identity_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr char kPending[] = "pending-key.pem";
constexpr char kChain[] = "chain.pem";
constexpr char kCa[] = "ca.pem";

absl::Status Broken(absl::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "IDENTITY_BROKEN",
               absl::StrCat(what,
                            "; move the identity folder aside and enrol the agent again with "
                            "a new join token"));
}

std::string KeyName(const rpc::CertificateInfo& info) {
  return absl::StrCat("key-", info.spki_sha256, ".pem");
}

absl::Status CheckKeyBelongs(const std::string& key_pem, const std::string& chain_pem) {
  const std::string nonce = RandomBytes(32);
  ASSIGN_OR_RETURN(const std::string signature, rpc::Sign(key_pem, nonce));
  return rpc::VerifySignature(chain_pem, nonce, signature);
}

absl::Time ModifiedAt(const std::string& path, absl::Time otherwise) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return otherwise;
  return absl::TimeFromTimespec(info.st_mtim);
}

}  // namespace

absl::StatusOr<std::optional<IdentityMaterial>> IdentityFiles::Load() const {
  absl::StatusOr<std::string> chain = ReadFile(Path(kChain), 1 << 20);
  if (absl::IsNotFound(chain.status())) return std::nullopt;
  RETURN_IF_ERROR(chain.status());
  const absl::StatusOr<rpc::CertificateInfo> info = rpc::ParseCertificate(*chain);
  if (!info.ok()) return Broken(absl::StrCat(Path(kChain), ": ", info.status().message()));
  const absl::StatusOr<Secret> key = ReadSecretFile(Path(KeyName(*info)));
  if (!key.ok()) return Broken(key.status().message());
  absl::StatusOr<std::string> ca = ReadFile(Path(kCa), 1 << 20);
  if (!ca.ok()) return Broken(ca.status().message());
  IdentityMaterial material;
  material.key_pem = key->Reveal() + "\n";
  material.chain_pem = *std::move(chain);
  material.ca_pem = *std::move(ca);
  material.not_after = info->not_after;
  material.installed = std::clamp(ModifiedAt(Path(kChain), info->not_before), info->not_before,
                                  std::max(info->not_before, info->not_after));
  return material;
}

absl::StatusOr<rpc::KeyAndRequest> IdentityFiles::PendingRequest(
    const std::string& common_name) const {
  RETURN_IF_ERROR(MakeDirectories(folder_, 0700));
  const absl::StatusOr<Secret> pending = ReadSecretFile(Path(kPending));
  if (pending.ok()) {
    rpc::KeyAndRequest again;
    again.key_pem = pending->Reveal() + "\n";
    ASSIGN_OR_RETURN(again.csr_pem, rpc::MakeRequest(again.key_pem, common_name));
    return again;
  }
  if (!absl::IsNotFound(pending.status())) return pending.status();
  ASSIGN_OR_RETURN(rpc::KeyAndRequest fresh, rpc::MakeKeyAndRequest(common_name));
  RETURN_IF_ERROR(WriteFileAtomically(Path(kPending), fresh.key_pem, 0600));
  return fresh;
}

absl::Status IdentityFiles::Install(const std::string& chain_pem, const std::string& ca_pem) const {
  ASSIGN_OR_RETURN(const Secret pending, ReadSecretFile(Path(kPending)));
  const std::string key_pem = pending.Reveal() + "\n";
  ASSIGN_OR_RETURN(const rpc::CertificateInfo info, rpc::ParseCertificate(chain_pem));
  absl::Status belongs = CheckKeyBelongs(key_pem, chain_pem);
  if (belongs.ok()) belongs = rpc::VerifySignedBy(chain_pem, ca_pem);
  if (!belongs.ok()) {
    return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_FOREIGN",
                 absl::StrCat("the controller sent a certificate that is not for this agent's key "
                              "or not of its own CA: ",
                              belongs.message()));
  }
  RETURN_IF_ERROR(WriteFileAtomically(Path(KeyName(info)), key_pem, 0600));
  RETURN_IF_ERROR(WriteFileAtomically(Path(kCa), ca_pem, 0644));
  RETURN_IF_ERROR(WriteFileAtomically(Path(kChain), chain_pem, 0644));
  unlink(Path(kPending).c_str());
  RemoveOtherKeys(KeyName(info));
  return absl::OkStatus();
}

void IdentityFiles::RemoveOtherKeys(const std::string& keep) const {
  std::error_code error;
  std::vector<std::string> old;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (absl::StartsWith(name, "key-") && name != keep) old.push_back(name);
  }
  for (const std::string& name : old) unlink(Path(name).c_str());
}

}  // namespace dbfleet::agent
