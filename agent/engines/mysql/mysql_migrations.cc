#include "agent/engines/mysql/mysql_migrations.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "agent/engines/mysql/mysql_connection.h"
#include "agent/engines/mysql/mysql_schema.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

// Beyond the time for which a lock is waited on the server: then the server hangs.
constexpr absl::Duration kOpenGrace = absl::Seconds(30);

constexpr size_t kMaxLockName = 60;  // The server takes 64.

// Unknown table, column, key, routine, trigger, event, database object.
constexpr int kMissing[] = {1051, 1054, 1091, 1146, 1176, 1305, 1360, 1539, 4089, 4092};
// The same things, there already; also a foreign key's name.
constexpr int kExists[] = {1050, 1060, 1061, 1304, 1359, 1537, 1826};

template <size_t N>
bool IsIn(const int (&set)[N], int number) {
  return std::find(std::begin(set), std::end(set), number) != std::end(set);
}

// MysqlStatus begins its messages with "error NUMBER (".
int NumberOf(const absl::Status& status) {
  absl::string_view message = status.message();
  if (!absl::ConsumePrefix(&message, "error ")) return 0;
  int number = 0;
  return absl::SimpleAtoi(message.substr(0, message.find(' ')), &number) ? number : 0;
}

absl::Status Refine(const absl::Status& status) {
  if (status.ok() || status.code() != absl::StatusCode::kFailedPrecondition) return status;
  const int number = NumberOf(status);
  if (IsIn(kMissing, number)) {
    return Error(absl::StatusCode::kNotFound, "OBJECT_MISSING", status.message());
  }
  if (IsIn(kExists, number)) {
    return Error(absl::StatusCode::kAlreadyExists, "OBJECT_EXISTS", status.message());
  }
  return status;
}

class MysqlSession : public MigrationSession {
 public:
  explicit MysqlSession(std::unique_ptr<MysqlConnection> connection)
      : connection_(std::move(connection)) {}

  absl::StatusOr<int64_t> Execute(absl::string_view statement, absl::Duration timeout) override {
    RETURN_IF_ERROR(SetTimeout(timeout));
    auto rows = connection_->Execute(statement);
    if (!rows.ok()) return Refine(rows.status());
    return *rows;
  }

  absl::StatusOr<std::vector<TextRow>> Query(absl::string_view statement) override {
    RETURN_IF_ERROR(SetTimeout(absl::ZeroDuration()));
    auto rows = connection_->Query(statement);
    if (!rows.ok()) return Refine(rows.status());
    return rows;
  }

  // A migration may have changed sql_mode, and with it what a backslash means. So what is more than
  // plain text goes as hexadecimal digits, which mean the same always.
  std::string Quote(absl::string_view value) const override {
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
      return absl::ascii_isprint(c) && c != '\'' && c != '\\';
    });
    if (plain) return absl::StrCat("'", value, "'");
    return absl::StrCat("_utf8mb4 X'", HexEncode(value), "'");
  }

  void Interrupt() override { connection_->Interrupt(); }
  void Break() override { connection_->Break(); }

  MysqlConnection& connection() { return *connection_; }

 private:
  absl::Status SetTimeout(absl::Duration timeout) {
    if (timeout == timeout_ || !connection_->is_mariadb()) return absl::OkStatus();
    RETURN_IF_ERROR(connection_
                        ->Execute(absl::StrCat("SET SESSION max_statement_time = ",
                                               absl::ToDoubleSeconds(timeout)))
                        .status());
    timeout_ = timeout;
    return absl::OkStatus();
  }

  const std::unique_ptr<MysqlConnection> connection_;
  // The server's own default may be another, so the first statement always sets it.
  absl::Duration timeout_ = -absl::Seconds(1);
};

int64_t WholeSeconds(absl::Duration duration) {
  return std::max<int64_t>(1, absl::ToInt64Seconds(absl::Ceil(duration, absl::Seconds(1))));
}

std::string LockName(absl::string_view database) {
  const std::string name = absl::StrCat("dbfleet.migrate.", database);
  if (name.size() <= kMaxLockName) return name;
  return absl::StrCat("dbfleet.migrate.", Sha256Hex(database).substr(0, 40));
}

class MysqlMigrations : public SqlMigrations {
 public:
  explicit MysqlMigrations(InstanceSpec spec) : spec_(std::move(spec)) {}

  bool transactional_ddl() const override { return false; }

