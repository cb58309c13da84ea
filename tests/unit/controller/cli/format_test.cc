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

TEST(TableTest, InPartsItIsOneTable) {
  Table table({{"NAME"}, {"STATE"}});
  table.AddRow({"a", "ok"});
  EXPECT_EQ(table.RenderPart(false, 0), "NAME  STATE\na     ok\n");
  table.AddRow({"longer", "ok"});
  EXPECT_EQ(table.RenderPart(false, 0), "longer  ok\n");
  table.AddRow({"b", "ok"});
  EXPECT_EQ(table.RenderPart(false, 0), "b       ok\n");
}

TEST(TableTest, LinesFitTheTerminalByCuttingTheWidestText) {
  Table table({IdentityColumn("NAME"), TextColumn("TITLE")});
  table.AddRow({"short", std::string(200, 'x')});
  const std::string narrow = table.Render(false, 40);
  for (absl::string_view line : absl::StrSplit(narrow, '\n')) EXPECT_LE(DisplayWidth(line), 40u);
  EXPECT_THAT(narrow, HasSubstr("short"));
  EXPECT_THAT(narrow, HasSubstr("xxx..."));
  EXPECT_THAT(table.Render(true, 40), HasSubstr(std::string(200, 'x')));
}

// The widest listing there is, as `dbfleet job list` shows it.
Listing ManyJobs() {
  std::vector<Job> jobs(1);
  jobs[0].set_name("jobs/01M7WH2XK412SDZX7XC1SG2YJA");
  jobs[0].set_kind("migrate");
  jobs[0].set_state(Job::STATE_AWAITING_APPROVAL);
  jobs[0].set_environment("environments/production");
  jobs[0].set_title(std::string(80, 't'));
  jobs[0].set_requester("users/ada");
  jobs[0].mutable_create_time()->set_seconds(1'800'000'000);
  jobs[0].add_tasks()->set_target("instances/orders-db/databases/client_1001");
  return JobListing(jobs);
}

std::string RenderJobs(bool wide, int width) {
  const Listing listing = ManyJobs();
  Table table(listing.columns);
  for (const auto& item : listing.items) table.AddRow(item.cells);
  return table.Render(wide, width);
}

TEST(TableTest, AnIdIsNeverCutHoweverNarrowTheTerminal) {
  for (const int width : {200, 100, 80, 60, 40, 20, 1}) {
    EXPECT_THAT(RenderJobs(false, width), HasSubstr("01M7WH2XK412SDZX7XC1SG2YJA")) << width;
  }
}

TEST(TableTest, AtEightyColumnsALineOfJobsFitsAndStatesAreWhole) {
  const std::string text = RenderJobs(false, 80);
  for (absl::string_view line : absl::StrSplit(text, '\n')) EXPECT_LE(DisplayWidth(line), 80u);
  EXPECT_THAT(text, HasSubstr("awaiting_approval"));
  EXPECT_THAT(text, Not(HasSubstr("REQUESTER")));
}

TEST(TableTest, LeastImportantColumnsAreTheFirstToBeLeftOut) {
  Table table({IdentityColumn("NAME"), {"STATE"}, {"CREATED"}});
  table.AddRow({"a-long-enough-name", "succeeded", "2027-01-15T08:00:00Z"});
  EXPECT_EQ(table.Render(false, 40), "NAME                STATE\na-long-enough-name  succeeded\n");
  EXPECT_EQ(table.Render(false, 20), "NAME\na-long-enough-name\n");
}

TEST(TableTest, WideAndNoTerminalCutNothing) {
  for (const std::string& text : {RenderJobs(true, 40), RenderJobs(false, 0)}) {
    EXPECT_THAT(text, HasSubstr(std::string(80, 't')));
    EXPECT_THAT(text, HasSubstr("2027-01-15T08:00:00Z"));
    EXPECT_THAT(text, HasSubstr("ada"));
  }
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
  EXPECT_EQ(ActorName("users/ada"), "ada");
  EXPECT_EQ(ActorName("schedules/nightly"), "schedules/nightly") << "no user of that name did it";
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
  EXPECT_THAT(DescribeResults(job), HasSubstr("id  note\n1   NULL\n1 row, and more"));
}

TEST(DescribeResultsTest, AValueOfSeveralLinesIsShownAsLines) {
  Job job;
  auto* inspect = job.add_tasks()->mutable_result()->mutable_inspect();
  for (const char* name : {"path", "type", "value"}) inspect->add_columns()->set_name(name);
  auto* row = inspect->add_rows();
  row->add_values()->set_text("");
  row->add_values()->set_text("string");
  row->add_values()->set_text("# Server\r\nredis_version:7\x1b[2J\r\n\r\n# Clients\r\n");
  EXPECT_THAT(DescribeResults(job),
              HasSubstr("type: string\nvalue:\n  # Server\n  redis_version:7\\x1b[2J\n  \n"
                        "  # Clients\n1 row"));
}

TEST(DescribeResultsTest, ARemainingVersionIsNotClaimedToBeApplied) {
  Job job;
  auto* migrate = job.add_tasks()->mutable_result()->mutable_migrate();
  migrate->add_remaining_versions("0007");
  EXPECT_THAT(DescribeResults(job), HasSubstr("NOT SETTLED: may still be there"));
  EXPECT_THAT(DescribeResults(job), HasSubstr("0007\n"));
  job.mutable_spec()->mutable_migrate()->set_direction(work::v1::MIGRATE_DIRECTION_DOWN);
  EXPECT_THAT(DescribeResults(job), HasSubstr("NOT SETTLED: may be taken out"));
}

size_t Occurrences(absl::string_view text, absl::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(DescribeJobTest, AStepWhoseEndWasNotReportedIsNotRunningInAJobThatHasEnded) {
  Job job = AChange();
  auto* task = job.mutable_tasks(0);
  task->add_steps()->set_state(work::v1::STEP_STATE_RUNNING);
  task->set_state(api::v1::Task::STATE_ACTIVE);
  EXPECT_THAT(DescribeJob(job), HasSubstr("step 1: running"));
  task->set_state(api::v1::Task::STATE_NEEDS_PERSON);
  EXPECT_THAT(DescribeJob(job), HasSubstr("step 1: started; what became of it is unknown"));
  task->set_state(api::v1::Task::STATE_FAILED);
  EXPECT_THAT(DescribeJob(job), HasSubstr("step 1: started; its end was not reported"));
  task->set_state(api::v1::Task::STATE_SUCCEEDED);
  EXPECT_THAT(DescribeJob(job), HasSubstr("step 1: started; found done"));
}

TEST(DescribeJobTest, ATaskThatWasOnlyPlannedIsPlannedAndASkippedOneSkipped) {
  Job job = AChange();
  job.mutable_tasks(0)->set_state(api::v1::Task::STATE_SKIPPED);
  job.set_plan_only(true);
  job.set_state(Job::STATE_SUCCEEDED);
  EXPECT_THAT(DescribeJob(job), HasSubstr("databases/shop  planned"));
  EXPECT_THAT(DescribeJob(job), HasSubstr("Plan only    yes"));
  job.set_state(Job::STATE_FAILED);
  EXPECT_THAT(DescribeJob(job), HasSubstr("databases/shop  skipped"));
  job.set_state(Job::STATE_SUCCEEDED);
  job.set_plan_only(false);
  EXPECT_THAT(DescribeJob(job), HasSubstr("databases/shop  skipped"));
}

TEST(DescribeJobTest, OneErrorOfOneTaskIsSaidOnce) {
  Job job = AChange();
  auto* task = job.mutable_tasks(0);
  auto* attempt = task->add_attempts();
  for (const auto set : {0, 1}) {
    job.set_error_message("duplicate entry");
    task->set_error_message("duplicate entry");
    attempt->set_error_message(set == 0 ? "duplicate entry" : "another one");
    EXPECT_EQ(Occurrences(DescribeJob(job), "duplicate entry"), 1u);
  }
  EXPECT_THAT(DescribeJob(job), HasSubstr("another one"));
  *job.add_tasks() = job.tasks(0);
  EXPECT_EQ(Occurrences(DescribeJob(job), "duplicate entry"), 3u);  // Each task tells its own.
}

TEST(JobListingTest, ATargetOfSeveralTasksIsNamedOnce) {
  std::vector<Job> jobs(1);
  jobs[0].add_tasks()->set_target("instances/redis");
  jobs[0].add_tasks()->set_target("instances/redis");
  const Listing listing = JobListing(jobs);
  EXPECT_THAT(listing.items[0].cells, testing::Contains("redis"));
}

TEST(JobListingTest, APlanDoesNotPassForAChange) {
  std::vector<Job> jobs(1);
  jobs[0].set_title("T");
  jobs[0].set_plan_only(true);
  EXPECT_THAT(JobListing(jobs).items[0].cells, testing::Contains("(plan only) T"));
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

TEST(WordsTest, DaysAreDaysAndShorterTimesAreWhole) {
  EXPECT_EQ(Show(absl::Hours(3053) + absl::Minutes(36)), "127d 5h");
  EXPECT_EQ(Show(absl::Hours(48)), "2d");
  EXPECT_EQ(Show(absl::Hours(24)), "1d");
  EXPECT_EQ(Show(absl::Hours(24) - absl::Seconds(1)), "23h59m59s");
  EXPECT_EQ(Show(-absl::Hours(49)), "-2d 1h");
  EXPECT_EQ(Show(absl::Minutes(90)), "1h30m");
  EXPECT_EQ(Show(absl::InfiniteDuration()), "inf");
}

TEST(DescribeChangeTest, ShowsWhatWasWaivedAndWhetherThatWasReviewed) {
  Job job = AChange();
  job.set_name("jobs/J1");
  auto* episode = job.mutable_broken_glass()->add_episodes();
  episode->set_principal("users/ada");
  episode->add_waives("approvals");
  episode->set_reason("incident 812");
  episode->set_digest(job.digest());
  episode->mutable_expire_time()->set_seconds(1'800'003'600);
  episode->mutable_review_due_time()->set_seconds(1'800'090'000);
  std::string text = DescribeChange(job);
  EXPECT_THAT(text, HasSubstr("Broken glass\n  users/ada waived approvals"));
  EXPECT_THAT(text, HasSubstr("until 2027-01-15T09:00:00Z: incident 812"));
  EXPECT_THAT(text, HasSubstr("not reviewed"));
  EXPECT_THAT(text, HasSubstr("dbfleet change review J1 --reason REASON"));
  episode->set_reviewer("users/bob");
  episode->set_review("it was right");
  text = DescribeChange(job);
  EXPECT_THAT(text, HasSubstr("reviewed by users/bob"));
  EXPECT_THAT(text, Not(HasSubstr("not reviewed")));
}

TEST(DescribeChangeTest, WhatIsHalfWayIsSaid) {
  Job job = AChange();
  EXPECT_THAT(DescribeChange(job), Not(HasSubstr("NOT SETTLED")));
  auto* migrate = job.mutable_tasks(0)->mutable_result()->mutable_migrate();
  migrate->add_remaining_versions("0007");
  migrate->add_rolled_back_versions("0008");
  EXPECT_THAT(DescribeChange(job), HasSubstr("NOT SETTLED: may still be there"));
}

TEST(DescribeChangeTest, ShowsRollbacksBothWays) {
  Job job = AChange();
  job.add_rolled_back_by("jobs/R1");
  EXPECT_THAT(DescribeChange(job), HasSubstr("Taken back   by jobs/R1\n"));
  job.set_rollback_of("jobs/J0");
  EXPECT_THAT(DescribeChange(job), HasSubstr("Takes back   jobs/J0 (it is a rollback)\n"));
}

TEST(DescribeChangeTest, WhatIsPausedBeforeItBeganSaysSoOnce) {
  Job job = AChange();
  job.set_state(Job::STATE_READY);
  job.set_error_reason("PAUSED");
  job.set_error_message("paused by users/ada: wait");
  auto* blocker = job.add_blockers();
  blocker->set_rule("paused");
  blocker->set_message("by users/ada: wait; it does not begin until somebody resumes it");
  auto* foreseen = job.add_foreseen();
  foreseen->set_rule("approvals");
  foreseen->set_message("the approval lapses");
  const std::string text = DescribeChange(job);
  EXPECT_THAT(text, HasSubstr("State        ready (paused)"));
  EXPECT_EQ(Occurrences(text, "by users/ada: wait"), 1u);
  EXPECT_THAT(text, HasSubstr("Will be missing when its time comes\n  approvals: the approval"));
}

}  // namespace
}  // namespace dbfleet::cli
