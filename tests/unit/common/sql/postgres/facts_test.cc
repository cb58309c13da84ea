// What lint rules are told about PostgreSQL's statements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/postgres/postgres.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Facts Of(absl::string_view text) { return ReadPostgres(Dialect::kPostgres, text).facts; }
QueryFacts Query(absl::string_view text) { return Of(text).query; }

TEST(FactsTest, VerbsAndObjects) {
  struct Row {
    absl::string_view text;
    Verb verb;
    absl::string_view type;
    absl::string_view object;
  };
  const Row rows[] = {
      {"SELECT 1", Verb::kSelect, "", ""},
      {"EXPLAIN SELECT 1", Verb::kSelect, "", ""},
      {"INSERT INTO s.t VALUES (1)", Verb::kInsert, "table", "s.t"},
      {"UPDATE T SET a = 1", Verb::kUpdate, "table", "t"},
      {"DELETE FROM \"T\"", Verb::kDelete, "table", "T"},
      {"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", Verb::kMerge, "table", "t"},
      {"TRUNCATE t", Verb::kTruncate, "table", "t"},
      {"COPY t FROM STDIN", Verb::kCopy, "table", "t"},
      {"CREATE TABLE s.t (a int)", Verb::kCreateTable, "table", "s.t"},
      {"CREATE TABLE t AS SELECT 1", Verb::kCreateTable, "table", "t"},
      {"CREATE MATERIALIZED VIEW v AS SELECT 1", Verb::kCreateView, "materialized view", "v"},
      {"ALTER TABLE t ADD a int", Verb::kAlterTable, "table", "t"},
      {"ALTER TABLE t RENAME TO u", Verb::kRenameTable, "table", "t"},
      {"ALTER TABLE t RENAME a TO b", Verb::kAlterTable, "table", "t"},
      {"ALTER TABLE t SET SCHEMA s", Verb::kAlterTable, "table", "t"},
      {"DROP TABLE s.t", Verb::kDropTable, "table", "s.t"},
      {"CREATE INDEX i ON t (a)", Verb::kCreateIndex, "index", "t"},
      {"DROP INDEX s.i", Verb::kDropIndex, "index", "s.i"},
      {"REINDEX TABLE t", Verb::kReindex, "table", "t"},
      {"REINDEX INDEX s.i", Verb::kReindex, "index", "s.i"},
      {"REINDEX SCHEMA s", Verb::kReindex, "schema", "s"},
      {"SELECT a FROM s.t WHERE b = 1", Verb::kSelect, "", "s.t"},
      {"SELECT a FROM t WHERE b IN (SELECT b FROM u)", Verb::kSelect, "", ""},
      {"WITH t AS (SELECT 1) SELECT * FROM t", Verb::kSelect, "", ""},
      {"SELECT a FROM t, u", Verb::kSelect, "", ""},
      {"CREATE VIEW v AS SELECT 1", Verb::kCreateView, "view", "v"},
      {"DROP MATERIALIZED VIEW v", Verb::kDropView, "materialized view", "v"},
      {"CREATE SCHEMA s", Verb::kCreateSchema, "schema", "s"},
      {"ALTER SCHEMA s RENAME TO r", Verb::kAlterSchema, "schema", "s"},
      {"DROP SCHEMA s", Verb::kDropSchema, "schema", "s"},
      {"CREATE DATABASE d", Verb::kCreateSchema, "database", "d"},
      {"DROP DATABASE d", Verb::kDropSchema, "database", "d"},
      {"CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS ''", Verb::kCreateRoutine, "function",
       "s.f"},
      {"CREATE PROCEDURE p() LANGUAGE sql AS ''", Verb::kCreateRoutine, "procedure", "p"},
      {"ALTER FUNCTION f() STABLE", Verb::kAlterRoutine, "function", "f"},
      {"DROP FUNCTION s.f(int)", Verb::kDropRoutine, "function", "s.f"},
      {"CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()", Verb::kCreateRoutine, "trigger",
       "t"},
      {"CREATE TYPE e AS ENUM ('a')", Verb::kCreateType, "enum", "e"},
      {"ALTER TYPE e ADD VALUE 'x'", Verb::kAlterType, "enum", "e"},
      {"DROP TYPE s.e", Verb::kDropType, "type", "s.e"},
      {"CREATE DOMAIN d AS int", Verb::kCreateDomain, "domain", "d"},
      {"ALTER DOMAIN d SET NOT NULL", Verb::kAlterDomain, "domain", "d"},
      {"CREATE SEQUENCE s", Verb::kCreateSequence, "sequence", "s"},
      {"ALTER SEQUENCE s RESTART", Verb::kAlterSequence, "sequence", "s"},
      {"DROP SEQUENCE s", Verb::kDropSequence, "sequence", "s"},
      {"VACUUM t", Verb::kVacuum, "table", "t"},
      {"ANALYZE t", Verb::kAnalyze, "table", "t"},
      {"CLUSTER t USING i", Verb::kCluster, "table", "t"},
      {"LOCK t", Verb::kLock, "table", "t"},
      {"GRANT SELECT ON t TO u", Verb::kGrant, "", ""},
      {"DO 'x'", Verb::kExecutesText, "", ""},
      {"SET a = 1", Verb::kSet, "", ""}};
  for (const Row& row : rows) {
    const Facts facts = Of(row.text);
    EXPECT_EQ(static_cast<int>(facts.verb), static_cast<int>(row.verb)) << row.text;
    EXPECT_EQ(facts.object_type, row.type) << row.text;
    EXPECT_TRUE(facts.complete) << row.text;
    std::string object;
    if (!facts.objects.empty()) {
      const Name& name = facts.objects[0];
      object = name.schema.empty() ? name.name : absl::StrCat(name.schema, ".", name.name);
    }
    EXPECT_EQ(object, row.object) << row.text;
  }
}

