#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/identity/principals.h"

// The limits of tokens. Pure functions.
namespace dbfleet::controller {

// Sorted, without repetition, networks as they are written best. INVALID_ARGUMENT: BAD_NETWORK,
// INVALID_NAME, SCOPE_TOO_LONG (more than 100 in a list).
absl::StatusOr<TokenScope> CheckScope(const TokenScope& scope);

// PERMISSION_DENIED (TOKEN_SCOPE) if a token of this scope and end could be used for more than the
// caller's own, limited one, or longer than it: also one that is limited by a short life alone.
absl::Status CheckWithin(const Caller& caller, const TokenScope& scope, absl::Time expire_time);

// PERMISSION_DENIED (TOKEN_SOURCE) if the caller's token does not count from there. `peer` is
// gRPC's: "ipv4:10.0.0.7:40312".
absl::Status CheckSource(const Caller& caller, absl::string_view peer);

// For a voice that counts wherever its owner has the role, not only where the call was let in:
// PERMISSION_DENIED (TOKEN_SCOPE) if the caller's token is limited to environments.
absl::Status CheckEveryEnvironment(const Caller& caller, absl::string_view method);

// What a token of this scope is in want of for what its verbs are for, in words.
std::vector<std::string> WantsOf(const TokenScope& scope);

// "environments qa; verbs read,operate; sources 10.0.0.0/8"; "" without limits.
std::string ScopeText(const TokenScope& scope);

}  // namespace dbfleet::controller
