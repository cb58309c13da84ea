#include "controller/scheduler/scheduler.h"

#include "controller/identity/roles_in.h"
#include "tests/unit/controller/scheduler/scheduler_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SchedulerTest : public SchedulerFixture {};

TEST_F(SchedulerTest, WhenItsTimeComesEachTargetGetsAJobOfTheSchedulesAccount) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *");
  Boot();
  Pass(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_THAT(JobsOf("minutely"), IsEmpty());
  Pass(absl::Seconds(2));
  const std::vector<Job> jobs = JobsOf("minutely");
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].requester, "schedules/minutely");
  EXPECT_EQ(jobs[0].kind, JobKind::kCheck);
  EXPECT_THAT(Told("minutely"), ElementsAre("08:05 running"));
  FinishCheck(agent_.Offers().back());
  EXPECT_THAT(Told("minutely"), ElementsAre("08:05 succeeded"));
  ASSERT_THAT(Records("schedule.begin"), SizeIs(1));
  EXPECT_EQ(Records("schedule.begin")[0].entry.actor, "schedules/minutely");
  EXPECT_EQ(Records("check.submit")[0].entry.actor, "schedules/minutely");
  EXPECT_EQ(Records("schedule.submitted")[0].entry.details.at("jobs"), "1");
}

TEST_F(SchedulerTest, ARestartMakesNothingTwice) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *", "overlap: allow");
  Boot();
  for (int i = 0; i < 20; ++i) {
    Pass(absl::Seconds(61));
    Reboot();
  }
  EXPECT_THAT(JobsOf("minutely"), SizeIs(4));
}

TEST_F(SchedulerTest, SkipSkipsAsLongAsAJobHasNotEnded) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *");
  Boot();
  Pass(absl::Minutes(11));
  EXPECT_THAT(Told("minutely"), ElementsAre("08:10 skipped OVERLAP", "08:05 running"));
  FinishCheck(agent_.Offers().back(), agent::v1::OUTCOME_FAILED);
  Pass(absl::Minutes(5));
  EXPECT_THAT(Told("minutely"),
              ElementsAre("08:15 running", "08:10 skipped OVERLAP", "08:05 failed"));
  ASSERT_THAT(Records("schedule.skip"), SizeIs(1));
  EXPECT_EQ(Records("schedule.skip")[0].entry.details.at("reason"), "OVERLAP");
}

TEST_F(SchedulerTest, QueueOneBeginsWhenTheFormerHasEndedAndOnlyOneWaits) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *", "overlap: queue_one");
  Boot();
  Pass(absl::Minutes(16));
  EXPECT_THAT(Told("minutely"),
              ElementsAre("08:15 skipped QUEUE_FULL", "08:10 pending", "08:05 running"));
  FinishCheck(agent_.Offers().back());
  Pass(absl::Seconds(2));
  EXPECT_THAT(Told("minutely"),
              ElementsAre("08:15 skipped QUEUE_FULL", "08:10 running", "08:05 succeeded"));
}

TEST_F(SchedulerTest, WhatWaitsLongerThanStartWithinDoesNotRun) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *", "overlap: queue_one, start_within: 2m");
  Boot();
  Pass(absl::Minutes(13));
  EXPECT_THAT(Told("minutely"), ElementsAre("08:10 skipped TOO_LATE", "08:05 running"));
}

TEST_F(SchedulerTest, AllowRunsBesideEachOther) {
  Declare("minutely", "*/5 * * * *", "overlap: allow");
  AddInstances(1);
  Boot();
  Pass(absl::Minutes(11));
  EXPECT_THAT(Told("minutely"), ElementsAre("08:10 running", "08:05 running"));
}

