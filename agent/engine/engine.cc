#include "agent/engine/engine.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/engine/account.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {

std::string Endpoint::Describe() const {
  if (!socket.empty()) return port > 0 ? absl::StrCat(socket, ":", port) : socket;
  // Brackets keep an IPv6 address apart from its port.
  if (absl::StrContains(host, ':')) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::string_view NameOf(AccountUse use) {
  switch (use) {
    case AccountUse::kInspect:
      return "inspect";
    case AccountUse::kBackup:
      return "backup";
    case AccountUse::kMigrate:
      return "migrate";
  }
  return "";
}

absl::StatusOr<AccountConfig> AccountFor(const InstanceSpec& spec, AccountUse use) {
  const std::optional<AccountConfig>& account = use == AccountUse::kInspect  ? spec.inspect
                                                : use == AccountUse::kBackup ? spec.backup
                                                                             : spec.migrate;
  if (account.has_value()) return *account;
  return Error(absl::StatusCode::kFailedPrecondition, "NO_ACCOUNT",
               absl::StrCat("instance ", spec.name, " has no account for ", NameOf(use),
                            "; add accounts.", NameOf(use),
                            " to the agent's configuration (dbfleet-agent grants prints the rights "
                            "it needs)"));
}

absl::StatusOr<Secret> ReadPassword(const AccountConfig& account) {
  if (account.password_file.empty()) return Secret();
  return ReadSecretFile(account.password_file);
}

bool IsLocal(const Endpoint& endpoint) {
  return !endpoint.socket.empty() || endpoint.host == "localhost" || endpoint.host == "::1" ||
         absl::StartsWith(endpoint.host, "127.");
}

}  // namespace dbfleet::agent
