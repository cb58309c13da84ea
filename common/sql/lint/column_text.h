#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/schema_facts.h"

// Column types as text.
namespace dbfleet::sql {

// "varchar(10)", "enum('a','b')", "int unsigned"; "" if the type is not known.
std::string TypeText(const ColumnFacts& column);

// In lower case, without spaces around commas and without the display width of whole numbers, which
// changes nothing: "int(11)" -> "int", "integer" -> "int".
std::string NormalType(absl::string_view type);

// The values of "enum('a','it''s')"; empty for other types.
std::vector<std::string> ValuesOf(absl::string_view type);

}  // namespace dbfleet::sql
