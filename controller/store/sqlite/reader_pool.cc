#include "controller/store/sqlite/reader_pool.h"

#include <utility>

#include "common/base/status.h"
#include "controller/store/sqlite/transaction.h"

namespace dbfleet::controller::sqlite {
namespace {

absl::Status ReadOn(Connection& connection, const PageTokens* tokens,
                    const std::function<absl::Status(ReadTx&)>& fn) {
  connection.ClearFailure();
  RETURN_IF_ERROR(connection.Repeat("BEGIN"));
  ReadTransaction transaction(&connection, tokens);
  const absl::Status status = fn(transaction);
  // Some errors have ended the transaction already.
  if (connection.in_transaction()) RETURN_IF_ERROR(connection.Repeat("ROLLBACK"));
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReaderPool>> ReaderPool::Open(const std::string& path, int readers,
                                                             const PageTokens* tokens) {
  auto pool = std::unique_ptr<ReaderPool>(new ReaderPool(tokens));
  for (int i = 0; i < readers; ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(path));
    RETURN_IF_ERROR(connection->Configure(/*reader=*/true));
    pool->GiveBack(std::move(connection));
  }
  return pool;
}

absl::Status ReaderPool::Read(const std::function<absl::Status(ReadTx&)>& fn) {
  std::unique_ptr<Connection> connection = Take();
  absl::Status status = ReadOn(*connection, tokens_, fn);
  GiveBack(std::move(connection));
  return status;
}

std::unique_ptr<Connection> ReaderPool::Take() {
  MutexLock lock(&mutex_);
  while (idle_.empty()) given_back_.Wait(&mutex_);
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void ReaderPool::GiveBack(std::unique_ptr<Connection> connection) {
  MutexLock lock(&mutex_);
  idle_.push_back(std::move(connection));
  given_back_.Signal();
}

}  // namespace dbfleet::controller::sqlite
