// What stands behind others of its script may mean something else than alone: these scripts let
// code run that was there before, which then stands in the way of the server's own functions. Each
// is run on a real PostgreSQL as the superuser, which shows that its last statement does write, and
// then read.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/script_reader.h"
#include "common/sql/sql.h"
#include "tests/mini/mini_server.h"
#include "tests/truth/postgres_session.h"

namespace dbfleet::sql {
namespace {

using truth::PostgresSession;

// evil.lower(text) writes; sp() and imm() put it in front of the server's own.
constexpr absl::string_view kTrap = R"(
CREATE SCHEMA evil;
CREATE TABLE written (what text);
CREATE TABLE words (a text);
INSERT INTO words VALUES ('A');
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO public.written VALUES ($1); RETURN $1; END $$;
CREATE FUNCTION evil.cat(text, text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO public.written VALUES ($1); RETURN $1; END $$;
CREATE FUNCTION sp() RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('search_path', 'evil, pg_catalog, public', false); RETURN 1; END $$;
CREATE FUNCTION imm(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('search_path', 'evil, pg_catalog, public', false); RETURN 1; END $$;
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM sp(); RETURN NEW; END $$;
CREATE DOMAIN evil_domain AS text CHECK (sp() = 1);
CREATE FUNCTION evil.plus(text, int) RETURNS text LANGUAGE sql AS 'SELECT sp()::text';
CREATE OPERATOR evil.+ (LEFTARG = text, RIGHTARG = int, FUNCTION = evil.plus);
)";

class PostgresScriptTruthTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto launched = mini::MiniPostgres::Launch({});
    ASSERT_TRUE(launched.ok()) << launched.status();
    server_ = launched->release();
    ASSERT_TRUE(server_->Admin("CREATE DATABASE trap").ok());
    const auto filled = server_->Admin(kTrap, "trap");
    ASSERT_TRUE(filled.ok()) << filled.status();
  }
  static void TearDownTestSuite() { delete server_; }

  int Written(PostgresSession& session) {
    const auto rows = session.Query("SELECT pg_catalog.count(*) FROM public.written");
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? std::stoi(rows->at(0)) : -1;
  }

  // Runs the script in a database of its own and says whether its last statement wrote.
  bool LastOneWrites(absl::string_view script) {
    const std::string database = absl::StrCat("case_", ++databases_);
    const auto made = server_->Admin(absl::StrCat("CREATE DATABASE ", database, " TEMPLATE trap"));
    EXPECT_TRUE(made.ok()) << made.status();
    auto session = PostgresSession::Open(server_->socket(), server_->port(), database);
    EXPECT_TRUE(session.ok()) << session.status();
    const auto statements = Split(Target(Dialect::kPostgres), script);
    EXPECT_TRUE(statements.ok()) << statements.status();
    int before = 0;
    for (const Statement& statement : *statements) {
      before = Written(**session);
      const absl::Status status = (*session)->Execute(statement.text);
      EXPECT_TRUE(status.ok()) << script << "\n" << statement.text << ": " << status;
    }
    return Written(**session) > before;
  }

  static Verdict Last(absl::string_view script) {
    const Target target(Dialect::kPostgres);
    ScriptReader reader(target);
    Verdict verdict;
    const auto statements = Split(target, script);
    for (const Statement& statement : *statements) verdict = reader.Read(statement).verdict;
    return verdict;
  }

  static mini::MiniPostgres* server_;
  static int databases_;
};
mini::MiniPostgres* PostgresScriptTruthTest::server_ = nullptr;
int PostgresScriptTruthTest::databases_ = 0;

TEST_F(PostgresScriptTruthTest, AReadThatWritesBehindOthersIsNotSafe) {
  ASSERT_EQ(Last("SELECT lower('A')").safety, Safety::kSafe) << "alone it is the server's own";
  ASSERT_FALSE(LastOneWrites("SELECT lower('A')"));
  for (absl::string_view first :
       {"SELECT sp()", "SELECT query_to_xml('select sp()', true, true, '')",
        "SELECT a OPERATOR(evil.+) 1 FROM words", "SELECT a::evil_domain FROM words",
        "UPDATE words SET a = a::evil_domain", "DELETE FROM words WHERE a OPERATOR(evil.+) 1 = 'x'",
        "ALTER TABLE words ADD CONSTRAINT c CHECK (a OPERATOR(evil.+) 1 IS NOT NULL)",
        "ALTER TABLE words ALTER a TYPE evil_domain",
        "CREATE TABLE n AS SELECT a::evil_domain FROM words",
        "COPY (SELECT a::evil_domain FROM words) TO STDOUT",
        "EXPLAIN ANALYZE SELECT a::evil_domain FROM words",
        "CREATE TABLE p (a int) PARTITION BY LIST (a); "
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (sp())",
        // Whoever plans a query of it computes what is labelled immutable.
        "CREATE INDEX i ON words (a) WHERE imm(1) = 1; SELECT a FROM words",
        "CREATE TABLE t (a int DEFAULT sp()); INSERT INTO t DEFAULT VALUES",
        "CREATE TABLE t (a evil_domain); INSERT INTO t VALUES ('x')",
        "CREATE TRIGGER g BEFORE INSERT ON words FOR EACH ROW EXECUTE FUNCTION fires(); "
        "INSERT INTO words VALUES ('B')",
        "CREATE RULE r AS ON INSERT TO words DO ALSO SELECT sp(); INSERT INTO words VALUES ('B')",
        "CREATE VIEW v AS SELECT sp() AS x; SELECT * FROM v"}) {
    const std::string script = absl::StrCat(first, "; SELECT lower('A')");
    EXPECT_TRUE(LastOneWrites(script)) << script << ": shows nothing";
    EXPECT_EQ(Last(script).safety, Safety::kDestructive) << script;
  }
}

TEST_F(PostgresScriptTruthTest, AChangedCatalogChangesWhatAReadDoes) {
  constexpr absl::string_view kScript =
      "UPDATE pg_operator SET oprcode = 'evil.cat'::regproc "
      "WHERE oprname = '||' AND oprleft = 'text'::regtype AND oprright = 'text'::regtype; "
      "SELECT a || a FROM words";
  EXPECT_TRUE(LastOneWrites(kScript));
  EXPECT_EQ(Last(kScript).safety, Safety::kDestructive);
}

TEST_F(PostgresScriptTruthTest, BehindWhatRunsOnlyItselfAReadStaysSafe) {
  for (absl::string_view script :
       {"SELECT pg_advisory_lock(1), lo_create(0); SELECT lower('A')",
        "UPDATE words SET a = a || 'x'::text; SELECT lower(a) FROM words",
        "ALTER TABLE words ADD b varchar(5) DEFAULT lower('A'), ADD CHECK (b ~~ '%'); "
        "SELECT lower(a) FROM words",
        "CREATE TABLE p (a int) PARTITION BY LIST (a); "
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); SELECT lower('A') FROM p1",
        "CREATE INDEX j ON words (lower(a)) WHERE a > 'b'; SELECT lower(a) FROM words"}) {
    EXPECT_FALSE(LastOneWrites(script)) << script;
    EXPECT_EQ(Last(script).safety, Safety::kSafe) << script;
  }
}

}  // namespace
}  // namespace dbfleet::sql
