#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "controller/cli/shell.h"

namespace dbfleet::cli {

// The resources whose ids nobody wants to type: ULIDs.
enum class IdKind { kJob, kChange, kBackup };

// What the user calls a resource -> its full name. Whole ids and names go through as they are, and
// the controller says whether they exist. A beginning of an id, four characters or more, is looked
// up in the newest 10,000 resources of its kind: one match is its name, several are
// INVALID_ARGUMENT (AMBIGUOUS_ID) with the candidates, none is NOT_FOUND (NO_SUCH_ID).
absl::StatusOr<std::string> ResolveName(Shell& shell, IdKind kind, const std::string& given);

// The same for a command that changes what becomes of the job or change. The first ten characters
// of an id are its time alone, and four of them are twelve days: what was unique when it was seen
// may be another job's by now. So a beginning of fewer than 14 characters is shown to the user with
// what it was found to be, and only "yes" goes on (CANCELLED, NOT_CONFIRMED); without a terminal it
// is INVALID_ARGUMENT (ID_TOO_SHORT).
absl::StatusOr<std::string> ResolveNameToWrite(Shell& shell, IdKind kind, const std::string& given);

}  // namespace dbfleet::cli
