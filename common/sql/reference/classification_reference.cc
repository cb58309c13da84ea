#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/harmless_methods.h"
#include "common/sql/active_record/held_rows.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/schema_words.h"
#include "common/sql/model/verdict.h"
#include "common/sql/mysql/statement_table.h"
#include "common/sql/postgres/statement_table.h"
#include "common/sql/redis/command_table.h"
#include "common/sql/reference/markdown.h"
#include "common/sql/reference/reference.h"

namespace dbfleet::sql {
namespace {

constexpr char kIntroduction[] =
    R"(# What statements are for, and which are safe

<!-- Made by `dbfleet sql reference classification` from the readers' tables (common/sql/*/...table):
     edit those. -->

`dbfleet sql classify` and the plan of a change give each statement a **kind** and a **class**.

A statement is **safe** only if every part of it was understood and none of them changes anything, takes
locks that others wait for, runs code that nobody has reviewed, or shows credentials. Everything else is
**destructive**, and says why; so is whatever is not fully understood. The tables below give the kind of each
statement by the words at its head; what stands inside can only make it worse. What only adds rows is
destructive in production and safe in development and qa.

What is assumed, and cannot be seen in a statement:

- The client's character set is UTF-8, or another one in which the bytes of ASCII stand for nothing else. With
  `--charset`, or behind a statement that changes it to one that is not known to be so, statements with other bytes are
  destructive, and so is what follows them. The agent's own connections are UTF-8, whatever the server's defaults are.
- MySQL and MariaDB: what quotes and backslashes mean depends on sql_mode: that which `--sql-mode` tells, or the script
  itself sets to words that are written out, as dumps do. Without either a statement counts as not understood if it
  depends on it.
- MySQL and MariaDB: the server's default isolation level is not SERIALIZABLE, in which a query locks the rows that it
  reads. Behind a statement of the script that may set that level, queries of tables are destructive.
- PostgreSQL: `t.name` is a column, and not a call of a function `name(t)`, unless a schema snapshot says that `t` has
  none of that name. Views, foreign tables and functions that hide built-in ones may do more than they seem to. So
  inspections run in a read-only transaction, in a role with few rights.

| kind | for |
|---|---|
| inspection | looking |
| data-fix | changing rows |
| schema-migration | changing what tables there are, and what rows they take |
| query-optimization | making queries faster, with the same result |
| maintenance | upkeep: statistics, vacuum, checks |
| control | sessions, privileges, the server itself |

A statement with several parts counts as the heaviest of them: maintenance, query-optimization, data-fix,
control, schema-migration, each above inspection. `ADD INDEX` inside `ALTER TABLE` is a schema-migration,
`CREATE INDEX` alone a query-optimization, and a unique index, which refuses rows, a schema-migration.
)";

absl::string_view YesNo(bool value) { return value ? "yes" : "no"; }

void AppendMySql(std::string* out) {
  absl::StrAppend(out,
                  "\n## MySQL and MariaDB\n\n\"In a transaction\": whether it may run inside "
                  "one without ending it. \"May be safe\": with nothing in it but what is "
                  "reviewed.\n\n");
  AppendHead({"statement", "kind", "may be safe", "in a transaction", ""}, out);
  for (const MySqlStatement& row : MySqlStatements()) {
    AppendRow(
        {Code(row.head), NameOf(row.kind), YesNo(row.may_be_safe),
         row.transaction_control ? "controls it" : YesNo(row.transactional), Escaped(row.note)},
        out);
  }
}

void AppendPostgres(std::string* out) {
  absl::StrAppend(out,
                  "\n## PostgreSQL\n\nThe node is that of PostgreSQL's own parser, which reads "
                  "every statement.\n\n");
  AppendHead({"statement", "node", "kind", "in a transaction", "undone by", ""}, out);
  for (const pg::StatementRow& row : pg::StatementRows()) {
    AppendRow({row.head.empty() ? std::string("any other") : Code(row.head), Code(row.node),
               NameOf(row.kind), row.transaction_control ? "controls it" : YesNo(row.transactional),
               NameOf(row.undo), Escaped(row.note)},
              out);
  }
}

void AppendRedis(std::string* out) {
  absl::StrAppend(out,
                  "\n## Redis\n\nBy the server's own flags and categories, and a reviewed list "
                  "of what they do not say; arguments can make it worse.\n\n");
  AppendHead({"command", "kind", "class", ""}, out);
  for (const RedisCommand& command : RedisCommands()) {
    if (NeedsSubcommand(command)) continue;
    const RedisDecision decision = DecisionFor(command);
    AppendRow({Code(command.name), NameOf(decision.kind), NameOf(decision.safety),
               Escaped(decision.note)},
              out);
  }
}

void AppendHarmless(absl::string_view language, absl::Span<const absl::string_view> names,
                    std::string* out) {
  absl::StrAppend(out, "\n", language, ":");
  for (absl::string_view name : names) absl::StrAppend(out, "\n", Code(name));
  absl::StrAppend(out, "\n");
}

std::string Codes(absl::Span<const absl::string_view> names) {
  return absl::StrJoin(names, ", ", [](std::string* out, absl::string_view name) {
    absl::StrAppend(out, Code(name));
  });
}

void AppendActiveRecord(std::string* out) {
  absl::StrAppend(out,
                  "\n## ActiveRecord\n\nCalls on a model are judged as the statement that they "
                  "become; SQL in a raw call is classified as SQL. SQL that is joined with a "
                  "value of the program is destructive.\n\n");
  AppendHead({"method", "role", "kind", "class", ""}, out);
  for (const ModelMethod& method : ModelMethods()) {
    AppendRow({Code(method.name), NameOf(method.role), NameOf(method.kind), NameOf(method.safety),
               Escaped(method.note)},
              out);
  }
  absl::StrAppend(
      out,
      "\nMethods that are known only of what a chain holds where they stand, for records "
      "may have some of the same names. What they are given counts; of `drop` only a "
      "number is known.\n\n");
  AppendHead({"of", "method", "role", ""}, out);
  for (const HeldMethods& held : AllHeldMethods()) {
    for (const ModelMethod& method : held.methods) {
      if (held.of.empty()) continue;
      AppendRow({held.of, Code(method.name), NameOf(method.role), Escaped(method.note)}, out);
    }
  }
  absl::StrAppend(out,
                  "\nFunctions that are called by their bare name, or on a class of the language. "
                  "SQL that is given to one is classified as SQL; what one calls or runs without "
                  "that it is seen is destructive.\n\n");
  AppendHead({"language", "function", "role", "class", ""}, out);
  for (const HostFunction& function : HostFunctions()) {
    AppendRow({function.php ? "PHP" : "Ruby", Code(function.name), NameOf(function.role),
               NameOf(function.safety), Escaped(function.note)},
              out);
  }
  absl::StrAppend(
      out,
      "\nFunctions that were reviewed, and write nothing but memory, output and logs. Of "
      "the classes that are named here (`File.read`) no other method is. A function that "
      "is in neither list, and that the file does not define, is destructive.\n");
  AppendHarmless("PHP", HarmlessPhpFunctions(), out);
  AppendHarmless("Ruby", HarmlessRubyFunctions(), out);
  AppendHarmless("Classes", HarmlessOfClasses(), out);
  absl::StrAppend(
      out,
      "\nMethods of objects of which nobody knows the class that were reviewed. Any "
      "other whose value nothing takes is destructive, unless it is in the first table, "
      "computes, or asks by its name (`isPaid`, `get_total`, `empty?`).\n\n");
  AppendHead({"methods", "on", ""}, out);
  for (const HarmlessMethods& group : HarmlessMethodGroups()) {
    AppendRow({Codes(group.names), group.holders.empty() ? "whatever" : Codes(group.holders),
               Escaped(group.why)},
              out);
  }
}

void AppendMigrations(std::string* out) {
  absl::StrAppend(
      out,
      "\n## Migrations of Rails and Laravel\n\nWhat is called on the table that the closure of "
      "`Schema::create` or `Schema::table` is given, or the block of `change_table`. All of it is "
      "destructive; it is understood if it is given nothing but literals.\n\n");
  AppendHead({"language", "word", "behind another", ""}, out);
  for (const bool php : {true, false}) {
    for (const SchemaWord& word : SchemaWords(php)) {
      AppendRow({php ? "PHP" : "Ruby", Code(word.name), YesNo(word.role == SchemaRole::kModifier),
                 Escaped(NoteOf(word.role))},
                out);
    }
  }
  absl::StrAppend(out,
                  "\nOther words of Rails' migrations; what stands in a block is judged by "
                  "itself. In that of `reversible`, `up` and `down` are known.\n\n");
  AppendHead({"word", "with a block", ""}, out);
  for (const MigrationWord& word : MigrationWords()) {
    AppendRow({Code(word.name), YesNo(word.block), Escaped(word.note)}, out);
  }
}

}  // namespace

std::string ClassificationReference() {
  std::string out = kIntroduction;
  AppendMySql(&out);
  AppendPostgres(&out);
  AppendRedis(&out);
  AppendActiveRecord(&out);
  AppendMigrations(&out);
  return out;
}

}  // namespace dbfleet::sql
