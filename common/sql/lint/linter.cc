#include "common/sql/lint/linter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/live_effects.h"

namespace dbfleet::sql {
namespace {

// Host code is held against the rules of the SQL that it becomes.
Target SqlTarget(const Target& target) {
  if (!target.active_record()) return target;
  Target embedded = target;
  embedded.dialect = target.embedded;
  return embedded;
}

uint8_t Bits(const Target& target) {
  const uint8_t own = DialectBit(target.dialect);
  return target.active_record() ? own | DialectBit(target.embedded) : own;
}

constexpr absl::string_view kOneRuleEach =
    "name one rule in each comment: a line with dbfleet:ignore, the rule and the reason for each "
    "of them";

bool IsAboutIgnoring(const std::string& rule_id) {
  return rule_id == RuleOf(LintId::kIgnoreWithoutReason).id ||
         rule_id == RuleOf(LintId::kIgnoreUnknownRule).id ||
         rule_id == RuleOf(LintId::kIgnoreUnused).id;
}

void NotUnderstood(const Look& look) {
  if (look.verdict.understood || look.verdict.safety == Safety::kSafe) return;
  // What a program puts into its SQL may be what is missing there.
  const bool joined = look.facts.call.has_value() && look.facts.call->concatenates;
  const std::string why =
      joined ? "its SQL is joined with a value of the program" : look.verdict.doubt;
  if (look.facts.unreadable && !joined) return look.Report(LintId::kSyntaxError, why);
  look.Report(LintId::kNotUnderstood,
              why.empty() ? "" : absl::StrCat("not understood as a whole: ", why));
}

// Behind the first `renamed` ones, which have other names in the query.
template <typename Column>
bool HasColumn(const std::vector<Column>& columns, const QualifiedColumn& wanted) {
  for (size_t i = wanted.renamed; i < columns.size(); ++i) {
    if (columns[i].name == wanted.column) return true;
  }
  return false;
}

void CheckSql(const Look& look) {
  CheckDryRun(look);
  CheckDml(look);
  CheckQueries(look);
  CheckScans(look);
  CheckTransactions(look);
  CheckTables(look);
  CheckColumns(look);
  CheckTypes(look);
  CheckIndexes(look);
  CheckConstraints(look);
  CheckObjects(look);
  CheckRepeats(look);
  CheckNaming(look);
  CheckRedis(look);
  CheckHostCode(look);
  CheckInjection(look);
  CheckLocks(look);
}

// Of a migration's calls: what indexes and keys a table has is told by SQL alone.
Reading WithoutKeys(Reading reading) {
  std::vector<Alteration>& all = reading.facts.alterations;
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](const Alteration& alteration) {
                             return alteration.kind == AlterationKind::kAddIndex ||
                                    alteration.kind == AlterationKind::kDropIndex ||
                                    alteration.kind == AlterationKind::kAddForeignKey;
                           }),
            all.end());
  return reading;
}

// Whether the table may have the column, as PostgreSQL compares names: what is in neither the
// snapshot nor the script may have any.
bool MayHaveColumn(const SchemaSnapshot& snapshot, const Script& script,
                   const QualifiedColumn& wanted) {
  bool known = false;
  const TableState* state = script.Find(wanted.table);
  if (state != nullptr && state->name.name != wanted.table.name) state = nullptr;
  if (state != nullptr) {
    if (state->copied || HasColumn(state->columns, wanted)) return true;
    known = state->is_made();
    if (known && !state->may_have_existed) return false;
  }
  const bool gone = state != nullptr && state->gone.count(wanted.column) > 0;
  // What stood before under the name of a renamed one is gone.
  const bool renamed = state != nullptr && !state->was.name.empty();
  for (const LiveTable* live : snapshot.FindExact(renamed ? state->was : wanted.table)) {
    if (live->columns.empty() || (!gone && HasColumn(live->columns, wanted))) return true;
    known = true;
  }
  return !known;
}

// Also of what an earlier file of the series added.
bool HasColumnByNow(const FollowedSchema& schema, const Script& script,
                    const QualifiedColumn& wanted) {
  const FollowedSchema::Found found = schema.Find(wanted.table, script.session());
  if (!found.KnowsColumns() || found.changed == nullptr || wanted.renamed > 0) return false;
  const std::vector<std::string> columns = found.Columns();
  return std::find(columns.begin(), columns.end(), wanted.column) != columns.end();
}

}  // namespace

Linter::Linter(const Target& target, const LintConfig& config, const SchemaSnapshot* snapshot,
               Options options)
    : target_(SqlTarget(target)),
      as_given_(target),
      config_(config),
      snapshot_(snapshot),
      file_(std::move(options.file)),
      has_way_back_(options.down),
      down_(options.down),
      up_(std::move(options.up)),
      script_(target_),
      schema_(options.before.has_value() ? *std::move(options.before)
                                         : FollowedSchema(target_, snapshot)),
      applied_(options.applied),
      reporter_(target_, Bits(target), config, snapshot) {}

