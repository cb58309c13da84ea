#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/sql/model/query_facts.h"
#include "common/sql/model/schema_facts.h"

// What lint rules look at: the parts of a statement, in words that all SQL dialects share. The
// readers of the dialects fill it in; rules never look at tokens or trees, so that a rule is
// written once. A reader that does not recognise a part leaves it out and sets `complete` to false;
// facts are never used to call a statement safe (that is the verdict's).
namespace dbfleet::sql {

enum class Verb {
  kOther,
  kSelect,
  kInsert,  // REPLACE too.
  kUpdate,
  kDelete,
  kMerge,
  kTruncate,
  kCopy,  // LOAD DATA, COPY: see `sends_rows`.
  kCreateTable,
  kAlterTable,
  kDropTable,
  kRenameTable,
  kCreateIndex,
  kDropIndex,
  kReindex,
  kCreateView,
  kDropView,
  kCreateSchema,  // CREATE DATABASE in MySQL/MariaDB.
  kAlterSchema,
  kDropSchema,
  kCreateRoutine,  // Function, procedure, package, trigger, event: see `object_type`.
  kAlterRoutine,
  kDropRoutine,
  kCreateType,
  kAlterType,
  kDropType,
  kCreateDomain,
  kAlterDomain,
  kCreateSequence,
  kAlterSequence,
  kDropSequence,
  kVacuum,
  kCluster,
  kAnalyze,
  kOptimize,
  kLock,
  kBegin,
  kCommit,
  kRollback,
  kSet,
  kGrant,
  kExecutesText,  // DO, EXECUTE, PREPARE, CALL.
};

// What lets a statement that makes or drops an object be run a second time without failing.
enum class Repeat {
  kNothing,   // It needs nothing, or not known.
  kIfExists,  // These three are written in it.
  kIfNotExists,
  kOrReplace,
  kName,       // The server makes up another name each time: with one it knows IF NOT EXISTS.
  kApart,      // CREATE SCHEMA with what is in it, which has to stand in statements of its own.
  kDropFirst,  // It knows none of these; what it makes holds nothing, and can be dropped before.
  kLookFirst,  // It knows none of these.
};

struct InsertFacts {
  bool names_columns = true;
  // Those that it names, also in SET and in what it does on a conflict, as far as they were kept.
  std::vector<std::string> columns;
  int64_t rows = 0;  // Of VALUES; 0 if they come from a query or from data.
  bool from_query = false;
  bool replaces = false;     // REPLACE.
  bool on_conflict = false;  // ON DUPLICATE KEY UPDATE, ON CONFLICT ... DO UPDATE.
};

// Of a call in a host language (ActiveRecord).
struct CallFacts {
  std::string receiver;           // The model or connection, as written: "User", "$db".
  std::string method;             // The last of the chain that reaches the database, in lower case.
  bool raw_sql = false;           // It hands SQL over as text.
  bool has_placeholders = false;  // There are placeholders in that text.
  bool concatenates = false;  // That text is joined with, or interpolates, a value of the program.
  bool placeholders_only = false;  // What is joined is placeholders only ("?, ?"), which is clean.
  std::string joined_value;        // The first such value, as written.
  bool has_conditions = false;
  bool has_limit = false;
  // The call that loads every row of the model, whatever is done behind it in memory: "all", "map".
  std::string loads_all;
  bool php = false;         // Else Ruby.
  bool in_loop = false;     // Inside a loop over records: one query for each (N+1).
  bool each_batch = false;  // Inside a loop over batches, of the rows of one of which it is.
  // A call of a migration that says what to do with a schema, in words of its own: what the facts
  // hold besides is what its SQL would do.
  bool schema = false;
  // As written: Ruby's options behind its names (", unique: true"), PHP's call ("string('a', 5)").
  std::string options;
  bool force = false;  // It drops what is there before it makes it anew.
  // It gives the records of a loop which reads this association of each of them, as far as names
  // tell, and does not load it ahead.
  std::string walked;
};

// Of a Redis command.
struct CommandFacts {
  std::string name;        // As in the command table: "KEYS", "CONFIG SET"; "" if it is not there.
  bool unbounded = false;  // Reads a whole collection, however large: SMEMBERS, LRANGE k 0 -1.
  bool dangerous = false;  // In the server's own category @dangerous.
};

// What input that broke out of its quotes leaves behind; a tautology stands with the query's.
struct InjectionFacts {
  bool stacked = false;            // More than one statement, where one was to be.
  bool hidden_by_comment = false;  // A comment cuts off the rest, splits a word, or is executed.
  std::string text;                // The place, as written, shortened.
};

// What the session goes by from here on: SET, RESET, set_config(), USE.
struct SettingChange {
  std::string name;                 // In lower case. "all": RESET ALL; "database": USE.
  std::vector<std::string> values;  // As they are, without quotes; none: the default, or not known.
  bool local = false;               // For the transaction at hand only.
  bool in_doubt = false;            // Whether it is set is not known; without values, nor to what.
};

struct Facts {
  Verb verb = Verb::kOther;
  bool complete = false;    // The reader recognised every part.
  bool unreadable = false;  // No server of the dialect would accept it, as far as the reader knows.
  bool strings_in_doubt = false;  // Where they end is not known, nor where the next one begins.
  // In lower case, of CREATE, ALTER, DROP: "procedure", "domain", ...; of DELETE HISTORY "history".
  std::string object_type;
  std::vector<Name> objects;  // What it is about, the target first. Of a rename: old, new, old, ...
  Name part_of;  // PostgreSQL: the table of a trigger, rule or policy that is made or dropped.
  bool if_exists = false;
  bool if_not_exists = false;
  bool or_replace = false;
  bool ignore = false;  // ALTER IGNORE TABLE: rows that a new key does not allow are deleted.
  Repeat repeat = Repeat::kNothing;  // PostgreSQL.
  bool cascade = false;
  bool temporary = false;
  bool concurrently = false;
  bool has_definer = false;
  bool as_query = false;        // CREATE TABLE ... AS, or LIKE, or a partition of another.
  bool gone_at_commit = false;  // ON COMMIT DROP.
  bool from_rows = false;       // Of these the first, where no keys come with the rows.
  bool security_definer = false;

