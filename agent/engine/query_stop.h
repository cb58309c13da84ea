#pragma once

#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/concurrency/mutex.h"

namespace dbfleet::agent {

// By which one thread ends what another one has an engine read (QueryOptions::stop). For one query.
// Thread-safe.
class QueryStop {
 public:
  // How long and how often a server is asked again: a request that reaches it before the statement
  // does ends nothing.
  static constexpr absl::Duration kAgain = absl::Seconds(1);
  static constexpr int kTries = 10;

  // Blocks until the query is over or a server does not stop it however often it is asked. One that
  // has not begun yet does not begin.
  void Stop();
  bool stopped() const;

  // Around the query, on the thread that runs it. While it lives, Stop calls `interrupt`, on its
  // own thread; its end waits for a call that runs.
  class Scope {
   public:
    // `stop` null: nobody can end it.
    Scope(QueryStop* stop, std::function<void()> interrupt);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    // CANCELLED (CANCELLED) once Stop was called; what the query told counts for nothing then, for
    // servers end some statements early as if they were done.
    absl::Status Outcome(const absl::Status& outcome) const;

   private:
    QueryStop* const stop_;
  };

 private:
  mutable Mutex mutex_;
  CondVar ended_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool interrupting_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> interrupt_ ABSL_GUARDED_BY(mutex_);  // Null: there is no query.
};

}  // namespace dbfleet::agent
