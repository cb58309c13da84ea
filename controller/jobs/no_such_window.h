#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dbfleet::controller {

// NOT_FOUND (NO_SUCH_WINDOW): nobody has declared a maintenance window of this name.
absl::Status NoSuchWindow(absl::string_view name);

}  // namespace dbfleet::controller
