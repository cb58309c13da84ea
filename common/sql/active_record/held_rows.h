#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/method_table.h"

// What a chain is in between its links: a query, the rows that it gave, or a page of them. Methods
// of these have names that a record's own may have as well (split, transform, drop), so that they
// are known only where it is sure what they are called on.
namespace dbfleet::sql {

enum class Held {
  kOther,  // A record, a value, or what is not known.
  kQuery,  // Eloquent's builder, Rails' relation.
  kRows,   // A collection, list or hash in memory, whatever it holds.
  kPage,   // Laravel's paginator.
};

struct HeldMethods {
  absl::string_view of;  // As the published table has it: "Laravel: collection".
  bool php;
  Held held;
  absl::Span<const ModelMethod> methods;
};

absl::Span<const HeldMethods> AllHeldMethods();

// What the method is of what the chain holds; nullptr if it is none of it. What it is given counts:
// drop(3) skips rows, drop drops a table.
const ModelMethod* FindHeldMethod(const HostProgram& program, Held held, const HostCall& call);

// What is held behind a call. `on_model`: it is the first one on the class of a model.
Held HeldAfter(const HostProgram& program, Held before, const HostCall& call, bool on_model);

}  // namespace dbfleet::sql
