#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/engine/engine.h"
#include "common/base/secret.h"

namespace dbfleet::agent {

// "inspect", "backup" or "migrate".
absl::string_view NameOf(AccountUse use);

// The account for a purpose; FAILED_PRECONDITION (NO_ACCOUNT) if the configuration has none.
absl::StatusOr<AccountConfig> AccountFor(const InstanceSpec& spec, AccountUse use);

// Reads the account's password now; empty if it has no password file. An unreadable file is
// FAILED_PRECONDITION, NOT_FOUND or PERMISSION_DENIED with the file's path.
absl::StatusOr<Secret> ReadPassword(const AccountConfig& account);

// Whether the server runs on this host (unix socket or loopback address), so that its data folder's
// disk can be measured here.
bool IsLocal(const Endpoint& endpoint);

}  // namespace dbfleet::agent
