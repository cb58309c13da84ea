#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

#include "controller/cli/sql_output.h"
#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Without a login, as in CI.
class SqlTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    env_["DBFLEET_CONFIG"] = folder_ + "/nothing.json";
  }

  int Sql(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), "sql");
    return RunCli(words, input);
  }
  json Parsed() {
    json parsed = json::parse(out_, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << out_ << err_;
    return parsed;
  }
};

TEST_F(SqlTest, AStatementFromStandardInputIsClassified) {
  ASSERT_EQ(Sql({"classify", "--dialect", "mariadb-10.11", "-o", "json", "-"}, "SELECT 1\n"), 0);
  const json statement = Parsed()[0];
  EXPECT_EQ(statement["file"], "-");
  EXPECT_EQ(statement["line"], 1);
  EXPECT_EQ(statement["column"], 1);
  EXPECT_EQ(statement["kind"], "inspection");
  EXPECT_EQ(statement["class"], "safe");
  EXPECT_TRUE(statement["reasons"].empty());
  EXPECT_FALSE(statement.contains("findings"));
}

TEST_F(SqlTest, TheClassIsThatOfTheEnvironment) {
  const std::string insert = "INSERT INTO t (a) VALUES (1)";
  for (const auto& [environment, expected] :
       std::map<std::string, std::string>{{"development", "safe"},
                                          {"staging", "safe"},
                                          {"production", "destructive"},
                                          {"canary", "destructive"}}) {
    ASSERT_EQ(Sql({"classify", "--dialect", "postgresql-15", "-o", "jsonl", "-e", environment, "-"},
                  insert),
              0);
    EXPECT_EQ(Parsed()["class"], expected) << environment;
    EXPECT_EQ(Parsed()["classes"]["qa"], "safe");
  }
  // A reason says why it is destructive.
  ASSERT_EQ(Sql({"classify", "--dialect", "postgresql-15", "-e", "QA", "-"}, insert), 0);
  EXPECT_THAT(out_, Not(HasSubstr("changes data")));
  ASSERT_EQ(Sql({"classify", "--dialect", "postgresql-15", "-"}, insert), 0);
  EXPECT_THAT(out_, HasSubstr("changes data"));
}

TEST_F(SqlTest, AFileInUtf16SaysSo) {
  const std::string text("S\0E\0", 4);
  for (const std::string& file :
       {Write("a.sql", "\xFF\xFE" + text), Write("b.sql", "\xFE\xFF" + text)}) {
    for (const char* dialect : {"mariadb-10.11", "postgresql-15", "redis-7", "activerecord-php"}) {
      EXPECT_EQ(Sql({"classify", "--dialect", dialect, file}), 2);
      EXPECT_THAT(err_, HasSubstr("is UTF-16; convert it, as by iconv -f UTF-16 -t UTF-8"));
    }
  }
}

TEST_F(SqlTest, ATemplateIsNoProgram) {
  for (const char* name : {"x.blade.php", "x.html.ERB", "x.haml"}) {
    const std::string file = Write(name, "{{ Order::truncate() }}\n");
    EXPECT_EQ(Sql({"classify", "--dialect", "activerecord-php", file}), 2) << name;
    EXPECT_THAT(err_, HasSubstr("a template: the code in it is not read")) << name;
  }
  const std::string file = Write("x.sql.erb", "SELECT 1;\n");
  EXPECT_EQ(Sql({"classify", "--dialect", "postgresql-15", file}), 0) << err_;
}

TEST_F(SqlTest, EachFileIsGoneThroughAndEachStatementHasItsPlace) {
  const std::string a = Write("a.sql", "SELECT 1;\n  SELECT 2;\n");
  const std::string b = Write("b.sql", "-- first\nDROP TABLE t;\n");
  ASSERT_EQ(Sql({"split", "--dialect", "postgresql-15", "-o", "json", a, b}), 0);
  const json parsed = Parsed();
  ASSERT_EQ(parsed.size(), 3u);
  EXPECT_EQ(parsed[1]["line"], 2);
  EXPECT_EQ(parsed[1]["column"], 3);
  EXPECT_EQ(parsed[1]["number"], 2);
  EXPECT_EQ(parsed[1]["text"], "SELECT 2");
  EXPECT_EQ(parsed[2]["file"], b);
  EXPECT_EQ(parsed[2]["line"], 2);
  EXPECT_FALSE(parsed[0].contains("class"));
}

