#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/model/position.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Reads one statement of PostgreSQL through the parser of PostgreSQL itself (libpg_query), whose
// grammar is version 15's. Every node of the tree must be one that is decided on; what is not
// understood is destructive. `text` with several statements is destructive too.
//
// Pure and thread-safe. The parser keeps a few KiB for each thread that calls it, until that ends.
//
// A limit: a function of one composite argument may be called like a column, as in `SELECT t.f FROM
// t` or `(row).f`, which only the catalogue can tell from a column. Such a call is classified as
// safe; what holds it then is the read-only transaction that inspections run in. The same goes for
// what stands behind a view, a rule or a foreign table, and for a user's operator, cast or function
// that hides a built-in one.
Reading ReadPostgres(const Target& target, absl::string_view text, Position origin = {});

}  // namespace dbfleet::sql
