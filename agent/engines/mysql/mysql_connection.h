#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "agent/engine/result_builder.h"
#include "agent/engine/socket_handle.h"
#include "common/time/clock.h"

// MySQL Connector/C++ lives in ::sql, which dbfleet::sql would hide: always write ::sql here.
namespace sql {
class Connection;
class SQLException;
class ResultSet;
}  // namespace sql

namespace dbfleet::agent {

// The one place where the driver's exceptions become statuses. Codes:
//   UNAVAILABLE (DATABASE_UNREACHABLE)     no connection, or lost: the statement's outcome is
//   unknown UNAUTHENTICATED (DATABASE_AUTH)        wrong user, password or host, locked or expired
//   account DEADLINE_EXCEEDED (DATABASE_TIMEOUT)   the server's statement time limit ABORTED
//   (LOCK_TIMEOUT, DEADLOCK)       may be tried again CANCELLED (INTERRUPTED)                KILL
//   QUERY PERMISSION_DENIED (READ_ONLY_SESSION, DATABASE_PERMISSION) NOT_FOUND
//   (DATABASE_NOT_FOUND), INVALID_ARGUMENT (BAD_SQL), RESOURCE_EXHAUSTED (DISK_FULL)
//   FAILED_PRECONDITION (DATABASE_ERROR)   anything else the server refuses; RESULT_INCOMPLETE: it
//   ended
//                                          a streamed result by an error that it does not tell
// The message holds the server's number and text; text that may repeat row data is masked.
absl::Status MysqlStatus(const ::sql::SQLException& exception);

// Which server a session is on, as far as every account may ask for it. A name may lead to another
// one by the next connection: behind a balancer, or after a failover.
struct MysqlServer {
  std::string host_name;  // Its own, not the one by which it is reached.
  std::string port;
  std::string server_id;
};

// Whether a session number of one connection means the same session on another one: on the same
// server, which has been up since before the first one was opened `open_for` ago. Session numbers
// begin anew with each start of a server.
bool IsSameRun(const MysqlServer& mine, const MysqlServer& other, absl::Duration other_uptime,
               absl::Duration open_for);

// One connection to a MySQL or MariaDB server: utf8mb4, a fixed sql_mode without ANSI_QUOTES and
// NO_BACKSLASH_ESCAPES (so that the server reads statements as common/sql does), autocommit, one
// statement per call, no LOCAL INFILE, no reconnecting. Not thread-safe but for Interrupt. No
// exception leaves it. After UNAVAILABLE it is dead: every further call fails at once.
class MysqlConnection {
 public:
  struct Options {
    AccountUse account = AccountUse::kInspect;
    std::string database;  // Empty: the instance's default; none if that is empty too.
    absl::Duration connect_timeout = absl::Seconds(5);
    // How long one read or write may take, in whole seconds; zero: for ever. When it strikes, the
    // connection is dead and the status is DEADLINE_EXCEEDED (DATABASE_TIMEOUT): leave it zero
    // where that must be told from an unknown outcome.
    absl::Duration io_timeout;
    // For sessions whose statements may take any time: notices within some two minutes that a
    // server reached by TCP is gone, and makes Break work.
    bool keepalive = false;
  };
  static absl::StatusOr<std::unique_ptr<MysqlConnection>> Open(const InstanceSpec& spec,
                                                               const Options& options);
  ~MysqlConnection();
  MysqlConnection(const MysqlConnection&) = delete;
  MysqlConnection& operator=(const MysqlConnection&) = delete;

  // What the fixed sql_mode means for reading statements, until one of them changes it.
  static dbfleet::sql::SqlModes SessionModes();

  // Rows affected; -1 if it made a result set, which is dropped.
  absl::StatusOr<int64_t> Execute(absl::string_view statement);

  // A small result, buffered whole.
  using TextRow = std::vector<std::optional<std::string>>;
  absl::StatusOr<std::vector<TextRow>> Query(absl::string_view statement);
  // The same, by column names (as the server spells them).
  using NamedRow = std::vector<std::pair<std::string, std::optional<std::string>>>;
  absl::StatusOr<std::vector<NamedRow>> QueryNamed(absl::string_view statement);

  // A result row by row into `builder`; stops the server when the builder is full.
  absl::Status Stream(absl::string_view statement, ResultBuilder* builder);

  // A string literal.
  std::string Quote(absl::string_view value) const;

  // KILL QUERY through a second connection, best effort. Does nothing if that one leads to another
  // server or if the server has started anew (IsSameRun): the number would be somebody else's
  // session. Thread-safe.
  void Interrupt();

  // Cuts the connection (Options::keepalive): a call that waits and all later ones are UNAVAILABLE.
  // Does not block. Thread-safe.
  void Break() { socket_.Cut(); }
  // The same after `delay`, unless the handle has gone by then.
  std::unique_ptr<Clock::Timer> BreakAfter(absl::Duration delay) {
    return clock_->After(delay, [this] { Break(); });
  }

  const std::string& version() const {
    return version_;
  }  // For example "10.11.6-MariaDB-0+deb12u1".
  bool is_mariadb() const;
  int64_t connection_id() const { return connection_id_; }

 private:
  MysqlConnection(InstanceSpec spec, Options options);
  absl::Status Connect();
  absl::Status ConnectDriver();
  absl::Status SetUp();
  absl::Status ReadRows(absl::string_view statement, ResultBuilder* builder);
  // What ended the last result. The driver takes an error between two unbuffered rows for the
  // result's end, so the server must be asked.
  absl::Status LastError();
  // Calls `fn` with the driver ready on this thread, and turns what it throws into a status.
  absl::Status Guard(const std::function<absl::Status()>& fn, bool connecting = false);

  const InstanceSpec spec_;
  const Options options_;
  const std::unique_ptr<Clock> clock_;
  std::unique_ptr<::sql::Connection> connection_;
  SocketHandle socket_;  // Of connection_, if `keepalive`; set before anybody else knows of us.
  std::string version_;
  int64_t connection_id_ = 0;
  MysqlServer server_;
  absl::Duration opened_ = absl::InfiniteDuration();  // Monotonic.
};

}  // namespace dbfleet::agent