TEST_F(SqlTest, ThresholdsDecideTheExitCode) {
  const std::string drop = "DROP TABLE app.orders";  // A warning.
  const auto code = [&](const std::string& verb, std::vector<std::string> more) {
    std::vector<std::string> words = {verb, "--dialect", "postgresql-15"};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back("-");
    return Sql(words, drop);
  };
  EXPECT_EQ(code("lint", {}), 0);
  EXPECT_EQ(code("lint", {"--fail-on", "error"}), 0);
  EXPECT_EQ(code("lint", {"--fail-on", "warning"}), 5);
  EXPECT_EQ(code("lint", {"--fail-on", "info"}), 5);
  EXPECT_EQ(code("lint", {"--fail-on", "destructive"}), 5);
  EXPECT_EQ(code("lint", {"--fail-on", "error", "--fail-on", "destructive"}), 5);
  EXPECT_EQ(code("classify", {"--fail-on", "destructive"}), 5);
  EXPECT_EQ(code("classify", {"--fail-on", "warning"}), 2);
  EXPECT_EQ(code("lint", {"--fail-on", "loud"}), 2);
  EXPECT_THAT(err_, HasSubstr("none of info, warning, error, destructive"));
}

TEST_F(SqlTest, WhatIsIgnoredReachesNoThresholdAndIsShown) {
  const std::string script =
      "-- dbfleet:ignore dbf-drop-table empty since May\nDROP TABLE IF EXISTS app.orders;\n";
  ASSERT_EQ(Sql({"lint", "--dialect", "postgresql-15", "--fail-on", "warning", "-o", "json", "-"},
                script),
            0);
  bool found = false;
  const json statements = Parsed();
  for (const json& finding : statements[0]["findings"]) {
    if (finding["rule"] != "dbf-drop-table") continue;
    found = true;
    EXPECT_EQ(finding["ignored"], true);
    EXPECT_EQ(finding["ignoreReason"], "empty since May");
  }
  EXPECT_TRUE(found) << out_;
}

TEST_F(SqlTest, TheConfigurationOfTheEnvironmentCounts) {
  const std::string config = Write(
      "lint.yaml", "rules:\n  dbf-drop-table: {environments: {production: error, qa: off}}\n");
  const auto code = [&](const std::string& environment) {
    return Sql({"lint", "--dialect", "postgresql-15", "--config", config, "-e", environment,
                "--fail-on", "error", "-"},
               "DROP TABLE IF EXISTS app.orders");
  };
  EXPECT_EQ(code("production"), 5);
  EXPECT_EQ(code("Production"), 5);
  EXPECT_EQ(code("prod"), 2);
  EXPECT_THAT(err_, HasSubstr("none for \"prod\" (did you mean production?)"));
  EXPECT_EQ(code("qa"), 0);
  EXPECT_THAT(out_, Not(HasSubstr("dbf-drop-table")));
}

TEST_F(SqlTest, ASnapshotMakesRulesPrecise) {
  const std::string snapshot = Write(
      "schema.json", R"({"tables": [{"schema": "app", "name": "orders", "rows": 50000000}]})");
  ASSERT_EQ(
      Sql({"lint", "--dialect", "postgresql-15", "--snapshot", snapshot, "--fail-on", "error", "-"},
          "CREATE INDEX idx_orders_a ON app.orders (a)"),
      5);
  EXPECT_THAT(out_, HasSubstr("50000000 rows"));
  EXPECT_THAT(out_, HasSubstr("CREATE INDEX CONCURRENTLY idx_orders_a ON app.orders (a)"));
}

