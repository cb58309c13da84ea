#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/mysql/reader.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Of no version, which may have the forms of both servers.
Facts Of(absl::string_view text) {
  const Reading reading = ReadMySql(Target(Dialect::kMariaDb, {}), text);
  EXPECT_TRUE(reading.facts.complete)
      << text << ": " << (reading.verdict.reasons.empty() ? "" : reading.verdict.reasons.back());
  return reading.facts;
}

TEST(FactsTest, CreateTable) {
  const Facts facts = Of(
      "CREATE TABLE IF NOT EXISTS shop.`orders` (\n"
      "  id BIGINT(20) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'it''s',\n"
      "  total DECIMAL(10, 2) DEFAULT 1.5 CHECK (total > 0),\n"
      "  state ENUM('new','paid') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT "
      "'new',\n"
      "  made TIMESTAMP DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n"
      "  token CHAR(36) DEFAULT (uuid()) UNIQUE KEY,\n"
      "  size INT GENERATED ALWAYS AS (length(state)) STORED,\n"
      "  half DOUBLE PRECISION AS (total / 2) VIRTUAL INVISIBLE,\n"
      "  customer INT REFERENCES customers (id) ON DELETE CASCADE,\n"
      "  flags BIT(1) DEFAULT b'1', note TEXT DEFAULT NULL,\n"
      "  KEY idx_state (state, made DESC), UNIQUE INDEX u (token(8)) USING BTREE,\n"
      "  FULLTEXT KEY f (note), KEY e ((lower(state))),\n"
      "  CONSTRAINT fk FOREIGN KEY (customer) REFERENCES shop.customers (id) ON DELETE SET NULL ON "
      "UPDATE CASCADE,\n"
      "  CONSTRAINT positive CHECK (total >= 0)\n"
      ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE utf8mb4_general_ci ROW_FORMAT=DYNAMIC "
      "COMMENT "
      "'x' PARTITION BY HASH (id) PARTITIONS 4");
  EXPECT_EQ(facts.verb, Verb::kCreateTable);
  EXPECT_TRUE(facts.if_not_exists);
  EXPECT_THAT(facts.objects, ElementsAre(Name{"shop", "orders"}));
  ASSERT_EQ(facts.columns.size(), 10u);
  const ColumnFacts& id = facts.columns[0];
  EXPECT_EQ(id.name, "id");
  EXPECT_EQ(id.type, "bigint");
  EXPECT_THAT(id.arguments, ElementsAre("20"));
  EXPECT_TRUE(id.is_unsigned && id.not_null && id.auto_increment && id.primary_key);
  const ColumnFacts& total = facts.columns[1];
  EXPECT_THAT(total.arguments, ElementsAre("10", "2"));
  EXPECT_EQ(total.default_kind, DefaultKind::kConstant);
  EXPECT_EQ(total.default_text, "1.5");
  EXPECT_TRUE(total.check);
  const ColumnFacts& state = facts.columns[2];
  EXPECT_THAT(state.arguments, ElementsAre("new", "paid"));
  EXPECT_EQ(state.charset, "utf8mb4");
  EXPECT_EQ(state.collation, "utf8mb4_bin");
  EXPECT_EQ(state.default_text, "'new'");
  EXPECT_EQ(facts.columns[3].default_kind, DefaultKind::kStable);
  EXPECT_EQ(facts.columns[4].default_kind, DefaultKind::kVolatile);
  EXPECT_TRUE(facts.columns[4].unique);
  EXPECT_TRUE(facts.columns[5].generated_stored);
  EXPECT_TRUE(facts.columns[6].generated_virtual);
  EXPECT_EQ(facts.columns[6].type, "double precision");
  ASSERT_TRUE(facts.columns[7].references.has_value());
  EXPECT_TRUE(facts.columns[7].references->is_inline);
  EXPECT_TRUE(facts.columns[7].references->cascades_delete);
  EXPECT_EQ(facts.columns[8].default_text, "b'1'");
  EXPECT_EQ(facts.columns[9].default_kind, DefaultKind::kNone);
  ASSERT_EQ(facts.indexes.size(), 4u);
  EXPECT_THAT(facts.indexes[0].columns, ElementsAre("state", "made"));
  EXPECT_TRUE(facts.indexes[1].unique);
  EXPECT_THAT(facts.indexes[1].prefixes, ElementsAre("token"));
  EXPECT_FALSE(facts.indexes[1].special);
  EXPECT_TRUE(facts.indexes[2].special);
  EXPECT_THAT(facts.indexes[3].columns, ElementsAre("(lower(state))"));
  ASSERT_EQ(facts.foreign_keys.size(), 1u);
  EXPECT_EQ(facts.foreign_keys[0].name, "fk");
  EXPECT_EQ(facts.foreign_keys[0].parent, (Name{"shop", "customers"}));
  EXPECT_FALSE(facts.foreign_keys[0].cascades_delete);
  EXPECT_TRUE(facts.has_check);
  EXPECT_EQ(facts.engine, "innodb");
  EXPECT_EQ(facts.charset, "utf8mb4");
  EXPECT_EQ(facts.collation, "utf8mb4_general_ci");
}

