#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/engine/query_stop.h"
#include "common/base/secret.h"
#include "common/sql/sql.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// Where an instance is and with which accounts it is reached.
struct Endpoint {
  std::string socket;  // Unix socket (PostgreSQL: its folder); wins over host and port.
  std::string host;
  int port = 0;
  std::string Describe() const;  // "host:port" or the path; never a credential.
};

struct AccountConfig {
  std::string user;
  std::string password_file;  // Read at each connect, so that a rotated password is picked up.
};

struct InstanceSpec {
  std::string name;
  work::v1::Engine engine = work::v1::ENGINE_UNSPECIFIED;
  Endpoint endpoint;
  std::optional<AccountConfig> inspect;
  std::optional<AccountConfig> backup;
  std::optional<AccountConfig> migrate;
  std::string default_database;
};

// Which account a session uses.
enum class AccountUse { kInspect, kBackup, kMigrate };

struct QueryOptions {
  absl::Duration timeout = absl::Seconds(10);
  int max_rows = 100;
  // What the statement was read for: another server's answer is ABORTED (SERVER_CHANGED). Unknown:
  // any. A name may stand for several servers of different versions.
  sql::Version read_for;
  // By which another thread ends it; null: nobody does. Must outlive the call.
  QueryStop* stop = nullptr;
};

// One sample of a metrics collection; families are formed by name.
struct Sample {
  std::string name;  // As the common exporters call it.
  std::string help;
  bool counter = false;  // Else a gauge.
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
  bool untyped = false;  // The exporter publishes it without a type; wins over `counter`.
};

// One database server. The core interface is small; what only some engines can do is an optional
// capability, nullptr when absent. Thread-safe: every call opens what it needs and closes it again.
// Errors: UNAVAILABLE (DATABASE_UNREACHABLE), UNAUTHENTICATED (DATABASE_AUTH), DEADLINE_EXCEEDED
// (DATABASE_TIMEOUT), FAILED_PRECONDITION (NO_ACCOUNT: the account is not configured). Messages
// hold no credential and no row data. No exception leaves an engine.
class SqlMigrations;

class Engine {
 public:
  virtual ~Engine() = default;

  virtual const InstanceSpec& spec() const = 0;

  // Health as requirement W1 defines it, within `deadline` whatever the server does. Never an
  // error: an unreachable server is CRITICAL with its reason; what could not be measured is
  // UNKNOWN.
  virtual work::v1::InstanceHealth Check(absl::Duration deadline) = 0;

  // With what the server's statements are to be read: its dialect and, as far as it takes no more
  // than one connection to know them, its version and the modes of the sessions of Inspect. What
  // stays unknown is read in the strictest way.
  virtual absl::StatusOr<sql::Target> ProbeTarget() = 0;

  // Runs one statement with the inspection account in an enforced read-only session: read-only
  // transaction, single statement, server-side timeout, row limit. The caller has classified it.
  // CANCELLED (CANCELLED) if it was ended by QueryOptions::stop.
  virtual absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                          absl::string_view database,
                                                          const QueryOptions& options) = 0;

  // Samples for this instance under the exporters' names, `mysql_up`/`pg_up`/`redis_up` included
  // whatever happens; others are absent when they could not be read.
  virtual std::vector<Sample> CollectMetrics(absl::Duration deadline) = 0;

  // SQL (or ACL SETUSER lines for Redis) that creates and limits the three accounts.
  virtual std::string Grants() const = 0;

  // nullptr if the engine has no versioned migrations (Redis).
  virtual SqlMigrations* migrations() { return nullptr; }
};

// A session that holds the migration lock. Not thread-safe. The lock is session-level and taken on
// the very connection that executes the steps: after a crash of the agent the server holds it for
// as long as the last statement still runs, so whoever gets it next knows that nothing runs any
// more.
class MigrationSession {
 public:
  virtual ~MigrationSession() = default;

  // One statement; rows affected or -1. `timeout` zero: none. An error leaves the session usable
  // unless it is UNAVAILABLE (the connection is gone and the statement's outcome unknown).
  virtual absl::StatusOr<int64_t> Execute(absl::string_view statement, absl::Duration timeout) = 0;

  // A small result set, each value as text, NULL as nullopt.
  using TextRow = std::vector<std::optional<std::string>>;
  virtual absl::StatusOr<std::vector<TextRow>> Query(absl::string_view statement) = 0;

  // The value as a literal of this engine, quotes included.
  virtual std::string Quote(absl::string_view value) const = 0;

  // Asks the server to stop what the session executes; from any thread.
  virtual void Interrupt() = 0;

  // Cuts the connection, for a server that does not even answer Interrupt: what the session waits
  // for and every later call end as UNAVAILABLE, the statement's outcome unknown. Does not block.
  // From any thread.
  virtual void Break() = 0;
};

// What a versioned migration needs from an SQL engine (agent/actions/migrate).
class SqlMigrations {
 public:
  virtual ~SqlMigrations() = default;

  // DDL inside transactions? PostgreSQL yes, MySQL/MariaDB no.
  virtual bool transactional_ddl() const = 0;

  // Connects with the migration account and takes the lock; ABORTED (MIGRATION_LOCKED) if another
  // session holds it for longer than `wait`. `lock_timeout` bounds the statements' own lock waits.
  virtual absl::StatusOr<std::unique_ptr<MigrationSession>> OpenLocked(
      absl::string_view database, absl::Duration wait, absl::Duration lock_timeout) = 0;

  // The same connection without the lock, read-only, for planning.
  virtual absl::StatusOr<std::unique_ptr<MigrationSession>> OpenForPlan(
      absl::string_view database) = 0;

  // Hex SHA-256 over the database's schema as its catalogue tells it (tables, columns, types,
  // defaults, keys, indexes, constraints, views, routines, triggers), without dbfleet's own tables
  // and without counters such as AUTO_INCREMENT's next value.
  virtual absl::StatusOr<std::string> SchemaFingerprint(MigrationSession& session) = 0;

  // Rows and bytes by the server's own statistics, for tables as a statement names them; -1
  // unknown.
  virtual absl::StatusOr<std::vector<work::v1::TableEstimate>> Estimate(
      MigrationSession& session, const std::vector<std::string>& tables) = 0;

  // Of these tables those that the session's account may not alter or drop, each with its owner.
  // Tables that do not exist are left out.
  virtual absl::StatusOr<std::vector<std::string>> NotOwned(
      MigrationSession& session, const std::vector<std::string>& tables) {
    return std::vector<std::string>();
  }

  // DDL of dbfleet's tables in the target (CREATE TABLE IF NOT EXISTS): dbfleet_schema_history and
  // dbfleet_step_log. docs/architecture.md describes them.
  virtual std::vector<std::string> HistoryDdl() const = 0;

  // Whether those tables are there.
  virtual absl::StatusOr<bool> HasHistory(MigrationSession& session) = 0;

  virtual sql::Dialect dialect() const = 0;
  virtual absl::StatusOr<std::string> ServerVersion(MigrationSession& session) = 0;
};

}  // namespace dbfleet::agent
