#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/model/verdict.h"

namespace dbfleet::sql {

// One row of the published table (requirement S1): what a statement of MySQL or MariaDB is for, by
// the words at its head. docs/reference/classification.md is made of it.
struct MySqlStatement {
  absl::string_view head;  // "CREATE TABLE"; words that do not decide are left out.
  Kind kind;
  bool transactional = true;         // May run inside a transaction without ending it.
  bool transaction_control = false;  // The runner owns it.
  bool may_be_safe = false;          // With nothing in it but what is reviewed.
  absl::string_view note;
};

absl::Span<const MySqlStatement> MySqlStatements();

}  // namespace dbfleet::sql
