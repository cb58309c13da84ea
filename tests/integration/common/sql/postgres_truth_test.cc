// Runs what is called safe on a real PostgreSQL as the superuser, outside of a read-only
// transaction, and looks whether it changes anything at all: our own statements over every class
// (tests/testdata/sql/postgres_statements.sql), the queries behind the server's own views, and
// every function of the server, called with something of each type.
//
//   DBFLEET_TRUTH_REPORT   a file for every statement that only reads and is called destructive
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#include "common/sql/sql.h"
#include "tests/mini/mini_server.h"
#include "tests/truth/postgres_session.h"
#include "tests/truth/postgres_state.h"

namespace dbfleet::sql {
namespace {

using truth::PostgresSession;

std::string FileText(absl::string_view name) {
  std::ifstream file(absl::StrCat(DBFLEET_SOURCE_DIR, "/tests/testdata/sql/", name));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The statements of the list: each stands behind a line of its own.
std::vector<std::string> Listed() {
  std::vector<std::string> statements;
  bool any = false;
  for (absl::string_view line : absl::StrSplit(FileText("postgres_statements.sql"), '\n')) {
    if (absl::StartsWith(line, "-- safe") || absl::StartsWith(line, "-- destructive:")) {
      statements.emplace_back();
      any = true;
    } else if (any) {
      absl::StrAppend(&statements.back(), line, "\n");
    }
  }
  for (std::string& text : statements) text = std::string(absl::StripAsciiWhitespace(text));
  return statements;
}

bool HeadsARead(absl::string_view text) {
  const std::string upper = absl::AsciiStrToUpper(absl::StripLeadingAsciiWhitespace(text));
  for (const char* head : {"SELECT", "SHOW", "EXPLAIN", "VALUES", "TABLE", "WITH", "("}) {
    if (absl::StartsWith(upper, head)) return true;
  }
  return false;
}

class PostgresTruthTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto launched = mini::MiniPostgres::Launch(
        {.extra = {"-c", "autovacuum=off", "-c", "statement_timeout=3s", "-c", "lock_timeout=1s",
                   "-c", "idle_in_transaction_session_timeout=10s", "-c", "wal_level=logical", "-c",
                   "max_prepared_transactions=5", "-c", "checkpoint_timeout=1h"}});
    ASSERT_TRUE(launched.ok()) << launched.status();
    server_ = launched->release();
    ASSERT_TRUE(server_->Admin("CREATE DATABASE truth").ok());
    const auto filled = server_->Admin(FileText("postgres_fixture.sql"), "truth");
    ASSERT_TRUE(filled.ok()) << filled.status();
  }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    auto monitor = PostgresSession::Open(server_->socket(), server_->port(), "truth");
    ASSERT_TRUE(monitor.ok()) << monitor.status();
    monitor_ = *std::move(monitor);
    Reconnect();
  }

  // Leaves no session behind: a backend ends some time after its client, and the number of sessions
  // is part of the server's state.
  void Reconnect() {
    if (session_ != nullptr) {
      const std::string left =
          absl::StrCat("SELECT 1 FROM pg_stat_activity WHERE pid = ", session_->pid());
      session_.reset();
      for (int i = 0; i < 500; ++i) {
        const auto rows = monitor_->Query(left);
        ASSERT_TRUE(rows.ok()) << rows.status();
        if (rows->empty()) break;
        absl::SleepFor(absl::Milliseconds(10));
      }
    }
    auto session = PostgresSession::Open(server_->socket(), server_->port(), "truth");
    ASSERT_TRUE(session.ok()) << session.status() << server_->LogTail();
    session_ = *std::move(session);
  }

  truth::State Look() {
    auto state = truth::StateOf(*server_, *monitor_, *session_);
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *state : truth::State();
  }

  // Runs those that are called safe, `batch` of them between two looks; counts what happened.
  void RunSafe(const std::vector<std::string>& statements, size_t batch) {
    truth::State before = Look();
    std::vector<std::string> ran;
    const auto compare = [&] {
      const truth::State after = Look();
      const std::string difference = truth::Difference(before, after);
      EXPECT_EQ(difference, "") << "of the statements called safe, one changed something:\n  "
                                << absl::StrJoin(ran, "\n  ");
      ran.clear();
      Reconnect();
      before = after;
    };
    for (const std::string& text : statements) {
      const Verdict verdict = Classify(Dialect::kPostgres, text);
      ++(verdict.safety == Safety::kSafe ? safe_ : destructive_);
      if (!verdict.understood) ++not_understood_;
      if (verdict.safety == Safety::kSafe) {
        const absl::Status status = session_->Execute(text);
        ASSERT_FALSE(absl::IsUnavailable(status)) << text << ": " << status;
        ++(status.ok() ? ran_ : refused_);
        ran.push_back(text);
        if (ran.size() >= batch) compare();
      } else if (HeadsARead(text)) {
        if (!ran.empty()) compare();
        before = CountIfItOnlyReads(text, verdict, before);
      }
    }
    if (!ran.empty()) compare();
  }

