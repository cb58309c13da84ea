#pragma once

#include <string>
#include <vector>

#include "controller/cli/shell.h"
#include "dbfleet/api/v1/user_service.pb.h"

namespace dbfleet::cli {

// The rows of `dbfleet user list`. The users must outlive the listing.
Listing UserListing(const std::vector<const api::v1::User*>& users);

// What a token is limited to: "qa read,operate from 10.0.0.0/8"; "" if to nothing.
std::string TokenLimits(const api::v1::Token& token);

}  // namespace dbfleet::cli
