#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "common/concurrency/mutex.h"

namespace dbfleet::controller {

// Tells those whose work goes on for longer that users, tokens or roles have changed, so that they
// ask again whether they still may. Thread-safe.
class AccessChanges {
 public:
  class Subscription {
   public:
    ~Subscription();

   private:
    friend class AccessChanges;
    std::function<void()> remove_;
  };

  AccessChanges();

  // Grows with every change.
  uint64_t generation() const { return generation_.load(); }

  // `fn` is called from whatever thread makes a change, after it is committed, and must not block.
  // It may be called once more just after the handle has died, which may outlive this object.
  [[nodiscard]] std::unique_ptr<Subscription> Subscribe(std::function<void()> fn);

  void Tell();

 private:
  struct Listeners {
    Mutex mutex;
    uint64_t last ABSL_GUARDED_BY(mutex) = 0;
    std::map<uint64_t, std::shared_ptr<const std::function<void()>>> all ABSL_GUARDED_BY(mutex);
  };

  std::atomic<uint64_t> generation_{0};
  const std::shared_ptr<Listeners> listeners_;
};

}  // namespace dbfleet::controller
