#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "dbfleet/agent/v1/link_service.pb.h"

// What an offer asks for, as pure functions.
namespace dbfleet::agent {

// "check", "inspect", "backup", "verify", "migrate"; "" for a kind that this program does not know.
std::string ActionNameOf(const work::v1::JobSpec& spec);

// Must it have the instance for itself? All but checks, inspections and plans.
bool IsExclusive(const v1::Offer& offer);

// Does it execute a plan, so that its Grant must name the digest?
bool NeedsDigest(const v1::Offer& offer);

// "instances/x", or for a migration "instances/x/databases/y".
std::string TargetOf(const v1::Offer& offer);

// Attempt ids become folder names, so nothing but letters, digits, "-" and "_" is let through.
bool IsSafeAttemptId(absl::string_view id);

}  // namespace dbfleet::agent
