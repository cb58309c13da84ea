#include "controller/cli/sql_run.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/migration/names.h"
#include "common/sql/lint/linter.h"
#include "common/sql/report/redact.h"
#include "common/sql/report/report.h"
#include "common/sql/script_reader.h"
#include "common/sql/sql.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/sql_applied.h"
#include "controller/cli/sql_input.h"
#include "controller/cli/sql_output.h"
#include "controller/cli/sql_plan.h"
#include "controller/cli/sql_series.h"

namespace dbfleet::cli {
namespace {

using sql::StatementReport;

// Of one file that is linted; a table, a finding and a statement take about a kilobyte each.
constexpr size_t kMostKept = 600'000;

struct Totals {
  size_t statements = 0;
  size_t destructive = 0;
  size_t by_severity[3] = {};
  size_t ignored = 0;
};

// Of a statement that is not kept.
struct LintedPlace {
  sql::Position at;
  sql::Hidden hidden;  // Of the statement.
};

std::string Counted(size_t number, absl::string_view what) {
  return absl::StrCat(number, " ", what, number == 1 ? "" : "s");
}

absl::Status Invalid(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

bool Exists(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0;
}

sql::Linter::Options OptionsFor(const std::string& path) {
  sql::Linter::Options options;
  const migration::FileName name = migration::ParseFileName(path);
  if (!name.problem.empty()) return options;
  options.down = name.form == migration::FileForm::kDown;
  options.file.version = name.version;
  if (name.form == migration::FileForm::kUp) {
    const std::string down = absl::StrCat(absl::StripSuffix(path, ".up.sql"), ".down.sql");
    options.file.has_down = Exists(down);
    const size_t folder = down.rfind('/');
    options.file.down = SanitizeForDisplay(folder == down.npos ? down : down.substr(folder + 1));
  }
  return options;
}

// One run over all files. Lives for one call of RunSql.
class Runner {
 public:
  Runner(Shell& shell, SqlTask task, const SqlPlan& plan)
      : shell_(shell),
        task_(task),
        plan_(plan),
        output_(MakeSqlOutput(shell, task, plan.options,
                              plan.thresholds.destructive || task == SqlTask::kClassify)) {}

  int Run(std::vector<std::string> files) {
    int code = kExitOk;
    // What the one leaves the next one meets, so that they are gone through as they are run.
    if (plan_.snapshot.has_value()) in_series_ = SortSeries(&files);
    if (in_series_ && task_ == SqlTask::kLint) TakeAsApplied(files);
    output_->Begin();
    for (const std::string& file : files) {
      const absl::Status status =
          task_ == SqlTask::kLint ? LintFile(file) : GoThrough(file, nullptr, nullptr);
      // The other files are shown all the same; what is wrong with the first one decides in the
      // end.
      if (status.ok()) continue;
      output_->Failed(file, status);
      const int failed = shell_.Fail(status);
      if (code == kExitOk) code = failed;
    }
    output_->End();
    const bool nothing = code != kExitOk && totals_.statements == 0;
    if (shell_.for_people() && task_ != SqlTask::kSplit && !nothing) SayTotals();
    if (code != kExitOk) return code;
    return ReachesThreshold() ? kExitRefused : kExitOk;
  }

 private:
  // Else every file of a folder that was run long ago would be told that all it makes is there.
  void TakeAsApplied(const std::vector<std::string>& files) {
    if (files.size() < 2 || !plan_.snapshot->applied_versions.empty()) return;
    const size_t count =
        CountEvidentlyApplied(files, plan_.options.target, *plan_.snapshot, *shell_.world().in);
    applied_.insert(files.begin(), files.begin() + static_cast<ptrdiff_t>(count));
    if (count == 0) return;
    shell_.Note(absl::StrCat(
        "dbfleet: note: ", SanitizeForDisplay(files[count - 1]),
        count > 1 ? " and the versions before it are taken as applied" : " is taken as applied",
        ": the snapshot has what it makes, and names no applied_versions"));
  }

  using Adjust = std::function<void(sql::Reading*)>;
  using Keep =
      std::function<void(StatementReport, sql::Hidden, const sql::Reading&, const sql::Statement&)>;

  // Without `keep` each statement is shown at once.
  absl::Status GoThrough(const std::string& file, const Adjust& adjust, const Keep& keep) {
    int number = 0;
    sql::ScriptReader reader(plan_.options.target);
    return ForEachStatement(
        file, *shell_.world().in, plan_.options.target, [&](sql::Statement statement) {
          StatementReport report;
          report.file = file;
          report.number = ++number;
          report.line = statement.line;
          report.column = statement.column;
          report.character = statement.character;
          report.content = statement.content;
          sql::Reading reading;
          if (task_ != SqlTask::kSplit) {
            reading = reader.Read(statement);
            if (adjust) adjust(&reading);
            report.verdict = reading.verdict;
          }
          ++totals_.statements;
          if (task_ != SqlTask::kSplit && sql::IsDestructive(report, plan_.options.environment)) {
            ++totals_.destructive;
          }
          report.text = statement.text;
          sql::Hidden hidden;
          if (!plan_.show_secrets) {
            hidden = sql::HideSecrets(plan_.options.target, statement, &report);
          }
          report.content = std::min(report.content, report.text.size());
          if (task_ != SqlTask::kSplit) sql::CutText(&report);
          if (keep) return keep(std::move(report), std::move(hidden), reading, statement);
          output_->Statement(report);
        });
  }

  // What a way back may take away again. Nothing, if its way there cannot be read.
  sql::Made MadeByUp(const std::string& down) {
    const std::string up = absl::StrCat(absl::StripSuffix(down, ".down.sql"), ".up.sql");
    sql::Script script(plan_.options.target);
    if (!Exists(up)) return script.made();
    sql::ScriptReader reader(plan_.options.target);
    int number = 0;
    const absl::Status status = ForEachStatement(
        up, *shell_.world().in, plan_.options.target,
        [&](const sql::Statement& statement) { script.Note(number++, reader.Read(statement)); });
    return status.ok() ? script.made() : sql::Made();
  }

  // Some findings of a script are known at its end only, so its statements are shown then. Where
  // only those with findings are shown, no more than the others' places is kept.
  absl::Status LintFile(const std::string& file) {
    sql::Linter::Options options = OptionsFor(file);
    if (options.down) options.up = MadeByUp(file);
    const bool down = options.down;
    if (!down) options.before = std::move(left_);  // A way back meets another schema.
    options.applied = applied_.count(file) > 0 ||
                      (plan_.snapshot.has_value() &&
                       IsAmong(VersionOfFile(file), plan_.snapshot->applied_versions));
    sql::Linter linter(plan_.options.target, plan_.config,
                       plan_.snapshot.has_value() ? &*plan_.snapshot : nullptr, std::move(options));
    std::vector<StatementReport> reports;
    std::vector<LintedPlace> places;
    const auto full = [&] { return linter.kept() + reports.size() > kMostKept; };
    absl::Status status = GoThrough(
        file, [&](sql::Reading* reading) { linter.HoldAgainstSnapshot(reading); },
        [&](StatementReport report, sql::Hidden hidden, const sql::Reading& reading,
            const sql::Statement& statement) {
          if (full()) return;
          linter.Add(statement, reading);
          places.push_back({{report.line, report.column, report.character}, std::move(hidden)});
          if (output_->wants_all()) reports.push_back(std::move(report));
        });
    if (status.ok() && full()) {
      status = Invalid(
          "FILE_TOO_LARGE",
          absl::StrCat(SanitizeForDisplay(file), ": behind line ", places.back().at.line,
                       " nothing is held against the rules: there are more than ", kMostKept,
                       " tables, findings and shown statements; lint its parts one "
                       "by one"));
    }
    if (!status.ok()) linter.BreakOff();
    ShowFindings(file, linter.Finish(), places, &reports);
    if (!down && plan_.snapshot.has_value()) left_ = linter.TakeLeft(in_series_);
    for (const StatementReport& report : reports) output_->Statement(report);
    return status;
  }

  // Without reports of all statements those with findings are shown at once.
  void ShowFindings(const std::string& file, std::vector<sql::Finding> findings,
                    const std::vector<LintedPlace>& places, std::vector<StatementReport>* reports) {
    std::optional<StatementReport> shown;
    for (sql::Finding& finding : findings) {
      Count(finding);
      const sql::Hidden& hidden = places[static_cast<size_t>(finding.statement)].hidden;
      hidden.SayFinding(&finding);
      if (output_->wants_all()) {
        (*reports)[static_cast<size_t>(finding.statement)].findings.push_back(std::move(finding));
        continue;
      }
      const int number = finding.statement + 1;
      if (!shown.has_value() || shown->number != number) {
        if (shown.has_value()) output_->Statement(*shown);
        const auto& [line, column, character] = places[static_cast<size_t>(finding.statement)].at;
        shown.emplace();
        shown->file = file;
        shown->number = number;
        shown->line = line;
        shown->column = column;
        shown->character = character;
      }
      shown->findings.push_back(std::move(finding));
    }
    if (shown.has_value()) output_->Statement(*shown);
  }

  void Count(const sql::Finding& finding) {
    if (finding.ignored) {
      ++totals_.ignored;
    } else {
      ++totals_.by_severity[static_cast<size_t>(finding.severity)];
    }
  }

  bool ReachesThreshold() const {
    const SqlThresholds& thresholds = plan_.thresholds;
    if (thresholds.destructive && totals_.destructive > 0) return true;
    if (!thresholds.severity.has_value()) return false;
    for (auto i = static_cast<size_t>(*thresholds.severity); i < 3; ++i) {
      if (totals_.by_severity[i] > 0) return true;
    }
    return false;
  }

  void SayTotals() {
    std::string text = absl::StrCat(Counted(totals_.statements, "statement"), ", ",
                                    totals_.destructive, " of them destructive");
    if (task_ == SqlTask::kLint) {
      absl::StrAppend(&text, "; findings: ", Counted(totals_.by_severity[2], "error"), ", ",
                      Counted(totals_.by_severity[1], "warning"), ", ",
                      Counted(totals_.by_severity[0], "remark"), ", ", totals_.ignored, " ignored");
    }
    shell_.out().flush();
    shell_.Note(text);
  }

  Shell& shell_;
  const SqlTask task_;
  const SqlPlan& plan_;
  bool in_series_ = false;                   // The files are versions of one series.
  std::set<std::string> applied_;            // Of these the ones that evidently were run.
  std::optional<sql::FollowedSchema> left_;  // What the files so far leave.
  const std::unique_ptr<SqlOutput> output_;
  Totals totals_;
};

absl::Status CheckFormat(const Shell& shell, SqlTask task) {
  const bool bad = shell.format == Format::kYaml || shell.format == Format::kName ||
                   (shell.format == Format::kSarif && task == SqlTask::kSplit);
  if (!bad) return absl::OkStatus();
  return Invalid("BAD_OUTPUT", task == SqlTask::kSplit
                                   ? "--output of sql split is one of table, wide, json, jsonl"
                                   : "--output of sql is one of table, wide, json, jsonl, sarif");
}

}  // namespace

int RunSql(Shell& shell, SqlTask task, const SqlArguments& arguments) {
  if (const absl::Status good = CheckFormat(shell, task); !good.ok()) return shell.Fail(good);
  const absl::StatusOr<SqlPlan> plan = MakeSqlPlan(task, arguments);
  if (!plan.ok()) return shell.Fail(plan.status());
  return Runner(shell, task, *plan).Run(arguments.files);
}

}  // namespace dbfleet::cli
