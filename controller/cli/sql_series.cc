#include "controller/cli/sql_series.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/migration/names.h"

namespace dbfleet::cli {
namespace {

constexpr absl::string_view kDigits = "0123456789";

std::vector<std::string> Parts(absl::string_view version) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(version, absl::ByAnyChar("._"))) {
    if (part.empty() || part.find_first_not_of(kDigits) != part.npos) return {};
    const size_t first = part.find_first_not_of('0');
    parts.emplace_back(first == part.npos ? "0" : part.substr(first));
  }
  return parts;
}

bool IsLess(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

bool IsBefore(const std::string& a, const std::string& b) {
  const std::vector<std::string> one = VersionOfFile(a);
  const std::vector<std::string> other = VersionOfFile(b);
  return std::lexicographical_compare(one.begin(), one.end(), other.begin(), other.end(), IsLess);
}

std::string FolderOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == path.npos ? "" : path.substr(0, slash));
}

}  // namespace

std::vector<std::string> VersionOfFile(absl::string_view path) {
  const migration::FileName name = migration::ParseFileName(path);
  if (name.problem.empty()) return Parts(name.version);
  absl::string_view base = path.substr(path.rfind('/') + 1);
  if (!absl::ConsumeSuffix(&base, ".sql") || !absl::ConsumePrefix(&base, "V")) return {};
  const size_t end = base.find("__");
  return end == base.npos ? std::vector<std::string>() : Parts(base.substr(0, end));
}

bool IsAmong(const std::vector<std::string>& version, const std::vector<std::string>& applied) {
  return !version.empty() &&
         std::any_of(applied.begin(), applied.end(),
                     [&](absl::string_view one) {
                       absl::ConsumePrefix(&one, "V");  // As the file's name has it.
                       return Parts(one) == version;
                     });
}

bool SortSeries(std::vector<std::string>* files) {
  std::vector<std::string> versions;
  for (const std::string& file : *files) {
    if (!VersionOfFile(file).empty()) versions.push_back(file);
  }
  const bool one_folder = std::all_of(
      versions.begin(), versions.end(),
      [&](const std::string& file) { return FolderOf(file) == FolderOf(versions.front()); });
  if (!one_folder) return false;
  std::stable_sort(versions.begin(), versions.end(), IsBefore);
  auto next = versions.begin();
  for (std::string& file : *files) {
    if (!VersionOfFile(file).empty()) file = *next++;
  }
  return versions.size() == files->size();
}

}  // namespace dbfleet::cli
