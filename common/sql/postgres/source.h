#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/schema_facts.h"
#include "common/sql/postgres/tree.h"

// From a tree back to the text it was made of, and names out of trees.
namespace dbfleet::sql::pg {

// Of a RangeVar, or of a list of String nodes ("schema", "name"); a third part in front is left
// out. Folded as the server does.
Name NameIn(Node node);

// The parts of a list of String nodes joined by dots: "pg_catalog.int4".
std::string Dotted(Node names);

// Fit to be written in SQL: in quotes where they are needed.
std::string Quoted(absl::string_view name);
std::string Quoted(const Name& name);

// A RangeVar's name as it stands in `text`, quotes included.
std::string Written(absl::string_view text, Node range_var);

// Of the name that begins at `from`, part by part: whether it stands in quotes.
std::vector<bool> QuotedParts(absl::string_view text, int64_t from);

// The first position in the text that anything in `node` has; -1 if nothing in it has one.
int64_t FirstLocation(Node node);

// The expression that begins at `from`: up to a comma, a closing parenthesis, or a word that begins
// the next part of a column's definition.
std::string ExpressionAt(absl::string_view text, int64_t from);

// The parts between the commas that stand outside of parentheses, from `from` on.
std::vector<std::string> Parts(absl::string_view text, size_t from);

}  // namespace dbfleet::sql::pg
