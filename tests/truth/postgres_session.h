#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct pg_conn;

namespace dbfleet::truth {

// A session of the superuser over libpq, one statement a call (the extended protocol takes no
// more). Not thread-safe.
class PostgresSession {
 public:
  static absl::StatusOr<std::unique_ptr<PostgresSession>> Open(const std::string& socket_folder,
                                                               int port,
                                                               const std::string& database);
  ~PostgresSession();
  PostgresSession(const PostgresSession&) = delete;
  PostgresSession& operator=(const PostgresSession&) = delete;

  // What COPY sends is read and dropped. UNAVAILABLE if the connection is lost.
  absl::Status Execute(absl::string_view statement);
  // The rows, columns joined by tabs; NULL is "NULL".
  absl::StatusOr<std::vector<std::string>> Query(absl::string_view statement);
  bool idle() const;  // Not inside a transaction.
  int pid() const;

 private:
  explicit PostgresSession(pg_conn* connection) : connection_(connection) {}
  absl::Status Run(absl::string_view statement, std::vector<std::string>* rows);
  absl::Status LastError() const;
  pg_conn* connection_;
};

}  // namespace dbfleet::truth
