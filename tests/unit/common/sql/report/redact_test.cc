#include "common/sql/report/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/rules.h"
#include "common/sql/report/secret_words.h"

namespace dbfleet::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Dialect kMa = Dialect::kMariaDb;
constexpr Dialect kPg = Dialect::kPostgres;
constexpr Dialect kRe = Dialect::kRedis;
constexpr Dialect kPhp = Dialect::kActiveRecordPhp;
constexpr Dialect kRuby = Dialect::kActiveRecordRuby;

std::string Shown(Dialect dialect, absl::string_view text) { return Redact(dialect, text).text; }

// Each holds "hunter2", which nobody may see.
void ExpectHidden(Dialect dialect, std::initializer_list<absl::string_view> texts) {
  for (absl::string_view text : texts) {
    ASSERT_THAT(std::string(text), HasSubstr("hunter2"));
    const Redacted redacted = Redact(dialect, text);
    EXPECT_FALSE(redacted.hidden.empty()) << text;
    EXPECT_THAT(redacted.text, Not(HasSubstr("hunter2"))) << text;
  }
}

void ExpectShown(Dialect dialect, std::initializer_list<absl::string_view> texts) {
  for (absl::string_view text : texts) {
    const Redacted redacted = Redact(dialect, text);
    EXPECT_TRUE(redacted.hidden.empty()) << text;
    EXPECT_EQ(redacted.text, text);
  }
}

TEST(RedactTest, WhatStandsAroundASecretStays) {
  EXPECT_EQ(Shown(kMa, "CREATE USER 'anna'@'localhost' IDENTIFIED BY 'x'"),
            "CREATE USER 'anna'@'localhost' IDENTIFIED BY '***'");
  EXPECT_EQ(Shown(kPg, "ALTER ROLE anna PASSWORD 'x' VALID UNTIL '2030-01-01'"),
            "ALTER ROLE anna PASSWORD '***' VALID UNTIL '***'");
  EXPECT_EQ(Shown(kPg, "ALTER ROLE anna PASSWORD NULL"), "ALTER ROLE anna PASSWORD NULL");
  EXPECT_EQ(Shown(kMa, "SELECT a FROM t WHERE b = 'postgresql://u:p@h/d' AND c = 'x'"),
            "SELECT a FROM t WHERE b = '***' AND c = '***'");
  EXPECT_EQ(Shown(kPg, "\\connect shop me"), "\\connect shop me");
  EXPECT_EQ(Shown(kPg, "\\c postgresql://u:p@h/d"), "\\c ***");
  EXPECT_EQ(Shown(kRe, "AUTH anna x"), "AUTH *** ***");
  EXPECT_EQ(Shown(kRe, "HELLO 3 AUTH anna x SETNAME y"), "HELLO 3 AUTH *** *** SETNAME y");
  EXPECT_EQ(Shown(kRe, "CONFIG SET maxmemory 1gb requirepass x"),
            "CONFIG SET maxmemory 1gb requirepass ***");
}

