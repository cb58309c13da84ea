#include "common/sql/lint/linter.h"

#include <set>

#include "absl/strings/match.h"

#include "tests/unit/common/sql/lint/builders.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Script = std::vector<std::pair<std::string, Reading>>;

Reading Drop() {
  Reading reading = Of(Verb::kDropTable, "t");
  reading.facts.repeat = Repeat::kIfExists;
  return reading;
}

// "rule" or "rule (reason)" where it is ignored.
std::vector<std::string> Found(const Case& c, const Script& script) {
  std::vector<std::string> found;
  for (const Finding& finding : c.Lint(script)) {
    found.push_back(finding.rule_id +
                    (finding.ignored ? " (" + finding.ignore_reason + ")" : std::string()));
  }
  return found;
}

TEST(RulesTest, EachHasAnIdAndSaysWhyAndWhatElse) {
  std::set<std::string> ids;
  for (const LintRule& rule : LintRules()) {
    EXPECT_TRUE(absl::StartsWith(rule.id, "dbf-"));
    EXPECT_TRUE(ids.insert(std::string(rule.id)).second) << rule.id;
    EXPECT_FALSE(rule.message.empty() || rule.reason.empty() || rule.advice.empty()) << rule.id;
    EXPECT_NE(rule.dialects, 0) << rule.id;
    EXPECT_EQ(FindRule(rule.id), &rule);
  }
  EXPECT_EQ(FindRule("dbf-nothing"), nullptr);
}

TEST(LinterTest, ACommentSilencesARuleForOneStatementAndIsRecorded) {
  const Case c(kMaria);
  EXPECT_THAT(Found(c, {{"-- dbfleet:ignore dbf-drop-table empty since May\nDROP TABLE t", Drop()},
                        {"DROP TABLE t", Drop()}}),
              ElementsAre("dbf-drop-table (empty since May)", "dbf-drop-table"));
  EXPECT_THAT(Found(c, {{"DROP /* dbfleet:ignore dbf-drop-table it is empty */ TABLE t", Drop()}}),
              ElementsAre("dbf-drop-table (it is empty)"));
}

TEST(LinterTest, ACommentThatIsNoneSilencesNothing) {
  const Case c(kMaria);
  for (const char* text :
       {"DROP TABLE '-- dbfleet:ignore dbf-drop-table x'", "DROP TABLE `-- dbfleet:ignore a b`",
        "DROP TABLE t /*! -- dbfleet:ignored dbf-drop-table x */",
        "--dbfleet:ignore dbf-drop-table x\nDROP TABLE t"}) {
    EXPECT_THAT(Found(c, {{text, Drop()}}), ElementsAre("dbf-drop-table")) << text;
  }
  const Case pg(kPostgres);
  EXPECT_THAT(Found(pg, {{"SELECT $a$ -- dbfleet:ignore dbf-drop-table x\n$a$", Drop()}}),
              ElementsAre("dbf-drop-table", "dbf-not-idempotent"));
}

TEST(LinterTest, DirectivesThatDoNothingAreFindings) {
  const Case c(kMaria);
  EXPECT_THAT(Found(c, {{"-- dbfleet:ignore dbf-drop-table\nDROP TABLE t", Drop()}}),
              ElementsAre("dbf-ignore-without-reason", "dbf-drop-table"));
  EXPECT_THAT(Found(c, {{"-- dbfleet:ignore dbf-dorp-table why\nDROP TABLE t", Drop()}}),
              ElementsAre("dbf-ignore-unknown-rule", "dbf-drop-table"));
  EXPECT_THAT(Found(c, {{"-- dbfleet:ignore dbf-truncate why\nDROP TABLE t", Drop()}}),
              ElementsAre("dbf-drop-table", "dbf-ignore-unused"));
}

TEST(LinterTest, RulesCanBeSwitchedOffAndAllowed) {
  Case c(kMaria);
  c.config.Set(LintId::kDropTable, Level::kOff);
  EXPECT_THAT(Found(c, {{"", Drop()}}), IsEmpty());
  c.config.Set(LintId::kDropTable, Level::kError);
  EXPECT_EQ(c.Lint(std::vector<Reading>{Drop()})[0].severity, Severity::kError);
  c.config.allowances = {{LintId::kDropTable, "app.*", "scratch tables"}};
  EXPECT_THAT(Found(c, {{"", Drop()}}), ElementsAre("dbf-drop-table (scratch tables)"));
  c.config.allowances = {{LintId::kDropTable, "tmp_*", "scratch tables"}};
  EXPECT_THAT(Found(c, {{"", Drop()}}), ElementsAre("dbf-drop-table"));
}