TEST_F(SchedulerTest, CancelRunningMakesTheNewOneFirst) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *", "overlap: cancel_running");
  Boot();
  Pass(absl::Minutes(10) + absl::Seconds(8));
  EXPECT_THAT(Told("minutely"), ElementsAre("08:10 running", "08:05 cancelled SUPERSEDED"));
  ASSERT_THAT(JobsOf("minutely"), SizeIs(2));
  uint64_t second_submit = 0, cancel = 0;
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.action == "check.submit") second_submit = row.seq;
    if (row.entry.action == "job.cancel") cancel = row.seq;
  }
  EXPECT_GT(cancel, second_submit);
}

TEST_F(SchedulerTest, MissedOnesAreSkippedOrTheLatestRunsALittleLater) {
  AddInstances(1);
  Declare("skips", "*/10 * * * *");
  Declare("once", "*/10 * * * *", "missed: run_once");
  Boot();
  Sleep(absl::Hours(3) + absl::Minutes(7));  // 11:07
  const absl::Time boot = clock_.Now();
  Boot();
  EXPECT_THAT(Told("skips"), ElementsAre("11:00 skipped MISSED"));
  // Its share of the spread, which its id decides, may be next to nothing.
  EXPECT_THAT(Told("once"), AnyOf(ElementsAre("11:00 pending", "10:50 skipped MISSED"),
                                  ElementsAre("11:00 running", "10:50 skipped MISSED")));
  EXPECT_GE(History("once")[0].occurrence.due_time, boot);
  EXPECT_LT(History("once")[0].occurrence.due_time, boot + kCatchUpSpread);
  Pass(History("once")[0].occurrence.due_time - clock_.Now() + absl::Seconds(2));
  EXPECT_THAT(Told("once").back(), "10:50 skipped MISSED");
  EXPECT_THAT(JobsOf("once"), SizeIs(1));
}

TEST_F(SchedulerTest, BackfilledRunsComeOneAfterTheOtherAndBesideNothing) {
  agent_.Connect();
  Declare("hourly", "@hourly", "missed: backfill, backfill_most: 3");
  Boot();
  Sleep(absl::Hours(5) + absl::Minutes(30));
  agent_.Connect();
  Boot();
  EXPECT_THAT(Told("hourly"), ElementsAre("13:00 pending", "12:00 pending", "11:00 pending",
                                          "10:00 skipped MISSED"));
  for (int done = 0; done < 3; ++done) {
    Pass(absl::Minutes(6));
    ASSERT_THAT(JobsOf("hourly"), SizeIs(done + 1));
    FinishCheck(agent_.Offers().back());
  }
  EXPECT_THAT(Told("hourly"), ElementsAre("13:00 succeeded", "12:00 succeeded", "11:00 succeeded",
                                          "10:00 skipped MISSED"));
}

