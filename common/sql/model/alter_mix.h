#pragma once

#include <set>
#include <string>

#include "common/sql/model/facts.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// MySQL/MariaDB, InnoDB: alterations of one table of which each is instant or in place alone, and
// which together rebuild or copy it. Source: measured on MariaDB 10.11 (TABLE_ID of
// INNODB_SYS_TABLES, and which ALGORITHM and LOCK are refused); of MySQL it is assumed, where its
// manual on online DDL does not say otherwise. Memory does not grow with what is added, but for the
// names of virtual columns.
class AlterMix {
 public:
  void Add(const Alteration& alteration);
  void Add(const AlterMix& other);

  // In one statement the server builds the table anew, while others write.
  bool Rebuilds(const Target& target) const;
  // It copies the table, while nobody writes.
  bool Copies() const;
  // It indexes a column that the same statement computes, while nobody writes.
  bool KeepsWritersOut() const { return indexes_virtual_; }

 private:
  bool column_ = false;  // Added or dropped, which alone is instant.
  bool dropped_column_ = false;
  bool builds_index_ = false;
  bool changes_index_ = false;
  bool virtual_ = false;
  bool beside_virtual_ = false;  // What is not made in one go with a virtual column.
  bool indexes_virtual_ = false;
  int fulltext_ = 0;
  std::set<std::string> virtual_columns_;  // In lower case, of the statement.
};

AlterMix MixOf(const Facts& facts);

}  // namespace dbfleet::sql
