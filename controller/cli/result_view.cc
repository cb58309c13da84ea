#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

#include "common/base/text.h"
#include "controller/cli/job_view.h"
#include "controller/cli/plan_view.h"
#include "controller/cli/words.h"

namespace dbfleet::cli {
namespace {

std::string Clean(absl::string_view text) { return SanitizeForDisplay(text); }

std::string DescribeHealth(const work::v1::InstanceHealth& health) {
  std::string out =
      absl::StrCat("health ", Word(health.status()), ", answered in ", Show(health.response_time()),
                   ", server ", Clean(health.server_version()), "\n");
  Table table({{"OBSERVATION"}, {"VALUE"}, {"UNIT"}, {"STATUS"}, {"WHY"}});
  for (const auto& observation : health.observations()) {
    table.AddRow({observation.name(), absl::StrFormat("%g", observation.value()),
                  observation.unit(), Word(observation.status()), observation.reason()});
  }
  return out + table.Render(true, 0);
}

// A value of several lines cannot stand in a table. Each column then is a block of its own, its
// lines indented so that no value can pass for something that this command says.
void AppendBlocks(const work::v1::InspectResult& result, std::string* out) {
  for (int i = 0; i < result.rows_size(); ++i) {
    if (result.rows_size() > 1) absl::StrAppend(out, "row ", i + 1, "\n");
    const auto& values = result.rows(i).values();
    for (int c = 0; c < std::min(values.size(), result.columns_size()); ++c) {
      const std::string value = values[c].has_text() ? values[c].text() : "NULL";
      if (value.empty()) continue;
      const std::string text = SanitizeForDisplay(
          absl::StrReplaceAll(absl::StripTrailingAsciiWhitespace(value), {{"\r\n", "\n"}}), true);
      absl::StrAppend(out, Clean(result.columns(c).name()), ":");
      if (!absl::StrContains(text, '\n')) {
        absl::StrAppend(out, " ", text, "\n");
        continue;
      }
      absl::StrAppend(out, "\n  ", absl::StrReplaceAll(text, {{"\n", "\n  "}}), "\n");
    }
  }
}

bool HasLines(const work::v1::InspectResult& result) {
  for (const auto& row : result.rows()) {
    for (const auto& value : row.values()) {
      if (absl::StrContains(value.text(), '\n')) return true;
    }
  }
  return false;
}

std::string InspectTable(const work::v1::InspectResult& result) {
  std::vector<Column> columns;
  for (const auto& column : result.columns()) columns.push_back({Clean(column.name())});
  const size_t count = columns.size();
  Table table(std::move(columns));
  for (const auto& row : result.rows()) {
    std::vector<std::string> cells;
    for (const auto& value : row.values()) {
      if (cells.size() < count) cells.push_back(value.has_text() ? value.text() : "NULL");
    }
    table.AddRow(cells);
  }
  return table.Render(true, 0);
}

std::string DescribeRows(const work::v1::InspectResult& result) {
  std::string out;
  if (HasLines(result)) {
    AppendBlocks(result, &out);
  } else {
    out = InspectTable(result);
  }
  absl::StrAppend(&out, result.rows_size(), result.rows_size() == 1 ? " row" : " rows",
                  result.truncated() ? ", and more that were cut off" : "", ", ",
                  Show(result.duration()), "\n");
  return out;
}

std::string DescribeBackup(const work::v1::BackupResult& result) {
  std::string out = absl::StrCat(
      "backups/", Clean(result.backup_id()), ": ", ShowBytes(result.stored_bytes()), " stored of ",
      ShowBytes(result.source_bytes()), ", ", Clean(ToolText(result.tool(), result.tool_version())),
      ", ", Show(result.duration()), "\n");
  for (const std::string& warning : result.warnings()) {
    absl::StrAppend(&out, "  warning: ", Clean(warning), "\n");
  }
  return out;
}

std::string DescribeVerification(const work::v1::VerifyResult& result) {
  std::string out = absl::StrCat("backups/", Clean(result.backup_id()), " verified at ",
                                 Word(result.level()), " in ", Show(result.duration()), "\n");
  for (const std::string& line : result.evidence()) absl::StrAppend(&out, "  ", Clean(line), "\n");
  return out;
}

// Of remaining versions the result says no more than that nobody saw them taken back whole: part of
// one may be there, or somebody else may have changed what it made.
std::string DescribeMigration(const api::v1::Job& job, const work::v1::MigrateResult& result) {
  std::string out;
  const auto list = [&](absl::string_view what, const auto& versions) {
    for (const std::string& version : versions) {
      absl::StrAppend(&out, what, " ", Clean(version), "\n");
    }
  };
  const bool down = job.spec().migrate().direction() == work::v1::MIGRATE_DIRECTION_DOWN;
  list("applied", result.applied_versions());
  list("rolled back", result.rolled_back_versions());
  list(
      down
          ? "NOT SETTLED: may be taken out, in whole or in part (the error says what was found):"
          : "NOT SETTLED: may still be there, in whole or in part (the error says what was found):",
      result.remaining_versions());
  return out;
}

std::string DescribeResult(const api::v1::Job& job, const work::v1::TaskResult& result) {
  switch (result.kind_case()) {
    case work::v1::TaskResult::kCheck:
      return DescribeHealth(result.check().health());
    case work::v1::TaskResult::kInspect:
      return DescribeRows(result.inspect());
    case work::v1::TaskResult::kBackup:
      return DescribeBackup(result.backup());
    case work::v1::TaskResult::kVerify:
      return DescribeVerification(result.verify());
    case work::v1::TaskResult::kMigrate:
      return DescribeMigration(job, result.migrate());
    default:
      return "";
  }
}

}  // namespace

std::string DescribeUnsettled(const api::v1::Job& job) {
  std::string out;
  for (const auto& task : job.tasks()) {
    work::v1::MigrateResult left;
    *left.mutable_remaining_versions() = task.result().migrate().remaining_versions();
    const std::string text = DescribeMigration(job, left);
    if (text.empty()) continue;
    if (job.tasks_size() > 1) absl::StrAppend(&out, Clean(task.target()), "\n");
    out += text;
  }
  return out;
}

std::string DescribeResults(const api::v1::Job& job) {
  std::string out;
  for (const auto& task : job.tasks()) {
    std::string text = DescribeResult(job, task.result());
    const bool ended = task.state() == api::v1::Task::STATE_SUCCEEDED ||
                       task.state() == api::v1::Task::STATE_SKIPPED;
    if (text.empty() && ended && task.plan().nothing_to_do()) {
      text = absl::StrCat(NothingToDo(job), "\n");
    }
    if (text.empty()) continue;
    if (job.tasks_size() > 1) absl::StrAppend(&out, Clean(task.target()), "\n");
    out += text;
  }
  return out;
}

}  // namespace dbfleet::cli