TEST(FactsTest, WhatEndsAndBeginsTransactions) {
  EXPECT_EQ(Of("BEGIN").verb, Verb::kBegin);
  EXPECT_EQ(Of("START TRANSACTION").verb, Verb::kBegin);
  EXPECT_EQ(Of("END").verb, Verb::kCommit);
  EXPECT_EQ(Of("ABORT").verb, Verb::kRollback);
  EXPECT_EQ(Of("SAVEPOINT s").verb, Verb::kOther);
  EXPECT_EQ(Of("ROLLBACK TO s").verb, Verb::kOther);
}

TEST(FactsTest, Flags) {
  EXPECT_TRUE(Of("DROP TABLE IF EXISTS t").if_exists);
  EXPECT_TRUE(Of("CREATE TABLE IF NOT EXISTS t (a int)").if_not_exists);
  EXPECT_TRUE(Of("CREATE OR REPLACE VIEW v AS SELECT 1").or_replace);
  EXPECT_TRUE(Of("DROP TABLE t CASCADE").cascade);
  EXPECT_TRUE(Of("TRUNCATE t CASCADE").cascade);
  EXPECT_TRUE(Of("CREATE TEMP TABLE t (a int)").temporary);
  EXPECT_TRUE(Of("CREATE TEMP TABLE t AS SELECT 1").temporary);
  EXPECT_TRUE(Of("CREATE INDEX CONCURRENTLY i ON t (a)").concurrently);
  EXPECT_TRUE(Of("REINDEX TABLE CONCURRENTLY t").concurrently);
  EXPECT_TRUE(Of("VACUUM FULL t").full);
  EXPECT_FALSE(Of("VACUUM (FULL off) t").full);
  EXPECT_TRUE(Of("CREATE TABLE t (LIKE s)").as_query);
  EXPECT_TRUE(Of("CREATE TABLE t PARTITION OF p DEFAULT").as_query);
  EXPECT_TRUE(
      Of("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS ''").security_definer);
  EXPECT_FALSE(Of("ALTER FUNCTION f() SECURITY INVOKER").security_definer);
  EXPECT_EQ(Of("SET LOCAL lock_timeout = '1s'").setting, "lock_timeout");
  EXPECT_EQ(Of("SET ROLE x").setting, "role");
  EXPECT_EQ(Of("RESET ALL").setting, "all");
  const std::string longest(63, 'a');
  EXPECT_THAT(Of(absl::StrCat("SELECT ", longest, " FROM t")).long_identifiers, IsEmpty());
  EXPECT_THAT(Of(absl::StrCat("SELECT ", longest, "b FROM t")).long_identifiers,
              ElementsAre(longest + "b"));
}

