#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/facts.h"
#include "common/sql/model/target.h"
#include "common/sql/postgres/tree.h"

// From trees to what lint rules look at. Nothing here decides whether a statement is safe.
namespace dbfleet::sql::pg {

// What the parts of a statement are read with.
struct Source {
  const Target& target;
  absl::string_view text;
};

// All facts but `complete`.
Facts FactsOf(const Source& source, Node statement);

// facts_query.cc
void FillQuery(const Source& source, Node statement, QueryFacts* query);
void FillInsert(Node insert, InsertFacts* facts);

// facts_sought.cc: the columns on one side of a comparison, and QueryFacts::sought_columns.
std::vector<std::string> ComparedColumns(Node side);
std::vector<std::vector<std::string>> SoughtColumns(Node where);

// facts_extremes.cc: see QueryFacts::extremes.
std::vector<std::string> ExtremesOf(Node query);

// facts_columns.cc: see QualifiedColumn.
void FillQualified(const Source& source, Node statement, QueryFacts* query);

// facts_schema.cc
ColumnFacts ColumnOf(const Source& source, Node column);
ForeignKeyFacts ForeignKeyOf(Node constraint);
IndexFacts IndexOfConstraint(Node constraint, Name table);
void FillCreateTable(const Source& source, Node create, Facts* facts);
void FillCreateIndex(const Source& source, Node index, Facts* facts);
std::vector<std::string> Strings(Node list);

// facts_alter.cc
void FillAlterTable(const Source& source, Node alter, Facts* facts);
void FillRename(Node rename, Facts* facts);
void FillAlterEnum(Node alter, Facts* facts);

// facts_session.cc, of what stands in `facts` already: its verb. `planned`: by EXPLAIN, and no
// more.
void FillSession(const Source& source, Node statement, bool planned, Facts* facts);

// facts_checks.cc
std::vector<CheckTerm> TermsOf(Node check);
// The columns that it names alone, each once; a CHECK has no other table's.
std::vector<std::string> ColumnsOfCheck(Node check);
std::optional<PartitionBound> BoundOf(Node bound);

// facts_repeat.cc
Repeat RepeatOf(Version version, Node statement);

// facts_names.cc: names longer than the server keeps, as written.
std::vector<std::string> LongNames(absl::string_view text);

}  // namespace dbfleet::sql::pg