  // Whether it is plainly read-only by what it does. Returns how the server is afterwards.
  truth::State CountIfItOnlyReads(const std::string& text, const Verdict& verdict,
                                  const truth::State& before) {
    (void)session_->Execute("BEGIN READ ONLY");
    const absl::Status status = session_->Execute(text);
    (void)session_->Execute("ROLLBACK");
    if (absl::IsUnavailable(status)) Reconnect();
    truth::State after = Look();
    const bool only_reads = status.ok() && truth::Difference(before, after).empty();
    Reconnect();
    if (!only_reads) return Look();
    ++reads_called_destructive_;
    const std::string reason = verdict.reasons.empty() ? "" : verdict.reasons[0];
    ++why_[reason];
    if (!verdict.understood || absl::StrContains(reason, "not in the list")) ++unknown_;
    if (const char* report = std::getenv("DBFLEET_TRUTH_REPORT")) {
      std::ofstream(report, std::ios::app)
          << absl::StrJoin(verdict.reasons, "; ") << "\n    " << text << "\n";
    }
    return after;
  }

  void Report(absl::string_view what) {
    std::cout << what << ": " << safe_ << " safe, " << destructive_ << " destructive ("
              << not_understood_ << " not understood); safe ones run: " << ran_
              << ", refused by the server: " << refused_
              << "; only read but called destructive: " << reads_called_destructive_ << " ("
              << 100.0 * reads_called_destructive_ / std::max(1, ran_ + reads_called_destructive_)
              << " % of those that only read), " << unknown_
              << " of them because something in it is not known\n";
    for (const auto& [reason, count] : why_) std::cout << "  " << count << "  " << reason << "\n";
  }

  static mini::MiniPostgres* server_;
  std::unique_ptr<PostgresSession> monitor_;
  std::unique_ptr<PostgresSession> session_;
  int safe_ = 0;
  int destructive_ = 0;
  int not_understood_ = 0;
  int ran_ = 0;
  int refused_ = 0;
  int reads_called_destructive_ = 0;
  int unknown_ = 0;
  std::map<std::string, int> why_;
};
mini::MiniPostgres* PostgresTruthTest::server_ = nullptr;

TEST_F(PostgresTruthTest, TheComparisonSeesEveryKindOfChange) {
  const std::pair<const char*, const char*> kChanges[] = {
      {"data", "INSERT INTO log_lines VALUES ('y')"},
      {"data", "SELECT my_function()"},
      {"data", "SELECT nextval('counter')"},
      {"transaction numbers", "SELECT lo_create(0)"},
      {"transaction numbers", "CREATE TABLE extra (a int)"},
      {"transaction numbers", "SELECT pg_current_xact_id()"},
      {"configuration files", "ALTER SYSTEM SET work_mem = '5MB'"},
      {"session settings", "SELECT set_config('work_mem', '6MB', false)"},
      {"locks", "SELECT pg_advisory_lock(1)"},
      {"transaction", "BEGIN"},
      {"prepared statements", "PREPARE p AS SELECT 1"},
      {"channels", "LISTEN c"},
      {"role", "SET ROLE pg_monitor"},
      {"temporary tables", "SELECT 1 AS a INTO TEMP t_temp"},
      {"replication slots", "SELECT pg_create_physical_replication_slot('s')"},
      {"statistics", "SELECT pg_stat_reset()"},
      {"files", "COPY (SELECT 1) TO PROGRAM 'touch made.txt'"},
  };
  for (const auto& [about, statement] : kChanges) {
    Reconnect();
    const truth::State before = Look();
    EXPECT_EQ(truth::Difference(before, Look()), "") << "looking changes something";
    const absl::Status status = session_->Execute(statement);
    EXPECT_TRUE(status.ok()) << statement << status;
    EXPECT_TRUE(absl::StrContains(truth::Difference(before, Look()), absl::StrCat(about, ": ")))
        << statement << ": " << truth::Difference(before, Look());
  }
  ASSERT_TRUE(session_->Execute("RESET ROLE").ok());
  ASSERT_TRUE(monitor_->Execute("ALTER SYSTEM RESET ALL").ok());
  ASSERT_TRUE(monitor_->Execute("SELECT pg_drop_replication_slot('s')").ok());
}

