#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/text.h"
#include "controller/cli/job_view.h"
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

std::string DescribeRows(const work::v1::InspectResult& result) {
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
  return absl::StrCat(table.Render(true, 0), result.rows_size(), " rows",
                      result.truncated() ? ", and more that were cut off" : "", ", ",
                      Show(result.duration()), "\n");
}

std::string DescribeBackup(const work::v1::BackupResult& result) {
  std::string out =
      absl::StrCat("backups/", Clean(result.backup_id()), ": ", ShowBytes(result.stored_bytes()),
                   " stored of ", ShowBytes(result.source_bytes()), ", ", Clean(result.tool()), " ",
                   Clean(result.tool_version()), ", ", Show(result.duration()), "\n");
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

std::string DescribeMigration(const work::v1::MigrateResult& result) {
  std::string out;
  const auto list = [&](absl::string_view what, const auto& versions) {
    for (const std::string& version : versions) {
      absl::StrAppend(&out, what, " ", Clean(version), "\n");
    }
  };
  list("applied", result.applied_versions());
  list("rolled back", result.rolled_back_versions());
  list("STILL APPLIED though the attempt failed:", result.remaining_versions());
  return out;
}

std::string DescribeResult(const work::v1::TaskResult& result) {
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
      return DescribeMigration(result.migrate());
    default:
      return "";
  }
}

}  // namespace

std::string DescribeResults(const api::v1::Job& job) {
  std::string out;
  for (const auto& task : job.tasks()) {
    const std::string text = DescribeResult(task.result());
    if (text.empty()) continue;
    if (job.tasks_size() > 1) absl::StrAppend(&out, Clean(task.target()), "\n");
    out += text;
  }
  return out;
}

}  // namespace dbfleet::cli
