#include "controller/identity/access_changes.h"

#include <utility>
#include <vector>

namespace dbfleet::controller {

AccessChanges::AccessChanges() : listeners_(std::make_shared<Listeners>()) {}

AccessChanges::Subscription::~Subscription() { remove_(); }

std::unique_ptr<AccessChanges::Subscription> AccessChanges::Subscribe(std::function<void()> fn) {
  auto subscription = std::make_unique<Subscription>();
  MutexLock lock(&listeners_->mutex);
  const uint64_t id = ++listeners_->last;
  listeners_->all[id] = std::make_shared<const std::function<void()>>(std::move(fn));
  subscription->remove_ = [listeners = listeners_, id] {
    MutexLock inner(&listeners->mutex);
    listeners->all.erase(id);
  };
  return subscription;
}

void AccessChanges::Tell() {
  generation_.fetch_add(1);
  std::vector<std::shared_ptr<const std::function<void()>>> told;
  {
    MutexLock lock(&listeners_->mutex);
    for (const auto& [id, fn] : listeners_->all) told.push_back(fn);
  }
  // Without the lock: whoever is told may just be ending its subscription.
  for (const auto& fn : told) (*fn)();
}

}  // namespace dbfleet::controller
