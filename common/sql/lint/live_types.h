#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/model/schema_facts.h"
#include "common/sql/model/target.h"

// What a new type of a column means for the rows that are there.
namespace dbfleet::sql {

// Whether a column of the type `before`, as a server writes it, gets the type of `after` without
// that rows are read or written: from PostgreSQL's documentation of ALTER TABLE and the support
// functions of its length casts, MySQL's "Online DDL Operations" and MariaDB's "InnoDB Online DDL".
// False where it is not known. Whether NULL may stand there is no part of a type.
bool KeepsRows(const Target& target, absl::string_view before, const ColumnFacts& after);

// MySQL, MariaDB: whether it keeps them in some character sets, of which a snapshot says nothing.
bool MayKeepRows(const Target& target, absl::string_view before, const ColumnFacts& after);

// Whether it is the very same type. False of ENUM and SET, whose values are not compared.
bool IsSameType(absl::string_view before, const ColumnFacts& after);

}  // namespace dbfleet::sql
