#include "controller/cli/sql_output.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/text.h"
#include "common/sql/report/sarif.h"
#include "controller/cli/table.h"

namespace dbfleet::cli {
namespace {

using sql::StatementReport;

// "orders.sql:3:1"
std::string Place(const StatementReport& report) {
  return absl::StrCat(report.file, ":", report.line, ":", report.column);
}

// Without the comments in front of it, unless what is left of a long text is nothing else.
std::string OneLine(const StatementReport& report) {
  constexpr size_t kMaxBytes = 200;
  std::string line = report.text.substr(report.content < report.text.size() ? report.content : 0);
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }, ' ');
  absl::RemoveExtraAsciiWhitespace(&line);
  return Truncate(line, kMaxBytes);
}

class JsonOutput : public SqlOutput {
 public:
  JsonOutput(Shell& shell, const sql::ReportOptions& options, bool lines)
      : shell_(shell), options_(options), lines_(lines) {}

  void Begin() override {
    if (!lines_) shell_.out() << "[";
  }
  void Statement(const StatementReport& report) override {
    if (!lines_) shell_.out() << (first_ ? "\n" : ",\n");
    first_ = false;
    shell_.out() << sql::ToJson(report, options_);
    if (lines_) shell_.out() << "\n";
  }
  void End() override {
    if (!lines_) shell_.out() << (first_ ? "]\n" : "\n]\n");
  }

 private:
  Shell& shell_;
  const sql::ReportOptions options_;
  const bool lines_;
  bool first_ = true;
};

class SarifOutput : public SqlOutput {
 public:
  SarifOutput(Shell& shell, const sql::ReportOptions& options, bool with_class)
      : shell_(shell),
        with_class_(with_class),
        writer_(DBFLEET_VERSION, options.environment, with_class) {}

  void Begin() override { shell_.out() << writer_.Begin(); }
  void Statement(const StatementReport& report) override {
    shell_.out() << writer_.Statement(report);
  }
  void Failed(const std::string& file, const absl::Status& status) override {
    writer_.Failed(file, std::string(status.message()));
  }
  void End() override { shell_.out() << writer_.End(); }
  bool wants_all() const override { return with_class_; }

 private:
  Shell& shell_;
  const bool with_class_;
  sql::SarifWriter writer_;
};

// A row for each statement.
class TableOutput : public SqlOutput {
 public:
  TableOutput(Shell& shell, const sql::ReportOptions& options)
      : shell_(shell), options_(options), table_(Columns(options)) {}

  void Statement(const StatementReport& report) override {
    std::vector<std::string> cells = {Place(report)};
    if (options_.with_verdict) {
      cells.emplace_back(NameOf(SafetyIn(options_.environment, report.verdict)));
      cells.emplace_back(NameOf(report.verdict.kind));
    }
    cells.push_back(OneLine(report));
    if (options_.with_verdict) cells.push_back(absl::StrJoin(report.verdict.reasons, "; "));
    table_.AddRow(cells);
  }
  void End() override {
    const int width = shell_.world().out_is_terminal ? shell_.world().width : 0;
    shell_.out() << table_.Render(shell_.format == Format::kWide, width);
  }

 private:
  static std::vector<Column> Columns(const sql::ReportOptions& options) {
    if (!options.with_verdict) return {IdentityColumn("PLACE"), TextColumn("STATEMENT")};
    return {IdentityColumn("PLACE"),
            {"CLASS"},
            {"KIND"},
            TextColumn("STATEMENT"),
            TextColumn("REASONS")};
  }

  Shell& shell_;
  const sql::ReportOptions options_;
  Table table_;
};

// Findings in lines of their own: a message that is cut says nothing.
class FindingsOutput : public SqlOutput {
 public:
  explicit FindingsOutput(Shell& shell)
      : shell_(shell),
        width_(shell.format == Format::kTable && shell.world().out_is_terminal &&
                       shell.world().width > 0
                   ? static_cast<size_t>(shell.world().width)
                   : 0) {}

  void Statement(const StatementReport& report) override {
    for (const sql::Finding& finding : report.findings) {
      shell_.out() << SanitizeForDisplay(Place(report)) << "  "
                   << (finding.ignored ? "ignored" : NameOf(finding.severity)) << "  "
                   << finding.rule_id << "\n"
                   << Wrapped(SanitizeForDisplay(finding.message), 4, width_);
      if (finding.ignored) {
        shell_.out() << Wrapped("ignored: " + SanitizeForDisplay(finding.ignore_reason), 4, width_);
      } else {
        shell_.out() << Wrapped("> " + SanitizeForDisplay(finding.advice), 4, width_);
      }
    }
  }
  bool wants_all() const override { return false; }

 private:
  Shell& shell_;
  const size_t width_;
};

}  // namespace

std::string Wrapped(absl::string_view text, size_t indent, size_t width) {
  const std::string margin(indent, ' ');
  std::string out, line;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const bool full =
        width > 0 && !line.empty() && indent + DisplayWidth(line) + 1 + DisplayWidth(word) > width;
    if (full) {
      absl::StrAppend(&out, margin, line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  if (!line.empty()) absl::StrAppend(&out, margin, line, "\n");
  return out;
}

std::unique_ptr<SqlOutput> MakeSqlOutput(Shell& shell, SqlTask task,
                                         const sql::ReportOptions& options, bool with_class) {
  switch (shell.format) {
    case Format::kJson:
      return std::make_unique<JsonOutput>(shell, options, false);
    case Format::kJsonLines:
      return std::make_unique<JsonOutput>(shell, options, true);
    case Format::kSarif:
      return std::make_unique<SarifOutput>(shell, options, with_class);
    default:
      break;
  }
  if (task == SqlTask::kLint) return std::make_unique<FindingsOutput>(shell);
  return std::make_unique<TableOutput>(shell, options);
}

}  // namespace dbfleet::cli
