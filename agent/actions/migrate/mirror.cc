#include "agent/actions/migrate/mirror.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace dbfleet::agent {

std::vector<UndoGroup> PairUndo(const std::vector<PlannedStatement>& forward,
                                const std::vector<PlannedStatement>& backward) {
  std::map<std::string, UndoGroup> by_key;
  UndoGroup rest;
  rest.paired = false;
  for (size_t i = 0; i < forward.size(); ++i) {
    if (forward[i].neutral) continue;
    const std::string key = forward[i].deed.Key();
    (key.empty() ? rest : by_key[key]).forward.push_back(i);
  }
  for (size_t i = 0; i < backward.size(); ++i) {
    if (backward[i].neutral) continue;
    const auto group = by_key.find(backward[i].deed.UndoKey());
    (group == by_key.end() ? rest : group->second).backward.push_back(i);
  }
  std::vector<UndoGroup> groups;
  for (auto& [key, group] : by_key) {
    if (group.forward.size() == group.backward.size()) {
      groups.push_back(std::move(group));
      continue;
    }
    rest.forward.insert(rest.forward.end(), group.forward.begin(), group.forward.end());
    rest.backward.insert(rest.backward.end(), group.backward.begin(), group.backward.end());
  }
  if (!rest.forward.empty() || !rest.backward.empty()) groups.push_back(std::move(rest));
  return groups;
}

bool IsMirrored(const std::vector<UndoGroup>& groups) {
  return std::all_of(groups.begin(), groups.end(), [](const UndoGroup& group) {
    return group.paired && group.forward.size() == 1;
  });
}

}  // namespace dbfleet::agent
