#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/sql/lint/snapshot.h"
#include "common/sql/model/facts.h"

namespace dbfleet::sql {

// Which indexes of a snapshot statements may have dropped, so that none that is made is held
// against them. What is in doubt counts as dropped, as does what a ROLLBACK may have brought back.
// Not thread-safe.
class DroppedIndexes {
 public:
  void Note(const Facts& facts);
  // Whether it is there no more, or has other columns than it had.
  bool MayHave(const LiveTable& table, const LiveIndex& index) const;

 private:
  enum class Part { kIndex, kColumn, kPrimaryKey };

  void Add(Part part, const std::string& name, const Name& table);
  bool Has(Part part, const std::string& name, const Name& table) const;

  // By part and name; whose it is, where PostgreSQL's indexes have a schema alone. In lower case.
  std::map<std::pair<Part, std::string>, std::set<std::pair<std::string, std::string>>> dropped_;
  size_t count_ = 0;
  bool too_many_ = false;
};

}  // namespace dbfleet::sql