TEST(FactsTest, Conditions) {
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE 1 = 1").tautology);
  EXPECT_EQ(Query("SELECT 1 FROM t WHERE a = 2 OR 'x' = 'x'").tautology_text, "'x' = 'x'");
  EXPECT_TRUE(Query("DELETE FROM t WHERE a = 1 OR TRUE").tautology);
  EXPECT_TRUE(Query("DELETE FROM t WHERE true").tautology);
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE t.a = t.a").tautology);
  EXPECT_FALSE(Query("SELECT 1 FROM a JOIN b ON true").tautology);
  EXPECT_FALSE(Query("SELECT 1 = 1 FROM t WHERE a = 1 AND active = true").tautology);
  for (absl::string_view holds : {"-1 < 0",
                                  "- 2 <> -1",
                                  "-(-(-3)) = -3",
                                  "a = 1 OR -1 < 0",
                                  "-/* 5 */7 = 0 - 7",
                                  "-0 = 0",
                                  "0 > -2147483647",
                                  "-2147483648 < 0",
                                  "-1",
                                  "- -1 = 1",
                                  "abs(-4) = 4",
                                  "-1 IN (-2, -1)",
                                  "-1 BETWEEN -2 AND 0",
                                  "(-1) = -1",
                                  "'a' NOT SIMILAR TO 'b'",
                                  "'a' SIMILAR TO 'a'",
                                  "'ab' SIMILAR TO 'a_'",
                                  "'ab' NOT SIMILAR TO 'b%'",
                                  "'a' SIMILAR TO 'a' ESCAPE '#'",
                                  "NOT 'a' SIMILAR TO 'b'"}) {
    EXPECT_TRUE(Query(absl::StrCat("SELECT 1 FROM t WHERE ", holds)).tautology) << holds;
  }
  for (absl::string_view open :
       {"-1 > 0", "-1 = 0", "a < -1", "-1 = -2", "-1 IN (0, 1)", "'a' NOT SIMILAR TO 'a'",
        "'a' SIMILAR TO 'b'", "'a+' SIMILAR TO 'a+'", "'ab' NOT SIMILAR TO '(ab|c)'",
        "'a' NOT SIMILAR TO NULL", "NULL NOT SIMILAR TO 'a'",
        "'a' NOT SIMILAR TO '#a' ESCAPE '#'"}) {
    EXPECT_FALSE(Query(absl::StrCat("SELECT 1 FROM t WHERE ", open)).tautology) << open;
  }
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE a = NULL").equals_null);
  EXPECT_TRUE(Query("UPDATE t SET b = 1 WHERE a <> NULL").equals_null);
  EXPECT_FALSE(Query("UPDATE t SET b = NULL WHERE a IS NULL").equals_null);
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE a LIKE '%x'").leading_wildcard);
  EXPECT_TRUE(Query("SELECT 1 FROM t WHERE a NOT ILIKE '%x%'").leading_wildcard);
  EXPECT_FALSE(Query("SELECT 1 FROM t WHERE a LIKE 'x%'").leading_wildcard);
  EXPECT_THAT(Query("SELECT 1 FROM t WHERE lower(t.a) = 'x' AND b::date > now()").wrapped_columns,
              ElementsAre("a", "b"));
  EXPECT_THAT(Query("SELECT lower(a) FROM t WHERE b = lower('x')").wrapped_columns, IsEmpty());
  EXPECT_THAT(Query("SELECT 1 FROM t WHERE a = '5' AND b = 5 AND c = 'x'").quoted_numbers,
              ElementsAre("a"));
  EXPECT_THAT(
      Query(
          "SELECT 1 FROM t JOIN u ON t.a = u.b WHERE c IN (1) AND d BETWEEN 1 AND 2 AND e IS NULL")
          .filtered_columns,
      ElementsAre("a", "b", "c", "d", "e"));
}

