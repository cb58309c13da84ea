#include "tests/fakes/fake_clock.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/time/clock.h"

namespace dbfleet {

using Key = std::pair<absl::Duration, uint64_t>;

struct FakeClock::State {
  mutable Mutex mutex;
  CondVar finished;
  absl::Time wall ABSL_GUARDED_BY(mutex);
  absl::Duration monotonic ABSL_GUARDED_BY(mutex) = absl::Hours(1);
  uint64_t last_id ABSL_GUARDED_BY(mutex) = 0;
  std::map<Key, std::function<void()>> timers ABSL_GUARDED_BY(mutex);
  std::map<uint64_t, std::thread::id> running ABSL_GUARDED_BY(mutex);

  // Takes the next timer due at or before `end`, moving time to it. False if there is none; time
  // is then at `end`.
  bool TakeNext(absl::Duration end, Key* key, std::function<void()>* fn)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const bool due = !timers.empty() && timers.begin()->first.first <= end;
    const absl::Duration now = std::max(monotonic, due ? timers.begin()->first.first : end);
    wall += now - monotonic;
    monotonic = now;
    if (!due) return false;
    *key = timers.begin()->first;
    *fn = std::move(timers.begin()->second);
    timers.erase(timers.begin());
    running[key->second] = std::this_thread::get_id();
    return true;
  }
};

class FakeClock::FakeTimer : public Clock::Timer {
 public:
  FakeTimer(std::shared_ptr<State> state, Key key) : state_(std::move(state)), key_(key) {}

  ~FakeTimer() override {
    std::function<void()> cancelled;
    MutexLock lock(&state_->mutex);
    if (auto it = state_->timers.find(key_); it != state_->timers.end()) {
      cancelled = std::move(it->second);
      state_->timers.erase(it);
      return;
    }
    for (;;) {
      auto it = state_->running.find(key_.second);
      if (it == state_->running.end() || it->second == std::this_thread::get_id()) return;
      state_->finished.Wait(&state_->mutex);
    }
  }

 private:
  const std::shared_ptr<State> state_;
  const Key key_;
};

FakeClock::FakeClock(absl::Time start) : state_(std::make_shared<State>()) {
  MutexLock lock(&state_->mutex);
  state_->wall = start;
}

FakeClock::~FakeClock() {
  std::map<Key, std::function<void()>> dropped;
  MutexLock lock(&state_->mutex);
  dropped.swap(state_->timers);
}

absl::Time FakeClock::Now() const {
  MutexLock lock(&state_->mutex);
  return state_->wall;
}

absl::Duration FakeClock::Monotonic() const {
  MutexLock lock(&state_->mutex);
  return state_->monotonic;
}

std::unique_ptr<Clock::Timer> FakeClock::After(absl::Duration delay, std::function<void()> fn) {
  MutexLock lock(&state_->mutex);
  const Key key(state_->monotonic + std::max(delay, absl::ZeroDuration()), ++state_->last_id);
  state_->timers.emplace(key, std::move(fn));
  return std::make_unique<FakeTimer>(state_, key);
}

void FakeClock::Advance(absl::Duration d) {
  absl::Duration end;
  {
    MutexLock lock(&state_->mutex);
    end = state_->monotonic + d;
  }
  for (;;) {
    Key key;
    std::function<void()> fn;
    {
      MutexLock lock(&state_->mutex);
      if (!state_->TakeNext(end, &key, &fn)) return;
    }
    fn();
    fn = nullptr;
    MutexLock lock(&state_->mutex);
    state_->running.erase(key.second);
    state_->finished.SignalAll();
  }
}

void FakeClock::JumpWallClock(absl::Duration d) {
  MutexLock lock(&state_->mutex);
  state_->wall += d;
}

int FakeClock::pending_timers() const {
  MutexLock lock(&state_->mutex);
  return static_cast<int>(state_->timers.size());
}

}  // namespace dbfleet
