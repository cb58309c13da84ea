#include "common/lint_config/lint_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "common/base/status.h"

namespace dbfleet {
namespace {

using sql::Level;
using sql::LintId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

sql::LintConfig Read(absl::string_view text, absl::string_view environment = "production") {
  auto config = ReadLintConfig("lint.yaml", text, environment);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *config : sql::LintConfig();
}

std::string ErrorOf(absl::string_view text) {
  const auto config = ReadLintConfig("lint.yaml", text, "production");
  EXPECT_FALSE(config.ok());
  return std::string(config.status().message());
}

TEST(LintConfigTest, AnEmptyFileIsTheDefaults) {
  EXPECT_EQ(Read("").levels, sql::LintConfig().levels);
}

TEST(LintConfigTest, SeveritiesByRuleAndEnvironment) {
  constexpr char kText[] =
      "rules:\n"
      "  dbf-select-star: {severity: off}\n"
      "  dbf-drop-table:\n"
      "    severity: info\n"
      "    environments: {production: error, qa: warning}\n";
  EXPECT_EQ(Read(kText).LevelOf(LintId::kSelectStar), Level::kOff);
  EXPECT_EQ(Read(kText).LevelOf(LintId::kDropTable), Level::kError);
  EXPECT_EQ(Read(kText, "staging").LevelOf(LintId::kDropTable), Level::kWarning);
  EXPECT_EQ(Read(kText, "development").LevelOf(LintId::kDropTable), Level::kInfo);
}

// "prod" may well be one of its own.
TEST(LintConfigTest, AShortFormIsRefusedOnlyInThePlaceOfTheWholeName) {
  constexpr char kText[] =
      "rules: {dbf-drop-table: {environments: {prod: error, production: info}}}\n";
  EXPECT_EQ(Read(kText).LevelOf(LintId::kDropTable), Level::kInfo);
  EXPECT_EQ(Read(kText, "prod").LevelOf(LintId::kDropTable), Level::kError);
  EXPECT_EQ(Read("rules: {dbf-drop-table: {environments: {prod: error}}}\n", "development")
                .LevelOf(LintId::kDropTable),
            Level::kWarning);
}

// What it is for is asked for by the very name, or not at all.
TEST(LintConfigTest, AnEnvironmentThatTheFileDoesNotNameIsRefused) {
  constexpr char kText[] = "rules: {dbf-drop-table: {environments: {production: error}}}\n";
  for (const char* name : {"production", "Production", "PRODUCTION"}) {
    EXPECT_EQ(Read(kText, name).LevelOf(LintId::kDropTable), Level::kError) << name;
  }
  for (const char* name : {"development", "qa", "staging", "Staging"}) {
    EXPECT_EQ(Read(kText, name).LevelOf(LintId::kDropTable), Level::kWarning) << name;
  }
  struct {
    const char* name;
    const char* error;
  } cases[] = {
      {"prod",
       "none for \"prod\" (did you mean production?); known are development, production, qa"},
      {"Prd", "none for \"prd\" (did you mean production?)"},
      {"prodution", "(did you mean \"production\"?)"},
      {"eu-prod",
       "none for \"eu-prod\"; known are development, production, qa: name one of them, "
       "or give eu-prod a severity"},
  };
  for (const auto& c : cases) {
    const auto config = ReadLintConfig("lint.yaml", kText, c.name);
    ASSERT_FALSE(config.ok()) << c.name;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(c.error)) << c.name;
  }
  // A file that has none by environment is for all of them.
  EXPECT_EQ(
      Read("rules: {dbf-drop-table: {severity: error}}\n", "prod").LevelOf(LintId::kDropTable),
      Level::kError);
  EXPECT_EQ(Read("rules: {dbf-drop-table: {environments: {eu-prod: error, production: info}}}\n",
                 "eu-prod")
                .LevelOf(LintId::kDropTable),
            Level::kError);
}

TEST(LintConfigTest, NamingPatternsKnowTheStatementsNames) {
  const sql::LintConfig config = Read(
      "naming:\n"
      "  table: \"[a-z_]{3,20}\"\n"
      "  index: \"ix_{table}_{columns}(_[0-9]+)?\"\n");
  EXPECT_TRUE(config.table_name.matches("orders", {}));
  EXPECT_FALSE(config.table_name.matches("o", {}));
  EXPECT_FALSE(config.table_name.matches("orders2", {}));
  const sql::NamingSubject subject = {"a.b", "c_d", ""};
  EXPECT_TRUE(config.index_name.matches("ix_a.b_c_d_2", subject));
  EXPECT_FALSE(config.index_name.matches("ix_axb_c_d", subject));
  EXPECT_FALSE(config.column_name.matches);
}

TEST(LintConfigTest, BracesOfRegularExpressionsAreNoPlaceholders) {
  const sql::LintConfig config = Read(
      "naming:\n"
      "  table: \"[a-z]{2,5}\\\\p{Greek}?\\\\x{41}\\\\{a\\\\}\"\n");
  EXPECT_TRUE(config.table_name.matches("abA{a}", {}));
  EXPECT_FALSE(config.table_name.matches("abA", {}));
}

TEST(LintConfigTest, ListsAndLimitsReplaceTheDefaults) {
  const sql::LintConfig config = Read(
      "audit_columns: [created_at, created_by]\n"
      "engines: [InnoDB, RocksDB]\n"
      "limits: {insert_rows: 5}\n"
      "allow:\n"
      "  - {rule: dbf-drop-table, table: \"tmp_*\", reason: scratch}\n"
      "required_role: owner\n");
  EXPECT_THAT(config.audit_columns, ElementsAre("created_at", "created_by"));
  EXPECT_THAT(config.engines, ElementsAre("innodb", "rocksdb"));
  EXPECT_EQ(config.max_insert_rows, 5);
  EXPECT_EQ(config.max_affected_rows, sql::LintConfig().max_affected_rows);
  ASSERT_EQ(config.allowances.size(), 1u);
  EXPECT_EQ(config.allowances[0].reason, "scratch");
}

TEST(LintConfigTest, WhatIsWrongIsNamedWithItsPlace) {
  struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"rule: 1\n", "lint.yaml:1:1: unknown field \"rule\" (did you mean \"rules\"?)"},
      {"rules:\n  dbf-dorp-table: {severity: off}\n",
       "lint.yaml:2:3: rules.dbf-dorp-table: there is no rule \"dbf-dorp-table\" (did you mean "
       "\"dbf-drop-table\"?)"},
      {"rules:\n  dbf-truncate: {severity: loud}\n", "one of off, info, warning, error"},
      {"rules:\n  dbf-truncate: {environments: {prodution: error}}\n",
       "there is no environment \"prodution\" (did you mean \"production\"?)"},
      {"rules:\n  dbf-truncate: {environments: {Staging: error}}\n",
       "there is no environment \"Staging\" (did you mean \"staging\"?)"},
      {"rules:\n  dbf-truncate: {environments: {QA: error}}\n",
       "there is no environment \"QA\": names of environments have small letters; write qa"},
      {"rules:\n  dbf-truncate: {environments: {qa: loud}}\n",
       "lint.yaml:2:33: rules.dbf-truncate.environments.qa: one of off"},
      {"rules:\n  dbf-truncate: {}\n", "give it a severity"},
      {"naming: {table: \"(\"}\n", "lint.yaml:1:10: naming.table: is no regular expression"},
      {"naming: {table: 5}\n", "naming.table: matches no name but 5; write a regular expression"},
      {"rules: {dbf-drop-table: {environments: {prod: error}}}\n",
       "\"prod\" is another environment than production; write production"},
      {"naming:\n  index: \"ix_{tables}_{columns}\"\n",
       "lint.yaml:2:3: naming.index: there is no {tables} here; known are {table}, {columns}"},
      {"naming: {column: \"{referenced}_id\"}\n", "known are {table}"},
      {"naming: {foreign_key: \"fk_{parent}\"}\n",
       "there is no {parent} here; known are {table}, {columns}, {referenced}"},
      {"allow:\n  - {rule: dbf-truncate, table: t}\n", "lint.yaml:2:5: allow[0].reason: say why"},
      {"allow:\n  - {rule: dbf-truncate, reason: r}\n", "allow[0].table: name a table"},
      {"limits: {insert_rows: -1}\n", "limits.insert_rows: is below 0"},
      {"limits: {small_table_rows: 9, large_table_rows: 9}\n", "has to be below"},
  };
  for (const auto& c : cases) EXPECT_THAT(ErrorOf(c.text), HasSubstr(c.error)) << c.text;
}

