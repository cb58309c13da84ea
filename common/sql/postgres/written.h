#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/schema_facts.h"

// What is written in a statement, word for word, for advice that has to say all of it again: a tree
// keeps no expressions as texts. What does not look as expected is left empty.
namespace dbfleet::sql::pg {

// In one line and without comments. "" if that cannot be done: a text goes over several lines.
std::string OneLine(absl::string_view text);

// The type that begins at `from`, with its arguments and array bounds, in one line.
std::string WrittenType(absl::string_view text, int64_t from);

// CREATE INDEX: `rest`, `keys` and `where`.
void FillWrittenIndex(absl::string_view create, IndexFacts* index);

// ADD [CONSTRAINT name] ..., also of ALTER DOMAIN: what stands behind the name.
std::string DefinitionOf(absl::string_view added);

// Of a UNIQUE or PRIMARY KEY constraint of `table` (as it is written): `rest`, `attributes` and
// `keys` of the index that can be made into it.
void FillWrittenKey(absl::string_view definition, absl::string_view table, IndexFacts* index);

}  // namespace dbfleet::sql::pg