TEST(FactsTest, TheOutermostQuery) {
  const QueryFacts query = Query("SELECT a FROM t WHERE b = 1 ORDER BY a LIMIT 5 OFFSET 10");
  EXPECT_TRUE(query.has_from && query.has_where && query.has_limit && query.has_offset &&
              query.has_order_by);
  EXPECT_FALSE(query.aggregates || query.unbounded_offset || query.select_star);
  const QueryFacts inner = Query("SELECT (SELECT a FROM t WHERE b = 1 LIMIT 1)");
  EXPECT_FALSE(inner.has_from || inner.has_where || inner.has_limit);
  EXPECT_EQ(inner.select_depth, 2);
  EXPECT_EQ(Query("SELECT 1 UNION SELECT 2").select_depth, 1);
  EXPECT_TRUE(Query("SELECT 1 FROM t LIMIT 1 OFFSET 1001").unbounded_offset);
  EXPECT_TRUE(Query("SELECT 1 FROM t LIMIT 1 OFFSET $1").unbounded_offset);
  EXPECT_TRUE(Query("SELECT count(*) FROM t").aggregates);
  EXPECT_TRUE(Query("SELECT a FROM t GROUP BY a").aggregates);
  EXPECT_TRUE(Query("SELECT coalesce(sum(a), 0) FROM t").aggregates);
  EXPECT_FALSE(Query("SELECT sum(a) OVER () FROM t").aggregates);
  EXPECT_TRUE(Query("SELECT a FROM t ORDER BY random()").orders_by_random);
  EXPECT_TRUE(Query("UPDATE t SET a = 1 WHERE b = 2").has_where);
}

TEST(FactsTest, StarsAndUnguardedWrites) {
  for (absl::string_view text :
       {"SELECT * FROM t", "SELECT t.* FROM t", "TABLE t", "SELECT a FROM (SELECT * FROM t) x",
        "INSERT INTO t SELECT * FROM s", "CREATE VIEW v AS SELECT * FROM t"}) {
    EXPECT_TRUE(Query(text).select_star) << text;
  }
  for (absl::string_view text :
       {"SELECT count(*) FROM t", "SELECT 1 WHERE EXISTS (SELECT * FROM t)", "SELECT a FROM t",
        "DELETE FROM t WHERE a = 1 RETURNING *"}) {
    EXPECT_FALSE(Query(text).select_star) << text;
  }
  EXPECT_TRUE(Query("DELETE FROM t").unguarded_write);
  EXPECT_TRUE(Query("WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT 1").unguarded_write);
  EXPECT_FALSE(Query("UPDATE t SET a = 1 WHERE b = 2").unguarded_write);
}

TEST(FactsTest, Inserts) {
  const InsertFacts values = Of("INSERT INTO t (a) VALUES (1), (2)").insert;
  EXPECT_TRUE(values.names_columns);
  EXPECT_EQ(values.rows, 2);
  EXPECT_FALSE(values.from_query || values.on_conflict);
  EXPECT_FALSE(Of("INSERT INTO t VALUES (1)").insert.names_columns);
  EXPECT_TRUE(Of("INSERT INTO t DEFAULT VALUES").insert.names_columns);
  EXPECT_TRUE(Of("INSERT INTO t SELECT 1").insert.from_query);
  EXPECT_TRUE(
      Of("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1").insert.on_conflict);
  EXPECT_FALSE(Of("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING").insert.on_conflict);
}

