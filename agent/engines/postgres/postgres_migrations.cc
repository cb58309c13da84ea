#include "agent/engines/postgres/postgres_migrations.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "agent/engines/postgres/postgres_connection.h"
#include "agent/engines/postgres/postgres_schema.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(200);
// Beyond the time for which a lock is waited on the server: then the server hangs.
constexpr absl::Duration kOpenGrace = absl::Seconds(30);

// Undefined column, table, object, function, schema.
constexpr absl::string_view kMissing[] = {"42703", "42P01", "42704", "42883", "3F000"};
// Duplicate table, column, object, function, schema.
constexpr absl::string_view kExists[] = {"42P07", "42701", "42710", "42723", "42P06"};

absl::Status Refine(const absl::Status& status) {
  if (status.ok() || status.code() != absl::StatusCode::kFailedPrecondition) return status;
  // FromSqlState begins its messages with "error SQLSTATE:".
  absl::string_view message = status.message();
  if (!absl::ConsumePrefix(&message, "error ")) return status;
  const absl::string_view state = message.substr(0, 5);
  if (std::find(std::begin(kMissing), std::end(kMissing), state) != std::end(kMissing)) {
    return Error(absl::StatusCode::kNotFound, "OBJECT_MISSING", status.message());
  }
  if (std::find(std::begin(kExists), std::end(kExists), state) != std::end(kExists)) {
    return Error(absl::StatusCode::kAlreadyExists, "OBJECT_EXISTS", status.message());
  }
  return status;
}

class PostgresSession : public MigrationSession {
 public:
  explicit PostgresSession(std::unique_ptr<PostgresConnection> connection)
      : connection_(std::move(connection)) {}

  absl::StatusOr<int64_t> Execute(absl::string_view statement, absl::Duration timeout) override {
    // In a failed transaction nothing but its end is taken. The end also undoes SETs made within.
    const bool rollback = statement == "ROLLBACK";
    if (!rollback) RETURN_IF_ERROR(SetTimeout(timeout));
    auto rows = connection_->Execute(statement);
    if (rollback) timeout_ = kUnknown;
    if (statement == "BEGIN") in_transaction_ = rows.ok();
    if (rollback || statement == "COMMIT") in_transaction_ = false;
    if (!rows.ok()) return Refine(rows.status());
    return *rows;
  }

  absl::StatusOr<std::vector<TextRow>> Query(absl::string_view statement) override {
    RETURN_IF_ERROR(SetTimeout(absl::ZeroDuration()));
    auto rows = connection_->Query(statement);
    if (!rows.ok()) return Refine(rows.status());
    return rows;
  }

  // The same whatever a migration set standard_conforming_strings to.
  std::string Quote(absl::string_view value) const override {
    const std::string doubled = absl::StrReplaceAll(value, {{"'", "''"}, {"\\", "\\\\"}});
    const bool escapes = doubled.find('\\') != std::string::npos;
    return absl::StrCat(escapes ? " E'" : "'", doubled, "'");
  }

  void Interrupt() override { connection_->Interrupt(); }
  void Break() override { connection_->Break(); }
  PostgresConnection& connection() { return *connection_; }

  // Between "BEGIN", spelt so, and its end.
  bool in_transaction() const { return in_transaction_; }

 private:
  static constexpr absl::Duration kUnknown = absl::Seconds(-1);

  absl::Status SetTimeout(absl::Duration timeout) {
    if (timeout == timeout_) return absl::OkStatus();
    RETURN_IF_ERROR(
        connection_
            ->Execute(absl::StrCat("SET statement_timeout = ", absl::ToInt64Milliseconds(timeout)))
            .status());
    timeout_ = timeout;
    return absl::OkStatus();
  }

  const std::unique_ptr<PostgresConnection> connection_;
  absl::Duration timeout_ = kUnknown;
  bool in_transaction_ = false;
};

std::string LockKey(absl::string_view database) {
  const std::string hash = Sha256(absl::StrCat("dbfleet.migrate.", database));
  int64_t key = 0;
  std::memcpy(&key, hash.data(), sizeof(key));
  return absl::StrCat(key);
}

bool IsTrue(const std::vector<MigrationSession::TextRow>& rows) {
  return rows.size() == 1 && rows[0].size() == 1 && rows[0][0] == "t";
}

class PostgresMigrations : public SqlMigrations {
 public:
  explicit PostgresMigrations(InstanceSpec spec) : spec_(std::move(spec)) {}

  bool transactional_ddl() const override { return true; }

  absl::StatusOr<std::unique_ptr<MigrationSession>> OpenLocked(
      absl::string_view database, absl::Duration wait, absl::Duration lock_timeout) override {
    ASSIGN_OR_RETURN(std::unique_ptr<PostgresSession> session,
                     Open(database, lock_timeout, /*read_only=*/false));
    const auto give_up = session->connection().BreakAfter(wait + kOpenGrace);
    const std::string try_lock =
        absl::StrCat("SELECT pg_catalog.pg_try_advisory_lock(", LockKey(database), ")");
    absl::Duration waited;
    while (true) {
      ASSIGN_OR_RETURN(const auto rows, session->Query(try_lock));
      if (IsTrue(rows)) return session;
      if (waited >= wait) break;
      // The server does the waiting, and holds its snapshot for that long only.
      RETURN_IF_ERROR(session
                          ->Query(absl::StrCat("SELECT pg_catalog.pg_sleep(",
                                               absl::ToDoubleSeconds(kPoll), ")"))
                          .status());
      waited += kPoll;
    }
    return Error(absl::StatusCode::kAborted, "MIGRATION_LOCKED",
                 absl::StrCat("another session migrates the database ", database,
                              " (it holds the advisory lock ", LockKey(database), "); waited ",
                              absl::FormatDuration(wait), " for it"));
  }