TEST(FactsTest, CreateTableInItsOtherForms) {
  EXPECT_TRUE(Of("CREATE TABLE a LIKE b").as_query);
  EXPECT_TRUE(Of("CREATE TABLE a (LIKE b)").as_query);
  EXPECT_TRUE(Of("CREATE TABLE a AS SELECT 1").as_query);
  EXPECT_TRUE(Of("CREATE TABLE a (i INT) ENGINE=Aria SELECT 1 AS i").as_query);
  EXPECT_TRUE(Of("CREATE TEMPORARY TABLE a (i INT)").temporary);
  EXPECT_TRUE(Of("CREATE OR REPLACE TABLE a (i INT)").or_replace);
  EXPECT_EQ(Of("CREATE TABLE a (id SERIAL, b NATIONAL VARCHAR(3), c LONG VARCHAR)").columns.size(),
            3u);
  EXPECT_TRUE(Of("CREATE TABLE a (x INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e "
                 "TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH "
                 "SYSTEM VERSIONING")
                  .complete);
  EXPECT_THAT(Of("CREATE TABLE a (" + std::string(65, 'x') + " INT)").long_identifiers,
              ElementsAre(std::string(65, 'x')));
  // Characters, not bytes.
  std::string umlauts;
  for (int i = 0; i < 64; ++i) umlauts += "\xC3\xA4";
  EXPECT_THAT(Of("CREATE TABLE a (" + umlauts + " INT)").long_identifiers, IsEmpty());
}

struct AlterCase {
  absl::string_view text;
  AlterationKind kind;
  absl::string_view name;
  absl::string_view new_name = "";
};