  std::vector<ColumnFacts> columns;           // CREATE TABLE.
  std::vector<IndexFacts> indexes;            // CREATE TABLE, CREATE INDEX, DROP INDEX (the name).
  std::vector<ForeignKeyFacts> foreign_keys;  // CREATE TABLE; inline ones stand at their columns.
  bool has_check = false;                     // CREATE TABLE, CREATE or ALTER DOMAIN.
  std::vector<Alteration> alterations;

  std::string engine;  // Table options, in lower case.
  std::string charset;
  std::string collation;
  std::string algorithm;  // ALGORITHM=, LOCK= of MySQL/MariaDB, in lower case.
  std::string lock;

  QueryFacts query;
  InsertFacts insert;
  bool has_limit = false;               // Of UPDATE and DELETE (MySQL/MariaDB).
  bool has_order_by = false;            // The same.
  std::string setting;                  // SET: the name, in lower case ("lock_timeout"); "role".
  std::vector<SettingChange> settings;  // The same with values, also of queries.
  bool new_session = false;             // \connect of psql, DISCARD: nothing of the session stays.
  // What the transaction made so far may be gone: ROLLBACK, also to a savepoint.
  bool takes_back = false;
  bool chain = false;  // COMMIT, ROLLBACK ... AND CHAIN: the next transaction begins at once.
  // PostgreSQL, CREATE TABLE: which it is a partition of, or inherits from.
  std::vector<Name> parents;
  bool partition_of = false;       // The first of these.
  bool default_partition = false;  // Of these PARTITION OF ... DEFAULT.
  // PostgreSQL, CREATE TABLE ... PARTITION BY: the columns, "" for an expression.
  std::vector<std::string> partition_key;
  // What it makes beside, or instead of, what it is about: CREATE SCHEMA ... CREATE TABLE,
  // SELECT ... INTO.
  std::vector<Facts> elements;
  bool full = false;         // VACUUM FULL.
  bool has_options = false;  // REINDEX (VERBOSE).
  bool sends_rows = false;   // COPY ... TO, which changes none.
  std::vector<std::string>
      long_identifiers;  // Longer than the server keeps (63 bytes, 64 characters).

  InjectionFacts injection;
  std::optional<CommandFacts> command;  // Redis.
  // ActiveRecord. What the call does to which rows stands in the fields above too: of SQL in a raw
  // call by its own reader, of a call on a model as the statement that it becomes.
  std::optional<CallFacts> call;
};

}  // namespace dbfleet::sql
