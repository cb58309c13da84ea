#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// What a server would refuse because of what it has, by the snapshot and the statements before: the
// parts of CheckDryRun.
namespace dbfleet::sql {

inline FollowedSchema::Found Find(const Look& look, const Name& name) {
  return look.schema->Find(name, look.script.session());
}

// What is meant, where only the snapshot, or statements too, say what there is.
inline absl::string_view By(const FollowedSchema::Found& found) {
  return found.changed == nullptr ? " in the snapshot"
                                  : ", by the snapshot and the statements before this one";
}

inline std::string Already(absl::string_view instead) {
  return absl::StrCat(instead,
                      "; where this version was applied already, name it among the snapshot's "
                      "applied_versions");
}

// Foreign keys of which the server looks at the parent when the statement runs; none of a table
// with itself.
std::vector<const ForeignKeyFacts*> CheckedForeignKeys(const Look& look);
// Where the server looks for it.
Name ParentOf(const Look& look, const ForeignKeyFacts& key);

// Tables that are not there, or are there already.
void CheckTablesThere(const Look& look);

// What a query, or a change of rows, names of the columns of its table.
void CheckColumnsRead(const Look& look);

}  // namespace dbfleet::sql