// A folder of migrations beside a snapshot of what most of them have made.
TEST_F(SqlTest, VersionsThatTheSnapshotShowsToBeAppliedAreNotHeldAgainstIt) {
  const std::string first = Write("V1__a.sql", "CREATE TABLE app.t (a INT PRIMARY KEY, gone INT);");
  const std::string second = Write("V2__b.sql", "ALTER TABLE app.t DROP COLUMN gone;");
  const std::string third = Write("V3__c.sql", "ALTER TABLE app.t ADD COLUMN b INT;");
  const std::string tenth = Write("V10__d.sql", "ALTER TABLE app.t ADD COLUMN c INT AFTER b;");
  const std::string last = Write("V11__e.sql", "UPDATE app.t SET c = 1, zzz = 2 WHERE a = 1;");
  const std::string tables =
      "complete: true\ntables:\n  - {schema: app, name: t, columns: [{name: a, type: int}, {name: "
      "b, type: "
      "int}], indexes: [{name: PRIMARY, columns: [a], unique: true, primary: true}]}\n";
  const auto lint = [&](const std::string& snapshot, const std::vector<std::string>& files) {
    std::vector<std::string> arguments = {"lint",   "--dialect", "mysql-8.0", "--snapshot",
                                          snapshot, "--fail-on", "error"};
    arguments.insert(arguments.end(), files.begin(), files.end());
    return Sql(arguments, "");
  };
  const std::string silent = Write("silent.yaml", tables);
  ASSERT_EQ(lint(silent, {first, tenth, last, second, third}), 5);
  EXPECT_THAT(err_, HasSubstr("V3__c.sql and the versions before it are taken as applied"));
  EXPECT_THAT(out_, Not(HasSubstr("already")));
  EXPECT_THAT(out_, Not(HasSubstr("gone in the snapshot")));
  EXPECT_THAT(out_, HasSubstr("has no column zzz")) << "c is there by then";
  EXPECT_THAT(out_, Not(HasSubstr("has no column c")));
  // One alone, or where the snapshot says what was applied, is held against it.
  EXPECT_EQ(lint(silent, {third}), 5);
  EXPECT_THAT(out_, HasSubstr("has a column b already"));
  const std::string telling = Write("telling.yaml", "applied_versions: ['1']\n" + tables);
  EXPECT_EQ(lint(telling, {first, second, third}), 5);
  EXPECT_THAT(out_, HasSubstr("has a column b already"));
  EXPECT_THAT(err_, Not(HasSubstr("taken as applied")));
}

// What its way there has added a way back has taken away again: orders.c may be a function by then.
TEST_F(SqlTest, AWayBackIsNotHeldAgainstWhatItsWayThereLeaves) {
  const std::string up = Write("01_x.up.sql", "ALTER TABLE t ADD COLUMN c int;");
  const std::string down =
      Write("01_x.down.sql", "ALTER TABLE t DROP COLUMN c; SELECT t.c FROM t;");
  const std::string snapshot =
      Write("s.yaml",
            "complete: true\n"
            "tables: [{schema: public, name: t, columns: [{name: id, type: int}]}]");
  Sql({"lint", "--dialect", "postgresql-15", "--snapshot", snapshot, "-o", "jsonl", up, down}, "");
  const std::vector<std::string> lines = absl::StrSplit(out_, '\n', absl::SkipEmpty());
  EXPECT_EQ(json::parse(lines.at(lines.size() - 1))["class"], "destructive") << out_;
}

TEST_F(SqlTest, TheClientsCharacterSetIsGiven) {
  const std::string slips = "SELECT 1 AS `\xe4\xb8\xad`, 2 AS ` INTO OUTFILE '/tmp/x' -- `";
  const auto code = [&](const std::string& charset) {
    return Sql({"classify", "--dialect", "mariadb-10.11", "--charset", charset, "--fail-on",
                "destructive", "-"},
               slips);
  };
  EXPECT_EQ(code("utf8mb4"), 0);
  EXPECT_EQ(code("GBK"), 5);
  EXPECT_EQ(code("gbq"), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr("--charset"), HasSubstr("\"gbq\" is no character set")));
  EXPECT_EQ(Sql({"classify", "--dialect", "Redis-7", "--charset", "utf8", "-"}, "PING"), 2);
}

