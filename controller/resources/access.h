#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

#include "controller/identity/rights.h"
#include "controller/resources/kinds.h"
#include "controller/store/queries.h"

// Who may see and change a declared resource. Pure functions.
namespace dbfleet::controller {

// The environments that a resource is about: an environment is about itself, another resource about
// those that its `spec` selects; all of them where it selects none, and where a kind has no such
// field.
EnvironmentFilter ReachOf(const ResourceKind& kind, const google::protobuf::Message& message);

// What it takes to change it in each of these environments: declare, but administer for who hands
// out roles.
Verb VerbToChange(const ResourceKind& kind);

// Whoever may read in one of its environments sees a resource, whole; RoleBindings need the role
// auditor or admin there, as users do.
Verb VerbToSee(const ResourceKind& kind);
bool MaySee(const Rights& rights, const ResourceKind& kind, const EnvironmentFilter& reach);
bool MayChange(const Rights& rights, const ResourceKind& kind, const EnvironmentFilter& reach);

// PERMISSION_DENIED (ROLE_MISSING). The same for a resource that is not there and for one that is
// hidden.
absl::Status HiddenOrMissing(absl::string_view id, Verb verb);

}  // namespace dbfleet::controller
