#pragma once

#include "common/sql/lint/look.h"

// The rules, one function for each subject; each goes through the rules of its file. Adding a rule:
// rules.h says what else to do.
namespace dbfleet::sql {

void CheckDml(const Look& look);
void CheckDryRun(const Look& look);
void CheckQueries(const Look& look);
void CheckScans(const Look& look);
void CheckTransactions(const Look& look);
void CheckTables(const Look& look);
void CheckColumns(const Look& look);
void CheckTypes(const Look& look);
void CheckIndexes(const Look& look);
void CheckConstraints(const Look& look);
void CheckObjects(const Look& look);
void CheckRepeats(const Look& look);
void CheckNaming(const Look& look);
void CheckRedis(const Look& look);
void CheckHostCode(const Look& look);
void CheckInjection(const Look& look);
// Of a migration's own words instead of all others: what these say of SQL nobody could write there.
void CheckMigrationCalls(const Look& look);
bool IsSchemaCall(const Facts& facts);
// Whether the call of a model changes all of its rows: User.delete_all.
bool ChangesAllRows(const CallFacts& call);
// What SQL and migrations have in common: whether a column's name is one of money, whether its type
// rounds, and what a new unique key may find among the rows.
bool IsMoney(const std::string& column);
bool IsFloat(absl::string_view type);
void ReportUniqueOnExisting(const Look& look, const Name& table, const IndexFacts& index);
void CheckLocks(const Look& look);  // The last: it asks whether others said something already.

// At the end of a script.
void CheckTransactionsAtEnd(const WholeLook& look);
void CheckTablesAtEnd(const WholeLook& look);
void CheckIndexesAtEnd(const WholeLook& look);
void CheckNamingAtEnd(const WholeLook& look);

}  // namespace dbfleet::sql