// Of several absences, or by an older version, what is to be made up for may be due in another
// order.
TEST_F(SchedulerTest, BackfilledRunsBeginInTheOrderOfTheirTimesWheneverTheyAreDue) {
  AddInstances(1);
  Declare("hourly", "@hourly", "missed: backfill, overlap: allow");
  Boot();
  Crash();
  const absl::Time now = clock_.Now();
  EXPECT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(const ScheduleState state, tx.GetScheduleState("hourly"));
                    for (const auto& [ago, due] : {std::pair(2, 10), std::pair(1, 7)}) {
                      Occurrence missed = NewOccurrence(state, now - absl::Hours(ago),
                                                        now + absl::Minutes(due), now);
                      missed.missed = true;
                      RETURN_IF_ERROR(tx.InsertOccurrence(&missed));
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  Boot();
  Pass(absl::Minutes(9));
  EXPECT_THAT(Told("hourly"), ElementsAre("07:00 pending", "06:00 pending"));
  Pass(absl::Minutes(2));
  EXPECT_THAT(Told("hourly"), ElementsAre("07:00 running", "06:00 running"));
  std::vector<std::string> begun;
  for (const AuditRow& row : Records("schedule.begin")) {
    begun.push_back(row.entry.details.at("nominal").substr(10));
  }
  EXPECT_THAT(begun, ElementsAre("T06:00:00+00:00", "T07:00:00+00:00"));
}

TEST_F(SchedulerTest, AnotherCronCountsFromTheEditAndNothingPastRunsAgain) {
  AddInstances(1);
  Declare("edited", "*/5 * * * *", "overlap: allow, missed: backfill");
  Boot();
  Pass(absl::Minutes(6));
  Declare("edited", "* * * * *", "overlap: allow, missed: backfill");
  Pass(absl::Minutes(1));
  EXPECT_THAT(Told("edited"), ElementsAre("08:07 running", "08:05 running"));
  // Other fields leave the times alone.
  Declare("edited", "* * * * *", "overlap: skip");
  Pass(absl::Minutes(1));
  EXPECT_THAT(Told("edited"),
              ElementsAre("08:08 skipped OVERLAP", "08:07 running", "08:05 running"));
}

TEST_F(SchedulerTest, SuspendedOnesDoNotRunAndDoNotMakeUpForIt) {
  AddInstances(1);
  Declare("rests", "* * * * *", "suspended: true, missed: backfill");
  Boot();
  Pass(absl::Minutes(3));
  EXPECT_THAT(Told("rests"), IsEmpty());
  Declare("rests", "* * * * *", "missed: backfill");
  Pass(absl::Minutes(1));
  EXPECT_THAT(Told("rests"), ElementsAre("08:04 running"));
}

TEST_F(SchedulerTest, DeletingGivesUpWhatWaitsAndAnotherOneOfTheNameIsAnother) {
  agent_.Connect();
  Declare("gone", "*/5 * * * *", "overlap: queue_one");
  Boot();
  Pass(absl::Minutes(11));
  EXPECT_THAT(Told("gone"), ElementsAre("08:10 pending", "08:05 running"));
  Delete("gone");
  FinishCheck(agent_.Offers().back());
  Pass(absl::Seconds(2));
  EXPECT_THAT(Told("gone"), ElementsAre("08:10 cancelled SCHEDULE_DELETED", "08:05 succeeded"));
  Declare("gone", "*/5 * * * *");
  Pass(absl::Minutes(5));
  EXPECT_THAT(Told("gone").front(), "08:15 running");
}

TEST_F(SchedulerTest, ManyTargetsAreMadeInPiecesAndGoOnWhereTheyStopped) {
  AddInstances(95);
  Declare("wide", "*/5 * * * *");
  clock_.Advance(absl::Minutes(5));
  options_.chunk = 1;
  std::vector<size_t> made;
  for (int life = 0; life < 12; ++life) {
    Make();
    // In some of its lives the disk is full.
    if (life % 3 == 1) store_.FailCommits(1, absl::ResourceExhaustedError("the disk is full"));
    scheduler_->Tick();
    made.push_back(JobsOf("wide").size());
    Crash();
  }
  EXPECT_THAT(made, ElementsAre(20, 20, 40, 60, 60, 80, 95, 95, 95, 95, 95, 95));
  ASSERT_THAT(JobsOf("wide"), SizeIs(95));
  std::set<std::string> keys;
  for (const Job& job : JobsOf("wide")) keys.insert(job.request_key);
  EXPECT_THAT(keys, SizeIs(95));
  EXPECT_EQ(History("wide")[0].occurrence.targets, 95);
  EXPECT_THAT(Told("wide"), ElementsAre("08:05 running"));
}

TEST_F(SchedulerTest, ATargetThatIsRefusedKeepsNoOtherFromItsJob) {
  AddInstances(3);
  AddInstances(1, "redis");
  Declare("mixed", "*/5 * * * *", "", "backup: {databases: [shop]}");
  Boot();
  Pass(absl::Minutes(5) + absl::Seconds(1));
  EXPECT_THAT(JobsOf("mixed"), SizeIs(3));
  const OccurrenceView view = History("mixed")[0];
  EXPECT_EQ(view.occurrence.refused, 1);
  EXPECT_THAT(view.message, HasSubstr("redis-0000"));
  ASSERT_THAT(Records("schedule.refuse"), SizeIs(1));
  EXPECT_EQ(Records("schedule.refuse")[0].entry.details.at("reason"), "NO_DATABASE_DUMP");
}

TEST_F(SchedulerTest, WhatIsNotReadOnlyForCertainIsNeverSubmitted) {
  AddInstances(2);
  const std::string bad = "inspect: {statement: \"DELETE FROM orders\"}";
  EXPECT_EQ(ReasonOf(Apply(Yaml("bad", "*/5 * * * *", "", bad))), "INSPECTION_NOT_SAFE");
  // It may have been declared for another server, or by a version that did not look.
  Declare("bad", "*/5 * * * *", "", "inspect: {statement: \"SELECT 2\"}");
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Resource resource, tx.GetResource("schedules/bad"));
                    resource::v1::Schedule schedule;
                    schedule.ParseFromString(resource.blob);
                    schedule.mutable_spec()->mutable_job()->mutable_inspect()->set_statement(
                        "DELETE FROM orders");
                    resource.blob = schedule.SerializeAsString();
                    RETURN_IF_ERROR(tx.UpdateResource(&resource));
                    ASSIGN_OR_RETURN(const DeclaredSchedule declared, ScheduleIn(resource));
                    return NoteScheduleApplied(tx, declared, false, "users/polly", clock_.Now());
                  })
                  .ok());
  Declare("good", "*/5 * * * *", "", "inspect: {statement: \"SELECT 1\"}");
  Boot();
  Pass(absl::Minutes(5) + absl::Seconds(1));
  EXPECT_THAT(JobsOf("bad"), IsEmpty());
  EXPECT_THAT(Told("bad"), ElementsAre("08:05 failed TARGETS_REFUSED"));
  EXPECT_THAT(JobsOf("good"), SizeIs(2));
}

