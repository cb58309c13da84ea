#pragma once

#include <vector>

#include "controller/cli/shell.h"
#include "dbfleet/api/v1/user_service.pb.h"

namespace dbfleet::cli {

// The rows of `dbfleet user list`. The users must outlive the listing.
Listing UserListing(const std::vector<const api::v1::User*>& users);

}  // namespace dbfleet::cli
