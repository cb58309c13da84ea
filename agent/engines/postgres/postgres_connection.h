#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "agent/engine/result_builder.h"
#include "agent/engine/socket_handle.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// The one place where libpqxx's exceptions become statuses: calls `fn` and maps what it throws.
// Codes:
//   UNAVAILABLE (DATABASE_UNREACHABLE)     no connection, or lost: the statement's outcome is
//   unknown UNAUTHENTICATED (DATABASE_AUTH)        wrong user or password, or not allowed from here
//   DEADLINE_EXCEEDED (DATABASE_TIMEOUT)   statement_timeout
//   ABORTED (LOCK_TIMEOUT, DEADLOCK, SERIALIZATION)  may be tried again
//   CANCELLED (INTERRUPTED)                pg_cancel_backend
//   PERMISSION_DENIED (READ_ONLY_SESSION, DATABASE_PERMISSION)
//   NOT_FOUND (DATABASE_NOT_FOUND), INVALID_ARGUMENT (BAD_SQL), RESOURCE_EXHAUSTED (DISK_FULL)
//   FAILED_PRECONDITION (DATABASE_ERROR)   anything else the server refuses
// The message holds the SQLSTATE and the server's first line; text that may repeat row data is
// masked.
absl::Status GuardPostgres(const std::function<absl::Status()>& fn);

// One connection to a PostgreSQL server: UTF-8, standard_conforming_strings on, search_path
// "$user", public (pg_catalog goes first by itself), one statement per call (extended protocol), no
// reconnecting, notices dropped. Not thread-safe but for Interrupt. No exception leaves it. After
// UNAVAILABLE it is dead: every further call fails at once.
class PostgresConnection {
 public:
  struct Options {
    AccountUse account = AccountUse::kInspect;
    std::string database;  // Empty: the instance's default; "postgres" if that is empty too.
    absl::Duration connect_timeout = absl::Seconds(5);  // libpq makes 2 s of anything below.
    // Counted from Open: then the socket is cut, whatever the server does, and calls fail with
    // DEADLINE_EXCEEDED (DATABASE_TIMEOUT). libpq has no time-out of its own for a hung server.
    absl::Duration deadline = absl::InfiniteDuration();
    bool read_only = false;            // default_transaction_read_only
    absl::Duration statement_timeout;  // Zero: none.
    absl::Duration lock_timeout;       // Zero: none.
    // Notices within some two minutes that a server reached by TCP is gone, however long a
    // statement may take otherwise.
    bool keepalive = false;
    // Makes Interrupt work, for one statement more.
    bool interruptible = false;
  };
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const InstanceSpec& spec,
                                                                  const Options& options);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // Rows affected; -1 if the statement has no such number. BEGIN, COMMIT and ROLLBACK are
  // statements like others here: libpqxx's transaction classes are not used.
  absl::StatusOr<int64_t> Execute(absl::string_view statement);

  // A small result, buffered whole.
  using TextRow = std::vector<std::optional<std::string>>;
  absl::StatusOr<std::vector<TextRow>> Query(absl::string_view statement);
  // The same with the columns' names.
  using NamedRow = std::vector<std::pair<std::string, std::optional<std::string>>>;
  absl::StatusOr<std::vector<NamedRow>> QueryNamed(absl::string_view statement);

  // Appends rows to `builder`, and the columns when `columns` is set. The number of rows that the
  // server sent; less than that went in if the builder is full.
  absl::StatusOr<int> Append(absl::string_view statement, bool columns, ResultBuilder* builder);

  // A string literal (standard_conforming_strings).
  std::string Quote(absl::string_view value) const;

  // pg_cancel_backend through a second connection, best effort (Options::interruptible). Only of
  // this very session, told by its number and the microsecond of its begin: a name may lead to
  // another server by the next connection, and numbers come again. Thread-safe.
  void Interrupt();

  // Cuts the connection: a call that waits and all later ones are UNAVAILABLE. Does not block.
  // Thread-safe.
  void Break() { socket_.Cut(); }
  // The same after `delay`, unless the handle has gone by then.
  std::unique_ptr<Clock::Timer> BreakAfter(absl::Duration delay) {
    return clock_->After(delay, [this] { Break(); });
  }

  int server_version() const { return server_version_; }  // For example 150006.
  int backend_pid() const { return backend_pid_; }

 private:
  PostgresConnection(InstanceSpec spec, Options options);
  absl::Status Connect();
  absl::Status Run(absl::string_view statement,
                   const std::function<void(const pqxx::result&)>& use);

  const InstanceSpec spec_;
  const Options options_;
  const std::unique_ptr<Clock> clock_;
  absl::Duration opened_;
  std::unique_ptr<pqxx::connection> connection_;
  std::unique_ptr<pqxx::quiet_errorhandler> quiet_;
  SocketHandle socket_;  // Of connection_; set before anybody else knows of us.
  std::unique_ptr<Clock::Timer> guillotine_;  // Options::deadline.
  int server_version_ = 0;
  int backend_pid_ = 0;
  std::string backend_start_;  // Seconds since 1970, as the server writes them; empty: not known.
};

}  // namespace dbfleet::agent
