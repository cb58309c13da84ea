#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// The value of an Integer node that libpg_query 15 wrote without one: it writes values above zero
// only, so it is zero or less. `text` is the statement, into which the positions of the tree count.
// Nothing if the node has no position there.
std::optional<int64_t> OmittedNumber(absl::string_view text, Node integer);

}  // namespace dbfleet::sql::pg
