#include "common/concurrency/sleep.h"

#include "common/concurrency/mutex.h"

namespace dbfleet {

void SleepFor(Clock& clock, absl::Duration duration) {
  Mutex mutex;
  CondVar woken;
  bool done = false;
  const auto timer = clock.After(duration, [&] {
    MutexLock lock(&mutex);
    done = true;
    woken.SignalAll();
  });
  MutexLock lock(&mutex);
  while (!done) woken.Wait(&mutex);
}

}  // namespace dbfleet