TEST(FactsTest, AlterationsAreTold) {
  using K = AlterationKind;
  for (const AlterCase& c : {
           AlterCase{"ADD a INT", K::kAddColumn, "a"},
           {"ADD COLUMN IF NOT EXISTS a INT NOT NULL AFTER b", K::kAddColumn, "a"},
           {"DROP a", K::kDropColumn, "a"},
           {"DROP COLUMN IF EXISTS `a`", K::kDropColumn, "a"},
           {"MODIFY a BIGINT NOT NULL", K::kModifyColumn, "a"},
           {"CHANGE a b INT", K::kModifyColumn, "a", "b"},
           {"CHANGE COLUMN a a INT FIRST", K::kModifyColumn, "a"},
           {"RENAME COLUMN a TO b", K::kRenameColumn, "a", "b"},
           {"ALTER a SET DEFAULT 5", K::kSetDefault, "a"},
           {"ALTER COLUMN a SET DEFAULT (now())", K::kSetDefault, "a"},
           {"ALTER a DROP DEFAULT", K::kDropDefault, "a"},
           {"ADD INDEX i (a)", K::kAddIndex, "i"},
           {"ADD UNIQUE KEY u (a, b)", K::kAddIndex, "u"},
           {"ADD CONSTRAINT c UNIQUE (a)", K::kAddIndex, "c"},
           {"ADD PRIMARY KEY (a)", K::kAddIndex, ""},
           {"DROP INDEX i", K::kDropIndex, "i"},
           {"DROP KEY IF EXISTS i", K::kDropIndex, "i"},
           {"DROP PRIMARY KEY", K::kDropPrimaryKey, ""},
           {"RENAME INDEX a TO b", K::kRenameIndex, "a", "b"},
           {"ALTER INDEX i IGNORED", K::kIndexVisibility, "i"},
           {"ALTER INDEX i INVISIBLE", K::kIndexVisibility, "i"},
           {"ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (b)", K::kAddForeignKey, "f"},
           {"ADD CHECK (a > 0)", K::kAddCheck, ""},
           {"DROP FOREIGN KEY f", K::kDropConstraint, "f"},
           {"DROP CONSTRAINT c", K::kDropConstraint, "c"},
           {"RENAME TO u", K::kRenameTable, "", "u"},
           {"RENAME u", K::kRenameTable, "", "u"},
           {"ADD PARTITION (PARTITION p VALUES LESS THAN (5))", K::kAddPartition, ""},
           {"DROP PARTITION p", K::kDropPartition, "p"},
           {"TRUNCATE PARTITION p", K::kTruncatePartition, "p"},
           {"REORGANIZE PARTITION p INTO (PARTITION q VALUES LESS THAN (5))",
            K::kReorganizePartition, "p"},
           {"PARTITION BY HASH (a) PARTITIONS 4", K::kReorganizePartition, ""},
           {"REMOVE PARTITIONING", K::kReorganizePartition, ""},
           {"EXCHANGE PARTITION p WITH TABLE u", K::kDetachPartition, "p", "u"},
           {"CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", K::kConvertCharset, "utf8mb4"},
           {"ENGINE = InnoDB", K::kSetEngine, "innodb"},
           {"FORCE", K::kForce, ""},
           {"ROW_FORMAT=DYNAMIC", K::kSetStorage, "ROW_FORMAT"},
           {"DISCARD TABLESPACE", K::kDiscardTablespace, ""},
           {"IMPORT TABLESPACE", K::kSetTablespace, ""},
           {"DISCARD PARTITION p TABLESPACE", K::kDiscardTablespace, "p"},
           {"IMPORT PARTITION p TABLESPACE", K::kCheckPartition, "p"},
           {"ANALYZE PARTITION p", K::kCheckPartition, "p"},
           {"DROP SYSTEM VERSIONING", K::kDropVersioning, ""},
           {"COMMENT = 'x'", K::kOther, "COMMENT"},
           {"DISABLE KEYS", K::kOther, ""},
       }) {
    const Facts facts = Of("ALTER TABLE t " + std::string(c.text));
    ASSERT_EQ(facts.alterations.size(), 1u) << c.text;
    EXPECT_EQ(facts.alterations[0].kind, c.kind) << c.text;
    EXPECT_EQ(facts.alterations[0].name, c.name) << c.text;
    EXPECT_EQ(facts.alterations[0].new_name, c.new_name) << c.text;
    EXPECT_EQ(facts.alterations[0].text, c.text);
  }
}

TEST(FactsTest, SeveralAlterationsInOneStatement) {
  const Facts facts = Of(
      "ALTER ONLINE TABLE s.t ADD (a INT DEFAULT 1, b INT), DROP c, ADD KEY k (a), ENGINE=InnoDB "
      "ROW_FORMAT=COMPRESSED, ALGORITHM=INPLACE, LOCK=NONE");
  EXPECT_THAT(facts.objects, ElementsAre(Name{"s", "t"}));
  ASSERT_EQ(facts.alterations.size(), 6u);
  EXPECT_EQ(facts.alterations[0].column->default_text, "1");
  EXPECT_EQ(facts.alterations[1].name, "b");
  EXPECT_EQ(facts.alterations[3].index->table, (Name{"s", "t"}));
  EXPECT_EQ(facts.algorithm, "inplace");
  EXPECT_EQ(facts.lock, "none");
  EXPECT_EQ(Of("ALTER TABLE t ADD a INT AFTER b").alterations[0].column->position_after, "b");
}

TEST(FactsTest, Indexes) {
  const Facts create =
      Of("CREATE UNIQUE INDEX i USING BTREE ON s.t (a(5), b DESC) ALGORITHM=INPLACE");
  ASSERT_EQ(create.indexes.size(), 1u);
  EXPECT_EQ(create.verb, Verb::kCreateIndex);
  EXPECT_EQ(create.indexes[0].name, "i");
  EXPECT_TRUE(create.indexes[0].unique);
  EXPECT_THAT(create.indexes[0].columns, ElementsAre("a", "b"));
  EXPECT_THAT(create.indexes[0].prefixes, ElementsAre("a"));
  EXPECT_EQ(create.algorithm, "inplace");
  const Facts drop = Of("DROP INDEX IF EXISTS i ON t LOCK=NONE");
  EXPECT_EQ(drop.verb, Verb::kDropIndex);
  EXPECT_TRUE(drop.if_exists);
  EXPECT_EQ(drop.indexes[0].name, "i");
  EXPECT_EQ(drop.indexes[0].table, (Name{"", "t"}));
}

