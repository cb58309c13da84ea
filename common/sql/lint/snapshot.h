#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/schema_facts.h"

// What a live server's schema looked like when somebody asked it: see
// docs/reference/schema-snapshot.md for the file.
namespace dbfleet::sql {

struct LiveColumn {
  std::string name;
  std::string type;  // As the server writes it: "varchar(20)", "int unsigned", "enum('a','b')".
  bool nullable = true;
  bool auto_increment = false;
  bool is_virtual = false;  // Computed when it is read.
};

struct LiveIndex {
  std::string name;
  std::vector<std::string> columns;
  bool unique = false;
  bool primary = false;
  bool invisible = false;
};

struct LiveTable {
  Name name;
  int64_t rows = -1;  // -1: not known.
  int64_t bytes = -1;
  int64_t next_number = 0;          // Of its self-numbering column; 0: not known.
  std::vector<LiveColumn> columns;  // In the table's order.
  std::vector<LiveIndex> indexes;
  // Over expressions, of a part of the rows, of another kind than a tree: they serve some
  // conditions on the columns that they name; of which, is not known where they name none.
  std::vector<LiveIndex> other_indexes;
  std::vector<ForeignKeyFacts> foreign_keys;
  std::string
      replica_identity;    // PostgreSQL: "default", "index", "full", "nothing"; "" if unknown.
  bool published = false;  // PostgreSQL: some publication sends its changes.
  std::optional<bool> partitioned;  // PostgreSQL; `rows` are its partitions' then. None: not known.

  const LiveColumn* Column(absl::string_view column) const;
  const LiveIndex* Index(absl::string_view index) const;
  // Whether an index begins with these columns, in any order.
  bool IsIndexed(const std::vector<std::string>& columns) const;
  // Whether one of the others may serve a condition on one of the columns, or on whatever.
  bool MayBeServed(const std::vector<std::string>& columns) const;
  bool HasPrimaryKey() const;
};

// Thread-safe once it is built.
class SchemaSnapshot {
 public:
  // A second table of the same name, letter case included, replaces the first.
  void Add(LiveTable table);
  // Without a schema the name has to be the only one of its kind. Null if there is none. Letter
  // case counts only where there are several that differ in nothing else.
  const LiveTable* Find(const Name& name) const;
  // All that the name may stand for where letter case counts: without a schema, of every schema.
  std::vector<const LiveTable*> FindExact(const Name& name) const;
  // The same, letter case apart.
  std::vector<const LiveTable*> FindAlike(const Name& name) const;
  // PostgreSQL: the tables with an index of that name, one in each schema.
  std::vector<Name> TablesOfIndex(const std::string& index) const;
  // All of its tables stand in one schema (MySQL: in one database), if it says so.
  bool HasOneSchema() const { return schemas_.size() == 1; }
  // Whether any table of that name, letter case apart, may be it.
  bool MayHave(const Name& name) const;
  // PostgreSQL: whether an index of that name is a partitioned table's.
  bool IsOfPartitioned(const Name& index) const;
  size_t size() const { return size_; }

  // Versions of migrations that were applied there.
  std::vector<std::string> applied_versions;
  // Every table of the server is in it, so that what is not does not exist.
  bool complete = false;

 private:
  std::map<std::string, std::vector<LiveTable>, std::less<>> tables_;
  std::set<std::pair<std::string, std::string>> partitioned_indexes_;  // Name, schema.
  std::map<std::string, std::vector<Name>> tables_of_indexes_;
  std::set<std::string> schemas_;
  size_t size_ = 0;
};

// Whether the column is one of them. Letter case does not count.
bool HoldsColumn(const std::vector<std::string>& columns, absl::string_view column);

// Whether `columns` are, in any order, the first ones of `index`. Letter case does not count.
bool LeadsWith(const std::vector<std::string>& index, const std::vector<std::string>& columns);

}  // namespace dbfleet::sql