TEST(FactsTest, NewTables) {
  const Facts facts = Of(
      "CREATE TABLE s.t (id bigserial PRIMARY KEY, a varchar(10) NOT NULL DEFAULT 'x' || 'y', "
      "b numeric(10,2) DEFAULT random(), c timestamptz DEFAULT now(), d int[] UNIQUE, "
      "e text COLLATE \"C\" CHECK (e <> ''), f int REFERENCES p (i) ON DELETE CASCADE, "
      "g int GENERATED ALWAYS AS (f * 2) STORED, h int GENERATED BY DEFAULT AS IDENTITY, k mood, "
      "UNIQUE (a, b), CONSTRAINT fk FOREIGN KEY (f, g) REFERENCES q)");
  ASSERT_EQ(facts.columns.size(), 10u);
  const auto& c = facts.columns;
  EXPECT_TRUE(c[0].auto_increment && c[0].primary_key && c[0].not_null);
  EXPECT_EQ(c[0].type, "bigserial");
  EXPECT_EQ(c[1].type, "varchar");
  EXPECT_THAT(c[1].arguments, ElementsAre("10"));
  EXPECT_TRUE(c[1].not_null);
  EXPECT_EQ(c[1].default_text, "'x' || 'y'");
  EXPECT_EQ(c[1].default_kind, DefaultKind::kConstant);
  EXPECT_THAT(c[2].arguments, ElementsAre("10", "2"));
  EXPECT_EQ(c[2].default_kind, DefaultKind::kVolatile);
  EXPECT_EQ(c[2].default_text, "random()");
  EXPECT_EQ(c[3].default_kind, DefaultKind::kStable);
  EXPECT_EQ(c[4].type, "int4[]");
  EXPECT_TRUE(c[4].unique);
  EXPECT_EQ(c[5].collation, "C");
  EXPECT_TRUE(c[5].check);
  ASSERT_TRUE(c[6].references.has_value());
  EXPECT_EQ(c[6].references->parent.name, "p");
  EXPECT_THAT(c[6].references->parent_columns, ElementsAre("i"));
  EXPECT_TRUE(c[6].references->cascades_delete);
  EXPECT_TRUE(c[7].generated_stored);
  EXPECT_TRUE(c[8].auto_increment);
  EXPECT_EQ(c[9].type, "mood");
  ASSERT_EQ(facts.indexes.size(), 1u);
  EXPECT_THAT(facts.indexes[0].columns, ElementsAre("a", "b"));
  EXPECT_TRUE(facts.indexes[0].unique && facts.indexes[0].is_constraint);
  ASSERT_EQ(facts.foreign_keys.size(), 1u);
  EXPECT_EQ(facts.foreign_keys[0].name, "fk");
  EXPECT_THAT(facts.foreign_keys[0].columns, ElementsAre("f", "g"));
  EXPECT_TRUE(facts.has_check);
}

TEST(FactsTest, Indexes) {
  const IndexFacts index = Of("CREATE UNIQUE INDEX CONCURRENTLY i ON s.t USING btree (a DESC, "
                              "lower(b), (c + 1)) WHERE d")
                               .indexes[0];
  EXPECT_EQ(index.name, "i");
  EXPECT_EQ(index.table, (Name{"s", "t"}));
  EXPECT_THAT(index.columns, ElementsAre("a", "(lower(b))", "(c + 1)"));
  EXPECT_TRUE(index.unique && index.concurrently && index.partial);
  EXPECT_FALSE(index.special);
  EXPECT_TRUE(Of("CREATE INDEX ON t USING gin (a)").indexes[0].special);
  const Facts dropped = Of("DROP INDEX CONCURRENTLY s.i, j");
  ASSERT_EQ(dropped.indexes.size(), 2u);
  EXPECT_EQ(dropped.indexes[1].name, "j");
  EXPECT_TRUE(dropped.indexes[0].concurrently);
}