TEST(LinterTest, TheWayBackMayTakeAwayWhatTheWayThereMade) {
  const Case c(kMaria);
  EXPECT_THAT(Found(c, {{"-- dbfleet:up\nCREATE TABLE t", CreateTable("t")},
                        {"-- dbfleet:down\nDROP TABLE t", Drop()}}),
              IsEmpty());
  EXPECT_THAT(Found(c, {{"-- dbfleet:up\nCREATE TABLE a", CreateTable("a")},
                        {"-- dbfleet:down\nDROP TABLE t", Drop()}}),
              ElementsAre("dbf-drop-table"));
}

TEST(LinterTest, AMigrationHasItsWayBack) {
  const Reading create = CreateTable("t");
  const auto found = [&](MigrationFile file, const Script& script) {
    SchemaSnapshot snapshot;
    snapshot.applied_versions = {"0009", "10"};
    const LintConfig config;
    Linter linter(kMaria, config, &snapshot, {false, std::move(file)});
    for (const auto& [text, reading] : script) linter.Add(text, reading);
    std::vector<std::string> ids;
    for (const Finding& finding : linter.Finish()) ids.push_back(finding.rule_id);
    return ids;
  };
  EXPECT_THAT(found({"0011", false}, {{"", create}}), ElementsAre("dbf-missing-down"));
  EXPECT_THAT(found({"0011", true}, {{"", create}}), IsEmpty());
  EXPECT_THAT(found({"", false}, {{"", create}}), IsEmpty());  // No migration.
  EXPECT_THAT(found({"0011", false}, {{"-- dbfleet:irreversible it is gone\n", create}}),
              IsEmpty());
  EXPECT_THAT(found({"0011", false}, {{"", create}, {"-- dbfleet:down\n", Drop()}}), IsEmpty());
  EXPECT_THAT(found({"8", true}, {{"", create}}), ElementsAre("dbf-version-order"));
  EXPECT_THAT(found({"9", true}, {{"", create}}), IsEmpty());  // Applied itself.
}

TEST(LinterTest, FindingsStandInTheOrderOfTheirStatements) {
  Reading table = CreateTable("orders");
  table.facts.columns[0].primary_key = false;
  const auto findings = Case(kMaria).Lint(std::vector<Reading>{table, Drop()});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].rule_id, "dbf-no-primary-key");  // Known at the end only.
  EXPECT_EQ(findings[0].statement, 0);
  EXPECT_EQ(findings[1].statement, 1);
}

TEST(LinterTest, OneStatementGivesABoundedNumberOfFindings) {
  std::vector<Alteration> drops;
  for (int i = 0; i < 5000; ++i) {
    drops.push_back(Change(AlterationKind::kDropColumn, "c" + std::to_string(i)));
  }
  EXPECT_EQ(Case(kMaria).Lint(std::vector<Reading>{Alter("orders", drops)}).size(), 100u);
}

TEST(LintConfigTest, TablePatterns) {
  EXPECT_TRUE(MatchesTable("orders", {"", "Orders"}));
  EXPECT_TRUE(MatchesTable("tmp_*", {"app", "tmp_orders"}));
  EXPECT_TRUE(MatchesTable("*.tmp_*", {"app", "tmp_orders"}));
  EXPECT_FALSE(MatchesTable("app.orders", {"", "orders"}));
  EXPECT_FALSE(MatchesTable("tmp_*", {"", "orders"}));
  EXPECT_TRUE(MatchesTable("*a*b*", {"", "xxaxxbxx"}));
}

TEST(SnapshotTest, TablesAreFoundByTheirNames) {
  SchemaSnapshot snapshot;
  LiveTable table;
  table.name = {"shop", "Orders"};
  snapshot.Add(table);
  EXPECT_NE(snapshot.Find({"", "orders"}), nullptr);
  EXPECT_NE(snapshot.Find({"SHOP", "orders"}), nullptr);
  EXPECT_EQ(snapshot.Find({"other", "orders"}), nullptr);
  table.name.schema = "archive";
  snapshot.Add(table);
  EXPECT_EQ(snapshot.Find({"", "orders"}), nullptr);  // Which of the two?
}

}  // namespace
}  // namespace dbfleet::sql