TEST_F(SqlTest, PasswordsAreNotShown) {
  const std::pair<const char*, const char*> cases[] = {
      {"MariaDB-10.11", "CREATE USER 'anna'@'localhost' IDENTIFIED BY 'hunter2'"},
      {"mysql-8.0", "ALTER USER a IDENTIFIED WITH x AS '*hunter2'"},
      {"mysql-8.0", "SET PASSWORD FOR 'a'@'%' = 'hunter2'"},
      {"mysql-8.0", "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD = \"hunter2\""},
      {"postgresql-15", "CREATE ROLE a LOGIN PASSWORD 'it''s hunter2'"},
      {"postgresql-15", "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p"},
      {"postgresql-15", "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'''; END $$"},
      {"redis-7", "AUTH anna hunter2"},
      {"redis-7", "ACL SETUSER anna on >hunter2 ~*"},
      {"redis-7", "CONFIG SET requirepass hunter2"},
      {"redis-7", "HELLO 3 AUTH anna hunter2"},
      {"activerecord-ruby", "User.connection.execute(\"CREATE USER a IDENTIFIED BY 'hunter2'\")"}};
  for (const auto& [dialect, text] : cases) {
    for (const char* format : {"table", "wide", "json", "jsonl", "sarif"}) {
      for (const char* verb : {"classify", "lint"}) {
        EXPECT_EQ(Sql({verb, "--dialect", dialect, "-o", format, "-"}, text), 0) << text << err_;
        EXPECT_THAT(out_, Not(HasSubstr("hunter2"))) << format << ": " << text;
      }
    }
  }
  ASSERT_EQ(Sql({"classify", "--dialect", "mysql", "-o", "json", "-"},
                "CREATE USER 'anna'@'localhost' IDENTIFIED BY 'x'"),
            0);
  EXPECT_EQ(Parsed()[0]["text"], "CREATE USER 'anna'@'localhost' IDENTIFIED BY '***'");
}

TEST_F(SqlTest, SplitShowsSecretsOnlyToWhoAsksForThem) {
  const std::string text = "ALTER ROLE anna PASSWORD 'hunter2'";
  for (const char* format : {"table", "json", "jsonl"}) {
    ASSERT_EQ(Sql({"split", "--dialect", "postgresql-15", "-o", format, "-"}, text), 0) << err_;
    EXPECT_THAT(out_, AllOf(HasSubstr("anna"), HasSubstr("***"), Not(HasSubstr("hunter2"))));
    ASSERT_EQ(
        Sql({"split", "--dialect", "postgresql-15", "--show-secrets", "-o", format, "-"}, text), 0);
    EXPECT_THAT(out_, HasSubstr("hunter2"));
  }
  EXPECT_NE(Sql({"classify", "--dialect", "postgresql-15", "--show-secrets", "-"}, text), 0);
}

// An error of the parser quotes the text.
TEST_F(SqlTest, WhatIsSaidOfAStatementWithASecretDoesNotQuoteIt) {
  for (const char* text :
       {"ALTER ROLE a PASSWORD hunter2", "ALTER ROLE a PASSWORD 'x' 'hunter2'"}) {
    for (const char* format : {"wide", "json", "sarif"}) {
      for (const char* verb : {"classify", "lint"}) {
        EXPECT_EQ(Sql({verb, "--dialect", "postgresql-15", "-o", format, "-"}, text), 0) << err_;
        EXPECT_THAT(out_, Not(HasSubstr("hunter2"))) << verb << format;
      }
    }
  }
}

TEST_F(SqlTest, AColumnThatTheSnapshotDoesNotKnowMayBeAFunctionOfPostgres) {
  const std::string snapshot =
      Write("schema.json", R"({"tables": [{"schema": "public", "name": "t",)"
                           R"( "columns": [{"name": "a", "type": "int"}]}]})");
  const auto code = [&](const std::string& text) {
    return Sql({"lint", "--dialect", "postgresql-15", "--snapshot", snapshot, "--fail-on",
                "destructive", "-"},
               text);
  };
  EXPECT_EQ(code("SELECT t.wipe FROM t LIMIT 1"), 5);
  EXPECT_THAT(out_, AllOf(HasSubstr("dbf-not-understood"), HasSubstr("t has no column wipe")));
  EXPECT_EQ(code("SELECT x.wipe FROM public.t AS x LIMIT 1"), 5);
  EXPECT_EQ(code("SELECT public.t.wipe FROM public.t LIMIT 1"), 5);
  EXPECT_EQ(code("SELECT t.a, t.ctid FROM t LIMIT 1"), 0);
  EXPECT_EQ(code("SELECT x.wipe FROM other AS x LIMIT 1"), 0);
  EXPECT_EQ(code("SELECT x.b FROM t AS x (b) LIMIT 1"), 0);
  EXPECT_EQ(code("WITH t AS (SELECT 1 AS wipe) SELECT t.wipe FROM t"), 0);
}

TEST_F(SqlTest, SarifIsForSqlOnly) {
  const std::string script = Write("a.sql", "DROP TABLE app.orders;\n");
  ASSERT_EQ(Sql({"lint", "--dialect", "postgresql-15", "-o", "sarif", script}), 0);
  EXPECT_EQ(Parsed()["version"], "2.1.0");
  EXPECT_EQ(
      Parsed()["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"],
      1);
  EXPECT_EQ(RunCli({"job", "list", "-o", "sarif"}), 2);
  EXPECT_THAT(err_, HasSubstr("sarif belongs to sql"));
  EXPECT_EQ(Sql({"split", "--dialect", "postgresql-15", "-o", "sarif", script}), 2);
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", "-o", "yaml", script}), 2);
}

