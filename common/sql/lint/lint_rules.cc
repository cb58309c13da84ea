#include "common/sql/lint/lint_rules.h"

namespace dbfleet::sql {
namespace {

constexpr LintRule kRules[] = {
    {"dbf-no-where", Severity::kError, "UPDATE or DELETE without WHERE changes the whole table",
     "name the rows in a WHERE clause, and work in key ranges"},
    {"dbf-drop-table", Severity::kWarning, "DROP TABLE, SCHEMA or DATABASE loses its rows",
     "rename it, wait until nothing misses it, then drop it"},
    {"dbf-drop-column", Severity::kWarning,
     "DROP COLUMN loses data, and applications that know the column fail",
     "let the application ignore the column first, drop it in a later release"},
    {"dbf-truncate", Severity::kWarning, "TRUNCATE loses all rows and locks the table",
     "delete in key ranges, or rename the table and drop it later"},
    {"dbf-index-not-concurrent", Severity::kWarning, "CREATE INDEX blocks writes while it runs",
     "use CREATE INDEX CONCURRENTLY, in a migration of its own"},
    {"dbf-not-null-without-default", Severity::kWarning,
     "a new NOT NULL column without DEFAULT fails on a table with rows, or fills in zeros",
     "add it nullable, fill it in batches, then set NOT NULL; or give it a DEFAULT"},
    {"dbf-money-as-float", Severity::kWarning, "a money column as a floating-point number rounds",
     "use DECIMAL(19,4) or a whole number of the smallest unit"},
    {"dbf-no-primary-key", Severity::kWarning,
     "a table without PRIMARY KEY replicates slowly and cannot be worked on in key ranges",
     "give it a primary key"},
    {"dbf-select-star", Severity::kInfo,
     "SELECT * reads columns that nobody asked for and breaks when columns change",
     "name the columns"},
    {"dbf-redis-keys", Severity::kError, "KEYS blocks the server while it walks all keys",
     "use SCAN with MATCH and COUNT"},
    {"dbf-redis-unbounded-read", Severity::kWarning,
     "the command reads a whole collection, however large",
     "use HSCAN, SSCAN or ZSCAN, or name a range"},
};

}  // namespace

absl::Span<const LintRule> LintRules() { return kRules; }

const LintRule& RuleOf(LintId id) { return kRules[static_cast<size_t>(id)]; }

}  // namespace dbfleet::sql