TEST(RedactTest, AccountsAndServersOfMySql) {
  ExpectHidden(
      kMa,
      {"CREATE USER a IDENTIFIED BY 'hunter2'", "create user a identified by \"hunter2\"",
       "CREATE USER a IDENTIFIED WITH mysql_native_password AS 'hunter2'",
       "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')",
       "ALTER USER a IDENTIFIED BY 'x' REPLACE 'hunter2'",
       "GRANT ALL ON *.* TO a IDENTIFIED BY 'hunter2'",
       "GRANT ALL ON *.* TO a IDENTIFIED BY hunter2", "SET PASSWORD FOR a@b = 'hunter2'",
       "SET PASSWORD = PASSWORD('hunter2')", "SELECT PASSWORD('hunter2')",
       "SELECT OLD_PASSWORD(\"hunter2\")", "SELECT AES_ENCRYPT('x', 'hunter2')",
       "UPDATE t SET a = des_decrypt(b, 'hunter2')", "SELECT ENCODE('x', 'hunter2')",
       "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='hunter2'",
       "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 'hunter2'",
       "START SLAVE USER='a' PASSWORD='hunter2'", "START REPLICA PASSWORD='hunter2'",
       "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'a', PASSWORD 'hunter2')",
       "CREATE OR REPLACE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (SOCKET 'hunter2')",
       "CREATE TABLE f (a int) ENGINE=FEDERATED CONNECTION='mysql://u:hunter2@h/d/t'",
       "CREATE TABLE f (a int) ENGINE=SPIDER COMMENT='password \"hunter2\"'",
       "PREPARE s FROM 'CREATE USER a IDENTIFIED BY \"hunter2\"'",
       "/*!50003 CREATE USER a IDENTIFIED BY 'hunter2' */", "SET GLOBAL x_secret = 'hunter2'",
       "CREATE USER a IDENTIFIED BY /* was 'hunter2' */ 'x'", "SELECT 1 -- password: hunter2\n",
       "SELECT 1 /* mysql://u:hunter2@h */ + 1", "SELECT /*+ password hunter2 */ 1",
       "SELECT * FROM t WHERE 'hunter2' = password",
       "INSERT INTO users (name, password) VALUES ('bob', 'hunter2')",
       "INSERT INTO t VALUES ('{\"api_key\": \"hunter2\"}')",
       // Where a string ends is not known, and "\\'" may be its end.
       "SELECT 'a\\', password, 'hunter2' -- '", "/*!99999 ' */ SET PASSWORD = 'hunter2' -- ' */",
       "CREATE USER a IDENTIFIED BY 'hunter2"});
}

// The first line of a dump says nothing of the statement behind it.
TEST(RedactTest, ACommentForNoServerIsAComment) {
  ExpectShown(kMa, {"/*M!999999\\- enable the sandbox mode */ \n/*!40101 SET @OLD=@@SQL_MODE */",
                    "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */",
                    "CREATE DEFINER=`root`@`localhost` PROCEDURE p() SELECT 1",
                    "/*!999999 x */DROP TABLE t", "/*!80000 x */ /*!80001 y */ DROP TABLE t"});
  ExpectHidden(
      kMa,
      {"/*!999999 password hunter2 */ DROP TABLE t", "/*!999999 'hunter2' */ SET PASSWORD = 'x'",
       "/*M!999999\\- enable the sandbox mode */ SET PASSWORD = 'hunter2'",
       "/*M!999999 password hunter2 */ SELECT 1", "/*M!999999 it's */ SET PASSWORD = 'hunter2'",
       "CREATE DEFINER=`root`@`localhost` PROCEDURE p() SET x = 'hunter2'"});
}

// A quoted name with such a word is a name, as one without quotes is; columns are no texts.
TEST(RedactTest, NamesOfTablesAndTheirColumns) {
  ExpectShown(kPg, {"CREATE INDEX \"u\" ON \"auth_user\" (\"username\" varchar_pattern_ops)",
                    "CREATE TABLE \"auth_token\" (\"key\" text)",
                    "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES s.\"auth_user\" (\"id\")"});
  ExpectHidden(kPg, {"SELECT 1 FROM t WHERE crypt(\"hunter2\", a) = b",
                     "SELECT 1 FROM t JOIN u ON crypt(\"hunter2\", a) = b",
                     "INSERT INTO \"auth_user\" (\"password\") VALUES ('hunter2')"});
}

