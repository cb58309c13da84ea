#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "controller/identity/rights.h"
#include "controller/resources/manifest.h"
#include "controller/routes/route.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Could what the route sends be made now? Its secrets are there, and may go where it sends them.
// The message never holds a secret.
using RouteCheck = std::function<absl::Status(const Route&)>;

// What of these manifests will not work as things are now, in words with their places, for each of
// them: instances that are not there or not in its environment, targets of which there are none,
// work that would be refused, windows that there are not, jobs queued for what becomes a freeze,
// users of policies that there are not, that are disabled, or are of programs. All that may be
// right later. Instances outside of `rights` are as if they were not there; users are not: whoever
// declares a policy is told by it who may fill it anyway.
//
// INVALID_ARGUMENT (BAD_CONFIG): a rule that is created or changed has a trigger of which nothing
// could ever come.
// FAILED_PRECONDITION (INSPECTION_NOT_SAFE, NO_DATABASE_DUMP): what is created or changed has work
// done that would be refused on every one of its targets, as by hand. Statements are read for that,
// so it is not for the writer.
absl::StatusOr<std::vector<std::vector<std::string>>> LookAhead(
    ReadTx& tx, absl::Span<const Manifest> manifests, const Rights& rights);

// Adds to the notes of LookAhead what routes among the manifests could not send. Secrets are files,
// whose folder may be slow, so it is for no transaction.
void CheckRoutes(absl::Span<const Manifest> manifests, const RouteCheck& check_route,
                 std::vector<std::vector<std::string>>* notes);

}  // namespace dbfleet::controller
