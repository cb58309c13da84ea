#include "common/sql/lint/look.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "common/base/text.h"
#include "common/sql/lint/reserved_words.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kMaxNameBytes = 63;
constexpr size_t kMaxOfOneStatement = 100;

// Types of old that MySQL and MariaDB still take for no column's name; to PostgreSQL they are
// names.
bool IsOldTypeName(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const char* type :
       {"float4", "float8", "int1", "int2", "int3", "int4", "int8", "middleint"}) {
    if (lower == type) return true;
  }
  return false;
}

bool IsPlain(const Target& target, absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) return false;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = target.postgres() ? absl::ascii_islower(byte) : absl::ascii_isalpha(byte);
    if (!letter && !absl::ascii_isdigit(byte) && c != '_') return false;
  }
  return !IsReservedWord(name) && !(target.mysql_family() && IsOldTypeName(name));
}

Severity ToSeverity(Level level) {
  if (level == Level::kError) return Severity::kError;
  return level == Level::kWarning ? Severity::kWarning : Severity::kInfo;
}

}  // namespace

const LiveTable* FindLive(const Target& target, const SchemaSnapshot* snapshot, const Name& name) {
  if (snapshot == nullptr || name.name.empty()) return nullptr;
  if (name.schema.empty() && target.mysql_family() && !target.database.empty()) {
    return snapshot->Find({target.database, name.name});
  }
  return snapshot->Find(name);
}

bool IsPartitioned(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
                   const FollowedSchema* schema, const Name& table) {
  if (!target.postgres()) return false;
  const TableState* state = script.Find(table);
  if (state != nullptr && state->partitioned) return true;
  if (state != nullptr && state->is_made() && !state->may_have_existed) return false;
  if (schema != nullptr) {
    const FollowedSchema::Found found = schema->Find(table, script.session());
    if (found.presence != FollowedSchema::Presence::kUnknown) return found.IsPartitioned();
  }
  const LiveTable* live = FindLive(target, snapshot, table);
  return live != nullptr && live->partitioned.value_or(false);
}

bool IsSystemColumn(const Target& target, absl::string_view name) {
  if (!target.postgres()) {  // MySQL's row number; MariaDB's of versioned tables.
    return absl::EqualsIgnoreCase(name, "_rowid") || absl::EqualsIgnoreCase(name, "row_start") ||
           absl::EqualsIgnoreCase(name, "row_end");
  }
  return name == "ctid" || name == "xmin" || name == "xmax" || name == "cmin" || name == "cmax" ||
         name == "tableoid" || name == "oid";
}

std::string SqlName(const Target& target, absl::string_view name) {
  if (IsPlain(target, name)) return std::string(name);
  const char quote = target.mysql_family() ? '`' : '"';
  std::string quoted(1, quote);
  for (char c : name) {
    if (c == quote) quoted.push_back(quote);
    quoted.push_back(c);
  }
  quoted.push_back(quote);
  return quoted;
}

std::string SqlName(const Target& target, const Name& name) {
  const std::string own = SqlName(target, name.name);
  return name.schema.empty() ? own : absl::StrCat(SqlName(target, name.schema), ".", own);
}

std::string SqlNames(const Target& target, const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ", [&](std::string* out, const std::string& name) {
    const bool expression = absl::StartsWith(name, "(") && absl::EndsWith(name, ")");
    out->append(expression ? name : SqlName(target, name));
  });
}

std::string MadeUpName(absl::string_view prefix, const Name& table,
                       const std::vector<std::string>& columns) {
  std::string name = absl::StrCat(prefix, "_", table.name);
  for (const std::string& column : columns) {
    absl::StrAppend(&name, "_", absl::StartsWith(column, "(") ? "expr" : column);
  }
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return absl::AsciiStrToLower(name.substr(0, kMaxNameBytes));
}

const Name& Look::table() const {
  static const Name& nothing = *new Name;
  const bool index = is(Verb::kCreateIndex) || is(Verb::kDropIndex);
  if (index && !facts.indexes.empty()) return facts.indexes[0].table;
  return facts.objects.empty() ? nothing : facts.objects[0];
}

const LiveTable* Look::Live(const Name& name) const { return FindLive(target, snapshot, name); }

bool Look::IsPartitioned(const Name& name) const {
  return sql::IsPartitioned(target, snapshot, script, schema, name);
}

