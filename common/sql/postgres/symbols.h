#pragma once

#include "absl/strings/string_view.h"

// Built-in types, operators and words of PostgreSQL. A name that is missing makes a statement
// destructive, never the other way round. All names are in lower case, as the tree has them.
namespace dbfleet::sql::pg {

// Types of pg_catalog whose conversions do nothing but parse, and their arrays ("_int4").
bool IsBuiltInType(absl::string_view name);

// Domains of information_schema.
bool IsInformationSchemaType(absl::string_view name);

bool IsBuiltInOperator(absl::string_view symbol);

// Of indexes, and of tables: "text_pattern_ops"; "gin", "heap".
bool IsBuiltInOperatorClass(absl::string_view name);
bool IsBuiltInAccessMethod(absl::string_view name);

// Words that are a name only in quotes.
bool IsReserved(absl::string_view word);

}  // namespace dbfleet::sql::pg