TEST(RedactTest, WhatIsSaidMayHoldShownNamesAndOurOwnWords) {
  const Hidden hidden =
      Redact(kPg, "ALTER TABLE \"auth_user\" ADD COLUMN \"bio\" text DEFAULT 'hunter2'").hidden;
  EXPECT_EQ(hidden.Say("SET lock_timeout = '5s' first"), "SET lock_timeout = '5s' first");
  EXPECT_EQ(hidden.Say("write \"auth_user\" and \"bio\""), "write \"auth_user\" and \"bio\"");
  EXPECT_EQ(hidden.Say("write \"auth_user\" DEFAULT 'x' y"), "write \"auth_user\" DEFAULT *** y");
  EXPECT_EQ(hidden.Say("the value hunter2"), "the value ***");
  EXPECT_EQ(hidden.Say("cut off 'x\"auth_user\" y"), "cut off ***");
  // Somebody's own may be the same.
  EXPECT_EQ(Redact(kPg, "ALTER ROLE a PASSWORD '5s'").hidden.Say("is '5s'"), "is ***");
}

TEST(RedactTest, AccountsAndServersOfPostgres) {
  ExpectHidden(kPg,
               {"CREATE ROLE a LOGIN PASSWORD 'hunter2'",
                "CREATE USER a PASSWORD E'hunter2'",
                "ALTER ROLE a ENCRYPTED PASSWORD $$hunter2$$",
                "ALTER ROLE a PASSWORD $x$hunter2$x$",
                "ALTER ROLE a PASSWORD U&'hunter2'",
                "ALTER ROLE a PASSWORD hunter2",
                "ALTER ROLE a PASSWORD 'x'\n'hunter2'",
                "ALTER ROLE a PASSWORD 'it''s hunter2'",
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'a', password 'hunter2')",
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (U&\"\\0070assword\" 'hunter2')",
                "ALTER SERVER s OPTIONS (SET host 'hunter2')",
                "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p",
                "ALTER SUBSCRIPTION s CONNECTION 'postgresql://u:hunter2@h/d'",
                "SELECT * FROM dblink('host=h password=hunter2', 'SELECT 1') t(a int)",
                "SELECT dblink_connect('hunter2')",
                "SELECT pgp_sym_encrypt('x', 'hunter2')",
                "SELECT crypt('hunter2', gen_salt('bf'))",
                "SELECT hmac('x', 'hunter2', 'sha256')",
                "ALTER SYSTEM SET primary_conninfo = 'hunter2'",
                "SELECT set_config('app.secret', 'hunter2', false)",
                "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'''; END $$",
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 'password=hunter2' $x$",
                "SELECT E'\\x70assword=hunter2'",
                "SELECT \"postgresql://u:hunter2@h\"",
                "\\connect \"host=h password=hunter2\"",
                "\\c postgresql://u:hunter2@h/d",
                "\\c 'hunter2'",
                "\\password hunter2!",
                "SELECT 1 /* a /* password */ hunter2 */",
                "COPY t TO PROGRAM 'curl https://u:hunter2@h'"});
}

TEST(RedactTest, RedisByItsArguments) {
  ExpectHidden(kRe, {"AUTH hunter2",
                     "auth a hunter2",
                     "\"AUTH\" \"hunter2\"",
                     "\"\\x41UTH\" hunter2",
                     "'AUTH' 'hunter2'",
                     "HELLO 3 AUTH a \"hunter2\"",
                     "HELLO 3 \"\\x61uth\" a hunter2",
                     "ACL SETUSER a on >hunter2 ~*",
                     "ACL SETUSER a \">hunter2\"",
                     "ACL SETUSER a \"\\x3ehunter2\"",
                     "acl setuser a #hunter2 <hunter2 !hunter2",
                     "CONFIG SET requirepass hunter2",
                     "CONFIG SET \"masterauth\" \"hunter2\"",
                     "CONFIG SET save '' \"\\x72equirepass\" hunter2",
                     "CONFIG SET tls-key-file-pass hunter2",
                     "SENTINEL SET m auth-pass hunter2",
                     "MIGRATE h 6379 k 0 1000 COPY AUTH hunter2 KEYS a",
                     "MIGRATE h 6379 k 0 1000 AUTH2 a hunter2",
                     "SET user:1:password hunter2",
                     "HSET user:1 name x password hunter2",
                     "SET url redis://:hunter2@h",
                     "EVAL \"redis.call('AUTH','hunter2')\" 0",
                     "AUTH \"hunter2"});
  ExpectShown(kRe, {"GET a", "SET a \"b c\"", "CONFIG SET maxmemory 1gb", "ACL WHOAMI", "HELLO 3",
                    "GET user:1:password", "ACL SETUSER a on ~* +@all", "CONFIG GET maxmemory"});
}