void Linter::HoldAgainstSnapshot(Reading* reading) const {
  AddCopies(target_, snapshot_, script_, reading);
  TakeBackForeignKeyCopies(target_, script_, reading);
  if (snapshot_ == nullptr) return;
  TakeBackCopies(target_, snapshot_, script_, reading);
  if (!target_.postgres()) return;
  constexpr size_t kMostReasons = 8;
  const QueryFacts& query = reading->facts.query;
  size_t reasons = 0;
  for (const QualifiedColumn& qualified : query.qualified_columns) {
    const bool of_table = !qualified.table.name.empty();
    if (of_table && !qualified.folded_unknown &&
        (IsSystemColumn(target_, qualified.column) ||
         MayHaveColumn(*snapshot_, script_, qualified) ||
         (Schema() != nullptr && HasColumnByNow(schema_, script_, qualified)))) {
      continue;
    }
    if (++reasons > kMostReasons) break;
    if (!of_table) {
      MakeDoubtful(
          absl::StrCat("the query whose ", qualified.column,
                       " it reads is not known to give such a column, so it may be a call of a "
                       "function of that name"),
          &reading->verdict);
      continue;
    }
    if (qualified.folded_unknown) {
      MakeDoubtful(
          absl::StrCat("which column of ", SqlName(target_, qualified.table), " ", qualified.column,
                       " is depends on the database's encoding, and it may be a call of a "
                       "function; write the name in quotes"),
          &reading->verdict);
      continue;
    }
    MakeDoubtful(
        absl::StrCat(SqlName(target_, qualified.table), " has no column ", qualified.column,
                     " in the snapshot, so it may be a call of a function of that name"),
        &reading->verdict);
  }
  if (query.more_qualified_columns) {
    MakeDoubtful("it names too many columns with their tables to be held against the snapshot",
                 &reading->verdict);
  }
}

void Linter::Add(absl::string_view text, const Reading& reading, bool text_in_doubt) {
  Note(ReadDirectives(as_given_, text));
  const Look look = {
      reading.facts, reading.verdict,        target_, config_, snapshot_, script_, next_,
      reporter_,     down_ ? &up_ : nullptr, Schema()};
  const bool schema_call = IsSchemaCall(reading.facts);
  if (schema_call) {
    CheckMigrationCalls(look);
  } else {
    CheckSql(look);
  }
  NotUnderstood(look);
  if (look.schema != nullptr && !schema_call) schema_.Note(reading.facts, script_.session());
  const int forgettings = script_.forgettings();
  script_.Note(next_, schema_call ? WithoutKeys(reading) : reading, WasAbsent(reading.facts),
               text_in_doubt);
  if (look.schema != nullptr && script_.forgettings() > forgettings) schema_.DoubtAll();
  ++next_;
}

void Linter::Add(const Statement& statement, const Reading& reading) {
  // The method down of a migration is the way back of what stands in front of it.
  if (statement.host.migration && statement.host.way_back != down_) {
    BeginSection(statement.host.way_back ? SectionMark::kDown : SectionMark::kUp);
  }
  Note(ReadDirectives(as_given_, statement.comments));
  const Position origin = statement.origin();
  absl::string_view text = statement.text;
  // What stands behind a delimiter, up to the end of its line, is about the statement before it.
  const size_t line = text.find('\n');
  if (next_ > 0 && origin.line == last_line_ && line < statement.content) {
    const Directives trailing = ReadDirectives(as_given_, text.substr(0, line));
    NoteIgnores(trailing, next_ - 1);
    if (trailing.irreversible) has_way_back_ = true;
    if (!trailing.ignores.empty()) text.remove_prefix(line);
  }
  const bool by_charset = as_given_.charset != CharsetRisk::kNone && !reading.verdict.understood;
  const bool text_in_doubt =
      !statement.client_doubt.empty() || statement.charset_in_doubt || by_charset;
  Add(text, reading, text_in_doubt);
  last_line_ = origin.line +
               static_cast<int>(std::count(statement.text.begin(), statement.text.end(), '\n'));
  absl::string_view behind = statement.behind;
  // Of a host language only what stands on lines of its own.
  if (!as_given_.active_record() && as_given_.dialect != Dialect::kRedis) {
    const size_t end = std::min(behind.find('\n'), behind.size());
    const Directives trailing = ReadDirectives(as_given_, behind.substr(0, end));
    if (trailing.irreversible) has_way_back_ = true;
    NoteIgnores(trailing, next_ - 1);
    behind.remove_prefix(end);
  }
  NoteBehind(ReadDirectives(as_given_, behind));
}

// Behind the last statement: what is said of the whole file counts, what is said of a statement
// has none.
void Linter::NoteBehind(const Directives& directives) {
  if (directives.irreversible) has_way_back_ = true;
  for (const IgnoreDirective& ignore : directives.ignores) {
    reporter_.Report(LintId::kIgnoreUnused, next_ - 1, Name(),
                     absl::StrCat("dbfleet:ignore ", ignore.rule_id,
                                  " stands behind the last statement, so it silences nothing"),
                     "write it in front of the statement that it is about");
  }
}

