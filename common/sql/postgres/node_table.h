#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dbfleet::sql::pg {

// What a statement that only reads may make of a node.
enum class Part {
  kStatement,  // The statement table and the check of its own decide.
  kHarmless,   // Does nothing beyond what its parts do.
  kInspected,  // A check of its own looks at it (read_check.cc).
  kChanges,    // Stands in statements that change something, so never in one that only reads.
  kInternal,   // The server's analysis makes it, the grammar never does: not understood.
};

struct NodeRow {
  absl::string_view tag;
  Part part;
};

// Every node of PostgreSQL 15's trees as libpg_query names them, sorted by tag. A test holds it
// equal to the installed pg_query.proto.
absl::Span<const NodeRow> Nodes();

// Null for an unknown tag.
const NodeRow* FindNode(absl::string_view tag);

// Fields that hold one kind of node, which the JSON then leaves unsaid.
struct FieldRow {
  absl::string_view field;
  absl::string_view tag;
};
absl::Span<const FieldRow> NodeFields();

// Null for a field that is not one of those.
const NodeRow* NodeOfField(absl::string_view field);

}  // namespace dbfleet::sql::pg