TEST(RedactTest, ProgramsByTheirTokens) {
  ExpectHidden(kPhp, {"$db->query(\"ALTER USER a IDENTIFIED BY 'hunter2'\")",
                      "User::create(array('name' => 'x', 'password' => 'hunter2'))",
                      "User::create(['password' => 12, 'a' => 'hunter2'])",
                      "$user->password = 'hunter2'", "DB::connect('mysql://u:hunter2@h/d')",
                      "$db->query('x' /* password hunter2 */)", "$db->query('hunter2"});
  ExpectHidden(kRuby, {"User.where(\"password = 'hunter2'\")", "User.create(password: 'hunter2')",
                       "User.create(:password => \"hunter2\")", "user.update(token: %q(hunter2))",
                       "User.create(\"pass\\word\" => 'hunter2')",
                       "execute(<<~SQL)\n  ALTER ROLE a PASSWORD 'hunter2'\nSQL\n"});
  ExpectShown(kPhp, {"User::find('all', array('conditions' => \"a = 'b'\"))"});
  ExpectShown(kRuby, {"User.where(\"name = 'x'\").first",
                      "ActiveRecord::Base.connection.execute(\"SELECT 'x'\")"});
}

// The statement that says what the values are stands elsewhere.
TEST(RedactTest, ValuesForAStatementThatWasPreparedElsewhere) {
  ExpectHidden(kRuby,
               {"conn.exec_prepared('a', ['hunter2'])", "conn.exec_prepared('a', [5, \"hunter2\"])",
                "conn.send_query_prepared('a', ['hunter2'])", "st.execute('hunter2', 5)",
                "st.execute 'hunter2'"});
  ExpectHidden(kPhp,
               {"$stmt->execute(['hunter2', 5])", "$this->stmt->execute(array('hunter2'))",
                "pg_execute($c, \"a\", array(\"hunter2\"))", "mysqli_stmt_execute($m, ['hunter2'])",
                "$stmt->EXECUTE(['hunter2'])", "$stmt->execute(['show', 'hunter2'])",
                "$db->prepare('UPDATE u SET pw = ?')->execute(['hunter2'])"});
  ExpectShown(kRuby, {"execute(\"DELETE \" \"FROM t WHERE id = 1\")",
                      "connection.execute(\"SELECT 'x'\")", "execute <<~SQL\n  SELECT 'x'\nSQL\n",
                      "execute(sanitize_sql([\"DELETE FROM t WHERE a = ?\", 'x']))"});
  ExpectShown(kPhp, {"$db->prepare('UPDATE u SET a = ?')->execute(['x'])", "$stmt->execute($all)",
                     "$stmt->execute([1, 2])"});
}

TEST(RedactTest, ValuesForAPreparedStatementThatIsKnown) {
  Target target = kPhp;
  target.embedded = kMa;
  const auto shown = [&](absl::string_view sql) {
    Statement statement;
    statement.text = "$stmt->execute(['hunter2', 5])";
    statement.host.prepared["$stmt"] = std::string(sql);
    StatementReport report;
    HideSecrets(target, statement, &report);
    return report.text;
  };
  EXPECT_EQ(shown("UPDATE u SET name = ? WHERE id = ?"), "$stmt->execute(['hunter2', 5])");
  for (absl::string_view sql :
       {"UPDATE u SET pw = ? WHERE id = ?", "SELECT 1 FROM u WHERE token = ?",
        "CREATE USER a IDENTIFIED BY ?", ""}) {
    EXPECT_EQ(shown(sql), "$stmt->execute(['***', 5])") << sql;
  }
}

