#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dbfleet {

// A ULID (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits as 26 Crockford base-32
// characters, so that ids sort by the time they were made. `random` is at least 10 bytes.
std::string MakeUlid(absl::Time now, absl::string_view random);

// Makes a ULID with fresh random bits.
std::string NewUlid(absl::Time now);

bool IsUlid(absl::string_view text);

// Names that people give to agents, instances and environments: lower-case letters, digits and
// "-", beginning with a letter and not ending in "-"; at most 63 bytes (RFC 1035 labels). They are
// used in paths, so nothing else is let through. `what` names the field in the error.
absl::Status ValidateName(absl::string_view what, absl::string_view name);

// What an environment is called everywhere inside: "staging" is another name of "qa", every other
// name stands for itself. To be called where names come in: requests, manifests, configurations.
absl::string_view PlainEnvironment(absl::string_view name);

// Resource names: "jobs/J" -> "J". INVALID_ARGUMENT unless `name` is `collection` + "/" + one
// segment.
absl::Status ParseResourceName(absl::string_view collection, absl::string_view name,
                               std::string* id);

}  // namespace dbfleet
