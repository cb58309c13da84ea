#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

#include "controller/cli/job_view.h"
#include "controller/cli/json.h"
#include "controller/cli/table.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/audit_service.pb.h"
#include "dbfleet/api/v1/job_service.pb.h"
#include "dbfleet/api/v1/user_service.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Job;
using testing::HasSubstr;
using testing::Not;

TEST(TableTest, ColumnsLineUpAndWideOnesAreHidden) {
  Table table({{"NAME"}, {"X", true}, {"STATE"}});
  table.AddRow({"a", "hidden", "ok"});
  table.AddRow({"grün", "hidden", "failed"});
  EXPECT_EQ(table.Render(false, 0), "NAME  STATE\na     ok\ngrün  failed\n");
  EXPECT_EQ(table.Render(true, 0), "NAME  X       STATE\na     hidden  ok\ngrün  hidden  failed\n");
}

TEST(TableTest, LinesFitTheTerminalByCuttingTheWidestColumn) {
  Table table({{"NAME"}, {"TITLE"}});
  table.AddRow({"short", std::string(200, 'x')});
  const std::string narrow = table.Render(false, 40);
  for (absl::string_view line : absl::StrSplit(narrow, '\n')) EXPECT_LE(DisplayWidth(line), 40u);
  EXPECT_THAT(narrow, HasSubstr("short"));
  EXPECT_THAT(narrow, HasSubstr("xxx..."));
  EXPECT_THAT(table.Render(true, 40), HasSubstr(std::string(200, 'x')));
}

TEST(TableTest, CutsBetweenCharacters) {
  EXPECT_EQ(FitWidth("üüüüüü", 5), "üü...");
  EXPECT_EQ(FitWidth("abc", 3), "abc");
}

TEST(TableTest, CellsCannotSteerTheTerminal) {
  Table table({{"NAME"}});
  table.AddRow({"a\x1b[2J\nb"});
  EXPECT_EQ(table.Render(false, 0), "NAME\na\\x1b[2J\\x0ab\n");
}

TEST(WordsTest, EnumsAreLowerCaseWithoutTheirPrefix) {
  EXPECT_EQ(Word(Job::STATE_AWAITING_APPROVAL), "awaiting_approval");
  EXPECT_EQ(Word(Job::STATE_UNSPECIFIED), "");
  EXPECT_EQ(Word(work::v1::VERIFICATION_LEVEL_L1), "l1");
  EXPECT_EQ(EnumWord(Job::State_descriptor(), 99), "unknown_99");
  EXPECT_EQ(*ParseEnumWord(Job::State_descriptor(), "Awaiting-Approval"),
            Job::STATE_AWAITING_APPROVAL);
  EXPECT_EQ(*ParseEnumWord(google::protobuf::GetEnumDescriptor<api::v1::Role>(), "policy-admin"),
            api::v1::ROLE_POLICY_ADMIN);
  EXPECT_THAT(ParseEnumWord(Job::State_descriptor(), "roling").status().message(),
              HasSubstr("did you mean \"rolling\"?"));
  EXPECT_FALSE(ParseEnumWord(Job::State_descriptor(), "").ok());
}

TEST(WordsTest, NamesMayBeShortOrFull) {
  EXPECT_EQ(FullName("agents", "db1"), "agents/db1");
  EXPECT_EQ(FullName("agents", "agents/db1"), "agents/db1");
  EXPECT_EQ(FullName("agents", ""), "");
  EXPECT_EQ(ShortName("jobs/J/tasks/T"), "J/tasks/T");
}

TEST(WordsTest, SizesAndTimes) {
  EXPECT_EQ(ShowBytes(1023), "1023 B");
  EXPECT_EQ(ShowBytes(1536), "1.5 KiB");
  google::protobuf::Timestamp time;
  EXPECT_EQ(Show(time), "");
  time.set_seconds(1'800'000'000);
  EXPECT_EQ(Show(time), "2027-01-15T08:00:00Z");
  EXPECT_EQ(Show(FromDuration(absl::Milliseconds(90250))), "1m30.25s");
}

Job AJob() {
  Job job;
  job.set_name("jobs/01J");
  job.set_state(Job::STATE_ROLLING);
  job.set_title("no: \"ü\" \x1b[31m");
  job.set_plan_only(true);
  job.add_blockers()->set_rule("approvals");
  job.add_blockers()->set_rule("on");
  return job;
}

TEST(JsonTest, NamesAreLowerCamelCaseAndTextIsAscii) {
  const std::string json = ToJson(AJob(), false);
  EXPECT_THAT(json, HasSubstr(R"("planOnly":true)"));
  EXPECT_THAT(json, HasSubstr(R"("state":"STATE_ROLLING")"));
  EXPECT_THAT(json, HasSubstr(R"(\u00fc)"));
  EXPECT_THAT(json, Not(HasSubstr("\x1b")));
  Job back;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &back).ok());
  EXPECT_EQ(back.title(), AJob().title());
}