TEST(RedactTest, TextsThatNameASetting) {
  for (const Dialect dialect : {kMa, kPg}) {
    ExpectHidden(dialect, {"UPDATE wp_options SET option_value = 'hunter2' WHERE option_name = "
                           "'mailserver_pass'",
                           "INSERT INTO cfg (k, v) VALUES ('mailserver_pass', 'hunter2')",
                           "INSERT INTO cfg VALUES ('a', 'b'), ('smtp/auth/pw', 'hunter2')",
                           "UPDATE cfg SET v = 'hunter2' WHERE k = 'card.pin'",
                           "UPDATE cfg SET v = 'hunter2' WHERE k LIKE 'mail%pass'",
                           "UPDATE cfg SET v = 'hunter2' WHERE k = 'mail[pass]'",
                           "UPDATE cfg SET v = 'hunter2' WHERE k = 'smtpAuth'",
                           "UPDATE cfg SET v = 'hunter2' WHERE k = N'pass'"});
    ExpectShown(dialect, {"UPDATE t SET v = 'b' WHERE k = 'passenger_name'",
                          "INSERT INTO t VALUES ('bypass', 'pinned', 'author', 'x')",
                          "UPDATE t SET v = 'b' WHERE k = 'did not pass the test'"});
  }
  ExpectHidden(kPhp, {"$db->query(\"UPDATE o SET v = 'hunter2' WHERE k = 'mailserver_pass'\")"});
}

TEST(RedactTest, WhatAProgramConnectsWithIsHidden) {
  ExpectHidden(
      kPhp,
      {"R::setup('mysql:host=x;dbname=y', 'user', 'hunter2')", "R::setup($dsn, 'user', 'hunter2')",
       "R::addDatabase('b', 'mysql:host=x', 'user', 'hunter2')", "$client->authenticate('hunter2')",
       "$client->auth('hunter2')", "foo(new PDO('mysql:host=x', 'user', 'hunter2'))",
       "$this->open('pgsql:host=x', 'user', 'hunter2')", "ftp_login($f, 'user', 'hunter2')",
       "ldap_bind($l, 'cn=x', 'hunter2')"});
  ExpectHidden(kRuby,
               {"store.authenticate(\"hunter2\")", "db.open(\"mysql:host=x\", \"hunter2\")"});
  ExpectShown(kPhp, {"$this->setup('a', 'b')", "User::where('kind', 'mysql')"});
}

TEST(RedactTest, WhatACommentSaysOfAnIgnoredFindingShowsNoSecret) {
  const Hidden hidden = Redact(kMa, "DELETE FROM t").hidden;
  const auto said = [&](Finding finding) {
    hidden.SayFinding(&finding);
    return finding.message + "|" + finding.ignore_reason;
  };
  Finding finding;
  finding.rule_id = "dbf-no-where";
  finding.message = "DELETE \"x\"";
  finding.ignore_reason = "because password=hunter2";
  EXPECT_EQ(said(finding), "DELETE \"x\"|***");
  finding.ignore_reason = "the table is small";
  EXPECT_EQ(said(finding), "DELETE \"x\"|the table is small");
  finding.rule_id = "dbf-ignore-unknown-rule";
  finding.ignore_reason = "";
  finding.message = "dbfleet:ignore names \"password=hunter2\", which is no rule";
  EXPECT_EQ(said(finding), "dbfleet:ignore names ***, which is no rule|");
}

// A rule's own words are nobody's secret, in quotes or not.
TEST(RedactTest, WhatARuleSaysOfEachStatementIsShown) {
  const Hidden hidden = Redact(kPg, "DO 'x'").hidden;
  Finding finding;
  finding.rule_id = "dbf-missing-down";
  finding.message = "version 0001 has no way back, \"x\"";
  finding.advice = std::string(FindRule(finding.rule_id)->advice);
  ASSERT_THAT(finding.advice, HasSubstr("\"-- dbfleet:down\""));
  const std::string advice = finding.advice;
  hidden.SayFinding(&finding);
  EXPECT_EQ(finding.advice, advice);
  EXPECT_EQ(finding.message, "version 0001 has no way back, ***");
}

