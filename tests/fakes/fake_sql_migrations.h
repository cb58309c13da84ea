#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/engine/engine.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {

// A database server for migrations, with SQLite in memory underneath, that fails where a test wants
// it to. It behaves like MariaDB (DDL commits by itself) or like PostgreSQL (DDL is transactional,
// and a transaction in which something failed only takes ROLLBACK). User tables live in SQLite's
// `main`, dbfleet's own in the attached database `app` or `public`.
//
// Every call of a session is one operation, and so is every OpenLocked; `fault` is asked before
// each. It counts how often each statement took effect for good. "CALL name" runs `procedures`.
// Header-only (the library of fakes does not link SQLite). Not thread-safe, but for Interrupt.
class FakeSqlMigrations : public SqlMigrations {
 public:
  enum class Fault {
    kNone,
    kCutBefore,  // The connection dies, and the statement was not executed.
    kCutAfter,   // The statement was executed; its answer is lost with the connection.
    kRunsOn,     // The client is gone, the server goes on: the lock stays taken for some tries.
    kAgentDies,  // As kCutBefore, and from now on nothing can be opened.
    kAgentDiesAfter,
    kAgentDiesRunsOn,
  };
  std::function<Fault(int op, absl::string_view statement)> fault = [](int, absl::string_view) {
    return Fault::kNone;
  };
  std::map<std::string, std::vector<std::string>> procedures;
  // Statement -> how many times it runs into a lock before it is executed.
  std::map<std::string, int> lock_timeouts;
  // Called while a statement is executed, before its effect.
  std::function<void(absl::string_view)> during;
  // The same while it reads.
  std::function<void(absl::string_view)> during_read;
  // Told how long an OpenLocked waited in vain; a test moves its clock.
  std::function<void(absl::Duration)> waited;
  bool locked_by_other = false;
  bool non_transactional_tables = false;
  bool agent_dead = false;
  int ops = 0;
  int interrupts = 0;
  bool hangs = false;  // Interrupts do not reach it.
  int breaks = 0;

  explicit FakeSqlMigrations(sql::Dialect dialect) : dialect_(dialect) {
    sqlite3_open(":memory:", &db_);
    Must(absl::StrCat("ATTACH ':memory:' AS ", Schema()));
  }
  ~FakeSqlMigrations() override { sqlite3_close(db_); }

  // --- SqlMigrations ---------------------------------------------------------------------------

  bool transactional_ddl() const override { return dialect_ == sql::Dialect::kPostgres; }
  sql::Dialect dialect() const override { return dialect_; }

  absl::StatusOr<std::unique_ptr<MigrationSession>> OpenLocked(absl::string_view,
                                                               absl::Duration wait,
                                                               absl::Duration) override {
    if (absl::Status status = Tick("open"); !status.ok()) return status;
    if (running_on_ > 0 && --running_on_ == 0) FinishOrphan();
    if (holder_ != nullptr || running_on_ > 0 || locked_by_other) {
      if (waited) waited(wait);
      return Error(absl::StatusCode::kAborted, "MIGRATION_LOCKED", "another session migrates");
    }
    auto session = std::make_unique<Session>(*this);
    holder_ = session.get();
    return session;
  }
  absl::StatusOr<std::unique_ptr<MigrationSession>> OpenForPlan(absl::string_view) override {
    return std::make_unique<Session>(*this);
  }
  absl::StatusOr<std::string> SchemaFingerprint(MigrationSession& session) override {
    ASSIGN_OR_RETURN(const auto rows, session.Query(kSchemaQuery));
    return Sha256Hex(Flatten(rows));
  }
  absl::StatusOr<std::vector<work::v1::TableEstimate>> Estimate(
      MigrationSession&, const std::vector<std::string>& tables) override {
    std::vector<work::v1::TableEstimate> result;
    for (const std::string& table : tables) {
      work::v1::TableEstimate& estimate = result.emplace_back();
      estimate.set_table(table);
      estimate.set_rows(estimated_rows);
      estimate.set_bytes(-1);
    }
    return result;
  }
  std::vector<std::string> HistoryDdl() const override {
    return {absl::StrCat("CREATE TABLE IF NOT EXISTS ", Schema(),
                         ".dbfleet_schema_history (version TEXT PRIMARY KEY, name, checksum, "
                         "state, job, attempt, fence, changed_at, execution_ms)"),
            absl::StrCat("CREATE TABLE IF NOT EXISTS ", Schema(),
                         ".dbfleet_step_log (attempt, is_rollback, step_index, job, fence, "
                         "version, state, tries, sql_sha256, fingerprint, rows_affected, "
                         "duration_ms, error, started_at, ended_at, "
                         "PRIMARY KEY (attempt, is_rollback, step_index))")};
  }
  absl::StatusOr<bool> HasHistory(MigrationSession& session) override {
    ASSIGN_OR_RETURN(const auto rows,
                     session.Query(absl::StrCat("SELECT count(*) FROM ", Schema(),
                                                ".sqlite_master WHERE type = 'table'")));
    return rows[0][0] == "2";
  }
  absl::StatusOr<std::string> ServerVersion(MigrationSession&) override { return "fake 1"; }
  int64_t estimated_rows = 7;

