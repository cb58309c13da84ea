#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/lint/dropped_indexes.h"
#include "common/sql/lint/session.h"
#include "common/sql/lint/snapshot.h"
#include "common/sql/model/facts.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// More columns or indexes of one table than any server lets it have are not followed, so that no
// script takes long...
constexpr size_t kMostFollowedParts = 5000;

// ... nor are more tables of one name, as where each tenant has a schema, or more that have an
// index of one name.
constexpr size_t kMostFollowed = 64;

// A snapshot's schema as the statements so far leave it: tables that come and go, their columns and
// indexes. For rules that say what a server would certainly refuse, so that what cannot be followed
// is not known any more. Copied from one file of a series of migrations to the next. Not
// thread-safe; the snapshot must outlive it.
class FollowedSchema {
 public:
  enum class Presence { kThere, kMissing, kUnknown };

  struct Table {
    Name name;          // With its schema, as far as that is known.
    std::string place;  // Of one that the script made: see Session::place.
    Presence presence = Presence::kThere;
    bool temporary = false;
    bool view = false;  // Which DROP TABLE leaves, as DROP VIEW leaves others.
    bool sequence = false;
    bool partitioned = false;  // PostgreSQL.
    bool columns_known = false;
    std::vector<std::string> columns;
    // All that may be there is in one of the two: those that certainly are, with their columns...
    bool indexes_known = false;
    std::map<std::string, std::vector<std::string>> indexes;
    std::set<std::string> maybe_indexes;  // ... and those that only may be.
  };

  // What a name stands for. Views: until the next change.
  struct Found {
    Presence presence = Presence::kUnknown;
    bool gone = false;                // Of what is missing: a statement dropped or renamed it.
    const LiveTable* live = nullptr;  // As the snapshot has it; of what was changed null.
    const Table* changed = nullptr;

    const Name& name() const { return live != nullptr ? live->name : changed->name; }
    bool is_there() const { return presence == Presence::kThere; }
    bool IsPartitioned() const;
    bool KnowsColumns() const;
    // Letter case does not count.
    bool HasColumn(absl::string_view column) const;
    std::vector<std::string> Columns() const;
  };

  // `snapshot` may be null: then nothing is followed.
  FollowedSchema(const Target& target, const SchemaSnapshot* snapshot);

  bool follows() const { return snapshot_ != nullptr; }

  // Where names stand for what: see Session.
  Found Find(const Name& name, const Session& session) const;
  // Whether what is made by that name would be made just there, and not in another schema.
  bool IsMadeThere(const Name& name, const Found& found, const Session& session) const;
  // PostgreSQL: what is done to the columns of a table is done to its heirs and partitions; whether
  // another table's column of that name was touched.
  bool TouchedElsewhere(const Found& found, const std::string& column) const;
  // Whether the table (PostgreSQL: its schema) certainly has an index of that name.
  bool HasIndex(const Found& table, const std::string& index) const;
  // MySQL and MariaDB: whether it certainly has none.
  bool LacksIndex(const Found& table, const std::string& index) const;
  // PostgreSQL: whether all that an index of that name may be are partitioned tables'.
  bool IsOfPartitioned(const Name& index) const;
  const DroppedIndexes& dropped_indexes() const { return dropped_indexes_; }
  // A table that was there may have gone with another one.
  bool may_lack_tables() const { return may_lack_tables_; }

  // Takes note of a statement; of one that was not understood as a whole (Facts::complete) lists
  // are not known behind it. `session`: as it stands before it.
  void Note(const Facts& facts, const Session& session);
  // Whatever there is may be another one by now.
  void DoubtAll();
  // Of a file: what the next ones meet. `in_series`: they are run behind it, in their order.
  void EndFile(bool in_series);

 private:
  // A name without a schema may be any schema's, but for pg_temp.
  static bool MayBeIn(const std::string& schema, const std::string& wanted);
  Name Wanted(const Name& name, const Session& session) const;
  Name NameMade(const Name& name, const Session& session) const;
  bool IsChanged(const Name& live) const;
  std::string IndexName(const std::string& index) const;
  Table CopyOf(const LiveTable& live) const;
  Table* Exact(const Found& found);
  Table* Change(const Name& name, const Session& session);
  Table& Put(Table table);
  void Doubt(const Name& name);
  void Create(const Facts& facts, const Session& session);
  void CreateOther(const Facts& facts, const Session& session);
  bool IsDroppedBy(Verb verb, const Found& found) const;
  static std::string PlaceOf(const Session& session);
  void Drop(const Name& name, const Session& session);
  void Rename(const Name& from, const Name& to, const Session& session);
  void NotePartitioned(const Name& table, const Session& session);
  void Alter(const Facts& facts, const Session& session);
  void AlterColumns(const Alteration& alteration, Table* table) const;
  void AlterIndexes(const Alteration& alteration, Table* table);
  void NoteMadeIndex(const std::string& index, const Name& table);
  void AddIndex(const IndexFacts& index, Table* table);
  void AddColumn(const ColumnFacts& column, Table* table) const;
  void DropColumn(const std::string& column, Table* table) const;
  void RenameColumn(const std::string& from, const std::string& to, Table* table) const;
  void DoubtIndex(const std::string& index, Table* table) const;
  void DoubtIndexes(const std::string& index);
  void Touch(const Name& table, const Alteration& alteration);
  std::vector<Found> WithIndex(const std::string& index) const;

  bool postgres_;
  const SchemaSnapshot* snapshot_;
  DroppedIndexes dropped_indexes_;
  bool all_in_doubt_ = false;
  bool may_lack_tables_ = false;
  bool made_temporary_ = false;
  std::map<std::string, std::vector<Table>> changed_;  // By name in lower case.
  std::set<std::string> since_begin_;                  // PostgreSQL: names of these.
  // PostgreSQL: by column, whose it was that was touched; of several tables "".
  std::map<std::string, std::string> touched_;
  std::map<std::string, std::vector<Name>> made_indexes_;  // PostgreSQL: whose.
};

}  // namespace dbfleet::sql
