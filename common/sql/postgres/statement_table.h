#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/model/verdict.h"

// The published table of PostgreSQL's statements: what each is for (requirement S1), by the node of
// its tree and the words at its head. docs/reference/classification.md is made from it.
namespace dbfleet::sql::pg {

struct StatementRow {
  absl::string_view node;  // Its tag in the tree.
  absl::string_view head;  // The words that decide; "" for every other statement of that node.
  Kind kind;
  bool transactional;        // May run inside a transaction.
  bool transaction_control;  // Begins, ends or changes the transaction.
  Undo undo;
  absl::string_view note;  // What else decides, for people.
};

// What a statement of the kind control does, for a reason: "changes privileges".
absl::string_view WhatControlDoes(absl::string_view node);

// For each node the row with the empty head, or the first, stands for what no other row names.
absl::Span<const StatementRow> StatementRows();

// The row for a statement; null for a node that is no statement.
const StatementRow* FindStatement(absl::string_view node, absl::string_view head);

}  // namespace dbfleet::sql::pg
