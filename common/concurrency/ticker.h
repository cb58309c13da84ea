#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "absl/time/time.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"

namespace dbfleet {

// Runs a function again and again on an executor: once when it is started, then every `interval`,
// and as soon as possible after each Wake. Never twice at the same time, and however often it was
// asked for while it waits, once. A tick that fails has nothing to undo here: the next one comes
// after the interval, as it does when the executor refuses one.
//
// Thread-safe. The clock and the executor outlive the ticker; the ticker dies before what `tick`
// uses, so it is the last member of whoever owns it. The executor may be shut down before Stop().
class Ticker {
 public:
  Ticker(absl::Duration interval, Clock& clock, Executor& executor, std::function<void()> tick);
  // Stops.
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // Once, and before Stop.
  void Start();
  // Waits for the tick that runs, unless it is called from that; no other begins. Must not be
  // called with a lock held that a tick takes. Idempotent.
  void Stop();
  // Ticks now, and not after the rest of the interval; while a tick runs, once more after it. Also
  // from within a tick. Does not block; nothing happens after Stop.
  void Wake();

 private:
  // Shared with what the executor still holds when the ticker is gone.
  struct State {
    Mutex mutex;
    CondVar ended;
    bool stopped ABSL_GUARDED_BY(mutex) = false;
    bool woken ABSL_GUARDED_BY(mutex) = false;
    bool ticking ABSL_GUARDED_BY(mutex) = false;
    bool again ABSL_GUARDED_BY(mutex) = false;      // Another thread was to tick meanwhile.
    std::thread::id thread ABSL_GUARDED_BY(mutex);  // Of the tick that runs.
    std::unique_ptr<Clock::Timer> timer ABSL_GUARDED_BY(mutex);
    std::function<void()> tick;  // Not called any more once `stopped`.
  };

  static void Run(State& state);
  void ScheduleNext();

  const absl::Duration interval_;
  Clock& clock_;
  Executor& executor_;
  const std::shared_ptr<State> state_;
};

}  // namespace dbfleet
