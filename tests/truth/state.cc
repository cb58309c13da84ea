#include "tests/truth/state.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace dbfleet::truth {
namespace {

// The first place where two texts of lines differ, shortened.
std::string FirstDifference(const std::string& before, const std::string& after) {
  const std::vector<std::string> a = absl::StrSplit(before, '\n');
  const std::vector<std::string> b = absl::StrSplit(after, '\n');
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return absl::StrCat("- ", left == a.end() ? "(end)" : left->substr(0, 160), ", + ",
                      right == b.end() ? "(end)" : right->substr(0, 160));
}

}  // namespace

std::string ListFiles(const std::string& folder, const std::string& by_content,
                      const std::string& left_out) {
  const std::set<std::string> endings = absl::StrSplit(by_content, ' ');
  const std::set<std::string> skipped = absl::StrSplit(left_out, ' ');
  std::vector<std::string> lines;
  std::error_code error;
  for (auto entry = std::filesystem::recursive_directory_iterator(folder, error);
       !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    std::string line = entry->path().string();
    if (skipped.count(entry->path().filename().string()) > 0) {
      entry.disable_recursion_pending();
      continue;
    }
    struct stat info = {};
    if (endings.count(entry->path().extension().string()) > 0 && stat(line.c_str(), &info) == 0) {
      absl::StrAppend(&line, " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ",
                      info.st_size);
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

std::string Difference(const State& before, const State& after) {
  std::string difference;
  for (const auto& [about, text] : after) {
    const auto was = before.find(about);
    const std::string old = was == before.end() ? "" : was->second;
    if (old == text) continue;
    absl::StrAppend(&difference, difference.empty() ? "" : "; ", about, ": ",
                    FirstDifference(old, text));
  }
  return difference;
}

}  // namespace dbfleet::truth