TEST_F(SchedulerTest, NoTargetAtAllIsAFailureThatSaysSo) {
  Declare("empty", "*/5 * * * *", "targets: {labels: {tier: \"1\"}}");
  Boot();
  Pass(absl::Minutes(5) + absl::Seconds(1));
  EXPECT_THAT(Told("empty"), ElementsAre("08:05 failed NO_TARGETS"));
}

TEST_F(SchedulerTest, AScheduleThatCannotBeReadHoldsUpNoOther) {
  AddInstances(1);
  Declare("broken", "*/5 * * * *");
  Declare("whole", "*/5 * * * *");
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Resource resource, tx.GetResource("schedules/broken"));
                    resource.blob = "\xff";
                    return tx.UpdateResource(&resource);
                  })
                  .ok());
  Boot();
  Pass(absl::Minutes(5) + absl::Seconds(1));
  EXPECT_THAT(Told("whole"), ElementsAre("08:05 running"));
  EXPECT_THAT(Told("broken"), IsEmpty());
}

// A schedule is no way to keep a role that its declarer has lost.
TEST_F(SchedulerTest, WhoMayNotHaveItDoneByHandHasItDoneByNoSchedule) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *");
  Boot();
  Pass(absl::Minutes(5) + absl::Seconds(1));
  FinishCheck(agent_.Offers().back());
  SetRoles("polly", {Role::kPolicyAdmin});
  Pass(absl::Minutes(5));
  EXPECT_THAT(Told("minutely"), ElementsAre("08:10 skipped NOT_ENTITLED", "08:05 succeeded"));
  ASSERT_THAT(Records("schedule.skip"), SizeIs(1));
  EXPECT_EQ(Records("schedule.skip")[0].entry.environment, "production");
  EXPECT_THAT(Records("schedule.skip")[0].entry.details.at("message"),
              HasSubstr("users/polly has not the role operator in production"));
  EXPECT_THAT(JobsOf("minutely"), SizeIs(1));
  // Whoever ran it by hand answers for that.
  ASSERT_TRUE(runs_.Run({"users/eve", ""}, "minutely", "now").ok());
  Pass(absl::Seconds(2));
  EXPECT_THAT(JobsOf("minutely"), SizeIs(2));
  FinishCheck(agent_.Offers().back());
  // The very same again, by somebody who may: from now on it is hers.
  EXPECT_TRUE(Apply(Yaml("minutely", "*/5 * * * *"), "users/eve").ok());
  Pass(absl::Minutes(5));
  EXPECT_THAT(Told("minutely").front(), "08:15 running");
  ASSERT_THAT(Records("resource.update"), SizeIs(1));
  EXPECT_THAT(Records("resource.update")[0].entry.details.at("takes_over"), HasSubstr("polly"));
  EXPECT_TRUE(Apply(Yaml("minutely", "*/5 * * * *"), "users/ann").ok());
  EXPECT_THAT(Records("resource.update"), SizeIs(1)) << "eve has all that it takes";
}

