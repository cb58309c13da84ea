#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/lint/look.h"

// PostgreSQL's partitioned tables: they know no CONCURRENTLY, USING INDEX and NOT VALID, which
// their partitions are given one by one instead.
namespace dbfleet::sql {

// "CREATE INDEX i ON t (a)" in the form that lets others write; `index` as it is written in SQL,
// `parts` from the method or the parenthesis on. Of a partitioned table with what follows it.
std::string IndexWhileOthersWrite(const Target& target, bool partitioned, absl::string_view index,
                                  const Name& table, absl::string_view parts);

// What makes an index or a key that was made for the partitioned table ONLY one of all of it:
// "; then on each partition ..., and ALTER INDEX app.i ATTACH PARTITION with that one's name".
std::string OnEachPartition(const Target& target, const Name& table, absl::string_view index,
                            absl::string_view what);

// Where no form of the statement spares the lock, a limit on the wait for it is all that can be
// done.
bool WaitsNotLong(const Look& look);

// Whether an index of that name is a partitioned table's, as the script, the files before
// it or the snapshot show.
bool IsOfPartitioned(const Look& look, const Name& index);

// A CHECK of a partitioned table is one of its partitions as well, so that the server refuses ONLY.
bool TakesOnly(const Look& look, const Alteration& alteration);

// The columns by which the table is partitioned, if the script shows them, that a unique key lacks:
// the server refuses it.
std::vector<std::string> LackedOfPartitionKey(const Look& look, const Name& table,
                                              const IndexFacts& index);

// What the server refuses of a partitioned table; of an index that is made see indexes.cc.
void RefusedOfPartitioned(const Look& look);
void RefusedForeignKey(const Look& look, const Alteration& alteration, const std::string& advice);

void AttachPartition(const Look& look, const Alteration& alteration);
void DetachPartition(const Look& look, const Alteration& alteration);

}  // namespace dbfleet::sql