TEST(FactsTest, Alterations) {
  struct Row {
    absl::string_view text;
    AlterationKind kind;
    absl::string_view name;
  };
  const Row rows[] = {
      {"ADD COLUMN a int", AlterationKind::kAddColumn, "a"},
      {"DROP COLUMN a", AlterationKind::kDropColumn, "a"},
      {"RENAME a TO b", AlterationKind::kRenameColumn, "a"},
      {"RENAME CONSTRAINT a TO b", AlterationKind::kRenameConstraint, "a"},
      {"RENAME TO u", AlterationKind::kRenameTable, "t"},
      {"ALTER a TYPE bigint", AlterationKind::kChangeType, "a"},
      {"ALTER a SET NOT NULL", AlterationKind::kSetNotNull, "a"},
      {"ALTER a DROP NOT NULL", AlterationKind::kDropNotNull, "a"},
      {"ALTER a SET DEFAULT 1", AlterationKind::kSetDefault, "a"},
      {"ALTER a DROP DEFAULT", AlterationKind::kDropDefault, "a"},
      {"ADD CONSTRAINT c UNIQUE (a)", AlterationKind::kAddIndex, "c"},
      {"ADD CONSTRAINT c CHECK (a > 0)", AlterationKind::kAddCheck, "c"},
      {"ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES p", AlterationKind::kAddForeignKey, "c"},
      {"ADD CONSTRAINT c EXCLUDE USING gist (a WITH =)", AlterationKind::kAddExclusion, "c"},
      {"VALIDATE CONSTRAINT c", AlterationKind::kValidateConstraint, "c"},
      {"DROP CONSTRAINT c", AlterationKind::kDropConstraint, "c"},
      {"ATTACH PARTITION p DEFAULT", AlterationKind::kAttachPartition, "p"},
      {"DETACH PARTITION p", AlterationKind::kDetachPartition, "p"},
      {"SET TABLESPACE s", AlterationKind::kSetTablespace, "s"},
      {"SET LOGGED", AlterationKind::kSetLogged, ""},
      {"SET SCHEMA s", AlterationKind::kSetSchema, ""},
      {"OWNER TO u", AlterationKind::kOwner, ""},
      {"SET (fillfactor = 5)", AlterationKind::kSetStorage, ""},
      {"ENABLE ROW LEVEL SECURITY", AlterationKind::kOther, ""}};
  for (const Row& row : rows) {
    const Facts facts = Of(absl::StrCat("ALTER TABLE t ", row.text));
    ASSERT_EQ(facts.alterations.size(), 1u) << row.text;
    EXPECT_EQ(static_cast<int>(facts.alterations[0].kind), static_cast<int>(row.kind)) << row.text;
    EXPECT_EQ(facts.alterations[0].name, row.name) << row.text;
  }
}

TEST(FactsTest, PartsOfAnAlteration) {
  const Facts facts =
      Of("ALTER TABLE ONLY s.\"T\" ADD COLUMN IF NOT EXISTS a int DEFAULT f(1, 2), "
         "DROP COLUMN b CASCADE, ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES p NOT VALID, "
         "ADD CONSTRAINT u UNIQUE USING INDEX i");
  ASSERT_EQ(facts.alterations.size(), 4u);
  const auto& parts = facts.alterations;
  EXPECT_TRUE(parts[0].if_exists);
  ASSERT_TRUE(parts[0].column.has_value());
  EXPECT_EQ(parts[0].column->default_kind, DefaultKind::kVolatile);
  EXPECT_EQ(parts[0].text, "ADD COLUMN IF NOT EXISTS a int DEFAULT f(1, 2)");
  EXPECT_TRUE(parts[1].cascade);
  EXPECT_EQ(parts[1].text, "DROP COLUMN b CASCADE");
  EXPECT_TRUE(parts[2].not_valid);
  ASSERT_TRUE(parts[2].foreign_key.has_value());
  EXPECT_TRUE(parts[2].foreign_key->not_valid);
  ASSERT_TRUE(parts[3].index.has_value());
  EXPECT_TRUE(parts[3].index->using_index);
  const Alteration type = Of("ALTER TABLE t ALTER a TYPE numeric(12,2)").alterations[0];
  ASSERT_TRUE(type.column.has_value());
  EXPECT_EQ(type.column->type, "numeric");
  const Alteration value = Of("ALTER TYPE e RENAME VALUE 'a' TO 'b'").alterations[0];
  EXPECT_EQ(value.kind, AlterationKind::kEnumRenameValue);
  EXPECT_EQ(value.new_name, "b");
  EXPECT_EQ(Of("ALTER TYPE e ADD VALUE 'x' BEFORE 'y'").alterations[0].text, "in the middle");
}

}  // namespace
}  // namespace dbfleet::sql