TEST_F(SchedulerTest, WhatWaitedIsMeasuredWhenItBegins) {
  agent_.Connect();
  Declare("minutely", "*/5 * * * *", "overlap: queue_one");
  Boot();
  Pass(absl::Minutes(11));
  SetRoles("polly", {});
  FinishCheck(agent_.Offers().back());
  Pass(absl::Seconds(2));
  EXPECT_THAT(Told("minutely"), ElementsAre("08:10 skipped NOT_ENTITLED", "08:05 succeeded"));
}

TEST_F(SchedulerTest, WhatWasAskedForByHandDoesNotBeginOnceItsTokenIsRevoked) {
  agent_.Connect();
  Declare("yearly", "0 0 1 1 *", "overlap: queue_one");
  Boot();
  const auto run = [&](const std::string& token_id) {
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) {
                      ApiToken token;
                      token.id = token_id;
                      token.user_id = "polly";
                      token.hash = token_id;
                      return tx.InsertToken(&token);
                    })
                    .ok());
    const auto begun = runs_.Run({"users/polly", "", token_id}, "yearly", "");
    EXPECT_TRUE(begun.ok()) << begun.status();
    Pass(absl::Seconds(2));
  };
  const auto finish = [&] {
    FinishCheck(agent_.Offers().back());
    Pass(absl::Seconds(2));
  };
  run("01A");
  run("01B");
  ASSERT_THAT(JobsOf("yearly"), SizeIs(1)) << "the second waits for the first";
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    for (const std::string id : {"01A", "01B"}) {
                      ASSIGN_OR_RETURN(ApiToken token, tx.GetToken(id));
                      token.revoked = true;
                      RETURN_IF_ERROR(tx.UpdateToken(&token));
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  finish();
  EXPECT_THAT(JobsOf("yearly"), SizeIs(1));
  ASSERT_THAT(Records("schedule.skip"), SizeIs(1));
  EXPECT_EQ(Records("schedule.skip")[0].entry.details.at("reason"), "NOT_ENTITLED");
  EXPECT_THAT(Records("schedule.skip")[0].entry.details.at("message"),
              HasSubstr("the token 01B, with which users/polly asked for it, was revoked"));
  // Other tokens' are as before, behind one that waits.
  run("01C");
  run("01D");
  finish();
  EXPECT_THAT(JobsOf("yearly"), SizeIs(3));
}

