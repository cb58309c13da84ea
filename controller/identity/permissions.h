#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "controller/domain/types.h"
#include "controller/identity/principals.h"

// Who may call what: one table over every method of dbfleet.api.v1. A method without an entry is
// refused to everybody. Pure functions.
namespace dbfleet::controller {

enum class Access {
  kPublic,   // Needs no token.
  kAnyUser,  // Any token; what of it a caller may touch, AuthoriseForUser says.
  kRoles,    // One of `roles`.
};

struct Permission {
  absl::string_view method;  // "dbfleet.api.v1.JobService/GetJob".
  Access access = Access::kRoles;
  std::vector<Role> roles;
};

const std::vector<Permission>& AllPermissions();

// Null when the table has no such method.
const Permission* FindPermission(absl::string_view method);

// PERMISSION_DENIED (ROLE_MISSING) with the roles that would do. An admin is refused approvals,
// whatever else he is. Call it before looking at the request.
absl::Status Authorise(const Caller& caller, absl::string_view method);

// Tokens: everybody his own, an admin anybody's. PERMISSION_DENIED (NOT_YOUR_TOKEN).
absl::Status AuthoriseForUser(const Caller& caller, absl::string_view user_id);

}  // namespace dbfleet::controller