  // --- For the test ----------------------------------------------------------------------------

  // As an administrator, who is not counted.
  void Must(const std::string& statement) {
    char* error = nullptr;
    if (sqlite3_exec(db_, statement.c_str(), nullptr, nullptr, &error) != SQLITE_OK) {
      fprintf(stderr, "%s: %s\n", statement.c_str(), error);
      abort();
    }
  }
  std::string Ask(const std::string& query) { return Flatten(*Select(query)); }
  // The user's schema and rows; dbfleet's tables are left out.
  std::string Dump() {
    std::string dump = Flatten(*Select(kSchemaQuery));
    const auto tables =
        Select("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY 1");
    for (const auto& row : *tables) {
      absl::StrAppend(
          &dump, *row[0], ":",
          Flatten(*Select(absl::StrCat("SELECT * FROM main.", *row[0], " ORDER BY 1"))));
    }
    return dump;
  }
  std::string AppliedVersions() {
    return Ask(absl::StrCat("SELECT version FROM ", Schema(),
                            ".dbfleet_schema_history WHERE state = 'applied' ORDER BY 1"));
  }
  // How often a statement took effect and stayed, by text.
  const std::map<std::string, int>& effects() const { return effects_; }
  // The agent starts again: what it had open is gone.
  void RestartAgent() { agent_dead = false; }
  std::string Schema() const { return dialect_ == sql::Dialect::kPostgres ? "public" : "app"; }

 private:
  using Rows = std::vector<MigrationSession::TextRow>;
  static constexpr char kSchemaQuery[] =
      "SELECT m.name, c.name, c.type, c.pk, c.dflt_value FROM main.sqlite_master m "
      "JOIN pragma_table_info(m.name, 'main') c WHERE m.type = 'table' UNION ALL "
      "SELECT m.name, m.tbl_name, 'index', 0, NULL FROM main.sqlite_master m "
      "WHERE m.type = 'index' ORDER BY 1, 2";

  class Session : public MigrationSession {
   public:
    explicit Session(FakeSqlMigrations& server) : server_(server) {}
    ~Session() override { Disconnect(); }

    absl::StatusOr<int64_t> Execute(absl::string_view statement, absl::Duration) override {
      if (dead_) return Gone();
      switch (server_.NextFault(statement)) {
        case Fault::kNone:
          break;
        case Fault::kCutBefore:
        case Fault::kAgentDies:
          return Cut();
        case Fault::kCutAfter:
        case Fault::kAgentDiesAfter:
          (void)server_.Run(*this, std::string(statement));
          return Cut();
        case Fault::kRunsOn:
        case Fault::kAgentDiesRunsOn:
          if (in_transaction_) return Cut();
          server_.orphan_ = std::string(statement);
          server_.running_on_ = 3;
          return Cut();
      }
      if (server_.during) server_.during(statement);
      if (broken_) return Cut();
      if (interrupted_) {
        interrupted_ = false;
        failed_ = in_transaction_;
        return Error(absl::StatusCode::kCancelled, "INTERRUPTED", "the statement was interrupted");
      }
      return server_.Run(*this, std::string(statement));
    }
    absl::StatusOr<std::vector<TextRow>> Query(absl::string_view statement) override {
      if (dead_) return Gone();
      if (server_.NextFault(statement) != Fault::kNone) return Cut();
      if (server_.during_read) server_.during_read(statement);
      if (broken_) return Cut();
      if (absl::StrContains(statement, "information_schema")) {
        return Rows{{server_.non_transactional_tables ? "1" : "0"}};
      }
      if (absl::StrContains(statement, "pg_catalog")) return Rows{};
      return server_.Select(std::string(statement));
    }
    std::string Quote(absl::string_view value) const override {
      return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'");
    }
    void Interrupt() override {
      ++server_.interrupts;
      interrupted_ = !server_.hangs;
    }
    void Break() override {
      ++server_.breaks;
      broken_ = true;
    }

   private:
    friend class FakeSqlMigrations;
    static absl::Status Gone() {
      return Error(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE",
                   "the connection is gone");
    }
    absl::Status Cut() {
      Disconnect();
      return Gone();
    }
    // The server rolls an open transaction back, then gives the lock free.
    void Disconnect() {
      if (in_transaction_) (void)server_.Run(*this, "ROLLBACK");
      dead_ = true;
      if (server_.holder_ == this) server_.holder_ = nullptr;
    }

