#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/sql/lint/alter_series.h"
#include "common/sql/model/schema_facts.h"

namespace dbfleet::sql {

// A table that the script made or altered.
struct TableState {
  template <typename T>
  struct Part {
    int statement;  // Which added it.
    T facts;
  };
  struct Check {
    std::string name;
    std::vector<CheckTerm> terms;  // What it demands of every row, as far as that is known.
    std::string definition;        // As written, in lower case; "" if that is not known.
    bool holds = false;
  };

  Name name;
  std::string place;  // Where it stands: see Session::place.
  // By a name without a schema and a path of several, so that it may be in one of the others.
  bool guessed = false;
  Name was;  // Of one that was there before and was renamed: what it was called then...
  std::string was_place;  // ... and where it stood.
  int created_by = -1;    // The statement; -1: it was there before.
  bool temporary = false;
  bool foreign = false;  // PostgreSQL: its rows are another server's, and it can have no key.
  bool gone_at_commit = false;
  bool copied = false;     // Made as a copy or a part of another: it has what that has...
  bool from_rows = false;  // ... but keys: it was made of rows.
  bool altered = false;
  AlterSeries alters;  // The last of its alterations.
  bool primary_key = false;
  int key_dropped_by = -1;  // The statement that dropped the primary key of one that was there.
  std::vector<Check> checks;
  // Constraints that were there before, which the script validated.
  std::vector<std::string> validated;
  std::vector<ColumnFacts> columns;
  std::set<std::string> gone;     // Columns that were dropped, or renamed.
  bool may_have_existed = false;  // Made IF NOT EXISTS: it may be another one.
  bool away = false;              // It was dropped or renamed: what bears the name is another one.
  bool renamed = false;
  // Rows of tables that were there before are in it, or are reached by its name: a partition was
  // attached or exchanged, a table inherits from it, its engine keeps the rows elsewhere.
  bool holds_others = false;
  bool in_use = false;  // A part of one that was there before.
  // Made as a part of one that was there before. It is small, and indexed at once; but rows come
  // into it by the other, and to drop it waits for all who use that.
  bool of_used = false;
  bool runs_code = false;          // Triggers, rules, defaults: code that nobody has looked at.
  bool partitioned = false;        // PostgreSQL.
  bool default_partition = false;  // PostgreSQL: it has one, or had it.
  std::vector<std::string> partition_key;  // See Facts; empty: none, or not known.
  bool key_in_doubt = false;               // Another one by now, maybe: it proves nothing.
  std::set<size_t> parents;                // Of which it is a partition, or which it inherits from.
  std::set<size_t> children;               // The same from the other side.
  // Columns in lower case that the script added, gave their names, and made NOT NULL.
  std::set<std::string> added_columns;
  std::set<std::string> renamed_columns;
  std::set<std::string> not_null_columns;
  std::set<std::string> retyped_columns;    // The same of those whose type it changed.
  bool columns_in_doubt = false;            // What all others are may have changed with them.
  std::map<std::string, bool> own_indexes;  // That the script made; true: certainly.
  std::vector<Part<IndexFacts>> indexes;
  std::vector<Part<ForeignKeyFacts>> foreign_keys;

  // The script says what it looks like.
  bool is_made() const { return created_by >= 0; }
  // Nobody has used it before the script: that is certain.
  bool is_new() const {
    return is_made() && !holds_others && !in_use && (temporary || !may_have_existed);
  }
  bool HasCheckThatHolds() const;
};

}  // namespace dbfleet::sql
