#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "common/concurrency/mutex.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/store.h"

namespace dbfleet::controller::sqlite {

// A few read-only connections. A read sees one snapshot, and never waits for the writer; it waits
// for a connection when all are in use, so a read inside of a read can wait for ever and is not
// allowed. Thread-safe. All reads have ended before the destructor runs.
class ReaderPool {
 public:
  static absl::StatusOr<std::unique_ptr<ReaderPool>> Open(const std::string& path, int readers,
                                                          const PageTokens* tokens);

  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn);

 private:
  explicit ReaderPool(const PageTokens* tokens) : tokens_(tokens) {}

  std::unique_ptr<Connection> Take();
  void GiveBack(std::unique_ptr<Connection> connection);

  const PageTokens* const tokens_;
  Mutex mutex_;
  CondVar given_back_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller::sqlite