TEST_F(SqlTest, ErrorsNameTheFileThePlaceAndWhatToDo) {
  struct {
    std::vector<std::string> words;
    int code;
    const char* text;
  } cases[] = {
      {{"--dialect", "oracle", "-"}, 2, "--dialect: "},
      {{"--dialect", "postgresql-15", "--server-version", "x", "-"}, 2, "--server-version: "},
      {{"--dialect", "postgresql-15", "--server-version", "16.1", "-"}, 2, "contradicts"},
      {{"--dialect", "mysql-8.0", "--server-version", "8.4.2", "-"},
       2,
       "--server-version 8.4.2 contradicts --dialect mysql-8.0"},
      {{"--dialect", "mysql", "--server-version", "10.11.6-MariaDB", "-"},
       2,
       "--server-version 10.11.6-MariaDB contradicts --dialect mysql;"},
      {{"--dialect", "activerecord-php", "--embedded", "mariadb-10.6", "--server-version",
        "10.11.6", "-"},
       2,
       "--server-version 10.11.6 contradicts --embedded mariadb-10.6"},
      {{"--dialect", "postgresql-15", "--embedded", "mysql", "-"}, 2, "--embedded names the SQL"},
      {{"--dialect", "mysql", "--sql-mode", "a;b", "-"}, 2, "SELECT @@sql_mode"},
      {{"--dialect", "mysql", "-e", "", "-"}, 2, "--environment is empty"},
      {{"--dialect", "postgresql-15", folder_ + "/none.sql"}, 1, "none.sql"},
      {{"--dialect", "postgresql-15", folder_}, 1, "is a folder"},
      {{"--dialect", "postgresql-15", "--config", folder_ + "/none.yaml", "-"}, 1, "none.yaml"},
      {{"--dialect", "postgresql-15"}, 2, "FILE"},
      {{"-"}, 2, "--dialect"},
  };
  for (const auto& c : cases) {
    std::vector<std::string> words = c.words;
    words.insert(words.begin(), "lint");
    EXPECT_EQ(Sql(words, "SELECT 1"), c.code) << c.text << err_;
    EXPECT_THAT(err_, HasSubstr(c.text));
  }
  const std::string broken = Write("broken.sql", "SELECT 1;\nSELECT 'a");
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", broken}), 2);
  EXPECT_THAT(err_, HasSubstr("broken.sql: line 2, column 8"));
  const std::string config = Write("bad.yaml", "rules:\n  dbf-nothing: {severity: off}\n");
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", "--config", config, "-"}, "SELECT 1"), 2);
  EXPECT_THAT(err_, HasSubstr("bad.yaml:2:3: "));
}

TEST_F(SqlTest, TheDialectIsPrintedAsItWasGiven) {
  for (const auto& [dialect, version, printed] :
       std::vector<std::array<std::string, 3>>{{"mysql-8.0", "", "mysql-8.0"},
                                               {"mysql-8", "", "mysql-8"},
                                               {"mariadb-11.0", "", "mariadb-11.0"},
                                               {"mysql-8.0", "8.0.36", "mysql-8.0.36"},
                                               {"mysql", "8.0", "mysql-8.0"},
                                               {"postgresql-15", "15.4", "postgresql-15.4"}}) {
    std::vector<std::string> words = {"classify", "--dialect", dialect, "-o", "jsonl", "-"};
    if (!version.empty()) words.insert(words.end(), {"--server-version", version});
    ASSERT_EQ(Sql(words, "SELECT 1"), 0) << err_;
    EXPECT_EQ(Parsed()["dialect"], printed);
  }
}

TEST_F(SqlTest, SarifTellsOfFilesThatWereNotRead) {
  const std::string good = Write("good.sql", "SELECT 1;");
  const std::string broken = Write("broken.sql", "SELECT 1;\nSELECT 'a");
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", "-o", "sarif", good}), 0);
  EXPECT_EQ(Parsed()["runs"][0]["invocations"][0]["executionSuccessful"], true);
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", "-o", "sarif", good, broken}), 2);
  const json invocation = Parsed()["runs"][0]["invocations"][0];
  EXPECT_EQ(invocation["executionSuccessful"], false);
  EXPECT_THAT(invocation["toolExecutionNotifications"][0]["message"]["text"].get<std::string>(),
              HasSubstr("broken.sql: line 2, column 8"));
}

