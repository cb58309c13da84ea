#include "common/concurrency/ticker.h"

#include <utility>

namespace dbfleet {

Ticker::Ticker(absl::Duration interval, Clock& clock, Executor& executor,
               std::function<void()> tick)
    : interval_(interval), clock_(clock), executor_(executor), state_(std::make_shared<State>()) {
  state_->tick = std::move(tick);
}

Ticker::~Ticker() { Stop(); }

void Ticker::Start() {
  Wake();
  ScheduleNext();
}

void Ticker::Stop() {
  // Its destructor waits for what it runs, which takes the lock.
  std::unique_ptr<Clock::Timer> timer;
  MutexLock lock(&state_->mutex);
  state_->stopped = true;
  timer = std::move(state_->timer);
  while (state_->ticking && state_->thread != std::this_thread::get_id()) {
    state_->ended.Wait(&state_->mutex);
  }
}

void Ticker::Wake() {
  {
    MutexLock lock(&state_->mutex);
    if (state_->stopped || state_->woken) return;
    state_->woken = true;
  }
  if (executor_.Add([state = state_] { Run(*state); })) return;
  MutexLock lock(&state_->mutex);
  state_->woken = false;
}

void Ticker::Run(State& state) {
  {
    MutexLock lock(&state.mutex);
    state.woken = false;
    if (state.stopped) return;
    if (state.ticking) {
      state.again = true;
      return;
    }
    state.ticking = true;
    state.thread = std::this_thread::get_id();
  }
  for (bool more = true; more;) {
    state.tick();
    MutexLock lock(&state.mutex);
    more = std::exchange(state.again, false) && !state.stopped;
    if (more) continue;
    state.ticking = false;
    state.ended.SignalAll();
  }
}

void Ticker::ScheduleNext() {
  std::unique_ptr<Clock::Timer> former;
  // With the lock: else the timer could fire, and be followed by the next, before it is kept here.
  MutexLock lock(&state_->mutex);
  if (state_->stopped) return;
  former = std::exchange(state_->timer, clock_.After(interval_, [this] {
    Wake();
    ScheduleNext();
  }));
}

}  // namespace dbfleet
