#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/sql.h"

namespace dbfleet::agent {

// One thing that a statement does to one object.
struct Act {
  enum class Verb { kCreate, kDrop, kChange, kRename };
  Verb verb = Verb::kChange;
  std::string kind;     // "table", "column", "index", "constraint", "rows"...
  std::string object;   // With its table and schema, as far as the statement names them.
  std::string renamed;  // kRename: the new name.
  bool named = true;    // False: the server chooses the name, or it is not understood.
};

// What a statement does, as far as its text tells for sure. A statement that is not understood in
// full has no acts.
struct Deed {
  std::vector<Act> acts;
  // It succeeds although what it makes is there already, or what it removes is not: IF [NOT]
  // EXISTS, OR REPLACE, INSERT IGNORE, ON CONFLICT...
  bool conditional = false;
  bool replaces = false;   // OR REPLACE
  bool temporary = false;  // What it makes ends with its session.

  // Names of everything done, and of what would take it back; equal keys mean the same deeds. Empty
  // if that cannot be said.
  std::string Key() const;
  std::string UndoKey() const;
};

// Pure. `database` is the session's own: names that are qualified with it equal bare ones
// (MySQL/MariaDB).
Deed DeedOf(sql::Dialect dialect, absl::string_view text, absl::string_view database);

}  // namespace dbfleet::agent
