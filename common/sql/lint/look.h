#pragma once

#include <bitset>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/lint/config.h"
#include "common/sql/lint/followed_schema.h"
#include "common/sql/lint/rules.h"
#include "common/sql/lint/script.h"
#include "common/sql/lint/snapshot.h"
#include "common/sql/model/finding.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Turns what rules report into findings: severities, sizes, allow-lists. Not thread-safe.
class Reporter {
 public:
  Reporter(const Target& target, uint8_t dialects, const LintConfig& config,
           const SchemaSnapshot* snapshot)
      : target_(target), dialects_(dialects), config_(config), snapshot_(snapshot) {}

  // `table`: whom it concerns, for sizes and allow-lists; may have no name. An empty message or
  // advice is the rule's own. The same finding of one statement is kept once, and not more than 100
  // of one statement in a row.
  void Report(LintId rule, int statement, const Name& table, std::string message,
              std::string advice);

  // Whether it was said already of the table, for what is worth saying once.
  bool SaidOf(LintId rule, const Name& table);
  bool Reported(int statement) const;  // Whether the last finding was about it.
  // Whether some finding about it is one about locks and copies of the table.
  bool ReportedBySize(int statement) const;
  bool ReportedBefore(LintId rule) const { return reported_[static_cast<size_t>(rule)]; }

  std::vector<Finding>& findings() { return findings_; }
  size_t count() const { return findings_.size(); }

 private:
  Severity SeverityOf(const LintRule& rule, const Name& table, std::string* message) const;
  void ApplyAllowances(LintId rule, const Name& table, Finding* finding) const;

  const Target& target_;
  const uint8_t dialects_;
  const LintConfig& config_;
  const SchemaSnapshot* const snapshot_;
  std::set<std::pair<LintId, std::string>> said_;
  std::bitset<kRuleCount> reported_;
  std::vector<Finding> findings_;
};

// What a rule sees of one statement. Views; lives for one look.
struct Look {
  const Facts& facts;
  const Verdict& verdict;
  const Target& target;  // Of the SQL, also of that inside a host language.
  const LintConfig& config;
  const SchemaSnapshot* snapshot;  // May be null.
  const Script& script;            // The statements before this one.
  int statement;
  Reporter& reporter;
  // Of a way back: what its own way there made; null elsewhere.
  const Made* takes_back = nullptr;
  // What the statement meets; null where nothing is known of that: without a snapshot, in a way
  // back, and of a version that was applied already.
  const FollowedSchema* schema = nullptr;

  // What the statement is about; a name without text if it names nothing.
  const Name& table() const;
  bool IsNew(const Name& name) const { return script.IsNew(name); }
  // New, and nobody has put rows into it by way of another one.
  bool IsNewAndUnused(const Name& name) const {
    return script.IsNew(name) && !script.IsNewPartOfUsed(name);
  }
  bool IsPartitioned(const Name& name) const;
  // The script says what it looks like, though it may have been there before.
  bool IsMade(const Name& name) const;
  // A way back takes away again what its way there made: see kNotInDown.
  bool TakesBack(Made::What what, const Name& name, absl::string_view part = "") const {
    return takes_back != nullptr && script.TakesBack(*takes_back, what, name, part);
  }
  // The same of a schema; `place`: "" or "renamed".
  bool TakesBackSchema(absl::string_view place, absl::string_view name) const {
    return takes_back != nullptr && !script.forgot() &&
           takes_back->Has(Made::What::kSchema, place, name);
  }
  const LiveTable* Live(const Name& name) const;
  // Of a column, as the script or the snapshot has it; "" if neither does.
  std::string TypeOf(const Name& table, const std::string& column) const;
  bool is(Verb verb) const { return facts.verb == verb; }
  bool mysql() const { return target.mysql_family(); }
  bool postgres() const { return target.postgres(); }
  // Whether it runs on this version or a later one; an unknown version does not.
  bool AtLeast(Version version) const { return target.version >= version; }

  // Names as they are written in SQL, with quotes where they need them.
  std::string Sql(const Name& name) const;
  std::string Sql(absl::string_view name) const;
  std::string Sql(const std::vector<std::string>& columns) const;  // "a, b".
  // "ALTER TABLE IF EXISTS ONLY app.t ", as far as the statement says so; of a domain ALTER DOMAIN.
  std::string Alter(bool only = false) const;

  void Report(LintId rule, std::string message = "", std::string advice = "") const {
    ReportOn(table(), rule, std::move(message), std::move(advice));
  }
  void ReportOn(const Name& name, LintId rule, std::string message = "",
                std::string advice = "") const {
    reporter.Report(rule, statement, name, std::move(message), std::move(advice));
  }
};

// The same for rules that look at a whole script when it has ended.
struct WholeLook {
  const Target& target;
  const LintConfig& config;
  const SchemaSnapshot* snapshot;
  const Script& script;
  Reporter& reporter;
  const FollowedSchema* schema;  // What the script leaves; null as in Look.
  bool applied;                  // See Linter::Options.
};

// Longer messages and advice are cut off; a statement in advice has to fit, or to be put in words.
constexpr size_t kMostAdviceBytes = 600;

// Null without a snapshot, or if the table is not in it. MySQL's unqualified names are the
// target's database's.
const LiveTable* FindLive(const Target& target, const SchemaSnapshot* snapshot, const Name& name);

// PostgreSQL: as the script shows, or else the files before it, or else the snapshot. `schema` may
// be null.
bool IsPartitioned(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
                   const FollowedSchema* schema, const Name& table);

// What every table has though no snapshot lists it.
bool IsSystemColumn(const Target& target, absl::string_view name);

std::string SqlName(const Target& target, absl::string_view name);
std::string SqlName(const Target& target, const Name& name);
// Also of an index's parts, of which an expression stands as its text in parentheses.
std::string SqlNames(const Target& target, const std::vector<std::string>& names);

// "idx_orders_customer_id", not longer than a server keeps.
std::string MadeUpName(absl::string_view prefix, const Name& table,
                       const std::vector<std::string>& columns);

}  // namespace dbfleet::sql