  absl::StatusOr<std::unique_ptr<MigrationSession>> OpenLocked(
      absl::string_view database, absl::Duration wait, absl::Duration lock_timeout) override {
    ASSIGN_OR_RETURN(std::unique_ptr<MysqlSession> session, Open(database));
    const auto give_up = session->connection().BreakAfter(wait + kOpenGrace);
    const int64_t limit = WholeSeconds(lock_timeout);
    RETURN_IF_ERROR(session
                        ->Execute(absl::StrCat("SET SESSION lock_wait_timeout = ", limit,
                                               ", innodb_lock_wait_timeout = ", limit),
                                  absl::ZeroDuration())
                        .status());
    const int64_t seconds = wait <= absl::ZeroDuration() ? 0 : WholeSeconds(wait);
    ASSIGN_OR_RETURN(const auto rows, session->Query(absl::StrCat(
                                          "SELECT GET_LOCK(", session->Quote(LockName(database)),
                                          ", ", seconds, ")")));
    if (rows.size() == 1 && rows[0].size() == 1 && rows[0][0] == "1") return session;
    return Error(absl::StatusCode::kAborted, "MIGRATION_LOCKED",
                 absl::StrCat("another session migrates the database ", database,
                              " (it holds the "
                              "lock ",
                              LockName(database), "); waited ", seconds, " s for it"));
  }

  absl::StatusOr<std::unique_ptr<MigrationSession>> OpenForPlan(
      absl::string_view database) override {
    ASSIGN_OR_RETURN(std::unique_ptr<MysqlSession> session, Open(database));
    RETURN_IF_ERROR(
        session->Execute("SET SESSION TRANSACTION READ ONLY", absl::ZeroDuration()).status());
    return session;
  }

  absl::StatusOr<std::string> SchemaFingerprint(MigrationSession& session) override {
    return MysqlSchemaFingerprint(session, dialect() == sql::Dialect::kMariaDb);
  }

  absl::StatusOr<std::vector<work::v1::TableEstimate>> Estimate(
      MigrationSession& session, const std::vector<std::string>& tables) override {
    return EstimateMysqlTables(session, tables);
  }

  std::vector<std::string> HistoryDdl() const override {
    return {
        "CREATE TABLE IF NOT EXISTS dbfleet_schema_history ("
        "version VARCHAR(20) NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, "
        "checksum CHAR(64) NOT NULL, state VARCHAR(16) NOT NULL, job VARCHAR(64) NOT NULL, "
        "attempt VARCHAR(64) NOT NULL, fence BIGINT UNSIGNED NOT NULL, "
        "changed_at DATETIME(3) NOT NULL, execution_ms BIGINT NOT NULL"
        ") ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CREATE TABLE IF NOT EXISTS dbfleet_step_log ("
        "attempt VARCHAR(64) NOT NULL, is_rollback TINYINT NOT NULL, step_index INT NOT NULL, "
        "job VARCHAR(64) NOT NULL, fence BIGINT UNSIGNED NOT NULL, version VARCHAR(20) NOT NULL, "
        "state VARCHAR(16) NOT NULL, tries INT NOT NULL, sql_sha256 VARCHAR(64) NOT NULL, "
        "fingerprint VARCHAR(64) NOT NULL, rows_affected BIGINT NOT NULL, "
        "duration_ms BIGINT NOT NULL, error VARCHAR(500) NOT NULL, "
        "started_at DATETIME(3) NOT NULL, ended_at DATETIME(3) NULL, "
        "PRIMARY KEY (attempt, is_rollback, step_index)"
        ") ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"};
  }

  absl::StatusOr<bool> HasHistory(MigrationSession& session) override {
    ASSIGN_OR_RETURN(
        const auto rows,
        session.Query("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
                      "DATABASE() AND table_name IN ('dbfleet_schema_history', "
                      "'dbfleet_step_log')"));
    return rows.size() == 1 && rows[0].size() == 1 && rows[0][0] == "2";
  }

  sql::Dialect dialect() const override {
    return is_mysql_ ? sql::Dialect::kMySql : sql::Dialect::kMariaDb;
  }

  absl::StatusOr<std::string> ServerVersion(MigrationSession& session) override {
    ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT VERSION()"));
    if (rows.size() == 1 && rows[0].size() == 1 && rows[0][0].has_value()) return *rows[0][0];
    return Error(absl::StatusCode::kInternal, "DATABASE_ERROR",
                 "the server does not tell its version");
  }

 private:
  absl::StatusOr<std::unique_ptr<MysqlSession>> Open(absl::string_view database) {
    MysqlConnection::Options options;
    options.account = AccountUse::kMigrate;
    options.database = std::string(database);
    options.keepalive = true;
    ASSIGN_OR_RETURN(std::unique_ptr<MysqlConnection> connection,
                     MysqlConnection::Open(spec_, options));
    is_mysql_ = !connection->is_mariadb();
    return std::make_unique<MysqlSession>(std::move(connection));
  }

  const InstanceSpec spec_;
  // Learnt from the last connection; a dialect is only asked for while one is open.
  std::atomic<bool> is_mysql_{false};
};

}  // namespace

std::unique_ptr<SqlMigrations> MakeMysqlMigrations(const InstanceSpec& spec) {
  return std::make_unique<MysqlMigrations>(spec);
}

}  // namespace dbfleet::agent
