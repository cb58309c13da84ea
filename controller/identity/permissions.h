#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"
#include "controller/identity/principals.h"

// Who may call what: one table over every method of dbfleet.api.v1. A method without an entry is
// refused to everybody. Pure functions.
namespace dbfleet::controller {

enum class Access {
  kPublic,   // Needs no token.
  kAnyUser,  // Any token; what of it a caller may touch, AuthoriseForUser says.
  kVerbs,    // One of `verbs`, where `where` says.
};

// Where a call acts, and so where the caller needs the verb.
enum class Where {
  kEverywhere,  // It belongs to no environment: in all of them.
  kNamed,       // In the environment of each thing that `fields` name.
  // Anywhere: it shows what of the list the caller may see (Caller::where). What `fields` name, if
  // anything, counts as for kNamed.
  kListed,
  kInside,  // Anywhere: the handler measures what the request or the answer holds by the rights.
};

// A field of the request, text or a list of texts, with names of this collection, or ids alone.
struct NamedBy {
  absl::string_view field;
  absl::string_view collection;  // "jobs".
  // The request may be what makes it: it need not be there, but must not be elsewhere.
  bool may_be_new = false;
};

struct Permission {
  absl::string_view method;  // "dbfleet.api.v1.JobService/GetJob".
  Access access = Access::kVerbs;
  std::vector<Verb> verbs;  // One of them is enough. Several only with kInside.
  Where where = Where::kEverywhere;
  std::vector<NamedBy> fields;
};

const std::vector<Permission>& AllPermissions();

// Null when the table has no such method.
const Permission* FindPermission(absl::string_view method);

// Something that a request names.
struct Place {
  std::string name;                        // "jobs/J".
  std::optional<std::string> environment;  // nullopt: there is no such thing.
};

// Is the call allowed by these rights, whatever it names?
bool AllowsEverywhere(const Rights& rights, const Permission& permission);

// Measures `caller.rights`. PERMISSION_DENIED: ROLE_MISSING with the roles that would do, or
// TOKEN_SCOPE where `before_scope`, the rights without the token's limits, go further. The answer
// for what is not there and for what lies where the caller may not look is the same.
absl::Status Authorise(const Caller& caller, const Rights& before_scope, absl::string_view method,
                       absl::Span<const Place> places);

// Tokens: everybody his own, an admin anybody's. PERMISSION_DENIED (NOT_YOUR_TOKEN).
absl::Status AuthoriseForUser(const Caller& caller, absl::string_view user_id);

// A token that is limited ends itself and no other, unless it may administer everywhere.
// PERMISSION_DENIED (TOKEN_SCOPE).
absl::Status AuthoriseRevocation(const Caller& caller, absl::string_view token_id);

// For what no verb is for: a token that is limited to verbs or environments does not do it.
// PERMISSION_DENIED (TOKEN_SCOPE).
absl::Status CheckUnlimited(const Caller& caller, absl::string_view method);

// "operator", "auditor or admin".
std::string RoleWords(absl::Span<const Verb> verbs);

}  // namespace dbfleet::controller
