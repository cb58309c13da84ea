#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/lint/rules.h"
#include "common/sql/model/schema_facts.h"

namespace dbfleet::sql {

enum class Level : uint8_t { kOff, kInfo, kWarning, kError };

// Whether a name follows a pattern of the configuration; `subject` fills in its placeholders.
// Empty: the built-in convention.
struct NamingSubject {
  std::string table;
  std::string columns;     // Joined by "_".
  std::string referenced;  // A foreign key's parent.
};
using NameCheck = std::function<bool(absl::string_view name, const NamingSubject& subject)>;

struct NamingRule {
  std::string pattern;  // As written, for the message; "" with the built-in convention.
  NameCheck matches;
};

// Findings of `rule` about tables that match are shown as ignored.
struct Allowance {
  LintId rule;
  std::string table;  // A name, "schema.name", or a pattern with "*".
  std::string reason;
};

// What the rules go by, for one environment. A plain value.
struct LintConfig {
  LintConfig();  // The defaults of rules.cc.

  Level LevelOf(LintId rule) const { return levels[static_cast<size_t>(rule)]; }
  void Set(LintId rule, Level level) { levels[static_cast<size_t>(rule)] = level; }

  std::array<Level, kRuleCount> levels;

  NamingRule table_name;
  NamingRule column_name;
  NamingRule index_name;
  NamingRule foreign_key_name;

  std::vector<Allowance> allowances;
  std::vector<std::string> audit_columns = {"created_at", "updated_at"};
  std::vector<std::string> charsets = {"utf8mb4", "binary"};  // In lower case, as those below.
  std::vector<std::string> collations;                        // Empty: any of an allowed charset.
  std::vector<std::string> engines = {"innodb"};
  std::string required_role;  // Empty: none has to be set.

  int64_t max_affected_rows = 10'000;
  int64_t max_insert_rows = 1'000;
  int64_t small_table_rows = 1'000;      // Up to here a lock or a rewrite is a remark only,
  int64_t large_table_rows = 1'000'000;  // and from here on an error.
};

// For statements that dbfleet's runner of migrations executes: it sets timeouts, orders versions,
// and demands the way back by itself.
LintConfig RunnerLintConfig();

// "tmp_*" against "tmp_orders"; "*" stands for any text. Letter case does not count.
bool MatchesTable(absl::string_view pattern, const Name& table);

}  // namespace dbfleet::sql
