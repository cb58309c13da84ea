#pragma once

#include <optional>
#include <string>
#include <vector>

// The parts of statements that define or alter a schema: see facts.h.
namespace dbfleet::sql {

// An object's name as the server would fold it: PostgreSQL folds unquoted names to lower case,
// MySQL/MariaDB's are kept. Quotes are gone.
struct Name {
  std::string schema;  // MySQL's database; "" if it is not written.
  std::string name;
  bool operator==(const Name&) const = default;
};

enum class DefaultKind {
  kNone,
  kConstant,
  kStable,
  kVolatile
};  // kStable: now(); once a statement.

struct ForeignKeyFacts {
  std::string name;
  std::vector<std::string> columns;
  Name parent;
  std::vector<std::string> parent_columns;  // Empty: the parent's primary key.
  bool cascades_delete = false;
  bool not_valid = false;
  bool is_inline = false;  // column ... REFERENCES, which MySQL reads and ignores.
};

struct ColumnFacts {
  std::string name;
  std::string type;                    // In lower case without arguments: "varchar", "bigint".
  std::vector<std::string> arguments;  // Of the type: "10", "2"; an ENUM's values, unquoted.
  bool not_null = false;
  bool is_unsigned = false;
  DefaultKind default_kind = DefaultKind::kNone;
  std::string default_text;  // As written.
  bool generated_stored = false;
  bool generated_virtual = false;
  bool auto_increment = false;  // AUTO_INCREMENT, serial types, IDENTITY.
  bool primary_key = false;
  bool unique = false;
  bool check = false;
  std::string charset;
  std::string collation;
  // The type as it is written, in one line: "numeric(5, -2)[]", "\"My Type\"", "int unsigned". ""
  // if that is not known.
  std::string type_text;
  bool has_more = false;  // More is said of it than its type, a default and NOT NULL.
  // PostgreSQL: of its PRIMARY KEY or UNIQUE, and of its CHECK.
  std::string key_name;
  bool key_has_more = false;  // DEFERRABLE, NULLS NOT DISTINCT, WITH, USING INDEX TABLESPACE.
  std::string check_name;
  std::string position_after;  // MySQL/MariaDB: AFTER name.
  bool position_first = false;
  std::optional<ForeignKeyFacts> references;
};

struct IndexFacts {
  std::string name;  // "" if the server names it.
  Name table;
  std::vector<std::string> columns;  // An expression stands as its text in parentheses.
  bool unique = false;
  bool primary = false;
  bool concurrently = false;
  bool only = false;                    // PostgreSQL: CREATE INDEX ... ON ONLY.
  bool partial = false;                 // Has a WHERE.
  bool nulls_not_distinct = false;      // PostgreSQL: of a unique one, NULLs are duplicates too.
  bool using_index = false;             // A constraint made of an index that exists.
  bool is_constraint = false;           // UNIQUE or PRIMARY KEY, not CREATE INDEX.
  bool fulltext = false;                // FULLTEXT (MySQL); special too.
  bool special = false;                 // FULLTEXT, SPATIAL, or a method that is no B-tree.
  std::vector<std::string> prefixes;    // Columns of which only a prefix is indexed (MySQL).
  std::vector<std::string> descending;  // Columns that are sorted with DESC.
  bool ignored = false;                 // INVISIBLE, IGNORED: no query uses it.
  // What rows have to differ in, for each column, as SQL: "a", "left(a, 10)", "lower(b)". Empty:
  // not known in full.
  std::vector<std::string> keys;
  std::string where;  // What stands behind WHERE; "" if that is not known in full.
  // CREATE INDEX of PostgreSQL: all of it from ON on, in one line without comments. Of a UNIQUE or
  // PRIMARY KEY constraint: the same of an index that could be made into it. "" if not known.
  std::string rest;
  std::string attributes;  // Of such a constraint: " DEFERRABLE INITIALLY DEFERRED".
};

enum class AlterationKind {
  kOther,
  kAddColumn,
  kDropColumn,
  kRenameColumn,
  kChangeType,    // PostgreSQL: ALTER COLUMN TYPE.
  kModifyColumn,  // MySQL/MariaDB: MODIFY, CHANGE: the whole column anew.
  kSetNotNull,
  kDropNotNull,
  kSetDefault,
  kDropDefault,
  kAddIndex,  // PRIMARY KEY and UNIQUE too.
  kDropIndex,
  kDropPrimaryKey,
  kRenameIndex,
  kIndexVisibility,
  kAddForeignKey,
  kAddCheck,
  kAddExclusion,
  kValidateConstraint,
  kDropConstraint,
  kRenameConstraint,
  kRenameTable,
  kSetSchema,
  kAttachPartition,
  kDetachPartition,
  kInherit,
  kAddPartition,
  kDropPartition,
  kTruncatePartition,
  kDropVersioning,     // MariaDB: with the table's history.
  kCheckPartition,     // MySQL, MariaDB: ANALYZE, CHECK, IMPORT PARTITION.
  kDiscardTablespace,  // MySQL, MariaDB: the file goes, of a table or of the partition `name`.
  kReorganizePartition,
  kConvertCharset,
  kSetEngine,
  kForce,
  kSetTablespace,
  kSetLogged,
  kSetStorage,  // Options that change how rows are kept: ROW_FORMAT, SET ACCESS METHOD.
  kVersioning,  // MariaDB: ADD SYSTEM VERSIONING.
  kSortRows,    // MySQL/MariaDB: ORDER BY.
  kOwner,
  kEnumAddValue,
  kEnumRenameValue,
};

// What a CHECK demands of every row, where it stands alone or under AND: column >= value, < value,
// IN (values), IS NOT NULL. The values are constants as they are, without quotes.
struct CheckTerm {
  enum Kind { kNotNull, kAtLeast, kBelow, kIn };
  Kind kind;
  std::string column;
  std::vector<std::string> values;
};

// ATTACH PARTITION ... FOR VALUES, of a key with one part.
struct PartitionBound {
  bool is_range = false;            // Else a list.
  std::optional<std::string> from;  // Of a range; none: MINVALUE.
  std::optional<std::string> to;    // None: MAXVALUE.
  std::vector<std::string> values;  // Of a list.
};

struct Alteration {
  AlterationKind kind = AlterationKind::kOther;
  std::string name;      // The column, index, constraint, partition or enum value.
  std::string new_name;  // Of renames; the schema of a partition that is attached or detached.
  std::optional<ColumnFacts> column;
  std::optional<IndexFacts> index;
  std::optional<ForeignKeyFacts> foreign_key;
  bool not_valid = false;
  bool concurrently = false;
  bool if_exists = false;  // IF NOT EXISTS for what is added.
  bool cascade = false;
  std::string text;  // As written, shortened.
  // PostgreSQL: of a constraint that is added, what stands behind its name, in one line without
  // comments; "" if that is not known.
  std::string definition;
  bool only = false;               // ALTER TABLE ONLY.
  std::string schema;              // Of a partition, or of the parent of INHERIT: that of its name.
  bool default_partition = false;  // ATTACH PARTITION ... DEFAULT.
  bool invisible = false;          // MySQL, MariaDB: of kIndexVisibility; IGNORED too.
  bool finalize = false;           // DETACH PARTITION ... FINALIZE.
  std::vector<CheckTerm> terms;    // PostgreSQL: of a CHECK.
  std::vector<std::string> check_columns;  // Of a CHECK: those that it names, as far as known.
  std::optional<PartitionBound> bound;     // Of ATTACH PARTITION; none: not known.
};

}  // namespace dbfleet::sql