  absl::StatusOr<std::unique_ptr<MigrationSession>> OpenForPlan(
      absl::string_view database) override {
    ASSIGN_OR_RETURN(std::unique_ptr<PostgresSession> session,
                     Open(database, absl::Seconds(5), /*read_only=*/true));
    return session;
  }

  absl::StatusOr<std::string> SchemaFingerprint(MigrationSession& session) override {
    // Every session of this class's callers was opened here.
    return PostgresSchemaFingerprint(session,
                                     static_cast<PostgresSession&>(session).in_transaction());
  }

  absl::StatusOr<std::vector<work::v1::TableEstimate>> Estimate(
      MigrationSession& session, const std::vector<std::string>& tables) override {
    return EstimatePostgresTables(session, tables);
  }

  absl::StatusOr<std::vector<std::string>> NotOwned(
      MigrationSession& session, const std::vector<std::string>& tables) override {
    std::vector<std::string> found;
    for (const std::string& table : tables) {
      ASSIGN_OR_RETURN(
          const auto rows,
          session.Query(absl::StrCat(
              "SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = "
              "pg_catalog.to_regclass(",
              session.Quote(table), ") AND NOT pg_catalog.pg_has_role(relowner, 'USAGE')")));
      if (rows.empty()) continue;
      found.push_back(absl::StrCat(table, " (owner ", rows[0][0].value_or("?"), ")"));
    }
    return found;
  }

  std::vector<std::string> HistoryDdl() const override {
    return {
        "CREATE TABLE IF NOT EXISTS public.dbfleet_schema_history ("
        "version varchar(20) NOT NULL PRIMARY KEY, name text NOT NULL, "
        "checksum varchar(64) NOT NULL, state varchar(16) NOT NULL, job varchar(64) NOT NULL, "
        "attempt varchar(64) NOT NULL, fence bigint NOT NULL, changed_at timestamp(3) NOT NULL, "
        "execution_ms bigint NOT NULL)",
        "CREATE TABLE IF NOT EXISTS public.dbfleet_step_log ("
        "attempt varchar(64) NOT NULL, is_rollback smallint NOT NULL, step_index integer NOT NULL, "
        "job varchar(64) NOT NULL, fence bigint NOT NULL, version varchar(20) NOT NULL, "
        "state varchar(16) NOT NULL, tries integer NOT NULL, sql_sha256 varchar(64) NOT NULL, "
        "fingerprint varchar(64) NOT NULL, rows_affected bigint NOT NULL, "
        "duration_ms bigint NOT NULL, error varchar(500) NOT NULL, "
        "started_at timestamp(3) NOT NULL, ended_at timestamp(3), "
        "PRIMARY KEY (attempt, is_rollback, step_index))"};
  }

  absl::StatusOr<bool> HasHistory(MigrationSession& session) override {
    ASSIGN_OR_RETURN(
        const auto rows,
        session.Query("SELECT pg_catalog.to_regclass('public.dbfleet_schema_history') IS NOT NULL "
                      "AND pg_catalog.to_regclass('public.dbfleet_step_log') IS NOT NULL"));
    return IsTrue(rows);
  }

  sql::Dialect dialect() const override { return sql::Dialect::kPostgres; }

  absl::StatusOr<std::string> ServerVersion(MigrationSession& session) override {
    ASSIGN_OR_RETURN(const auto rows,
                     session.Query("SELECT pg_catalog.current_setting('server_version')"));
    if (rows.size() == 1 && rows[0].size() == 1 && rows[0][0].has_value()) return *rows[0][0];
    return Error(absl::StatusCode::kInternal, "DATABASE_ERROR",
                 "the server does not tell its version");
  }

 private:
  absl::StatusOr<std::unique_ptr<PostgresSession>> Open(absl::string_view database,
                                                        absl::Duration lock_timeout,
                                                        bool read_only) {
    PostgresConnection::Options options;
    options.account = AccountUse::kMigrate;
    options.database = std::string(database);
    options.read_only = read_only;
    options.lock_timeout = lock_timeout;
    options.keepalive = true;
    options.interruptible = true;
    ASSIGN_OR_RETURN(std::unique_ptr<PostgresConnection> connection,
                     PostgresConnection::Open(spec_, options));
    return std::make_unique<PostgresSession>(std::move(connection));
  }

  const InstanceSpec spec_;
};

}  // namespace

std::unique_ptr<SqlMigrations> MakePostgresMigrations(const InstanceSpec& spec) {
  return std::make_unique<PostgresMigrations>(spec);
}

}  // namespace dbfleet::agent
