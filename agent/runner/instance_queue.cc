#include "agent/runner/instance_queue.h"

#include <algorithm>

namespace dbfleet::agent {

void InstanceQueue::Add(const std::string& id, const std::string& instance, bool exclusive) {
  waiting_.push_back({id, instance, exclusive});
}

std::vector<std::string> InstanceQueue::TakeRunnable() {
  std::vector<std::string> runnable;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->exclusive && !holders_.emplace(it->instance, it->id).second) {
      ++it;
      continue;
    }
    runnable.push_back(it->id);
    it = waiting_.erase(it);
  }
  return runnable;
}

bool InstanceQueue::TakeWaiting(const std::string& id) {
  const auto it = std::find_if(waiting_.begin(), waiting_.end(),
                               [&](const Waiting& waiting) { return waiting.id == id; });
  if (it == waiting_.end()) return false;
  waiting_.erase(it);
  return true;
}

void InstanceQueue::Done(const std::string& id) {
  for (auto it = holders_.begin(); it != holders_.end(); ++it) {
    if (it->second != id) continue;
    holders_.erase(it);
    return;
  }
}

}  // namespace dbfleet::agent