TEST(FactsTest, OtherDefinitions) {
  EXPECT_THAT(Of("RENAME TABLE a TO b, s.c TO s.d").objects,
              ElementsAre(Name{"", "a"}, Name{"", "b"}, Name{"s", "c"}, Name{"s", "d"}));
  EXPECT_THAT(Of("DROP TABLE IF EXISTS a, b CASCADE").objects,
              ElementsAre(Name{"", "a"}, Name{"", "b"}));
  EXPECT_EQ(Of("DROP VIEW v").verb, Verb::kDropView);
  EXPECT_EQ(Of("CREATE DATABASE d CHARACTER SET latin1").charset, "latin1");
  EXPECT_THAT(Of("ALTER DATABASE d COLLATE x").objects, ElementsAre(Name{"", "d"}));
  EXPECT_EQ(Of("DROP SCHEMA d").verb, Verb::kDropSchema);
  const Facts procedure =
      Of("CREATE OR REPLACE DEFINER = 'a'@'%' PROCEDURE s.p(x INT) SQL SECURITY DEFINER SELECT 1");
  EXPECT_EQ(procedure.verb, Verb::kCreateRoutine);
  EXPECT_EQ(procedure.object_type, "procedure");
  EXPECT_TRUE(procedure.has_definer && procedure.or_replace);
  EXPECT_THAT(procedure.objects, ElementsAre(Name{"s", "p"}));
  EXPECT_EQ(Of("CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 1").object_type,
            "trigger");
  EXPECT_EQ(Of("CREATE SEQUENCE s START WITH 5").verb, Verb::kCreateSequence);
  EXPECT_EQ(Of("TRUNCATE TABLE s.t").verb, Verb::kTruncate);
  EXPECT_EQ(Of("SET SESSION lock_wait_timeout = 5").setting, "lock_wait_timeout");
  EXPECT_EQ(Of("SET @@global.read_only = 1").setting, "read_only");
  EXPECT_EQ(Of("SET ROLE admin").setting, "role");
  EXPECT_EQ(Of("START TRANSACTION").verb, Verb::kBegin);
  EXPECT_EQ(Of("COMMIT").verb, Verb::kCommit);
}

TEST(FactsTest, InsertsAreDescribed) {
  const InsertFacts rows =
      Of("INSERT INTO t (a, b) VALUES (1, (2)), (3, lower('x')), (5, 6)").insert;
  EXPECT_TRUE(rows.names_columns);
  EXPECT_EQ(rows.rows, 3);
  EXPECT_FALSE(rows.from_query);
  EXPECT_FALSE(Of("INSERT INTO t VALUES (1)").insert.names_columns);
  EXPECT_TRUE(Of("INSERT INTO t SET a = 1").insert.names_columns);
  const InsertFacts query =
      Of("INSERT INTO t SELECT * FROM s ON DUPLICATE KEY UPDATE a = 1").insert;
  EXPECT_TRUE(query.from_query && query.on_conflict);
  EXPECT_EQ(query.rows, 0);
  EXPECT_TRUE(Of("REPLACE t VALUES (1)").insert.replaces);
  EXPECT_TRUE(
      Of("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)").insert.on_conflict);
  EXPECT_EQ(Of("LOAD DATA INFILE 'x' REPLACE INTO TABLE t (a, b)").verb, Verb::kCopy);
}

TEST(FactsTest, UpdatesAndDeletesAreDescribed) {
  const Facts bare = Of("UPDATE t SET a = (SELECT b FROM s WHERE c = 1)");
  EXPECT_TRUE(bare.query.unguarded_write);
  EXPECT_THAT(bare.objects, ElementsAre(Name{"", "t"}));
  EXPECT_FALSE(Of("UPDATE t SET a = 1 WHERE b = 2").query.unguarded_write);
  const Facts limited = Of("DELETE FROM s.t WHERE a = 1 ORDER BY b LIMIT 5");
  EXPECT_TRUE(limited.has_limit && limited.has_order_by);
  EXPECT_FALSE(limited.query.unguarded_write);
  EXPECT_THAT(limited.objects, ElementsAre(Name{"s", "t"}));
  EXPECT_TRUE(Of("DELETE FROM t").query.unguarded_write);
  EXPECT_TRUE(Of("DELETE a, b FROM a LEFT JOIN b USING (i)").query.unguarded_write);
  EXPECT_TRUE(Of("WITH x AS (SELECT 1 FROM y WHERE z = 1) DELETE FROM t").query.unguarded_write);
  EXPECT_TRUE(Of("DELETE HISTORY FROM t").query.unguarded_write);
}

