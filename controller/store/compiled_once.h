#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "controller/store/store.h"

// What is compiled of declared resources once for each change to them. A setting names their
// generation: whoever changes one renames it in the same transaction, so that a reader sees what
// its own snapshot holds, and looking is one read of that setting.
namespace dbfleet::controller {

// Part of every transaction that changes such a resource. Never the same name twice, not even after
// a restore.
inline absl::Status NameGeneration(WriteTx& tx, absl::string_view setting, absl::Time now) {
  return tx.PutSetting(setting, NewUlid(now));
}

// Keeps the one of the newest generation that was asked for. Thread-safe.
template <typename Book>
class CompiledOnce {
 public:
  using Compiled = absl::StatusOr<std::shared_ptr<const Book>>;

  // That of this generation, as `load` makes it of the transaction.
  Compiled Of(const std::string& generation, ReadTx& tx, Compiled (*load)(ReadTx&)) {
    {
      MutexLock lock(&mutex_);
      if (book_ != nullptr && generation_ == generation) return book_;
    }
    // Outside of the lock: a reader with an older snapshot must not hold up the writer.
    ASSIGN_OR_RETURN(std::shared_ptr<const Book> book, load(tx));
    MutexLock lock(&mutex_);
    generation_ = generation;
    book_ = book;
    return book;
  }

 private:
  Mutex mutex_;
  std::string generation_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Book> book_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