TEST(SchemaSnapshotTest, JsonAndYamlAreRead) {
  for (const char* text :
       {R"({"complete": true, "applied_versions": ["0001"], "tables": [{"schema": "shop",
           "name": "orders", "rows": 5, "columns": [{"name": "id", "type": "bigint"}],
           "indexes": [{"name": "PRIMARY", "columns": ["id"], "primary": true}]}]})",
        "complete: true\napplied_versions: [\"0001\"]\ntables:\n- schema: shop\n  name: orders\n"
        "  rows: 5\n  columns: [{name: id, type: bigint}]\n"
        "  indexes: [{name: PRIMARY, columns: [id], primary: true}]\n"}) {
    const auto snapshot = ReadSchemaSnapshot("snapshot", text);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_TRUE(snapshot->complete);
    const sql::LiveTable* orders = snapshot->Find({"shop", "orders"});
    ASSERT_NE(orders, nullptr);
    EXPECT_EQ(orders->rows, 5);
    EXPECT_EQ(orders->bytes, -1);
    EXPECT_TRUE(orders->indexes[0].unique);
    EXPECT_THAT(snapshot->applied_versions, ElementsAre("0001"));
  }
}

TEST(SchemaSnapshotTest, WhatIsWrongIsNamedWithItsPlace) {
  const auto error = [](absl::string_view text) {
    return std::string(ReadSchemaSnapshot("s.yaml", text).status().message());
  };
  EXPECT_THAT(error("tables:\n- name: a\n- rows: 1\n"), HasSubstr("s.yaml:3:3: tables[1]"));
  EXPECT_THAT(
      error("tables:\n- {schema: s, name: a}\n- {schema: t, name: a}\n- {schema: s, name: a}\n"),
      HasSubstr("s.yaml:4:3: tables[2]: there is a table s.a above already"));
  // What a shell leaves of a command that failed.
  EXPECT_THAT(error(""), HasSubstr("s.yaml: the snapshot is empty"));
  EXPECT_THAT(error(" \n"), HasSubstr("s.yaml: the snapshot is empty"));
  EXPECT_THAT(error("tables: [{name: a, row: 1}]"), HasSubstr("did you mean \"rows\"?"));
  EXPECT_THAT(error("tables: [{name: a, replica_identity: some}]"), HasSubstr("one of default"));
  EXPECT_THAT(error("tables: [{name: a, indexes: [{name: i}]}]"), HasSubstr("has no columns"));
  EXPECT_EQ(error("tables: [{name: a, other_indexes: [{name: i, columns: [b]}, {name: j}]}]"), "");
}

TEST(SchemaSnapshotTest, WhetherATableIsPartitionedMayBeUnknown) {
  const auto snapshot = ReadSchemaSnapshot(
      "s.yaml", "tables: [{name: a}, {name: b, partitioned: false}, {name: c, partitioned: true}]");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->Find({"", "a"})->partitioned, std::nullopt);
  EXPECT_EQ(snapshot->Find({"", "b"})->partitioned, false);
  EXPECT_EQ(snapshot->Find({"", "c"})->partitioned, true);
}

TEST(SchemaSnapshotTest, ManyTablesAreNoProblem) {
  std::string text = "tables:\n";
  for (int i = 0; i < 20'000; ++i) {
    text += "- {name: t" + std::to_string(i) + ", rows: 1, columns: [{name: id, type: bigint}]}\n";
  }
  const auto snapshot = ReadSchemaSnapshot("s.yaml", text);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->size(), 20'000u);
}

}  // namespace
}  // namespace dbfleet
