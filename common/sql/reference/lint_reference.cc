#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/lint/rules.h"
#include "common/sql/reference/markdown.h"
#include "common/sql/reference/reference.h"

namespace dbfleet::sql {
namespace {

constexpr char kIntroduction[] =
    R"(# Lint rules

<!-- Made by `dbfleet sql reference lint` from the table in common/sql/lint/rules.cc: edit that. -->

`dbfleet sql lint` holds each statement against these rules, and the plan of a change shows what they find.
A finding says what is wrong and the safe form with the statement's own names. Rules follow a script: what
it made itself may be indexed, altered and dropped plainly. A server's version decides where servers differ;
an unknown version counts as the worst.

Findings about locks and copies ("by size") become remarks on small tables and errors on large ones when a
[schema snapshot](schema-snapshot.md) tells how many rows there are. Rules that need live facts say nothing
without a snapshot.

## Silencing a finding

A comment before or inside a statement silences one rule for that statement; for several rules write one
comment each. The reason is mandatory; the
finding stays in the output as ignored, with the reason, and reaches no threshold.

```sql
-- dbfleet:ignore dbf-drop-table empty since the move to orders_v2
DROP TABLE orders_v1;
```

A comment behind a statement's `;` on the same line belongs to that statement, on a line of its own to the
next one; behind the last one it silences nothing there, which is a finding. In PHP and Ruby files the
language's own comments count (`//`, `#`, `/* */`): in front of the statement, or at the end of its line. In
Redis files a `#` begins a comment only on a line of its own, in front of the command: behind a command it is
one of its arguments. The class of a statement (safe or destructive) cannot be
silenced.

## Configuration

`--config FILE` takes YAML; unknown fields are refused with their line and column. Everything is optional.

```yaml
rules:
  dbf-select-star: {severity: off}            # off, info, warning or error
  dbf-drop-table:
    severity: warning
    environments: {production: error}         # goes before severity
naming:                                       # regular expressions (RE2) for whole names
  table: "[a-z][a-z0-9_]*"                    # default: snake_case
  column: "[a-z][a-z0-9_]*"
  index: "idx_{table}_{columns}"              # default: idx_<table>_<first column>...
  foreign_key: "fk_{table}_{referenced}"      # default: fk_<table>_<referenced>...
allow:                                        # shown as ignored, with the reason
  - {rule: dbf-drop-table, table: "tmp_*", reason: scratch tables of the nightly job}
audit_columns: [created_at, updated_at]       # that each new table has
charsets: [utf8mb4, binary]
collations: [utf8mb4_bin]                     # default: any of an allowed character set
engines: [innodb]
limits:
  affected_rows: 10000                        # dbf-affected-rows
  insert_rows: 1000                           # dbf-insert-rows
  small_table_rows: 1000                      # up to here locks and copies are remarks,
  large_table_rows: 1000000                   # from here on errors
required_role: app_owner                      # dbf-set-role; default: none
```

`{table}`, `{columns}` (joined by `_`; of indexes and foreign keys) and `{referenced}` (of foreign keys) stand
for the statement's own names; any other word in braces is refused. Environments may have any name of
small letters. Short forms of the one at hand (`prod` where it is `production`) are refused, unless the rule names that as
well. Where a file has severities by environment, `--environment` names one of theirs, or `development`, `qa` or
`production`: any other (`-e prod`) is refused, as it would go without the severities that were meant for it.
)";

std::string Dialects(const LintRule& rule) {
  std::vector<absl::string_view> names;
  if (rule.dialects == kEverywhere) return "all";
  if ((rule.dialects & kInMySql) != 0) names.push_back("MySQL/MariaDB");
  if ((rule.dialects & kInPostgres) != 0) names.push_back("PostgreSQL");
  if ((rule.dialects & kInRedis) != 0) names.push_back("Redis");
  if ((rule.dialects & kInActiveRecord) != 0) names.push_back("ActiveRecord");
  return absl::StrJoin(names, ", ");
}

std::string Traits(const LintRule& rule) {
  std::vector<absl::string_view> words;
  if ((rule.traits & kBySize) != 0) words.push_back("by size");
  if ((rule.traits & kNeedsSnapshot) != 0) words.push_back("needs a snapshot");
  if ((rule.traits & kNotInDown) != 0)
    words.push_back("in a way back only for what its way there did not make");
  if ((rule.traits & kNotForRunner) != 0) words.push_back("not in the plan of a change");
  return absl::StrJoin(words, ", ");
}

}  // namespace

std::string LintReference() {
  std::string out = kIntroduction;
  absl::StrAppend(&out, "\n## All ", LintRules().size(), " rules\n\n");
  AppendHead({"rule", "default", "where", "what"}, &out);
  for (const LintRule& rule : LintRules()) {
    AppendRow({absl::StrCat("[", rule.id, "](#", rule.id, ")"), NameOf(rule.severity),
               Dialects(rule), Escaped(rule.message)},
              &out);
  }
  for (const LintRule& rule : LintRules()) {
    absl::StrAppend(&out, "\n### ", rule.id, "\n\n", NameOf(rule.severity), " · ", Dialects(rule));
    if (const std::string traits = Traits(rule); !traits.empty()) {
      absl::StrAppend(&out, " · ", traits);
    }
    absl::StrAppend(&out, "\n\n- What: ", Escaped(rule.message), ".\n- Why: ", Escaped(rule.reason),
                    ".\n- Safe form: ", Escaped(rule.advice), ".\n");
  }
  return out;
}

}  // namespace dbfleet::sql
