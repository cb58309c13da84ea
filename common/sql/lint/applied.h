#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/sql/lint/snapshot.h"
#include "common/sql/model/facts.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Which files of a series of migrations a snapshot shows to be applied, where it does not say so
// itself: what they have made, taken together, is there, and what they have taken away is not.
// Tables, columns and indexes that are named count; whatever else the files do is no sign. Not
// thread-safe; the snapshot must outlive it.
class AppliedSigns {
 public:
  AppliedSigns(const Target& target, const SchemaSnapshot& snapshot);

  void BeginFile();
  void Note(const Facts& facts);
  // At the end of a file: whether it left a sign, none that speaks against it, and the files so far
  // hardly any: somebody may have changed a table by hand since.
  bool EndFile();

 private:
  enum class Kind { kTable, kColumn, kIndex };
  enum class Presence { kThere, kMissing, kUnknown };
  struct Key {
    std::string table;  // In lower case, with its schema as far as it is known.
    Kind kind = Kind::kTable;
    std::string name;  // In lower case.
    auto operator<=>(const Key&) const = default;
  };
  struct Thing {
    bool there = false;                // By the files so far.
    bool sign = true;                  // IF NOT EXISTS may have met what was there before.
    int file = 0;                      // The last one that made it or took it away.
    int made_by = 0;                   // 0: it was there before the first.
    std::vector<std::string> columns;  // Of an index.
    // How it counts among the totals.
    bool for_it = false;
    bool against_it = false;
  };

  std::string TableKey(const Name& name) const;
  const LiveTable* Live(const std::string& table, bool* certain) const;
  Presence Look(const Key& key, const Thing& thing) const;
  Presence LookForIndex(const Key& key, const Thing& thing, const LiveTable& live) const;
  Thing& Touch(const Key& key);
  void Count(const Key& key, Thing* thing);
  void Uncount(Thing* thing);
  void Make(const Key& key, bool sign, std::vector<std::string> columns = {});
  void Take(const Key& key);
  void MakeIndex(const std::string& table, const IndexFacts& index, bool sign);
  void TakeIndex(const std::string& table, const std::string& index);
  void CreateTable(const Facts& facts);
  void DropTable(const std::string& table);
  void RenameTable(const std::string& from, const std::string& to);
  void Alter(const Facts& facts);

  const bool postgres_;
  const SchemaSnapshot& snapshot_;
  std::map<Key, Thing> things_;
  std::map<std::string, std::set<std::string>> tables_of_index_;  // PostgreSQL.
  std::set<Key> touched_;                                         // By the file at hand.
  size_t for_it_ = 0;
  size_t against_it_ = 0;
  int file_ = 0;
};

}  // namespace dbfleet::sql
