#pragma once

#include <functional>
#include <memory>

#include "absl/strings/string_view.h"

namespace dbfleet {

// Runs functions on threads of its own. gRPC callbacks hand their work to one of these and return.
// Thread-safe. The destructor runs everything that was accepted, then joins; functions that are
// added after Shutdown() are dropped.
class Executor {
 public:
  virtual ~Executor() = default;

  // False if the executor is shutting down or its queue is full; `fn` is then not run.
  [[nodiscard]] virtual bool Add(std::function<void()> fn) = 0;

  // Stops accepting, runs what was accepted, joins the threads. Idempotent.
  virtual void Shutdown() = 0;
};

// One thread: functions run one after the other, in the order in which they were added. Those that
// it has taken, to run them in a row, do not count as queued any more.
std::unique_ptr<Executor> MakeSerialExecutor(absl::string_view name, size_t max_queue = 1 << 16);

// `threads` threads, started when needed: an idle agent shall not pay for stacks.
std::unique_ptr<Executor> MakeThreadPool(absl::string_view name, int threads,
                                         size_t max_queue = 1 << 16);

}  // namespace dbfleet