std::string Look::TypeOf(const Name& name, const std::string& column) const {
  if (const TableState* state = script.Find(name); state != nullptr) {
    for (const ColumnFacts& made : state->columns) {
      if (!absl::EqualsIgnoreCase(made.name, column)) continue;
      const bool retyped = state->retyped_columns.count(absl::AsciiStrToLower(column)) > 0;
      return retyped ? "" : made.type;
    }
    // What a statement does to other columns of the table leaves this one as it was.
    if (!script.IsAsBefore(name, column)) return "";
  }
  const LiveTable* live = Live(name);
  const LiveColumn* known = live == nullptr ? nullptr : live->Column(column);
  return known == nullptr ? "" : known->type;
}

std::string Look::Sql(const Name& name) const { return SqlName(target, name); }
std::string Look::Sql(absl::string_view name) const { return SqlName(target, name); }
std::string Look::Sql(const std::vector<std::string>& columns) const {
  return SqlNames(target, columns);
}

std::string Look::Alter(bool only) const {
  return absl::StrCat("ALTER ", is(Verb::kAlterDomain) ? "DOMAIN " : "TABLE ",
                      is(Verb::kAlterTable) && facts.if_exists ? "IF EXISTS " : "",
                      only ? "ONLY " : "", Sql(table()), " ");
}

bool Look::IsMade(const Name& name) const {
  const TableState* state = script.Find(name);
  return state != nullptr && state->is_made();
}

bool Reporter::SaidOf(LintId rule, const Name& table) {
  const std::string name = absl::StrCat(table.schema, ".", table.name);
  return !said_.emplace(rule, absl::AsciiStrToLower(name)).second;
}

bool Reporter::Reported(int statement) const {
  return !findings_.empty() && findings_.back().statement == statement;
}

bool Reporter::ReportedBySize(int statement) const {
  for (auto it = findings_.rbegin(); it != findings_.rend() && it->statement == statement; ++it) {
    const LintRule* rule = FindRule(it->rule_id);
    if (rule != nullptr && (rule->traits & kBySize) != 0) return true;
  }
  return false;
}

Severity Reporter::SeverityOf(const LintRule& rule, const Name& table, std::string* message) const {
  const Severity severity = ToSeverity(config_.LevelOf(rule.lint_id));
  if ((rule.traits & kBySize) == 0) return severity;
  const LiveTable* live = FindLive(target_, snapshot_, table);
  if (live == nullptr || live->rows < 0) return severity;
  absl::StrAppend(message, " (", table.name, " has ", live->rows, " rows)");
  if (live->rows <= config_.small_table_rows) return Severity::kInfo;
  return live->rows >= config_.large_table_rows ? Severity::kError : severity;
}

void Reporter::ApplyAllowances(LintId rule, const Name& table, Finding* finding) const {
  for (const Allowance& allowance : config_.allowances) {
    if (allowance.rule != rule || !MatchesTable(allowance.table, table)) continue;
    finding->ignored = true;
    finding->ignore_reason = allowance.reason;
    return;
  }
}

void Reporter::Report(LintId id, int statement, const Name& table, std::string message,
                      std::string advice) {
  const LintRule& rule = RuleOf(id);
  if (config_.LevelOf(id) == Level::kOff || (rule.dialects & dialects_) == 0) return;
  Finding finding;
  finding.rule_id = std::string(rule.id);
  finding.statement = statement;
  finding.message =
      Truncate(message.empty() ? std::string(rule.message) : message, kMostAdviceBytes);
  if (advice.empty()) advice = std::string(rule.advice);
  // The rule's own words with the statement's own name.
  if (absl::StrContains(advice, "<table>")) {
    const std::string name = table.name.empty() ? "the table" : SqlName(target_, table);
    advice = absl::StrReplaceAll(advice, {{"<table>", name}});
  }
  finding.advice = Truncate(advice, kMostAdviceBytes);
  finding.severity = SeverityOf(rule, table, &finding.message);
  size_t of_statement = 0;
  for (auto it = findings_.rbegin(); it != findings_.rend() && it->statement == statement; ++it) {
    if (it->rule_id == finding.rule_id && it->message == finding.message) return;
    if (++of_statement >= kMaxOfOneStatement) return;
  }
  reported_.set(static_cast<size_t>(id));
  ApplyAllowances(id, table, &finding);
  findings_.push_back(std::move(finding));
}

}  // namespace dbfleet::sql
