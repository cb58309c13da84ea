#include "agent/runner/instance_queue.h"

#include <algorithm>

namespace dbfleet::agent {

void InstanceQueue::Add(const std::string& id, const std::string& instance, bool exclusive,
                        bool takes_worker) {
  waiting_.push_back({id, instance, exclusive, takes_worker});
}

// As a second one of its instance, while another instance has none.
bool InstanceQueue::WantsLastWorker(const Waiting& waiting) const {
  if (!waiting.takes_worker || static_cast<int>(working_.size()) < workers_ - 1) return false;
  std::set<std::string> instances;
  for (const auto& [id, instance] : working_) instances.insert(instance);
  return instances.count(waiting.instance) > 0 && static_cast<int>(instances.size()) < instances_;
}

bool InstanceQueue::TakePlace(const Waiting& waiting) {
  if (WantsLastWorker(waiting)) return false;
  if (waiting.exclusive) {
    if (!holders_.emplace(waiting.instance, waiting.id).second) return false;
  } else {
    std::set<std::string>& others = shared_[waiting.instance];
    if (static_cast<int>(others.size()) >= most_shared_) return false;
    others.insert(waiting.id);
  }
  if (waiting.takes_worker) working_.emplace(waiting.id, waiting.instance);
  return true;
}

std::vector<std::string> InstanceQueue::TakeRunnable() {
  std::vector<std::string> runnable;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (!TakePlace(*it)) {
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
  working_.erase(id);
  for (auto it = shared_.begin(); it != shared_.end(); ++it) {
    if (it->second.erase(id) == 0) continue;
    if (it->second.empty()) shared_.erase(it);
    return;
  }
  for (auto it = holders_.begin(); it != holders_.end(); ++it) {
    if (it->second != id) continue;
    holders_.erase(it);
    return;
  }
}

}  // namespace dbfleet::agent
