#include "common/sql/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

#include "common/sql/report/json_writer.h"
#include "common/sql/report/sarif.h"

namespace dbfleet::sql {
namespace {

using nlohmann::json;

StatementReport Insert() {
  StatementReport report;
  report.file = "a b.sql";
  report.number = 2;
  report.line = 3;
  report.column = 7;
  report.character = 5;
  report.text = "INSERT INTO t (a) VALUES (1)";
  report.verdict.kind = Kind::kDataFix;
  report.verdict.understood = report.verdict.adds_only = true;
  report.verdict.reasons = {"it adds rows"};
  report.verdict.uses = {{"t", Access::kWrite}};
  Finding finding;
  finding.rule_id = "dbf-drop-table";
  finding.severity = Severity::kInfo;
  finding.message = "wrong";
  finding.advice = "better";
  report.findings = {finding};
  return report;
}

TEST(JsonWriterTest, TextIsAsciiWhateverComesIn) {
  const auto written = [](absl::string_view text) { return JsonWriter().String(text).text(); };
  EXPECT_EQ(written("a\"b\\c\n\t\x1b"), R"("a\"b\\c\n\t\u001b")");
  EXPECT_EQ(written("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), R"("\u00e9\u20ac\ud83d\ude00")");
  for (absl::string_view broken :
       {"\x80", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80"}) {
    EXPECT_THAT(written(broken), ::testing::StartsWith("\"\\ufffd")) << broken;
    EXPECT_TRUE(json::accept(written(broken)));
  }
}

TEST(ReportTest, AStatementIsOneObject) {
  ReportOptions options;
  options.target = Target(Dialect::kMariaDb, {10, 11, 0});
  const json object = json::parse(ToJson(Insert(), options));
  EXPECT_EQ(object["line"], 3);
  EXPECT_EQ(object["column"], 7);
  EXPECT_EQ(object["dialect"], "mariadb-10.11");
  EXPECT_EQ(object["kind"], "data-fix");
  EXPECT_EQ(object["class"], "destructive");
  EXPECT_EQ(object["classes"]["qa"], "safe");
  EXPECT_EQ(object["reasons"][0], "it adds rows");
  EXPECT_EQ(object["uses"][0]["access"], "write");
  EXPECT_EQ(object["findings"][0]["rule"], "dbf-drop-table");
  EXPECT_FALSE(object["findings"][0].contains("ignoreReason"));
}

TEST(ReportTest, TheClassIsThatOfTheEnvironment) {
  ReportOptions options;
  options.environment = EnvironmentClass::kQa;
  EXPECT_EQ(json::parse(ToJson(Insert(), options))["class"], "safe");
  EXPECT_FALSE(IsDestructive(Insert(), EnvironmentClass::kQa));
  EXPECT_TRUE(IsDestructive(Insert(), EnvironmentClass::kProduction));
}

TEST(ReportTest, LongStatementsAreCutAndSaySo) {
  StatementReport report = Insert();
  CutText(&report);
  EXPECT_FALSE(json::parse(ToJson(report, ReportOptions())).contains("textBytes"));
  report.text = std::string(3000, 'x');
  CutText(&report);
  const json object = json::parse(ToJson(report, ReportOptions()));
  EXPECT_LE(object["text"].get<std::string>().size(), 2003u);
  EXPECT_EQ(object["textBytes"], 3000);
}

TEST(SarifTest, TheLogNamesRulesPlacesAndSuppressions) {
  SarifWriter writer("1.2.3", EnvironmentClass::kProduction, /*with_class=*/true);
  std::string text = writer.Begin();
  text += writer.Statement(Insert());
  StatementReport ignored = Insert();
  ignored.findings[0].ignored = ignored.findings[0].ignored_in_source = true;
  ignored.findings[0].ignore_reason = "it is empty";
  text += writer.Statement(ignored);
  text += writer.End();
  const json log = json::parse(text);
  EXPECT_EQ(log["version"], "2.1.0");
  const json& run = log["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["name"], "dbfleet");
  ASSERT_EQ(run["results"].size(), 4u);
  for (const json& result : run["results"]) {
    const json& rule = run["tool"]["driver"]["rules"][result["ruleIndex"].get<size_t>()];
    EXPECT_EQ(rule["id"], result["ruleId"]);
    const json& place = result["locations"][0]["physicalLocation"];
    EXPECT_EQ(place["artifactLocation"]["uri"], "a%20b.sql");
    EXPECT_EQ(place["region"]["startLine"], 3);
  }
  EXPECT_EQ(run["results"][0]["ruleId"], "dbf-destructive");
  EXPECT_EQ(run["results"][1]["level"], "note");
  EXPECT_FALSE(run["results"][1].contains("suppressions"));
  EXPECT_EQ(run["results"][3]["suppressions"][0]["kind"], "inSource");
  EXPECT_EQ(run["results"][3]["suppressions"][0]["justification"], "it is empty");
}

TEST(SarifTest, WithoutFindingsTheLogIsStillOne) {
  SarifWriter writer("1", EnvironmentClass::kQa, false);
  StatementReport clean = Insert();
  clean.findings.clear();
  const std::string text = writer.Begin() + writer.Statement(clean) + writer.End();
  EXPECT_TRUE(json::parse(text)["runs"][0]["results"].empty());
}

TEST(SarifTest, AFileThatWasNotReadIsNoCleanOne) {
  SarifWriter writer("1", EnvironmentClass::kQa, false);
  const json good = json::parse(writer.Begin() + writer.End());
  ASSERT_EQ(good["runs"][0]["invocations"].size(), 1u);
  EXPECT_EQ(good["runs"][0]["invocations"][0]["executionSuccessful"], true);
  EXPECT_FALSE(good["runs"][0]["invocations"][0].contains("toolExecutionNotifications"));
  const std::string begin = writer.Begin();
  writer.Failed("a b.sql", "a b.sql: line 2, column 8: a string is not closed");
  writer.Failed("none.sql", "open none.sql: No such file");
  const json bad = json::parse(begin + writer.End());
  const json& invocation = bad["runs"][0]["invocations"][0];
  EXPECT_EQ(invocation["executionSuccessful"], false);
  ASSERT_EQ(invocation["toolExecutionNotifications"].size(), 2u);
  const json& first = invocation["toolExecutionNotifications"][0];
  EXPECT_EQ(first["level"], "error");
  EXPECT_EQ(first["message"]["text"], "a b.sql: line 2, column 8: a string is not closed");
  EXPECT_EQ(first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b.sql");
}

TEST(SarifTest, PathsBecomeUris) {
  EXPECT_EQ(ToUri("./migrations/1.sql"), "migrations/1.sql");
  EXPECT_EQ(ToUri("/srv/1.sql"), "file:///srv/1.sql");
  EXPECT_EQ(ToUri("a#b%.sql"), "a%23b%25.sql");
  EXPECT_EQ(ToUri("-"), "stdin");
}

}  // namespace
}  // namespace dbfleet::sql
