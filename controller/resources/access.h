#pragma once

#include <string>
#include <vector>

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

// What else it takes in its environments to declare this: whoever has work done by a schedule, or
// by a rule that asks nobody, has to be let do it by hand. A suspended one does nothing.
bool MayUse(const Rights& rights, const ResourceKind& kind,
            const google::protobuf::Message& message);

// Has it work done without anybody being asked?
bool WorksByItself(const ResourceKind& kind, const google::protobuf::Message& message);

// Whoever may read in one of its environments sees a resource, whole; RoleBindings need the role
// auditor or admin there, as users do.
Verb VerbToSee(const ResourceKind& kind);
bool MaySee(const Rights& rights, const ResourceKind& kind, const EnvironmentFilter& reach);
bool MayChange(const Rights& rights, const ResourceKind& kind, const EnvironmentFilter& reach);

// Says in a record what it is about: the one environment, or the detail "environments" with several
// ("production,qa") or with "*" for every one, by which routes choose it.
void NotePlace(const std::vector<EnvironmentFilter>& reaches, AuditEntry* entry);

// PERMISSION_DENIED (ROLE_MISSING). The same for a resource that is not there and for one that is
// hidden.
absl::Status HiddenOrMissing(absl::string_view id, Verb verb);

}  // namespace dbfleet::controller