TEST_F(SqlTest, WhatIsSaidBehindTheLastStatementIsNotLost) {
  const std::string up = Write("0008_drop.up.sql",
                               "DROP TABLE app.t; -- dbfleet:irreversible it was empty\n"
                               "-- dbfleet:ignore dbf-drop-table it is meant\n");
  ASSERT_EQ(Sql({"lint", "--dialect", "postgresql-15", "-o", "json", up}), 0);
  std::map<std::string, json> findings;
  const json statements = Parsed();
  for (const json& finding : statements[0]["findings"]) findings[finding["rule"]] = finding;
  EXPECT_EQ(findings.count("dbf-missing-down"), 0u);
  ASSERT_EQ(findings.count("dbf-ignore-unused"), 1u);
  EXPECT_THAT(findings["dbf-ignore-unused"]["message"].get<std::string>(),
              HasSubstr("behind the last statement"));
  EXPECT_EQ(findings["dbf-drop-table"]["ignored"], false);
}

TEST_F(SqlTest, ABadFileDoesNotHideTheOthers) {
  const std::string good = Write("good.sql", "SELECT 1;");
  EXPECT_EQ(
      Sql({"classify", "--dialect", "postgresql-15", "-o", "json", folder_ + "/no.sql", good}), 1);
  EXPECT_EQ(Parsed().size(), 1u);
}

TEST_F(SqlTest, SarifCountsCharactersAndJsonBytes) {
  const std::string kSql = "SELECT '\xc3\xa9'; /* \xe2\x82\xac */ DELETE FROM t;";
  for (const auto& [dialect, text, bytes, characters] :
       std::vector<std::tuple<std::string, std::string, int, int>>{
           {"mysql-8.0", kSql, 24, 21},
           {"mysql-8.0", "SELECT 1;\n" + kSql, 24, 21},
           {"activerecord-php", "<?php $a = '\xc3\xa9'; DB::delete('DELETE FROM t');", 18, 17}}) {
    const std::vector<std::string> words = {"lint", "--dialect", dialect, "-", "-o"};
    auto with = [&](const char* form) {
      std::vector<std::string> all = words;
      all.emplace_back(form);
      EXPECT_EQ(Sql(all, text), 0) << err_;
      return Parsed();
    };
    EXPECT_EQ(with("json").back()["column"], bytes) << text;
    for (const json& result : with("sarif")["runs"][0]["results"]) {
      EXPECT_EQ(result["locations"][0]["physicalLocation"]["region"]["startColumn"], characters)
          << text;
    }
  }
}

TEST_F(SqlTest, TheHelpNamesTheFormsThatThereAre) {
  ASSERT_EQ(Sql({"classify", "--help"}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("table|wide|json|jsonl|sarif"), Not(HasSubstr("yaml"))));
}