TEST(JsonTest, YamlQuotesEveryTextAndNestsByIndent) {
  EXPECT_EQ(ToYaml(AJob()),
            "name: \"jobs/01J\"\n"
            "state: \"STATE_ROLLING\"\n"
            "title: \"no: \\\"\\u00fc\\\" \\u001b[31m\"\n"
            "blockers:\n"
            "  - rule: \"approvals\"\n"
            "  - rule: \"on\"\n"
            "planOnly: true\n");
  EXPECT_EQ(ToYaml(Job()), "{}\n");
  const Job job = AJob();
  const Job empty;
  EXPECT_THAT(ToYamlList({&job, &empty}), HasSubstr("- name: \"jobs/01J\"\n  state:"));
  EXPECT_THAT(ToYamlList({&job, &empty}), HasSubstr("- {}\n"));
  EXPECT_EQ(ToYamlList({}), "[]\n");
}

TEST(JsonTest, YamlKeysThatReadAsBooleansAreQuoted) {
  api::v1::AuditRecord record;
  (*record.mutable_details())["on"] = "x";
  EXPECT_THAT(ToYaml(record), HasSubstr("\"on\": \"x\""));
}

Job AChange() {
  Job job = AJob();
  job.set_state(Job::STATE_AWAITING_APPROVAL);
  job.mutable_blockers(0)->set_message("needs 1 approval");
  auto* task = job.add_tasks();
  task->set_name("jobs/01J/tasks/T1");
  task->set_target("instances/orders/databases/shop");
  auto* step = task->mutable_plan()->add_forward();
  step->set_sql("ALTER TABLE t\n  DROP COLUMN c /* \x1b[8m hidden */");
  step->set_file("0007_x.up.sql");
  step->set_line(3);
  step->set_safety(work::v1::SAFETY_CLASS_DESTRUCTIVE);
  step->set_kind(work::v1::STATEMENT_KIND_SCHEMA_MIGRATION);
  step->add_safety_reasons("drops a column");
  auto* table = step->add_tables();
  table->set_table("t");
  table->set_rows(1200);
  table->set_bytes(-1);
  auto* finding = step->add_findings();
  finding->set_rule_id("dbf-drop-column");
  finding->set_severity(work::v1::SEVERITY_ERROR);
  finding->set_message("data is lost");
  finding->set_advice("stop reading it first");
  task->mutable_plan()->add_rollback()->set_sql("ALTER TABLE t ADD COLUMN c INT");
  task->mutable_plan()->add_irreversible("the column's data");
  return job;
}

TEST(DescribeChangeTest, ShowsAllThatAnApproverMustSee) {
  const std::string text = DescribeChange(AChange());
  EXPECT_THAT(text, HasSubstr("0007_x.up.sql:3  destructive  schema_migration  t ~1200 rows\n"));
  EXPECT_THAT(text, HasSubstr("       ALTER TABLE t\n         DROP COLUMN c"));
  EXPECT_THAT(text, HasSubstr("why destructive: drops a column"));
  EXPECT_THAT(text, HasSubstr("error dbf-drop-column: data is lost"));
  EXPECT_THAT(text, HasSubstr("instead: stop reading it first"));
  EXPECT_THAT(text, HasSubstr("ALTER TABLE t ADD COLUMN c INT"));
  EXPECT_THAT(text, HasSubstr("CANNOT BE ROLLED BACK: the column's data"));
  EXPECT_THAT(text, HasSubstr("approvals: needs 1 approval"));
}

TEST(DescribeChangeTest, TerminalEscapesInSqlAndTitlesAreShownNotObeyed) {
  const std::string text = DescribeChange(AChange());
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("\\x1b[8m hidden"));
}

TEST(DescribeChangeTest, ThePlanOfAPlanOnlyJobIsItsResult) {
  Job job = AChange();
  const work::v1::Plan plan = job.tasks(0).plan();
  job.mutable_tasks(0)->clear_plan();
  EXPECT_THAT(DescribeChange(job), HasSubstr("not planned yet"));
  *job.mutable_tasks(0)->mutable_result()->mutable_plan() = plan;
  EXPECT_THAT(DescribeChange(job), HasSubstr("DROP COLUMN c"));
}

TEST(DescribeResultsTest, RowsOfAnInspectionAreATable) {
  Job job;
  auto* inspect = job.add_tasks()->mutable_result()->mutable_inspect();
  inspect->add_columns()->set_name("id");
  inspect->add_columns()->set_name("note");
  auto* row = inspect->add_rows();
  row->add_values()->set_text("1");
  row->add_values()->set_null(true);
  inspect->set_truncated(true);
  EXPECT_THAT(DescribeResults(job), HasSubstr("id  note\n1   NULL\n1 rows, and more"));
}

TEST(DescribeBlockersTest, AnUnknownOutcomeNamesTheCommandThatResolvesIt) {
  Job job = AChange();
  job.mutable_tasks(0)->set_state(api::v1::Task::STATE_NEEDS_PERSON);
  EXPECT_THAT(DescribeBlockers(job), HasSubstr("dbfleet job resolve jobs/01J/tasks/T1 --as"));
}

TEST(DescribeProgressTest, CountsFinishedForwardSteps) {
  Job job = AChange();
  job.set_state(Job::STATE_ROLLING);
  job.mutable_tasks(0)->mutable_plan()->add_forward();
  auto* step = job.mutable_tasks(0)->add_steps();
  step->set_state(work::v1::STEP_STATE_SUCCEEDED);
  EXPECT_EQ(DescribeProgress(job), "rolling [##########..........] 1/2 steps");
}

}  // namespace
}  // namespace dbfleet::cli
