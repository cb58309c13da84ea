#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"

#include "tests/unit/controller/cli/cli_fixture.h"

// No secret comes out of `dbfleet sql`: whatever the statement, the quotes, the answer's form, and
// whether the server would take it.
namespace dbfleet::cli {
namespace {

constexpr absl::string_view kSecret = "Zq7hunter9X";

// In each, <S> stands for a secret in quotes of all kinds, <T> for one in those of texts: where in
// other quotes it would be a name, and rightly shown. @@ is one without any.
constexpr absl::string_view kMySql[] = {
    "CREATE USER a IDENTIFIED BY <S>",
    "CREATE USER 'a'@'h' IDENTIFIED BY PASSWORD <S>",
    "CREATE USER a IDENTIFIED BY PASSWORD *@@",
    "CREATE USER a IDENTIFIED BY @@-x",
    "CREATE USER a IDENTIFIED VIA ed25519 USING <S>",
    "CREATE USER a IDENTIFIED WITH mysql_native_password AS <S>",
    "ALTER USER a IDENTIFIED BY 'x' REPLACE <S>",
    "ALTER USER a PASSWORD <S>",
    "GRANT ALL ON *.* TO a IDENTIFIED BY <S>",
    "SET PASSWORD = <S>",
    "SET PASSWORD FOR a@h = PASSWORD(<S>)",
    "SET PASSWORD FOR 'a'@'h' TO <S>",
    "SET GLOBAL wsrep_sst_auth = <S>",
    "SET GLOBAL wsrep_sst_auth = 'root:@@'",
    "SET GLOBAL something = <S>",
    "SET @x = <S>",
    "SET @x := CONCAT('a', <S>)",
    "SET GLOBAL replicate_password = @@",
    "replicate_password = @@",
    "replicate_password=<S>",
    "CHANGE MASTER TO MASTER_PASSWORD = <S>",
    "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = <S>, SOURCE_HOST = 'h'",
    "START SLAVE USER = 'a' PASSWORD = <S>",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h', PASSWORD <S>)",
    "ALTER SERVER s OPTIONS (USER <S>)",
    "EXECUTE IMMEDIATE CONCAT('ALTER USER a IDENTI', 'FIED BY ', <S>)",
    "EXECUTE IMMEDIATE 'CREATE USER a IDENTIFIED BY ''@@'''",
    "PREPARE s FROM 'SET PASSWORD = ''@@'''",
    "CALL make_user('a', <S>)",
    "DO make_user('a', <S>)",
    "SELECT AES_ENCRYPT('a', <T>)",
    "SELECT aes_decrypt(a, <T>) FROM t",
    "SELECT aes_encrypt(a, x'@@') FROM t",
    "UPDATE t SET a = DES_ENCRYPT('a', <T>)",
    "SELECT ENCODE(a, <T>) FROM t",
    "INSERT INTO users (name, pin) VALUES ('a', <T>)",
    "INSERT INTO users (name, user_pw) VALUES ('a', <T>)",
    "INSERT INTO users (name, apiKey, api_key) VALUES ('a', 'b', <T>)",
    "UPDATE users SET token = <S> WHERE id = 1 OR 1 = 1",
    "UPDATE users SET pass = <S>",
    "SELECT * FROM users WHERE pwd = <S> OR 'a' = 'a'",
    "INSERT INTO t VALUES ('{\"pin\": \"@@\"}')",
    "INSERT INTO t VALUES ('pw=@@')",
    "INSERT INTO t VALUES ('{\"user_pass\" : \"@@\"}')",
    "CREATE TABLE t (a int) ENGINE=FEDERATED CONNECTION='mysql://u:@@@h/d/t'",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET PASSWORD = <T>",
    "CREATE PROCEDURE p() BEGIN SET @x = <T>; CALL q(<T>); END",
    "INSTALL PLUGIN p SONAME <S>",
    "CLONE INSTANCE FROM 'u'@'h':3306 IDENTIFIED BY <S>",
    "LOAD DATA INFILE <S> INTO TABLE t",
    "HANDLER t READ k = (<S>)",
    "SELCT <T>",
    "SET PASSWORD @@",
    "CREATE USER a IDENTIFIED BY '@@",
    "SELECT 1; SET PASSWORD = <S>",
    "/*!50003 CREATE USER a IDENTIFIED BY <S> */",
    "SELECT 1 -- password: @@",
    "SELECT 1 /* pwd @@ */",
    "SELECT * FROM t WHERE a = 'Bearer @@'",
    "CREATE TABLE t (a int) ENGINE=SPIDER COMMENT='srv \"x\", pwd \"@@\"'",
    "ALTER TABLE t COMMENT='pwd \"@@\"'",
};
constexpr absl::string_view kPostgres[] = {
    "CREATE ROLE a PASSWORD <S>",
    "CREATE ROLE a ENCRYPTED PASSWORD <S> VALID UNTIL 'infinity'",
    "ALTER ROLE a PASSWORD @@",
    "ALTER ROLE a SET my.x TO <S>",
    "ALTER DATABASE d SET my.x = <S>",
    "ALTER SYSTEM SET my.x TO <S>",
    "ALTER FUNCTION f() SET my.x = <S>",
    "SET my.secret TO @@",
    "SET my.x TO <S>",
    "SET LOCAL my.x = 'a', <S>",
    "SET my.pw @@",
    "SELECT set_config('my.pw', <T>, false)",
    "SELECT set_config('my.x', <T>, false)",
    "COPY t FROM PROGRAM 'curl -u u:@@ http://h'",
    "COPY (SELECT 1) TO PROGRAM <S>",
    "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host <S>)",
    "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'a', password <S>)",
    "ALTER USER MAPPING FOR a SERVER s OPTIONS (SET x <S>)",
    "ALTER FOREIGN DATA WRAPPER w OPTIONS (ADD x <S>)",
    "CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (x <S>)",
    "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y OPTIONS (z <S>)",
    "CREATE SUBSCRIPTION s CONNECTION <S> PUBLICATION p",
    "ALTER SUBSCRIPTION s CONNECTION 'host=h password=@@'",
    "SELECT * FROM dblink(<S>, 'SELECT 1') t(a int)",
    "SELECT dblink_exec(<S>, 'SELECT 1')",
    "SELECT pgp_sym_encrypt('a', <T>)",
    "SELECT crypt(<S>, gen_salt('bf'))",
    "DO 'BEGIN PERFORM f(''@@''); END'",
    "DO $x$ BEGIN PERFORM f('@@'); END $x$",
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''@@'''",
    "CREATE FUNCTION f(a text DEFAULT <T>) RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "PREPARE p AS SELECT f(<S>)",
    "EXECUTE p(<S>)",
    "EXPLAIN EXECUTE p(<S>)",
    "CALL p(<S>)",
    "NOTIFY c, <S>",
    "SECURITY LABEL FOR x ON ROLE a IS <S>",
    "SELECT f(<T>) PASSWORD <T>",
    "INSERT INTO users (a, pin) VALUES ('a', <T>)",
    "UPDATE users SET passphrase = <S> WHERE id = 1",
    "\\connect \"host=h password=@@\"",
    "SELECT 1 FROM t WHERE a = E'pw=@@'",
    "CREATE RULE r AS ON INSERT TO t DO ALSO NOTIFY c, <T>",
    "COMMENT ON ROLE a IS 'password @@'",
};
constexpr absl::string_view kRedis[] = {
    "AUTH <S>",
    "\"AUTH @@\"",
    "'AUTH @@' x",
    "AUTH a <S>",
    "HELLO 3 AUTH a <S>",
    "HELLO 3 @@",
    "ACL SETUSER a on >@@",
    "ACL SETUSER a \"on >@@\"",
    "\"ACL SETUSER a >@@\"",
    "ACL \"SETUSER a >@@\"",
    "ACL SETUSER a @@",
    "ACL SETUSER a #@@",
    "CONFIG SET requirepass <S>",
    "CONFIG SET unknown <S>",
    "CONFIG \"SET requirepass @@\"",
    "CONFIG SET \"requirepass @@\"",
    "EVAL \"redis.call('CONFIG','SET','requirepass','@@')\" 0",
    "EVAL \"redis.call('CONFIG','SET','masterauth',ARGV[1])\" 0 <S>",
    "EVALSHA 0123456789012345678901234567890123456789 0 <S>",
    "SCRIPT LOAD \"redis.call('AUTH','@@')\"",
    "FUNCTION LOAD \"#!lua name=x\\nlocal p='@@'\"",
    "FCALL f 0 <S>",
    "SENTINEL SET m auth-pass <S>",
    "COMMAND GETKEYS ACL SETUSER a ><S>",
    "COMMAND GETKEYSANDFLAGS CONFIG SET requirepass <S>",
    "SENTINEL CONFIG SET sentinel-pass <S>",
    "SENTINEL CONFIG SET x <S>",
    "MIGRATE h 6379 k 0 1000 AUTH <S>",
    "MIGRATE h 6379 k 0 1000 AUTH2 a <S> KEYS k",
    "MODULE LOAD /m.so <S>",
    "HSET user:1 name a pin <S>",
    "HSET user:1 pw <S>",
    "HSET user:1 apiKey <S>",
    "SET user:1:token <S>",
    "SET k '{\"pass\": \"@@\"}'",
    "SET url redis://:@@@h",
    "NOSUCH.COMMAND <S>",
    "AUTH \"@@",
};
constexpr absl::string_view kPhp[] = {
    "<?php $db = mysqli_connect('h', 'u', <S>, 'd');",
    "<?php $db = new mysqli('h', 'u', <S>);",
    "<?php $db = new PDO('mysql:host=h', 'u', <S>);",
    "<?php $db = pg_connect('host=h ' . <S>);",
    "<?php $redis->auth(<S>);",
    "<?php $redis->connect('h', 6379); $redis->auth(['u', <S>]);",
    "<?php $db->query('ALTER USER a ident' . \"ified by '@@'\");",
    "<?php $db->query(\"ALTER USER a identified by '\" . <S> . \"'\");",
    "<?php $db->query(\"SET GLOBAL x = '@@'\");",
    "<?php User::create(['name' => 'a', 'pin' => <S>]);",
    "<?php User::create(array('pass' => <S>));",
    "<?php $x = `mysql -p@@ -e 'SELECT 1'`;",
    "<?php system('mysql -p@@');",
    "<?php User::find_by_sql(\"SELECT * FROM u WHERE pw = '@@' OR 1=1\");",
};
constexpr absl::string_view kRuby[] = {
    "PG.connect(host: 'h', password: <S>)\n",
    "PG.connect('h', 5432, nil, nil, 'd', 'u', <S>)\n",
    "Mysql2::Client.new(host: 'h', username: 'u', password: <S>)\n",
    "ActiveRecord::Base.establish_connection(adapter: 'x', url: <S>)\n",
    "User.create(:password => :@@)\n",
    "User.create(password: :@@)\n",
    "User.create(pin: <S>)\n",
    "User.where(pw: <S>).delete_all\n",
    "redis.auth(<S>)\n",
    "`mysql -p@@ -e 'SELECT 1'`\n",
    "%x(mysql -p@@)\n",
    "system('mysql -p@@')\n",
    "execute(\"ALTER USER a ident\" + \"ified by '@@'\")\n",
    "execute('CREATE USER a IDENTIFIED BY ' + quote(<S>))\n",
    "connection.execute(\"SET GLOBAL x = '@@'\")\n",
    "execute <<~SQL\n  ALTER ROLE a PASSWORD '@@'\nSQL\n",
    "execute(\"UPDATE users SET token = '@@'\")\n",
};

class SqlSecretsTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    env_["DBFLEET_CONFIG"] = folder_ + "/nothing.json";
  }

  // With `all_forms` in every form of an answer; else where the most is said.
  void ExpectHidden(const std::string& dialect, const std::string& statement, bool all_forms) {
    if (!all_forms) return Expect(dialect, "lint", "json", statement);
    for (const char* verb : {"split", "classify", "lint"}) {
      for (const char* form : {"table", "wide", "json", "jsonl", "sarif"}) {
        if (absl::string_view(verb) == "split" && absl::string_view(form) == "sarif") continue;
        Expect(dialect, verb, form, statement);
      }
    }
  }

  void Expect(const std::string& dialect, const std::string& verb, const std::string& form,
              const std::string& statement) {
    RunCli({"sql", verb, "--dialect", dialect, "-o", form, "-"}, statement);
    const std::string shown = absl::AsciiStrToLower(absl::StrCat(out_, err_));
    EXPECT_FALSE(absl::StrContains(shown, absl::AsciiStrToLower(kSecret)))
        << dialect << " " << verb << " -o " << form << ": " << statement << "\n"
        << out_ << err_;
  }

  template <size_t N, size_t M>
  void ExpectAllHidden(const std::string& dialect, const absl::string_view (&statements)[N],
                       const absl::string_view (&quotings)[M], size_t of_texts) {
    for (absl::string_view statement : statements) {
      const bool text = absl::StrContains(statement, "<T>");
      const bool quoted = text || absl::StrContains(statement, "<S>");
      const size_t count = text ? of_texts : quoted ? M : 1;
      for (absl::string_view quotes : absl::MakeConstSpan(quotings).subspan(0, count)) {
        const std::string secret = absl::StrReplaceAll(quotes, {{"@@", kSecret}});
        const std::string filled =
            absl::StrReplaceAll(statement, {{"@@", kSecret}, {"<S>", secret}, {"<T>", secret}});
        ExpectHidden(dialect, filled, quotes == quotings[0]);
      }
    }
  }
};

TEST_F(SqlSecretsTest, OfMySqlAndMariaDb) {
  constexpr absl::string_view kQuotes[] = {"'@@'",       "\"@@\"",   "N'@@'",
                                           "'it''s @@'", "'@@' 'x'", "`@@`"};
  for (const char* dialect : {"mysql", "mariadb"}) ExpectAllHidden(dialect, kMySql, kQuotes, 5);
}

TEST_F(SqlSecretsTest, OfPostgres) {
  constexpr absl::string_view kQuotes[] = {"'@@'",   "E'@@'",    "E'it\\'s @@'", "U&'@@'",
                                           "$$@@$$", "$y$@@$y$", "'x' || '@@'",  "\"@@\""};
  ExpectAllHidden("postgresql", kPostgres, kQuotes, 7);
}

TEST_F(SqlSecretsTest, OfRedis) {
  constexpr absl::string_view kQuotes[] = {"@@", "'@@'", "\"@@\"", "\"a b @@\""};
  ExpectAllHidden("redis", kRedis, kQuotes, 4);
}

TEST_F(SqlSecretsTest, OfPrograms) {
  constexpr absl::string_view kQuotes[] = {"'@@'", "\"@@\""};
  ExpectAllHidden("activerecord-php", kPhp, kQuotes, 2);
  ExpectAllHidden("activerecord-ruby", kRuby, kQuotes, 2);
}

}  // namespace
}  // namespace dbfleet::cli