void Linter::Note(const Directives& directives) {
  if (directives.section != SectionMark::kNone) BeginSection(directives.section);
  if (directives.irreversible) has_way_back_ = true;
  NoteIgnores(directives, next_);
}

void Linter::NoteIgnores(const Directives& directives, int statement) {
  for (const std::string& unknown : directives.unknown) {
    reporter_.Report(LintId::kIgnoreUnknownRule, statement, Name(),
                     absl::StrCat("\"", unknown, "\" is no directive, so it silences nothing"),
                     "write dbfleet:ignore RULE REASON, in lower case");
  }
  for (const IgnoreDirective& ignore : directives.ignores) {
    if (FindRule(ignore.rule_id) == nullptr) {
      reporter_.Report(
          LintId::kIgnoreUnknownRule, statement, Name(),
          absl::StrCat("dbfleet:ignore names \"", ignore.rule_id, "\", which is no rule"),
          std::string(absl::StrContains(ignore.rule_id, ",") ? kOneRuleEach : ""));
    } else if (ignore.reason.empty()) {
      reporter_.Report(LintId::kIgnoreWithoutReason, statement, Name(),
                       absl::StrCat("dbfleet:ignore ", ignore.rule_id,
                                    " has no reason behind it, so it silences nothing"),
                       absl::StrCat("write -- dbfleet:ignore ", ignore.rule_id,
                                    " and behind it why it is right here"));
    } else {
      ignores_[statement].push_back(ignore);
      NoteSecondRule(ignore, statement);
    }
  }
}

// "dbfleet:ignore dbf-a dbf-b why": what reads like a second rule is a part of the reason.
void Linter::NoteSecondRule(const IgnoreDirective& ignore, int statement) {
  const absl::string_view reason = ignore.reason;
  const absl::string_view first = reason.substr(0, reason.find_first_of(" ,;\t"));
  if (!absl::StartsWith(first, "dbf-")) return;
  reporter_.Report(LintId::kIgnoreUnknownRule, statement, Name(),
                   absl::StrCat("dbfleet:ignore silences ", ignore.rule_id, " alone, and not ",
                                first, ", which stands behind it"),
                   std::string(kOneRuleEach));
}

// What it makes IF NOT EXISTS was not there before the script.
bool Linter::WasAbsent(const Facts& facts) const {
  return facts.if_not_exists && snapshot_ != nullptr && snapshot_->complete &&
         !facts.objects.empty() && !snapshot_->MayHave(facts.objects[0]);
}

// The two sections of a migration's file run on their own.
void Linter::BeginSection(SectionMark section) {
  if (!down_) up_ = script_.made();
  EndScript();
  down_ = section == SectionMark::kDown;
  if (section == SectionMark::kDown) has_way_back_ = true;
}

void Linter::EndScript() {
  const WholeLook look = Whole();
  CheckTransactionsAtEnd(look);
  CheckTablesAtEnd(look);
  CheckIndexesAtEnd(look);
  CheckNamingAtEnd(look);
  script_ = Script(target_);
}

void Linter::SortFindings() {
  std::vector<Finding>& findings = reporter_.findings();
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.statement < b.statement; });
}

void Linter::ApplyIgnores() {
  std::vector<std::pair<int, std::string>> unused;
  std::vector<Finding>& findings = reporter_.findings();
  for (const auto& [statement, ignores] : ignores_) {
    const auto begin = std::lower_bound(
        findings.begin(), findings.end(), statement,
        [](const Finding& finding, int wanted) { return finding.statement < wanted; });
    for (const IgnoreDirective& ignore : ignores) {
      bool used = false;
      for (auto it = begin; it != findings.end() && it->statement == statement; ++it) {
        if (it->rule_id != ignore.rule_id) continue;
        used = true;
        if (it->ignored || IsAboutIgnoring(it->rule_id)) continue;
        it->ignored = it->ignored_in_source = true;
        it->ignore_reason = ignore.reason;
      }
      if (!used) unused.emplace_back(statement, ignore.rule_id);
    }
  }
  if (broken_off_) return;
  for (const auto& [statement, rule_id] : unused) {
    reporter_.Report(LintId::kIgnoreUnused, statement, Name(),
                     absl::StrCat("dbfleet:ignore ", rule_id, " silences nothing here"), "");
  }
}

FollowedSchema Linter::TakeLeft(bool in_series) {
  if (broken_off_) schema_.DoubtAll();
  schema_.EndFile(in_series);
  return std::move(schema_);
}

std::vector<Finding> Linter::Finish() {
  if (!broken_off_) EndScript();
  if (next_ > 0 && !broken_off_) CheckFile(file_, has_way_back_, Whole());
  SortFindings();
  ApplyIgnores();
  SortFindings();
  return std::move(reporter_.findings());
}

}  // namespace dbfleet::sql
