#pragma once

#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"

namespace dbfleet::agent {

// By which one thread ends what another one has an engine read (QueryOptions::stop). For one query
// at a time; must outlive it. Thread-safe.
class QueryStop {
 public:
  // How long and how often a server is asked again: a request that reaches it before the statement
  // does ends nothing.
  static constexpr absl::Duration kAgain = absl::Seconds(1);
  static constexpr int kTries = 10;

  explicit QueryStop(absl::Duration again = kAgain) : again_(again) {}
  QueryStop(const QueryStop&) = delete;
  QueryStop& operator=(const QueryStop&) = delete;

  // Has the server asked to end the query. Does not block: a server that hangs must hold up nobody
  // else's cancellation. A query that has not begun yet does not begin. A second call does nothing.
  void Stop();
  bool stopped() const;

  // Around the query, on the thread that runs it. Once Stop was called, `interrupt` is called on a
  // thread that the Scope's end waits for, again and again while the Scope lives, kTries times at
  // most. So what `interrupt` uses must outlive the Scope and nothing else, and no call of it is
  // under way when the next statement of the same connection begins.
  class Scope {
   public:
    // `stop` null: nobody can end it.
    Scope(QueryStop* stop, std::function<void()> interrupt);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    // Before the statement: CANCELLED (CANCELLED) if Stop was called already.
    absl::Status MayBegin() const;
    // After it. CANCELLED (CANCELLED) once Stop was called, with what is known of the statement's
    // end; what it told counts for nothing then, for servers end some statements early as if they
    // were done. DATABASE_TIMEOUT stays, for the server did not heed the request.
    absl::Status Outcome(const absl::Status& outcome) const;

   private:
    QueryStop* const stop_;
  };

 private:
  // Calls interrupt_ until there is none any more. On asker_.
  void Ask();

  const absl::Duration again_;
  mutable Mutex mutex_;
  CondVar ended_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> interrupt_ ABSL_GUARDED_BY(mutex_);  // Null: there is no query.
  // One thread, if anybody has called Stop; joined by the end of the Scope that it works for.
  std::unique_ptr<Executor> asker_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::agent
