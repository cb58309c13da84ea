#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "common/cron/cron_expression.h"

// Every change of every zone's clock from 2020 to 2030, for tests of what goes by such clocks.
namespace dbfleet {

struct ClockChange {
  std::string zone;
  absl::Time at;
};

inline std::vector<std::string> ZoneNames() {
  const std::filesystem::path root = "/usr/share/zoneinfo";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = std::filesystem::relative(entry.path(), root).string();
    // right/ counts leap seconds, posix/ repeats everything.
    if (!entry.is_regular_file() || absl::StartsWith(name, "right/") ||
        absl::StartsWith(name, "posix/") || !LoadZone(name).ok()) {
      continue;
    }
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// One of all zones that change alike at the same moment.
inline std::vector<ClockChange> ClockChanges() {
  std::map<std::string, ClockChange> changes;
  const absl::Time begin = absl::FromCivil(absl::CivilYear(2020), absl::UTCTimeZone());
  const absl::Time end = absl::FromCivil(absl::CivilYear(2031), absl::UTCTimeZone());
  for (const std::string& name : ZoneNames()) {
    const absl::TimeZone zone = *LoadZone(name);
    absl::TimeZone::CivilTransition change;
    for (absl::Time time = begin; zone.NextTransition(time, &change);) {
      time = zone.At(change.to).trans;
      if (time >= end) break;
      const int before = zone.At(time - absl::Seconds(1)).offset;
      const int after = zone.At(time).offset;
      if (before == after) continue;
      changes.emplace(absl::StrCat(absl::ToUnixSeconds(time), " ", before, " ", after),
                      ClockChange{name, time});
    }
  }
  std::vector<ClockChange> list;
  for (const auto& [key, change] : changes) list.push_back(change);
  return list;
}

}  // namespace dbfleet