TEST_F(SchedulerTest, DeclaringOneTakesTheRoleThatItsWorkTakes) {
  User user;
  user.id = "pat";
  user.roles = {Role::kPolicyAdmin};
  const Rights declares = Rights::Of(user, RoleBook({}).GrantsOf(user));
  const auto apply = [&](const std::string& more) {
    return ReasonOf(resources_
                        .Apply({"users/pat", ""}, {{{"f.yaml", Yaml("new", "@hourly", more)}}},
                               false, "", declares)
                        .status());
  };
  EXPECT_EQ(apply(""), "ROLE_MISSING");
  EXPECT_EQ(apply("suspended: true"), "") << "that does nothing";
  Declare("new", "@hourly");
  EXPECT_EQ(apply(""), "") << "nothing changes: it stays polly's";
  EXPECT_EQ(apply("overlap: allow"), "ROLE_MISSING");
  SetRoles("polly", {Role::kPolicyAdmin});
  EXPECT_EQ(apply(""), "");
  EXPECT_EQ(ReadFrom(store_, [](ReadTx& tx) { return tx.GetResource("schedules/new"); })->editor,
            "users/polly")
      << "pat cannot take over what pat may not have done";
}

// Nobody takes over, or is told to have lost, what is not known.
TEST_F(SchedulerTest, WhileRolesCannotBeReadTheReasonSaysSo) {
  SetRoles("polly", {});
  ASSERT_TRUE(Apply("apiVersion: dbfleet/v1\nkind: RoleBinding\nmetadata: {name: b}\nspec: "
                    "{subjects: [polly], role: operator}\n",
                    "users/root")
                  .ok());
  Declare("minutely", "*/5 * * * *");
  Boot();
  EXPECT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Resource binding, tx.GetResource("rolebindings/b"));
                    binding.blob = "\xff";
                    RETURN_IF_ERROR(tx.UpdateResource(&binding));
                    return NoteRoleChange(tx, binding.id, "users/root", clock_.Now());
                  })
                  .ok());
  EXPECT_TRUE(Apply(Yaml("minutely", "*/5 * * * *"), "users/eve").ok());
  EXPECT_THAT(Records("resource.update"), IsEmpty()) << "it stays polly's";
  Pass(absl::Minutes(5) + absl::Seconds(1));
  EXPECT_THAT(Told("minutely"), ElementsAre("08:05 skipped NOT_ENTITLED"));
  ASSERT_THAT(Records("schedule.skip"), SizeIs(1));
  EXPECT_THAT(Records("schedule.skip")[0].entry.details.at("message"),
              HasSubstr("the roles of users/polly cannot be read just now"));
}

// Its history was of another environment, whose readers are others.
TEST_F(SchedulerTest, AnotherOneOfTheNameShowsItsOwnHistoryOnly) {
  agent_.Connect();
  Declare("named", "*/5 * * * *");
  Boot();
  Pass(absl::Minutes(6));
  ASSERT_THAT(Told("named"), SizeIs(1));
  const std::string former = History("named")[0].occurrence.id;
  FinishCheck(agent_.Offers().back());
  Delete("named");
  EXPECT_THAT(Told("named"), SizeIs(1)) << "nobody else has the name yet";
  Declare("named", "*/5 * * * *");
  EXPECT_THAT(Told("named"), IsEmpty());
  EXPECT_EQ(ReasonOf(runs_.Get(former).status()), "OCCURRENCE_NOT_FOUND");

  Pass(absl::Minutes(5));
  ASSERT_THAT(Told("named"), SizeIs(1));
  std::string moved = Yaml("named", "*/5 * * * *");
  moved.replace(moved.find("production"), std::string("production").size(), "qa");
  EXPECT_TRUE(Apply(moved).ok());
  EXPECT_THAT(Told("named"), IsEmpty()) << "nor one that was moved";
}