TEST(RedactTest, WhatHoldsNoSecretStaysAsItIs) {
  for (Dialect dialect : {kMa, kPg}) {
    ExpectShown(dialect,
                {"SELECT a FROM t WHERE b = 'x' -- why\n", "UPDATE t SET a = 'it''s' WHERE b = 1",
                 "SELECT password FROM users", "CREATE TABLE users (a int DEFAULT '5')",
                 "SELECT 'http://host:80/x'", "SELECT 'a@b.example'", "START TRANSACTION"});
  }
  ExpectShown(kMa, {"SELECT 'a\\'b'", "SELECT `b` FROM t /*!40101 WHERE a = 'x' */"});
}

TEST(RedactTest, RowsOfTheServersOwnTables) {
  ExpectHidden(kMa, {"INSERT INTO mysql.user VALUES ('localhost','bob','hunter2','Y')",
                     "INSERT INTO `mysql` . `db` VALUES ('hunter2')",
                     "UPDATE mysql.user SET plugin = 'hunter2'",
                     "UPDATE mysql.global_priv SET Priv = 'hunter2'",
                     "REPLACE INTO global_priv VALUES ('localhost', 'bob', 'hunter2')",
                     "INSERT INTO user VALUES ('localhost','bob','hunter2','Y')",
                     "INSERT INTO servers SELECT 's', 'h', 'd', 'u', 'hunter2'",
                     "INSERT INTO mysql.servers VALUES ('s', 'h', 'd', 'u', 'hunter2')",
                     "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'hunter2')",
                     "ALTER USER a IDENTIFIED VIA x USING hunter2 lily",
                     "ALTER USER a IDENTIFIED WITH x USING 'hunter2'"});
  ExpectHidden(kPg, {"INSERT INTO pg_authid VALUES (1, 'x', 'hunter2')",
                     "UPDATE pg_catalog.pg_user_mapping SET umoptions = '{hunter2}'",
                     "UPDATE pg_foreign_server SET srvoptions = '{a=hunter2}'",
                     "INSERT INTO pg_subscription VALUES ('host=h hunter2')"});
  ExpectShown(kMa, {"INSERT INTO user (id, name) VALUES (1, 'x')", "UPDATE user SET name = 'x'",
                    "INSERT INTO shop.user VALUES (1, 'x')", "SELECT mysql, 'x' FROM servers"});
}

TEST(RedactTest, CommandLinesAndClientsCommands) {
  ExpectHidden(kMa, {"system mysql -uroot -phunter2",
                     "SYSTEM mysql hunter2",
                     "source /x/hunter2",
                     "connect db hunter2",
                     "pager less hunter2",
                     "tee hunter2",
                     "mysql -uroot -phunter2 db < x.sql",
                     "/* x */ system a hunter2",
                     "SELECT 1 -- mysql -uroot -phunter2 db\n",
                     "SELECT 1 /* mysql -u root -p'hunter2' */",
                     "SELECT 1 # mysqldump -phunter2\n",
                     "SELECT 'mysql -uroot -phunter2'",
                     "SELECT 1 /* MYSQL_PWD=hunter2 mysql */",
                     "SELECT 1 /* redis-cli -a hunter2 ping */",
                     "SELECT 1 /* curl -u me:hunter2 */",
                     "SELECT 1 /* curl --user me:hunter2 */",
                     "SELECT 1 /* x --pass hunter2 */",
                     "SELECT 1 /* sshpass -p hunter2 ssh h */",
                     "SELECT 1 /* u:hunter2@tcp(h)/d */",
                     "'hunter2' SELECT"});
  ExpectHidden(kPg, {"SELECT 1 -- PGPASSWORD=hunter2 psql\n", "mysql -uroot -phunter2",
                     "SELECT 1 /* psql postgres://u:hunter2@h/d */"});
  ExpectShown(kMa, {"SELECT 1 -- mysql -P 3306 -u root\n", "FLUSH TABLES", "KILL 5",
                    "DESC users name", "BACKUP STAGE START", "SELECT 1 /* a-pb, one-pass */"});
  ExpectShown(kPg, {"ANALYZE users (name)", "LISTEN x", "EXPLAIN (COSTS) SELECT 1"});
  EXPECT_EQ(Shown(kMa, "system mysql -uroot"), "system ***");
}