TEST(FactsTest, APortionOfAPeriodIsNoTableAndPicksRows) {
  for (absl::string_view text :
       {"UPDATE shop.t FOR PORTION OF p FROM '2000-01-01' TO '2001-01-01' SET a = 1",
        "DELETE FROM shop.t FOR PORTION OF `p` FROM '2000-01-01' TO curdate() ORDER BY a"}) {
    const Reading reading = ReadMySql(Target(Dialect::kMariaDb, {10, 11, 19}), text);
    EXPECT_TRUE(reading.verdict.understood) << text << ": " << reading.verdict.doubt;
    EXPECT_EQ(reading.verdict.safety, Safety::kDestructive) << text;
    EXPECT_FALSE(reading.facts.query.unguarded_write) << text;
    EXPECT_THAT(reading.verdict.uses, ElementsAre(testing::Field(&ObjectUse::name, "shop.t")))
        << text;
  }
  EXPECT_THAT(Of("UPDATE t FOR PORTION OF p FROM 1 TO 2 SET a = b").query.written_columns,
              ElementsAre("a"));
  // MySQL knows no such thing.
  const Reading other =
      ReadMySql(Target(Dialect::kMySql, {8, 0, 40}), "DELETE FROM t FOR PORTION OF p FROM 1 TO 2");
  EXPECT_FALSE(other.verdict.understood);
}

QueryFacts Query(absl::string_view text) { return Of(text).query; }

TEST(FactsTest, PartsOfQueries) {
  const QueryFacts facts =
      Query("SELECT a FROM t WHERE b = 1 GROUP BY c ORDER BY d LIMIT 5 OFFSET 7");
  EXPECT_TRUE(facts.has_from && facts.has_where && facts.has_limit && facts.has_offset);
  EXPECT_TRUE(facts.has_order_by && facts.aggregates);
  EXPECT_FALSE(facts.unbounded_offset);
  EXPECT_EQ(facts.select_depth, 1);
  const QueryFacts inner = Query("SELECT a FROM (SELECT b FROM t WHERE c = 1 LIMIT 5) x");
  EXPECT_FALSE(inner.has_where || inner.has_limit);
  EXPECT_EQ(inner.select_depth, 2);
  EXPECT_FALSE(Query("WITH w AS (SELECT 1 FROM t WHERE a = 1) SELECT * FROM w").has_where);
  EXPECT_TRUE(Query("SELECT 1 FROM t LIMIT 5000, 10").unbounded_offset);
  EXPECT_TRUE(Query("SELECT 1 FROM t LIMIT 10 OFFSET ?").unbounded_offset);
  EXPECT_TRUE(Query("SELECT 1 FROM t ORDER BY RAND()").orders_by_random);
  EXPECT_TRUE(Query("SELECT max(a) FROM t").aggregates);
  EXPECT_FALSE(Query("SELECT (SELECT max(a) FROM s) FROM t").aggregates);
}

TEST(FactsTest, SelectStar) {
  for (absl::string_view text : {"SELECT * FROM t", "SELECT a, t.* FROM t",
                                 "SELECT DISTINCT * FROM t", "SELECT 1 FROM (SELECT * FROM t) x"}) {
    EXPECT_TRUE(Query(text).select_star) << text;
  }
  for (absl::string_view text : {"SELECT count(*) FROM t", "SELECT 2 * 3",
                                 "SELECT 1 FROM t WHERE EXISTS (SELECT * FROM s)"}) {
    EXPECT_FALSE(Query(text).select_star) << text;
  }
}

