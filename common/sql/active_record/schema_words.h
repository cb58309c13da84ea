#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dbfleet::sql {

// What a word of a migration does to the table of the block in which it stands.
enum class SchemaRole {
  kColumn,         // Adds columns; of one that is known by its name the first argument is that.
  kKey,            // An index, or a unique or primary key.
  kForeignKey,     // One in a statement of its own.
  kDropColumns,    // Those that it is given.
  kDropNamed,      // Columns that follow from its name: see schema_calls.cc.
  kDropKey,        // An index or a constraint.
  kRenameColumn,   // Its first argument to its second.
  kRenameKey,      //
  kChangeColumn,   // Its type.
  kChangeDefault,  // A default, or whether it may be NULL.
  kRenameTable,
  kDropTable,
  kOption,    // Of the table: its engine, a comment.
  kModifier,  // Says more of what its chain begins with.
};

struct SchemaWord {
  absl::string_view name;  // Laravel's in lower case, as PHP compares them.
  SchemaRole role;
};

// What a word of the role does: "adds a column".
absl::string_view NoteOf(SchemaRole role);

// Reviewed: Laravel's Blueprint and what its columns and keys give; Rails' table of change_table.
// Left out is what is given SQL: rawIndex, virtualAs, storedAs, check_constraint.
absl::Span<const SchemaWord> SchemaWords(bool php);

// Null if it is none. `first`: at the begin of a chain; else behind it.
const SchemaWord* FindSchemaWord(bool php, absl::string_view name, bool first);

// Words of Rails' migrations that stand outside of such blocks.
struct MigrationWord {
  absl::string_view name;
  bool block;  // It is given one, whose statements stand for themselves.
  absl::string_view note;
};
absl::Span<const MigrationWord> MigrationWords();
const MigrationWord* FindMigrationWord(absl::string_view name);

}  // namespace dbfleet::sql