TEST(RedactTest, WhatLooksLikeAHashOrAKey) {
  for (absl::string_view secret :
       {"*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "$A$005$salthunter2", "SCRAM-SHA-256$4096:x",
        "md5a3556571e93b0d20722ba62be61e8c2d", "$2y$10$abcdefgh", "$argon2id$v=19$x",
        "-----BEGIN PRIVATE KEY-----", "AKIAIOSFODNN7EXAMPLE", "ghp_abcdef", "$6$salt$x"}) {
    const std::string text = absl::StrCat("INSERT INTO t VALUES ('a', '", secret, "')");
    EXPECT_EQ(Shown(kMa, text), "INSERT INTO t VALUES ('***', '***')") << secret;
  }
  ExpectShown(kMa, {"SELECT '*2470C0', 'md5', 'md5a3556571', 'AKIA', 'Slovakian'"});
}

TEST(RedactTest, EachHiddenWordIsHiddenInWhatIsSaid) {
  const Hidden hidden = Redact(kMa, "CREATE USER a IDENTIFIED BY tiger lily").hidden;
  EXPECT_EQ(hidden.Say("it is not understood from LILY on"), "it is not understood from *** on");
  EXPECT_EQ(hidden.Say("it is not understood from TIGER on"), "it is not understood from *** on");
}

TEST(RedactTest, ThePlaceGoesWithTheText) {
  const std::string text = "/* password x */ CREATE USER a IDENTIFIED BY 'y'";
  const Redacted redacted = Redact(kMa, text, text.find("CREATE"));
  EXPECT_EQ(redacted.text.substr(redacted.place, 6), "CREATE");
  const Redacted same = Redact(kMa, "  SELECT 1", 2);
  EXPECT_EQ(same.place, 2u);
}

TEST(RedactTest, WhatIsSaidShowsNothingThatIsHidden) {
  const Hidden hidden = Redact(kMa, "CREATE USER a IDENTIFIED BY 'hunter2'").hidden;
  EXPECT_EQ(hidden.Say("syntax error at or near \"hunt\""), "syntax error at or near ***");
  EXPECT_EQ(hidden.Say("a = 'hunter2' and 'it''s' always holds"), "a = *** always holds");
  EXPECT_EQ(hidden.Say("HUNTER2 cannot stand there"), "*** cannot stand there");
  EXPECT_EQ(hidden.Say("it adds rows"), "it adds rows");
  EXPECT_EQ(hidden.Say("begins with 'hunter"), "begins with ***");
  EXPECT_EQ(hidden.Say("changes the server's accounts"), "changes the server's accounts");
  EXPECT_EQ(hidden.Say("the server's near N's x' now"), "the server's near N*** now");
  EXPECT_EQ(Redact(kMa, "SELECT 1").hidden.Say("near 'x'"), "near 'x'");
}

TEST(RedactTest, ItTakesTimeInProportion) {
  std::string text = "SELECT '";
  for (int i = 0; i < 300000; ++i) text += "://a:";
  EXPECT_FALSE(HoldsUriPassword(text));
  EXPECT_TRUE(Redact(kPg, text + "'").hidden.empty());
}

}  // namespace
}  // namespace dbfleet::sql
