#pragma once

#include <set>
#include <string>

#include "common/sql/model/alter_mix.h"
#include "common/sql/model/facts.h"
#include "common/sql/model/verdict.h"

namespace dbfleet::sql {

// ALTER TABLEs of one table, one behind the other, that one statement could stand for: the servers
// take it, and it leaves the same table. Memory is bounded.
struct AlterSeries {
  int first = -1;  // The statement; -1: there is none.
  int last = -1;
  bool only = false;  // PostgreSQL: ALTER TABLE ONLY.
  // How they go together in one statement, and the worst of them alone.
  AlterMix mix;
  bool rewrite = false;
  Blocking block = Blocking::kNothing;
  std::string algorithm;  // ALGORITHM= of the first that stated one.
  // Columns, indexes and constraints that they made or changed, in lower case.
  std::set<std::string> names;

  bool empty() const { return first < 0; }
  // Whether the next one could stand in one statement with them.
  bool MayTake(bool postgres, const Facts& facts) const;
  // Behind what it may not take, a new series begins.
  void Add(int statement, bool postgres, const Facts& facts, const Effects& effects);
};

}  // namespace dbfleet::sql