TEST_F(SqlTest, EachBadFileIsNamed) {
  const std::string broken = Write("broken.sql", "SELECT 'a");
  const std::string missing = folder_ + "/no.sql";
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", missing, broken}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("no.sql: No such file"), HasSubstr("broken.sql: line 1")));
  EXPECT_THAT(err_, Not(HasSubstr("0 statements")));
  EXPECT_EQ(Sql({"classify", "--dialect", "postgresql-15", missing}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", missing, Write("good.sql", "SELECT 1")}), 1);
  EXPECT_THAT(err_, HasSubstr("1 statement,"));
}

TEST_F(SqlTest, AVersionThatTheDialectNeverHadIsRefused) {
  for (const auto& [dialect, version] :
       std::vector<std::pair<std::string, std::string>>{{"mysql", "10.11.6"},
                                                        {"mariadb", "8.0.36"},
                                                        {"postgresql", "10.11.6-MariaDB"},
                                                        {"mysql", "5.5.62"},
                                                        {"redis", "2.8"}}) {
    EXPECT_EQ(Sql({"classify", "--dialect", dialect, "--server-version", version, "-"}, "SELECT 1"),
              2)
        << dialect << " " << version;
    EXPECT_THAT(err_, HasSubstr("--server-version: ")) << dialect;
  }
  EXPECT_EQ(Sql({"classify", "--dialect", "activerecord-php", "--embedded", "mysql",
                 "--server-version", "10.11.6", "-"},
                "DB::select('SELECT 1');"),
            2);
  for (const auto& [dialect, version] : std::vector<std::pair<std::string, std::string>>{
           {"mysql", "5.7"}, {"mariadb", "10"}, {"postgresql", "150004"}, {"redis", "7.0.15"}}) {
    EXPECT_EQ(Sql({"classify", "--dialect", dialect, "--server-version", version, "-"}, ""), 0)
        << dialect << " " << err_;
  }
}

TEST_F(SqlTest, AMigrationWithoutItsWayBackIsFound) {
  const std::string up =
      Write("0007_add.up.sql", "ALTER TABLE app.t ADD COLUMN IF NOT EXISTS a int;");
  ASSERT_EQ(Sql({"lint", "--dialect", "postgresql-15", up}), 0);
  EXPECT_THAT(out_, HasSubstr("dbf-missing-down"));
  EXPECT_THAT(out_, HasSubstr("> write 0007_add.down.sql, a section"));
  Write("0007_add.down.sql", "ALTER TABLE app.t DROP COLUMN a;");
  ASSERT_EQ(Sql({"lint", "--dialect", "postgresql-15", up, folder_ + "/0007_add.down.sql"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("dbf-missing-down")));
  EXPECT_THAT(out_, Not(HasSubstr("dbf-drop-column")));  // That is what it is for.
}

TEST_F(SqlTest, AWayBackInAFileOfItsOwnTakesAwayNoMoreThanItsVersionMade) {
  Write("0008_q.up.sql", "ALTER TABLE app.customers ADD COLUMN q int;");
  const std::string down =
      Write("0008_q.down.sql",
            "ALTER TABLE app.customers DROP COLUMN q;\nALTER TABLE app.customers DROP COLUMN z;\n"
            "DROP TABLE app.customers;");
  ASSERT_EQ(Sql({"lint", "--dialect", "postgresql-15", down}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("dropping app.customers.q")));
  EXPECT_THAT(out_, HasSubstr("dropping app.customers.z"));
  EXPECT_THAT(out_, HasSubstr("DROP TABLE app.customers loses its rows"));
  // Without its way there nothing is known to be its own.
  const std::string alone = Write("0009_r.down.sql", "ALTER TABLE app.customers DROP COLUMN r;");
  ASSERT_EQ(Sql({"lint", "--dialect", "postgresql-15", alone}), 0);
  EXPECT_THAT(out_, HasSubstr("dropping app.customers.r"));
}

TEST_F(SqlTest, NothingIsSaidOfTheEndOfAFileThatIsNotReadToItsEnd) {
  EXPECT_EQ(Sql({"lint", "--dialect", "postgresql-15", "-"},
                "BEGIN;\nDELETE FROM app.t;\nSELECT 1 \\r\nCOMMIT;\n"),
            2);
  EXPECT_THAT(out_, HasSubstr("dbf-no-where"));
  EXPECT_THAT(out_, Not(HasSubstr("dbf-uncommitted-transaction")));
}

TEST_F(SqlTest, FindingsFitTheTerminal) {
  std::vector<std::string> words = {"sql", "lint", "--dialect", "postgresql-15", "-"};
  RunCli(words, "CREATE INDEX ON app.orders (customer_id)", /*terminal=*/true);
  for (absl::string_view line : absl::StrSplit(out_, '\n')) {
    EXPECT_LE(DisplayWidth(line), 60u) << line;
  }
  EXPECT_THAT(err_, HasSubstr("1 statement, 1 of them destructive"));
}

TEST_F(SqlTest, TheClassIsShownHoweverNarrowTheTerminal) {
  const std::string file = Write("a_name_so_long_that_it_takes_the_whole_line_of_a_terminal.sql",
                                 "DROP TABLE app.orders;");
  RunCli({"sql", "classify", "--dialect", "postgresql-15", file}, "", /*terminal=*/true);
  EXPECT_THAT(out_, HasSubstr("  destructive  schema"));
  EXPECT_THAT(out_, HasSubstr("\n    DROP TABLE app.orders\n"));
  EXPECT_THAT(out_, HasSubstr("\n    > "));
}

// So many that the table is written in parts: it is as one table all the same.
TEST_F(SqlTest, EveryStatementOfALongScriptIsInTheTable) {
  constexpr size_t kStatements = 25'001;
  std::string sql;
  for (size_t i = 0; i < kStatements; ++i) absl::StrAppend(&sql, "SELECT ", i, ";\n");
  ASSERT_EQ(Sql({"split", "--dialect", "mysql-8.0", "-"}, sql), 0);
  const std::vector<std::string> lines = absl::StrSplit(out_, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), kStatements + 1);
  EXPECT_THAT(lines[0], StartsWith("PLACE"));
  for (size_t i = 0; i < kStatements; ++i) {
    ASSERT_THAT(lines[i + 1], StartsWith(absl::StrCat("-:", i + 1, ":1 ")));
    ASSERT_THAT(lines[i + 1], EndsWith(absl::StrCat(" SELECT ", i)));
  }
}

TEST_F(SqlTest, AReasonIsNeverCut) {
  RunCli({"sql", "classify", "--dialect", "postgresql-15", "-"},
         "UPDATE app.orders SET note = 1 WHERE id = 7", /*terminal=*/true);
  EXPECT_THAT(out_, HasSubstr("UPDATE changes data"));
  for (absl::string_view line : absl::StrSplit(out_, '\n')) {
    EXPECT_LE(DisplayWidth(line), 60u) << line;
  }
}

TEST_F(SqlTest, ALongStatementDoesNotPushTheReasonsAway) {
  const std::string sql = "UPDATE app.orders SET note = 1 WHERE id IN (" +
                          absl::StrJoin(std::vector<int>(100, 7), ", ") + ")";
  ASSERT_EQ(Sql({"classify", "--dialect", "postgresql-15", "-"}, sql), 0);
  for (absl::string_view line : absl::StrSplit(out_, '\n')) EXPECT_LE(DisplayWidth(line), 160u);
  EXPECT_THAT(out_, HasSubstr("UPDATE changes"));
}

// With a backslash that escapes nothing, a second statement stands where a string seemed to be.
TEST_F(SqlTest, AMisspeltModeIsRefusedAndNotTakenForNone) {
  const std::string file = Write("bs.sql", "SELECT 'a\\'; DROP TABLE x; -- ';");
  const std::vector<std::string> start = {"classify",    "--dialect", "mysql-8.0", "--fail-on",
                                          "destructive", file,        "--sql-mode"};
  std::vector<std::string> right = start;
  right.push_back("STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES");
  EXPECT_EQ(Sql(right), 5);
  std::vector<std::string> wrong = start;
  wrong.push_back("STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPE");
  EXPECT_EQ(Sql(wrong), 2);
  EXPECT_THAT(err_, HasSubstr("\"NO_BACKSLASH_ESCAPE\" is no mode"));
  EXPECT_EQ(Sql({"classify", "--dialect", "postgresql-15", "--sql-mode", "ANSI", file}), 2);
}

TEST_F(SqlTest, TheTableShowsTheStatementAndNotTheCommentsBeforeIt) {
  const std::string file = Write("a.sql",
                                 "-- what for\n/* and\n why */ # more\nDROP TABLE t;\n"
                                 "/*!50000 DROP TABLE u */;\n-- the end\n");
  ASSERT_EQ(Sql({"classify", "--dialect", "mariadb-10.11", file}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("what for")));
  EXPECT_THAT(out_, HasSubstr("  DROP TABLE t"));
  EXPECT_THAT(out_, HasSubstr("/*!50000 DROP TABLE u */"));
  // PostgreSQL's comments nest, and "#" is an operator.
  const std::string nested = Write("b.sql", "/* a /* b */ c */ SELECT 5;\nSELECT # 7;\n");
  ASSERT_EQ(Sql({"split", "--dialect", "postgresql-15", nested}), 0);
  EXPECT_THAT(out_, HasSubstr("  SELECT 5"));
  EXPECT_THAT(out_, Not(HasSubstr("c */")));
}

TEST(WrappedTest, WordsStayWhole) {
  EXPECT_EQ(Wrapped("aa bb cc", 2, 7), "  aa bb\n  cc\n");
  EXPECT_EQ(Wrapped("aa bb cc", 2, 0), "  aa bb cc\n");
  EXPECT_EQ(Wrapped("abcdefghij k", 1, 5), " abcdefghij\n k\n");
  EXPECT_EQ(Wrapped("", 1, 5), "");
}

}  // namespace
}  // namespace dbfleet::cli
