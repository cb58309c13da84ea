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
std::string OneLine(const StatementReport& report, size_t max_bytes) {
  std::string line = report.text.substr(report.content < report.text.size() ? report.content : 0);
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }, ' ');
  absl::RemoveExtraAsciiWhitespace(&line);
  return Truncate(line, max_bytes);
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

// A row for each statement; lines of its own for each where a row would not hold its class. A dump
// has millions of statements, so that no more than a part of them is kept to align the rows.
class TableOutput : public SqlOutput {
 public:
  TableOutput(Shell& shell, const sql::ReportOptions& options)
      : shell_(shell),
        options_(options),
        wide_(shell.format == Format::kWide),
        width_(!wide_ && shell.world().out_is_terminal && shell.world().width > 0
                   ? static_cast<size_t>(shell.world().width)
                   : 0),
        table_(Columns()) {}

  void Statement(const StatementReport& report) override {
    // In front of the reasons a long text would only push them away.
    constexpr size_t kBeforeReasons = 60;
    constexpr size_t kAlone = 200;
    Row row;
    row.place = Place(report);
    row.statement = OneLine(report, options_.with_verdict && !wide_ ? kBeforeReasons : kAlone);
    if (options_.with_verdict) {
      row.safety = std::string(NameOf(SafetyIn(options_.environment, report.verdict)));
      row.kind = std::string(NameOf(report.verdict.kind));
      // They say why it is destructive.
      if (SafetyIn(options_.environment, report.verdict) == sql::Safety::kDestructive) {
        row.reasons = absl::StrJoin(report.verdict.reasons, "; ");
      }
    }
    rows_.push_back(std::move(row));
    if (rows_.size() >= kRowsOfPart) ShowPart();
  }
  void Failed(const std::string&, const absl::Status&) override { failed_ = true; }
  void End() override {
    // Titles of nothing, or no rows behind the last part.
    if (rows_.empty() && (failed_ || any_shown_)) return;
    ShowPart();
  }

 private:
  struct Row {
    std::string place, safety, kind, statement, reasons;
  };

  static constexpr size_t kRowsOfPart = 10'000;

  void ShowPart() {
    any_shown_ = true;
    // Once rows have no room, those behind them are no table either.
    in_lines_ = in_lines_ || (options_.with_verdict && !Fits());
    if (in_lines_) {
      Lines();
    } else {
      for (const Row& row : rows_) {
        if (options_.with_verdict) {
          table_.AddRow({row.place, row.safety, row.kind, row.statement, row.reasons});
        } else {
          table_.AddRow({row.place, row.statement});
        }
      }
      shell_.out() << table_.RenderPart(wide_, static_cast<int>(width_));
    }
    rows_.clear();
  }

  std::vector<Column> Columns() const {
    if (!options_.with_verdict) return {IdentityColumn("PLACE"), TextColumn("STATEMENT")};
    return {IdentityColumn("PLACE"), IdentityColumn("CLASS"), IdentityColumn("KIND"),
            TextColumn("STATEMENT"), TextColumn("REASONS")};
  }

  // Whether a row has room for what is never cut, and for something of the statement: a reason that
  // is cut says as little as a finding.
  bool Fits() const {
    if (width_ == 0) return true;
    constexpr size_t kGap = 2;
    constexpr size_t kStatement = 12;
    size_t place = 0, safety = 0, kind = 0, reasons = 0;
    for (const Row& row : rows_) {
      place = std::max(place, DisplayWidth(SanitizeForDisplay(row.place)));
      safety = std::max(safety, DisplayWidth(row.safety));
      kind = std::max(kind, DisplayWidth(row.kind));
      reasons = std::max(reasons, DisplayWidth(SanitizeForDisplay(row.reasons)));
    }
    return place + safety + kind + kStatement + reasons + 4 * kGap <= width_;
  }

  void Lines() {
    for (const Row& row : rows_) {
      shell_.out() << SanitizeForDisplay(row.place) << "  " << row.safety << "  " << row.kind
                   << "\n"
                   << Wrapped(SanitizeForDisplay(row.statement), 4, width_);
      if (!row.reasons.empty()) {
        shell_.out() << Wrapped("> " + SanitizeForDisplay(row.reasons), 4, width_);
      }
    }
  }

  Shell& shell_;
  const sql::ReportOptions options_;
  const bool wide_;
  const size_t width_;  // 0: as wide as it takes.
  Table table_;
  std::vector<Row> rows_;  // Of the part at hand.
  bool in_lines_ = false;
  bool any_shown_ = false;
  bool failed_ = false;
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
