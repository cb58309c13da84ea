#pragma once

#include <string>

#include "common/sql/model/target.h"
#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// PostgreSQL calls functions by column notation, too: (x).f is f(x), and so is s.f where s is the
// row of a function in FROM that gives single values ("SELECT s.nextval FROM regclass('q') s").
// What is called that may be a function with effects, or nobody knows which: "" where `node`, an
// A_Indirection or a ColumnRef of the query `root`, can only be a column or a function that reads.
//
// Of a table's row the same notation finds only functions of a user for that very row; without the
// schema they cannot be told from its columns, and only the read-only account stops them.
std::string CalledAsField(const Version& version, Node root, Node node);

}  // namespace dbfleet::sql::pg
