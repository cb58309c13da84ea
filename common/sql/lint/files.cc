#include "common/sql/lint/files.h"

#include "absl/strings/str_cat.h"

// Migrations as files.
namespace dbfleet::sql {
namespace {

// Versions are numbers of up to 20 digits: "7" and "007" are the same.
absl::string_view Digits(absl::string_view version) {
  const size_t first = version.find_first_not_of('0');
  return first == absl::string_view::npos ? "" : version.substr(first);
}

bool IsBefore(absl::string_view a, absl::string_view b) {
  a = Digits(a);
  b = Digits(b);
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

void MissingDown(const MigrationFile& file, bool has_way_back, const WholeLook& look) {
  if (file.has_down || has_way_back) return;
  look.reporter.Report(LintId::kMissingDown, 0, Name(),
                       absl::StrCat("version ", file.version, " has no way back"),
                       file.down.empty() ? ""
                                         : absl::StrCat("write ", file.down,
                                                        ", a section \"-- dbfleet:down\", or "
                                                        "\"-- dbfleet:irreversible REASON\""));
}

void VersionOrder(const MigrationFile& file, const WholeLook& look) {
  if (look.snapshot == nullptr) return;
  std::string latest;
  for (const std::string& applied : look.snapshot->applied_versions) {
    if (Digits(applied) == Digits(file.version)) return;
    if (IsBefore(latest, applied)) latest = applied;
  }
  if (!IsBefore(file.version, latest)) return;
  look.reporter.Report(LintId::kVersionOrder, 0, Name(),
                       absl::StrCat("version ", file.version, " comes before ", latest,
                                    ", which was applied already"),
                       absl::StrCat("give it a version above ", latest));
}

}  // namespace

void CheckFile(const MigrationFile& file, bool has_way_back, const WholeLook& look) {
  if (file.version.empty()) return;
  MissingDown(file, has_way_back, look);
  VersionOrder(file, look);
}

}  // namespace dbfleet::sql