TEST(FactsTest, Tautologies) {
  struct Case {
    absl::string_view condition;
    absl::string_view text;
  };
  for (const Case& c : {Case{"1 = 1", "1 = 1"},
                        {"a = 5 OR 1=1", "1=1"},
                        {"'a' = 'a'", "'a' = 'a'"},
                        {"a = 'x' OR 'b'='b'", "'b'='b'"},
                        {"a = 1 OR TRUE", "TRUE"},
                        {"1", "1"},
                        {"a = 1 or 2", "2"},
                        {"a = 1 || 1", "1"},
                        {"(1 = 1)", "1 = 1"},
                        {"2 > 1", "2 > 1"},
                        {"1 <> 2", "1 <> 2"},
                        {"t.a = t.a", "t.a = t.a"},
                        {"a = 1 OR 3 >= 2 LIMIT 1", "3 >= 2"}}) {
    const QueryFacts facts = Query("SELECT 1 FROM t WHERE " + std::string(c.condition));
    EXPECT_TRUE(facts.tautology) << c.condition;
    EXPECT_EQ(facts.tautology_text, c.text);
  }
  for (absl::string_view condition :
       {"a = 1", "1 = 2", "a + 1 = 1", "a = b", "t.a = s.a", "'a' = 'b'", "a = 1 OR b", "1 > 2",
        "a = 1 OR 1 = b", "a = 1 OR 0", "1 = 1 + a", "a IN (1, 1)"}) {
    EXPECT_FALSE(Query("SELECT 1 FROM t WHERE " + std::string(condition)).tautology) << condition;
  }
  EXPECT_TRUE(Query("UPDATE t SET a = 1 WHERE 1 = 1").tautology);
  EXPECT_FALSE(Query("UPDATE t SET a = a").tautology);
}

TEST(FactsTest, Conditions) {
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE a = NULL").equals_null);
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE a <> NULL").equals_null);
  EXPECT_FALSE(Query("SELECT 1 FROM t WHERE a <=> NULL OR b IS NULL").equals_null);
  EXPECT_FALSE(Query("UPDATE t SET a = NULL WHERE b = 1").equals_null);
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE a LIKE '%x'").leading_wildcard);
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE a NOT LIKE CONCAT('%', ?)").leading_wildcard);
  EXPECT_FALSE(Query("SELECT 1 FROM t WHERE a LIKE 'x%'").leading_wildcard);
  EXPECT_THAT(Query("SELECT 1 FROM t WHERE DATE(t.made) = '2026-01-01' AND lower(b) LIKE 'x'")
                  .wrapped_columns,
              ElementsAre("made", "b"));
  EXPECT_THAT(Query("SELECT 1 FROM t WHERE a > DATE_SUB(now(), INTERVAL 7 DAY) AND b = lower('X')")
                  .wrapped_columns,
              IsEmpty());
  EXPECT_THAT(Query("SELECT lower(a) FROM t WHERE b = 1 HAVING max(c) > 2").wrapped_columns,
              IsEmpty());
  EXPECT_THAT(Query("SELECT 1 FROM t WHERE a = '5' AND b = 'x' AND t.c >= '7'").quoted_numbers,
              ElementsAre("a", "c"));
  EXPECT_THAT(
      Query("SELECT 1 FROM a JOIN b ON a.i = b.k WHERE c IN (1) AND d IS NULL AND e BETWEEN "
            "1 AND 2 AND f LIKE 'x'")
          .filtered_columns,
      ElementsAre("i", "k", "c", "d", "e", "f"));
}

TEST(FactsTest, TracesOfInjection) {
  const auto injection = [](absl::string_view text) {
    return ReadMySql(Target(Dialect::kMariaDb, {10, 11, 19}), text).facts.injection;
  };
  EXPECT_TRUE(injection("SELECT 1; DROP TABLE t").stacked);
  EXPECT_EQ(injection("SELECT 1; DROP TABLE t").text, "DROP TABLE t");
  EXPECT_FALSE(injection("SELECT 1;").stacked);
  for (absl::string_view text :
       {"SELECT 1 FROM t WHERE a = '' -- ' AND b = 1", "SELECT 1 FROM t WHERE a = 'x' #",
        "SELECT 1 UNION/**/SELECT 2", "SELECT 1 /*!50000 + 1 */"}) {
    EXPECT_TRUE(injection(text).hidden_by_comment) << text;
    EXPECT_FALSE(injection(text).text.empty()) << text;
  }
  for (absl::string_view text :
       {"SELECT 1 -- the end", "/* a */ SELECT /* b */ 1", "SELECT 1 # note\n FROM t"}) {
    EXPECT_FALSE(injection(text).hidden_by_comment) << text;
  }
}

}  // namespace
}  // namespace dbfleet::sql