TEST_F(PostgresTruthTest, NoListedStatementThatIsCalledSafeChangesAnything) {
  RunSafe(Listed(), 5);
  Report("listed statements");
  EXPECT_GT(ran_, 100);
}

TEST_F(PostgresTruthTest, TheServersOwnViewsAreReadByQueriesThatAreCalledSafe) {
  const auto views = monitor_->Query("SELECT definition FROM pg_views ORDER BY viewname");
  ASSERT_TRUE(views.ok()) << views.status();
  RunSafe(*views, 20);
  Report("queries of the server's own views");
  EXPECT_GT(safe_, 50);
}

// Every function that the server has, by a call with something of each type.
TEST_F(PostgresTruthTest, NoFunctionThatIsCalledSafeChangesAnything) {
  const auto calls = monitor_->Query(R"sql(
    SELECT format('SELECT %s%I(%s)', CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE n.nspname || '.' END,
                  p.proname, coalesce(string_agg(CASE t.typname
      WHEN 'int2' THEN '1::int2' WHEN 'int4' THEN '1' WHEN 'int8' THEN '1::int8'
      WHEN 'float4' THEN '1.5::float4' WHEN 'float8' THEN '1.5::float8' WHEN 'numeric' THEN '1.5'
      WHEN 'text' THEN '''customers''' WHEN 'name' THEN '''customers''::name'
      WHEN 'varchar' THEN '''a''::varchar' WHEN 'bpchar' THEN '''a''::bpchar' WHEN 'char' THEN '''a''::"char"'
      WHEN 'cstring' THEN '''1''' WHEN 'bool' THEN 'true' WHEN 'bytea' THEN '''\x61''::bytea'
      WHEN 'oid' THEN '''customers''::regclass::oid' WHEN 'regclass' THEN '''counter''::regclass'
      WHEN 'json' THEN '''{"a": [1]}''::json' WHEN 'jsonb' THEN '''{"a": [1]}''::jsonb'
      WHEN 'jsonpath' THEN '''$.a''::jsonpath' WHEN 'xml' THEN '''<a/>''::xml'
      WHEN 'date' THEN '''2026-01-01''::date' WHEN 'timestamp' THEN '''2026-01-01''::timestamp'
      WHEN 'timestamptz' THEN '''2026-01-01''::timestamptz' WHEN 'interval' THEN '''1 second''::interval'
      WHEN 'time' THEN '''10:00''::time' WHEN 'inet' THEN '''127.0.0.1''::inet'
      WHEN 'anyelement' THEN '1' WHEN 'anynonarray' THEN '1' WHEN 'any' THEN '1' WHEN 'anyarray' THEN 'ARRAY[1]'
      WHEN 'anycompatible' THEN '1' WHEN 'anycompatiblearray' THEN 'ARRAY[1]'
      WHEN 'tsvector' THEN '''a b''::tsvector' WHEN 'tsquery' THEN '''a''::tsquery'
      WHEN 'pg_lsn' THEN '''0/0''::pg_lsn' WHEN '_text' THEN 'ARRAY[''a'']' WHEN '_int4' THEN 'ARRAY[1]'
      WHEN 'record' THEN 'ROW(1)' ELSE 'NULL::' || format_type(t.oid, NULL) END, ', ' ORDER BY a.n), ''))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    LEFT JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY a (type, n) ON true
    LEFT JOIN pg_type t ON t.oid = a.type
    WHERE p.prokind = 'f' AND n.nspname IN ('pg_catalog', 'information_schema')
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
      AND NOT 'internal'::regtype = ANY (p.proargtypes)
    GROUP BY p.oid, n.nspname, p.proname ORDER BY p.proname, p.oid)sql");
  ASSERT_TRUE(calls.ok()) << calls.status();
  std::vector<std::string> safe;
  for (const std::string& call : *calls) {
    const bool is_safe = Classify(Dialect::kPostgres, call).safety == Safety::kSafe;
    ++(is_safe ? safe_ : destructive_);
    if (is_safe) safe.push_back(call);
  }
  const int destructive = destructive_;
  RunSafe(safe, 100);
  std::cout << calls->size() << " functions: " << safe.size() << " safe, " << destructive
            << " destructive; run: " << ran_ << ", refused by the server: " << refused_ << "\n";
  EXPECT_GT(ran_, 500);
}

}  // namespace
}  // namespace dbfleet::sql