    FakeSqlMigrations& server_;
    bool dead_ = false;
    bool in_transaction_ = false;
    bool failed_ = false;
    bool interrupted_ = false;
    bool broken_ = false;
    std::vector<std::string> pending_;  // Executed in the open transaction.
  };

  static std::string Flatten(const Rows& rows) {
    std::string text;
    for (const auto& row : rows) {
      for (const auto& value : row) absl::StrAppend(&text, value.value_or("NULL"), "|");
      text += "\n";
    }
    return text;
  }

  Fault NextFault(absl::string_view statement) {
    const Fault result = agent_dead ? Fault::kAgentDies : fault(ops++, statement);
    if (result >= Fault::kAgentDies) agent_dead = true;
    return result;
  }
  absl::Status Tick(absl::string_view what) {
    return NextFault(what) == Fault::kNone ? absl::OkStatus() : Session::Gone();
  }

  absl::StatusOr<Rows> Select(const std::string& query) {
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(db_, query.c_str(), -1, &prepared, nullptr) != SQLITE_OK) {
      return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_ERROR", sqlite3_errmsg(db_));
    }
    Rows rows;
    while (sqlite3_step(prepared) == SQLITE_ROW) {
      auto& row = rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(prepared); ++i) {
        const char* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, i));
        row.push_back(text == nullptr ? std::nullopt : std::optional<std::string>(text));
      }
    }
    sqlite3_finalize(prepared);
    return rows;
  }

  absl::StatusOr<int64_t> Sqlite(const std::string& statement) {
    char* text = nullptr;
    if (sqlite3_exec(db_, statement.c_str(), nullptr, nullptr, &text) == SQLITE_OK) {
      return sqlite3_changes(db_);
    }
    const std::string error = text == nullptr ? "error" : text;
    sqlite3_free(text);
    auto code = absl::StatusCode::kFailedPrecondition;
    if (absl::StrContains(error, "no such")) code = absl::StatusCode::kNotFound;
    if (absl::StrContains(error, "already exists") ||
        absl::StrContains(error, "duplicate column")) {
      code = absl::StatusCode::kAlreadyExists;
    }
    return Error(code, "DATABASE_ERROR", error);
  }

  static bool IsDdl(absl::string_view statement) {
    for (absl::string_view head : {"CREATE", "ALTER", "DROP", "CALL"}) {
      if (absl::StartsWith(statement, head)) return true;
    }
    return false;
  }

  // What the server does with a statement.
  absl::StatusOr<int64_t> Run(Session& session, const std::string& statement) {
    if (statement == "BEGIN") {
      session.in_transaction_ = true;
      return Sqlite("BEGIN");
    }
    if (statement == "COMMIT" || statement == "ROLLBACK") return End(session, statement);
    if (session.failed_) {
      return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_ERROR",
                   "current transaction is aborted");
    }
    const auto lock = lock_timeouts.find(statement);
    if (lock != lock_timeouts.end() && lock->second-- > 0) {
      session.failed_ = session.in_transaction_ && transactional_ddl();
      return Error(absl::StatusCode::kAborted, "LOCK_TIMEOUT", "lock wait timeout exceeded");
    }
    if (IsDdl(statement) && !transactional_ddl() && session.in_transaction_) {
      (void)End(session, "COMMIT");
    }
    absl::StatusOr<int64_t> rows = 0;
    if (absl::StartsWith(statement, "CALL ")) {
      for (const std::string& inner : procedures[statement]) {
        rows = Sqlite(inner);
        if (!rows.ok()) return rows;
      }
    } else if (!absl::StartsWith(statement, "SET ")) {
      rows = Sqlite(absl::StrReplaceAll(statement, {{" CONCURRENTLY", ""}}));
    }
    if (!rows.ok()) {
      session.failed_ = session.in_transaction_ && transactional_ddl();
      return rows;
    }
    if (session.in_transaction_) {
      session.pending_.push_back(statement);
    } else {
      ++effects_[statement];
    }
    return rows;
  }

  absl::StatusOr<int64_t> End(Session& session, const std::string& how) {
    if (!session.in_transaction_) return 0;
    const bool commit = how == "COMMIT" && !session.failed_;
    if (commit) {
      for (const std::string& statement : session.pending_) ++effects_[statement];
    }
    session.pending_.clear();
    session.in_transaction_ = false;
    session.failed_ = false;
    return Sqlite(commit ? "COMMIT" : "ROLLBACK");
  }

  void FinishOrphan() {
    Session nobody(*this);
    (void)Run(nobody, orphan_);
  }

  const sql::Dialect dialect_;
  sqlite3* db_ = nullptr;
  Session* holder_ = nullptr;
  std::string orphan_;
  int running_on_ = 0;
  std::map<std::string, int> effects_;
};

}  // namespace dbfleet::agent
