#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/verdict.h"
#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

struct Uses {
  std::vector<std::string> tables;  // As Verdict's.
  std::vector<ObjectUse> uses;
};

// What a statement names and what it does to it, as written in `text` and in its order. Names of a
// WITH list do not count where they hide a table.
Uses UsesOf(absl::string_view text, Node statement);

}  // namespace dbfleet::sql::pg