TEST_F(SchedulerTest, EverybodyWhoDeclaredItCountsAsItsRequester) {
  const auto of = [&](const std::string& requester) {
    return ReadFrom(store_,
                    [&](ReadTx& tx) {
                      return DependentsOfRequester(
                          tx, requester,
                          +[](ReadTx&,
                              const std::string& who) -> absl::StatusOr<std::vector<std::string>> {
                            if (who == "users/polly")
                              return std::vector<std::string>{"users/pollys-friend"};
                            return std::vector<std::string>();
                          });
                    })
        .value();
  };
  Declare("shared", "*/5 * * * *");
  EXPECT_TRUE(Apply(Yaml("shared", "*/7 * * * *"), "users/eve").ok());
  EXPECT_THAT(of("schedules/shared"),
              ElementsAre("users/eve", "users/polly", "users/pollys-friend"));
  // Also when it is gone, and another has its name.
  Delete("shared");
  EXPECT_THAT(of("schedules/shared"), SizeIs(3));
  EXPECT_TRUE(Apply(Yaml("shared", "*/7 * * * *"), "users/ann").ok());
  EXPECT_THAT(of("schedules/shared"), SizeIs(4));
  EXPECT_THAT(of("users/polly"), ElementsAre("users/pollys-friend"));
}

TEST(RunStateTest, IsWhatTheJobsSayAndNothingStaysRunningWhoseJobsAreGone) {
  Occurrence occurrence;
  occurrence.state = OccurrenceState::kSubmitted;
  occurrence.targets = occurrence.jobs = 2;
  EXPECT_EQ(StateOf(occurrence, {{JobState::kSucceeded, 1}, {JobState::kReady, 1}}),
            RunState::kRunning);
  EXPECT_EQ(StateOf(occurrence, {{JobState::kSucceeded, 2}}), RunState::kSucceeded);
  EXPECT_EQ(StateOf(occurrence, {{JobState::kSucceeded, 1}, {JobState::kExpired, 1}}),
            RunState::kFailed);
  EXPECT_EQ(StateOf(occurrence, {{JobState::kSucceeded, 1}, {JobState::kCancelled, 1}}),
            RunState::kCancelled);
  EXPECT_EQ(StateOf(occurrence, {{JobState::kFailed, 1}, {JobState::kCancelled, 1}}),
            RunState::kFailed);
  EXPECT_EQ(StateOf(occurrence, {}), RunState::kUnknown) << "never called a success";
  occurrence.targets = 3;
  occurrence.refused = 1;
  EXPECT_EQ(StateOf(occurrence, {{JobState::kSucceeded, 2}}), RunState::kFailed);
}

TEST_F(SchedulerTest, TheListSaysHowEachStands) {
  AddInstances(1);
  Declare("five", "*/5 * * * *");
  Declare("off", "0 3 * * *", "suspended: true");
  EXPECT_TRUE(Apply(Yaml("lost", "0 3 * * *", "time_zone: Europe/Berlin"), "users/eve").ok());
  Boot();
  Pass(absl::Minutes(5) + absl::Seconds(1));
  SetRoles("eve", {Role::kPolicyAdmin});
  const auto listed = runs_.Schedules({10, ""}, Rights::All());
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_THAT(listed->items, SizeIs(3));
  const ScheduleView &five = listed->items[0], &lost = listed->items[1], &off = listed->items[2];
  EXPECT_EQ(five.name, "five");
  EXPECT_EQ(five.environment, "production");
  EXPECT_EQ(five.cron, "*/5 * * * *");
  EXPECT_EQ(five.action, "check");
  EXPECT_EQ(five.next, runs_.Next("five", 1)->times[0].due);
  ASSERT_TRUE(five.last.has_value());
  EXPECT_EQ(five.last->state, RunState::kRunning);
  EXPECT_EQ(five.problem, "");
  EXPECT_EQ(lost.time_zone, "Europe/Berlin");
  EXPECT_FALSE(lost.last.has_value());
  EXPECT_THAT(lost.problem, HasSubstr("users/eve has not the role operator"));
  EXPECT_TRUE(off.suspended);
  EXPECT_EQ(off.next, absl::InfiniteFuture()) << "none of its times counts";
  EXPECT_THAT(runs_.Schedules({10, ""}, Rights())->items, IsEmpty());
}

}  // namespace
}  // namespace dbfleet::controller
