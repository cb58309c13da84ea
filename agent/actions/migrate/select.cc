#include "agent/actions/migrate/select.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/actions/migrate/model.h"
#include "common/base/status.h"
#include "common/migration/migration_set.h"

namespace dbfleet::agent {
namespace {

using work::v1::MigrateSpec;
using work::v1::Migration;

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

const HistoryRow* RowOf(const std::vector<HistoryRow>& history, absl::string_view version) {
  for (const HistoryRow& row : history) {
    if (CompareVersions(row.version, version) == 0) return &row;
  }
  return nullptr;
}

const Migration* FileOf(const MigrateSpec& spec, absl::string_view version) {
  for (const Migration& migration : spec.migrations()) {
    if (CompareVersions(migration.version(), version) == 0) return &migration;
  }
  return nullptr;
}

absl::Status CheckSum(const Migration& migration, const HistoryRow& row) {
  const std::string given = migration::Checksum(migration);
  if (given == row.checksum) return absl::OkStatus();
  return Refused(
      "CHECKSUM_MISMATCH",
      absl::StrCat("version ", migration.version(), " (", migration.up_path(),
                   ") is not the file that was applied: its checksum is ", given.substr(0, 12),
                   "..., the history has ", row.checksum.substr(0, 12),
                   "...; restore the file, and put what is new into a new version"));
}

bool IsApplied(const HistoryRow* row) { return row != nullptr && row->state == kApplied; }

absl::StatusOr<std::vector<SelectedVersion>> SelectUp(const MigrateSpec& spec,
                                                      const std::vector<HistoryRow>& history) {
  const HistoryRow* highest = nullptr;
  for (const HistoryRow& row : history) {
    if (row.state != kApplied) continue;
    if (highest == nullptr || CompareVersions(row.version, highest->version) > 0) highest = &row;
  }
  std::vector<SelectedVersion> selected;
  for (const Migration& migration : spec.migrations()) {
    const HistoryRow* row = RowOf(history, migration.version());
    if (IsApplied(row)) {
      RETURN_IF_ERROR(CheckSum(migration, *row));
      continue;
    }
    if (highest != nullptr && !spec.allow_out_of_order() &&
        CompareVersions(migration.version(), highest->version) < 0) {
      return Refused("OUT_OF_ORDER",
                     absl::StrCat("version ", migration.version(), " (", migration.up_path(),
                                  ") is not applied, but the higher version ", highest->version,
                                  " is; give it a new, higher version, or allow versions out of "
                                  "order"));
    }
    selected.push_back({&migration, row});
  }
  return selected;
}

// Above a version that goes, none may stay: it may build on it.
absl::Status CheckNothingAbove(const MigrateSpec& spec, const std::vector<HistoryRow>& history,
                               const std::vector<SelectedVersion>& selected) {
  for (const HistoryRow& row : history) {
    if (row.state != kApplied) continue;
    const bool goes = std::any_of(selected.begin(), selected.end(),
                                  [&row](const auto& s) { return s.row == &row; });
    if (goes || selected.empty()) continue;
    const std::string& lowest = selected.back().row->version;
    if (CompareVersions(row.version, lowest) > 0 && !spec.allow_out_of_order()) {
      return Refused("OUT_OF_ORDER",
                     absl::StrCat("version ", lowest,
                                  " cannot be taken out while the higher version ", row.version,
                                  " stays; take that out too, or allow versions out "
                                  "of order"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SelectedVersion>> SelectDown(const MigrateSpec& spec,
                                                        const std::vector<HistoryRow>& history) {
  std::vector<SelectedVersion> selected;
  std::vector<std::string> absent;
  for (const std::string& version : spec.versions()) {
    const Migration* migration = FileOf(spec, version);
    if (migration == nullptr) {
      return Refused("VERSION_UNKNOWN",
                     absl::StrCat("there is no file for version ", version, "; give its files"));
    }
    const HistoryRow* row = RowOf(history, version);
    if (!IsApplied(row)) {
      absent.push_back(version);
      continue;
    }
    RETURN_IF_ERROR(CheckSum(*migration, *row));
    if (!migration->irreversible_reason().empty() || !migration->has_down()) {
      return Refused("IRREVERSIBLE",
                     absl::StrCat("version ", version, " (", migration->up_path(),
                                  ") is declared irreversible (", migration->irreversible_reason(),
                                  "); restore a backup instead"));
    }
    selected.push_back({migration, row});
  }
  if (!absent.empty() && !selected.empty()) {
    return Refused("VERSION_NOT_APPLIED",
                   absl::StrCat("not applied here: version ", absl::StrJoin(absent, ", "),
                                "; name only applied versions"));
  }
  std::sort(selected.begin(), selected.end(), [](const auto& a, const auto& b) {
    return CompareVersions(a.row->version, b.row->version) > 0;
  });
  RETURN_IF_ERROR(CheckNothingAbove(spec, history, selected));
  return selected;
}

}  // namespace

absl::StatusOr<std::vector<SelectedVersion>> SelectVersions(
    const MigrateSpec& spec, const std::vector<HistoryRow>& history) {
  return spec.direction() == work::v1::MIGRATE_DIRECTION_DOWN ? SelectDown(spec, history)
                                                              : SelectUp(spec, history);
}

std::vector<std::string> AppliedWithoutFile(const MigrateSpec& spec,
                                            const std::vector<HistoryRow>& history) {
  std::vector<std::string> missing;
  for (const HistoryRow& row : history) {
    if (row.state == kApplied && FileOf(spec, row.version) == nullptr) {
      missing.push_back(row.version);
    }
  }
  std::sort(missing.begin(), missing.end(),
            [](const std::string& a, const std::string& b) { return CompareVersions(a, b) < 0; });
  return missing;
}

}  // namespace dbfleet::agent
