#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/config/yaml.h"
#include "common/proto_time/proto_time.h"
#include "controller/cli/words.h"
#include "dbfleet/resource/v1/resource.pb.h"
#include "tests/unit/controller/cli/cli_fixture.h"

// Declared resources and windows on the command line.
namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class WindowTest : public CliTest {
 protected:
  // The window that `window add` or `window end` sent.
  resource::v1::MaintenanceWindow SentWindow() {
    resource::v1::MaintenanceWindow window;
    EXPECT_EQ(controller_.applied.manifests_size(), 1);
    const std::string text = controller_.applied.manifests(0).text();
    const absl::Status status = config::ParseYaml("sent", text, &window);
    EXPECT_TRUE(status.ok()) << status << text;
    return window;
  }
  static absl::Time Parse(const std::string& text) {
    absl::Time time;
    std::string error;
    EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << error;
    return time;
  }
  void AddOccurrence(const std::string& name, const char* begin, const char* end, bool deny) {
    auto* o = controller_.occurrences.add_occurrences();
    o->set_window("maintenancewindows/" + name);
    o->set_deny(deny);
    *o->mutable_begin() = ToProto(Parse(begin));
    *o->mutable_end() = ToProto(Parse(end));
    o->set_time_zone("UTC");
    o->set_overrun("finish");
  }
  void AddStored(const std::string& name, const std::string& spec) {
    auto& resource = controller_.resources.emplace_back();
    resource.set_name("maintenancewindows/" + name);
    resource.set_kind("MaintenanceWindow");
    resource.set_etag("7");
    resource.set_yaml("apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata:\n  name: " +
                      name + "\nspec:\n  " + spec + "\n");
  }
};

TEST_F(WindowTest, ApplySendsEachFileOfAFolderInTheOrderOfNames) {
  std::filesystem::create_directories(folder_ + "/fleet/sub");
  Write("fleet/b.yaml", "b");
  Write("fleet/a.yml", "a");
  Write("fleet/sub/c.yaml", "c");
  Write("fleet/notes.txt", "no");
  ASSERT_EQ(RunCli({"apply", "-f", folder_ + "/fleet", "--reason", "ticket 7"}), 0) << err_;
  ASSERT_EQ(controller_.applied.manifests_size(), 3);
  EXPECT_EQ(controller_.applied.manifests(0).text(), "a");
  EXPECT_EQ(controller_.applied.manifests(1).text(), "b");
  EXPECT_EQ(controller_.applied.manifests(2).text(), "c");
  EXPECT_EQ(controller_.applied.reason(), "ticket 7");
  EXPECT_FALSE(controller_.applied.dry_run());
  EXPECT_THAT(out_, HasSubstr("a.yml created\n"));
}

TEST_F(WindowTest, ApplyReadsStandardInputAndShowsTheDifferenceOfADryRun) {
  ASSERT_EQ(RunCli({"apply", "-f", "-", "--dry-run"}, "kind: X\n"), 0) << err_;
  EXPECT_TRUE(controller_.applied.dry_run());
  EXPECT_EQ(controller_.applied.manifests(0).text(), "kind: X\n");
  EXPECT_EQ(out_, "maintenancewindows/stdin would be created\n  +spec: new\n");
}

TEST_F(WindowTest, ApplyOfAFolderWithoutManifestsAsksNobody) {
  std::filesystem::create_directories(folder_ + "/empty");
  EXPECT_EQ(RunCli({"apply", "-f", folder_ + "/empty"}), 2);
  EXPECT_THAT(err_, HasSubstr("holds no file that ends in .yaml or .yml"));
  EXPECT_EQ(controller_.applied.manifests_size(), 0);
  EXPECT_NE(RunCli({"apply", "-f", folder_ + "/missing.yaml"}), 0);
  EXPECT_THAT(err_, HasSubstr("missing.yaml"));
}

TEST_F(WindowTest, DiffNeverChangesAndItsExitCodeTells) {
  const std::string file = Write("w.yaml", "x");
  EXPECT_EQ(RunCli({"diff", "-f", file}), 1);
  EXPECT_TRUE(controller_.applied.dry_run());
  controller_.change_action = api::v1::ResourceChange::ACTION_UNCHANGED;
  EXPECT_EQ(RunCli({"diff", "-f", file}), 0);
}

TEST_F(WindowTest, GetAsYamlIsWhatApplyReads) {
  AddStored("night", "effect: deny");
  AddStored("noon", "effect: allow");
  ASSERT_EQ(RunCli({"get", "maintenancewindow", "-o", "yaml"}), 0) << err_;
  EXPECT_EQ(out_, controller_.resources[0].yaml() + "---\n" + controller_.resources[1].yaml());
  ASSERT_EQ(RunCli({"get"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("maintenancewindows/night"));
  ASSERT_EQ(RunCli({"get", "maintenancewindows/night", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"maintenancewindows/night\""));
  EXPECT_EQ(RunCli({"get", "maintenancewindows/other"}), 1);
}

TEST_F(WindowTest, DeleteSendsTheReasonAndARequestId) {
  ASSERT_EQ(RunCli({"delete", "maintenancewindow/night", "--reason", "moved"}), 0) << err_;
  EXPECT_EQ(controller_.deleted.name(), "maintenancewindow/night");
  EXPECT_EQ(controller_.deleted.reason(), "moved");
  EXPECT_NE(controller_.deleted.request_id(), "");
  EXPECT_EQ(out_, "maintenancewindow/night deleted\n");
}

TEST_F(WindowTest, AddDeclaresAWindowFromNow) {
  ASSERT_EQ(RunCli({"window", "add", "tonight", "-e", "production", "-e", "qa", "--label", "tier=1",
                    "--for", "2h", "--overrun", "pause", "--reason", "index"}),
            0)
      << err_;
  const auto window = SentWindow();
  EXPECT_EQ(window.metadata().name(), "tonight");
  EXPECT_EQ(window.metadata().description(), "index");
  EXPECT_EQ(window.spec().effect(), "");
  EXPECT_EQ(window.spec().overrun(), "pause");
  EXPECT_EQ(window.spec().selector().environments_size(), 2);
  EXPECT_EQ(window.spec().selector().labels().at("tier"), "1");
  const absl::Time begin = Parse(window.spec().once().begin());
  EXPECT_EQ(Parse(window.spec().once().end()) - begin, absl::Hours(2));
  EXPECT_LT(absl::AbsDuration(begin - clock_->Now()), absl::Minutes(5));
  EXPECT_EQ(out_, "maintenancewindows/the window added\n");
}

// A laptop's clock may be minutes ahead: the freeze of an incident would begin too late.
TEST_F(WindowTest, NowIsTheControllers) {
  controller_.time = clock_->Now() - absl::Hours(5);
  ASSERT_EQ(RunCli({"window", "add", "incident", "--freeze", "--for", "2h"}), 0) << err_;
  const absl::Time begin = Parse(SentWindow().spec().once().begin());
  EXPECT_LE(absl::AbsDuration(begin - *controller_.time), absl::Seconds(1));
}

TEST_F(WindowTest, AddWarnsOfAWindowThatIsOver) {
  const std::string from = absl::FormatTime(clock_->Now() - absl::Hours(5));
  ASSERT_EQ(RunCli({"window", "add", "gone", "--from", from, "--for", "2h"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("warning: the window was over at "));
  const std::string still = absl::FormatTime(clock_->Now() - absl::Hours(1));
  ASSERT_EQ(RunCli({"window", "add", "open", "--from", still, "--for", "2h"}), 0) << err_;
  EXPECT_THAT(err_, Not(HasSubstr("warning")));
}

TEST_F(WindowTest, AddDeclaresARecurringOneAndAFreeze) {
  ASSERT_EQ(RunCli({"window", "add", "weekend", "--cron", "0 2 * * 6", "--tz", "Europe/Berlin",
                    "--for", "4h"}),
            0)
      << err_;
  EXPECT_EQ(SentWindow().spec().recurring().cron(), "0 2 * * 6");
  EXPECT_EQ(SentWindow().spec().recurring().time_zone(), "Europe/Berlin");
  EXPECT_EQ(SentWindow().spec().recurring().duration().seconds(), 4 * 3600);
  ASSERT_EQ(RunCli({"window", "add", "holidays", "--freeze", "--from", "2026-12-23T00:00:00+01:00",
                    "--until", "2027-01-02T00:00:00+01:00"}),
            0)
      << err_;
  EXPECT_EQ(SentWindow().spec().effect(), "deny");
  EXPECT_EQ(SentWindow().spec().once().begin(), "2026-12-23T00:00:00+01:00");
}

TEST_F(WindowTest, AddSaysWhatDoesNotGoTogether) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{}, "give either --for or --until"},
      {{"--for", "1h", "--until", "2026-12-23T00:00:00Z"}, "give either --for or --until"},
      {{"--cron", "0 2 * * 6"}, "--cron wants --for"},
      {{"--cron", "0 2 * * 6", "--for", "1h", "--from", "2026-12-23T00:00:00Z"}, "--cron wants"},
      {{"--for", "1h", "--tz", "Europe/Berlin"}, "--tz belongs to --cron"},
      {{"--for", "1h", "--from", "tomorrow"}, "--from: a moment with its offset is wanted"},
      {{"--for", "1h", "--label", "tier"}, "--label wants KEY=VALUE"},
  };
  for (const auto& [options, problem] : kCases) {
    std::vector<std::string> arguments = {"window", "add", "w"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(RunCli(arguments), 2) << problem;
    EXPECT_THAT(err_, HasSubstr(problem));
  }
  EXPECT_EQ(controller_.applied.manifests_size(), 0);
}

TEST_F(WindowTest, AddNeverOverwritesAWindow) {
  AddStored("night", "effect: deny");
  EXPECT_NE(RunCli({"window", "add", "night", "--for", "1h"}), 0);
  EXPECT_THAT(err_, HasSubstr("there is a window \"night\" already"));
  EXPECT_EQ(controller_.applied.manifests_size(), 0);
}

TEST_F(WindowTest, AddAsksForAWindowThatIsNewAndEndForTheOneThatItSaw) {
  ASSERT_EQ(RunCli({"window", "add", "night", "--for", "1h"}), 0) << err_;
  EXPECT_TRUE(controller_.applied.manifests(0).create_only());
  AddStored("night", "once: {begin: \"2020-01-01T00:00:00Z\", end: \"2999-01-01T00:00:00Z\"}");
  ASSERT_EQ(RunCli({"window", "end", "night"}), 0) << err_;
  EXPECT_FALSE(controller_.applied.manifests(0).create_only());
  EXPECT_EQ(controller_.applied.manifests(0).etag(), "7");
}

// It was not there when `add` looked.
TEST_F(WindowTest, AddIsRefusedWhereSomebodyElseWasFaster) {
  controller_.apply_error =
      Error(absl::StatusCode::kAlreadyExists, "RESOURCE_EXISTS", "there is one already");
  EXPECT_NE(RunCli({"window", "add", "night", "--for", "1h"}), 0);
  EXPECT_THAT(err_, HasSubstr("there is a window \"night\" already"));
  EXPECT_THAT(err_, HasSubstr("dbfleet delete maintenancewindow/night"));
}

TEST_F(WindowTest, EndClosesAnOpenOneOffWindowAndNoOther) {
  const auto moment = [this](absl::Duration from_now) {
    return absl::FormatTime("\"%Y-%m-%dT%H:%M:%SZ\"", clock_->Now() + from_now,
                            absl::UTCTimeZone());
  };
  const auto once = [&](absl::Duration begin, absl::Duration end) {
    return "once: {begin: " + moment(begin) + ", end: " + moment(end) + "}";
  };
  AddStored("open", once(-absl::Hours(1), absl::Hours(1)));
  AddStored("over", once(-absl::Hours(2), -absl::Hours(1)));
  AddStored("future", once(absl::Hours(1), absl::Hours(2)));
  AddStored("recurring", "recurring: {cron: \"0 2 * * 6\", duration: 1h}");
  ASSERT_EQ(RunCli({"window", "end", "open"}), 0) << err_;
  EXPECT_LE(Parse(SentWindow().spec().once().end()), clock_->Now());
  EXPECT_EQ(controller_.applied.manifests(0).etag(), "7") << "only as it was read";
  EXPECT_NE(RunCli({"window", "end", "over"}), 0);
  EXPECT_THAT(err_, HasSubstr("was over at"));
  EXPECT_NE(RunCli({"window", "end", "future"}), 0);
  EXPECT_THAT(err_, HasSubstr("dbfleet delete maintenancewindows/future"));
  EXPECT_NE(RunCli({"window", "end", "recurring"}), 0);
  EXPECT_THAT(err_, HasSubstr("--freeze"));
}

TEST_F(WindowTest, EndClosesAWindowThatHasJustOpenedWhenItsFirstMinuteIsOver) {
  const absl::Time begin = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_->Now()) - 5);
  const auto moment = [](absl::Time time) {
    return absl::FormatTime("\"%Y-%m-%dT%H:%M:%SZ\"", time, absl::UTCTimeZone());
  };
  AddStored("young",
            "once: {begin: " + moment(begin) + ", end: " + moment(begin + absl::Hours(1)) + "}");
  AddStored("short",
            "once: {begin: " + moment(begin) + ", end: " + moment(begin + absl::Minutes(1)) + "}");
  ASSERT_EQ(RunCli({"window", "end", "young"}), 0) << err_;
  EXPECT_EQ(Parse(SentWindow().spec().once().end()), begin + absl::Minutes(1));
  EXPECT_THAT(err_, HasSubstr("a window lasts at least a minute: it closes at "));
  EXPECT_NE(RunCli({"window", "end", "short"}), 0);
  EXPECT_THAT(err_, HasSubstr("is over in less than a minute"));
}

TEST_F(WindowTest, WhatIsWrongWithOptionsIsToldInTheirWords) {
  struct Case {
    std::vector<std::string> options;
    const char* reason;
    const char* message;
    const char* says;
  };
  const Case kCases[] = {
      {{"W", "--for", "1h"},
       "BAD_MANIFEST",
       "the window:4:9: metadata.name: small letters are wanted",
       "dbfleet: NAME: small letters are wanted [BAD_WINDOW]"},
      {{"w", "--for", "1s"},
       "BAD_WINDOW",
       "the window:8:5: maintenancewindows/w: spec.once.end: bad window: its end",
       "dbfleet: --until (or --for): bad window: its end [BAD_WINDOW]"},
      {{"w", "--cron", "x", "--for", "1h"},
       "BAD_MANIFEST",
       "the window:7:5: spec.recurring.cron: five fields are wanted\nthe window:8:5: "
       "spec.recurring.duration: too long",
       "dbfleet: --cron: five fields are wanted\n--for: too long [BAD_WINDOW]"},
      {{"w", "--for", "1h", "-e", "prod"},
       "UNKNOWN_ENVIRONMENT",
       "the window:9:9: maintenancewindows/w: spec.selector.environments[0]: there is no",
       "dbfleet: --environment: there is no [UNKNOWN_ENVIRONMENT]"},
      {{"w", "--for", "1h"},
       "ROLE_MISSING",
       "the window:2: users/ada may not change maintenancewindows/w: it needs",
       "dbfleet: users/ada may not change maintenancewindows/w: it needs [ROLE_MISSING]"},
      {{"w", "--for", "1h"}, "STALE", "somebody else: changed it", "somebody else: changed it"},
  };
  for (const Case& c : kCases) {
    controller_.apply_error = Error(absl::StatusCode::kInvalidArgument, c.reason, c.message);
    std::vector<std::string> arguments = {"window", "add"};
    arguments.insert(arguments.end(), c.options.begin(), c.options.end());
    EXPECT_NE(RunCli(arguments), 0);
    EXPECT_THAT(err_, HasSubstr(c.says));
    EXPECT_THAT(err_, Not(HasSubstr("the window:")));
  }
}

TEST_F(WindowTest, NextTellsWhatAFreezeDoesToAnOpening) {
  AddOccurrence("weekend", "2026-12-05T01:00:00Z", "2026-12-05T05:00:00Z", false);
  AddOccurrence("night", "2026-12-06T01:00:00Z", "2026-12-06T05:00:00Z", false);
  controller_.occurrences.mutable_occurrences(0)->add_covered_by("maintenancewindows/audit");
  controller_.occurrences.mutable_occurrences(1)->add_partly_covered_by("maintenancewindows/a");
  controller_.occurrences.mutable_occurrences(1)->add_partly_covered_by("maintenancewindows/b");
  ASSERT_EQ(RunCli({"window", "next", "-o", "wide"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("covered by audit"));
  EXPECT_THAT(out_, HasSubstr("in part: a, b"));
  ASSERT_EQ(RunCli({"window", "next", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"coveredBy\""));
  ASSERT_EQ(RunCli({"window", "calendar", "--month", "2026-12"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("weekend (all)  covered by audit\n"));
}

TEST_F(WindowTest, WhatIsAppliedAndWillNotWorkIsAWarning) {
  const std::string file = Write("w.yaml", "x");
  controller_.apply_warnings = {"f.yaml:3:1: schedules/s: spec.targets: no instance"};
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"apply", "-f", file}, {"apply", "-f", file, "--dry-run"}}) {
    ASSERT_EQ(RunCli(command), 0) << err_;
    EXPECT_THAT(err_, HasSubstr("warning: f.yaml:3:1: schedules/s: spec.targets: no instance"));
    EXPECT_THAT(out_, Not(HasSubstr("warning")));
  }
  ASSERT_EQ(RunCli({"apply", "-f", file, "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"warnings\""));
}

TEST_F(WindowTest, SchedulesAreListedWithTheirTimesAndTheirLastRun) {
  api::v1::Schedule& nightly = controller_.schedules.emplace_back();
  nightly.set_name("schedules/nightly");
  nightly.set_environment("environments/production");
  nightly.set_action("backup");
  nightly.set_cron("0 3 * * *");
  nightly.set_time_zone("Europe/Berlin");
  *nightly.mutable_next_time() = ToProto(Parse("2026-12-05T02:00:00Z"));
  nightly.mutable_last()->set_state(api::v1::Occurrence::STATE_FAILED);
  *nightly.mutable_last()->mutable_nominal_time() = ToProto(Parse("2026-12-04T02:00:00Z"));
  api::v1::Schedule& off = controller_.schedules.emplace_back();
  off.set_name("schedules/off");
  off.set_suspended(true);
  ASSERT_EQ(RunCli({"schedule", "list", "-o", "wide"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("2026-12-05T03:00:00+01:00")) << "in its own zone";
  EXPECT_THAT(out_, HasSubstr("failed 2026-12-04T03:00:00+01:00"));
  EXPECT_THAT(out_, HasSubstr("0 3 * * *"));
  EXPECT_THAT(out_, HasSubstr("suspended"));
  ASSERT_EQ(RunCli({"schedule", "list", "--tz", "UTC", "-o", "wide"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("2026-12-05T02:00:00+00:00"));
  ASSERT_EQ(RunCli({"schedule", "list", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"nextTime\""));
  EXPECT_EQ(RunCli({"schedule", "list", "--tz", "Mars/Olympus"}), 2);
  off.set_problem("its declarer has lost the role operator");
  width_ = 100;
  ASSERT_EQ(RunCli({"schedule", "list"}, "", /*terminal=*/true), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("its declare")) << "what keeps it is there on a narrow terminal too";
}

TEST_F(WindowTest, EnvironmentsAreListedWithTheirWindowsAndPromotion) {
  api::v1::Environment& production = controller_.environments.emplace_back();
  production.set_name("environments/production");
  production.mutable_policy()->set_window_for("destructive");
  production.mutable_policy()->mutable_promotion()->set_from("environments/qa");
  production.mutable_policy()->mutable_promotion()->mutable_within()->set_seconds(3600);
  production.mutable_policy()->mutable_promotion()->set_rehearsal(true);
  ASSERT_EQ(RunCli({"environment", "list", "-o", "wide"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("WINDOW FOR"));
  EXPECT_THAT(out_, HasSubstr("destructive"));
  EXPECT_THAT(out_, HasSubstr("from qa within 1h, rehearsed"));
}

TEST_F(WindowTest, NextShowsTimesInTheZoneThatWasAskedFor) {
  AddOccurrence("weekend", "2026-12-05T01:00:00Z", "2026-12-05T05:00:00Z", false);
  ASSERT_EQ(RunCli({"window", "next", "-e", "production", "-n", "3", "--tz", "Europe/Berlin", "-o",
                    "wide"}),
            0)
      << err_;
  EXPECT_EQ(controller_.asked_occurrences.environment(), "production");
  EXPECT_EQ(controller_.asked_occurrences.limit(), 3);
  EXPECT_EQ(
      ToTime(controller_.asked_occurrences.until()) - ToTime(controller_.asked_occurrences.from()),
      absl::Hours(24 * 400))
      << "the most that the controller answers";
  EXPECT_THAT(out_, HasSubstr("2026-12-05T02:00:00+01:00"));
  EXPECT_EQ(RunCli({"window", "next", "--tz", "Mars/Olympus"}), 2);
  EXPECT_THAT(err_, HasSubstr("--tz: "));
}

TEST_F(WindowTest, WhatAFreezeCoversDoesNotLookOpenOnANarrowTerminal) {
  AddOccurrence("weekend-night", "2026-12-05T22:00:00Z", "2026-12-26T22:00:00Z", false);
  controller_.occurrences.mutable_occurrences(0)->add_covered_by("maintenancewindows/end-of-year");
  width_ = 100;
  ASSERT_EQ(RunCli({"window", "next"}, "", /*terminal=*/true), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("covered by end"));
  ASSERT_EQ(RunCli({"window", "next", "-o", "wide"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr(" 21d ")) << "and not 504h";
}

TEST_F(WindowTest, TheCalendarShowsTheDaysOfAMonthWithWhatLiesOnThem) {
  AddOccurrence("weekend", "2026-12-05T22:00:00Z", "2026-12-06T04:00:00Z", false);
  AddOccurrence("holidays", "2026-12-24T12:00:00Z", "2026-12-26T00:00:00Z", true);
  ASSERT_EQ(RunCli({"window", "calendar", "--month", "2026-12"}), 0) << err_;
  EXPECT_EQ(out_,
            "December 2026 (UTC)\n"
            "Sat 05  window  from 22:00  weekend (all)\n"
            "Sun 06  window  until 04:00  weekend (all)\n"
            "Thu 24  freeze  from 12:00  holidays (all)\n"
            "Fri 25  freeze  all day  holidays (all)\n");
  controller_.occurrences.Clear();
  AddOccurrence("late", "2026-12-05T22:00:00Z", "2026-12-06T00:00:00Z", false);
  AddOccurrence("early", "2026-12-07T00:00:00Z", "2026-12-07T02:00:00Z", false);
  ASSERT_EQ(RunCli({"window", "calendar", "--month", "2026-12"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Sat 05  window  22:00-24:00  late (all)\n"));
  EXPECT_THAT(out_, HasSubstr("Mon 07  window  00:00-02:00  early (all)\n"));
  EXPECT_EQ(RunCli({"window", "calendar", "--month", "December"}), 2);
  EXPECT_THAT(err_, HasSubstr("YEAR-MONTH"));
  controller_.occurrences.Clear();
  ASSERT_EQ(RunCli({"window", "calendar", "--month", "2026-12"}), 0);
  EXPECT_THAT(out_, HasSubstr("no window and no freeze\n"));
}

TEST_F(WindowTest, ACalendarsDayMayHaveSeveralLines) {
  AddOccurrence("night", "2026-12-05T01:00:00Z", "2026-12-05T02:00:00Z", false);
  AddOccurrence("noon", "2026-12-05T12:00:00Z", "2026-12-05T13:00:00Z", false);
  ASSERT_EQ(RunCli({"window", "calendar", "--month", "2026-12"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Sat 05  window  01:00-02:00  night (all)\n"
                              "        window  12:00-13:00  noon (all)\n"));
  EXPECT_THAT(out_, Not(HasSubstr("Sun 06")));
}

TEST_F(WindowTest, AnOverrideIsAWindowOfItsOwnForTheSameTargets) {
  AddStored(
      "nightly",
      "selector:\n    environments: [production]\n    labels: {tier: \"1\"}\n  effect: allow\n  "
      "overrun: pause\n  recurring: {cron: \"0 2 * * *\", duration: 4h}");
  ASSERT_EQ(
      RunCli({"window", "override", "nightly", "--for", "90m", "--reason", "the index is late"}), 0)
      << err_;
  const resource::v1::MaintenanceWindow window = SentWindow();
  EXPECT_THAT(window.metadata().name(), HasSubstr("nightly-override-20"));
  EXPECT_EQ(window.metadata().description(), "override of nightly: the index is late");
  EXPECT_EQ(window.spec().selector().environments(0), "production");
  EXPECT_EQ(window.spec().selector().labels().at("tier"), "1");
  EXPECT_EQ(window.spec().overrun(), "pause");
  EXPECT_FALSE(window.spec().has_recurring());
  EXPECT_EQ(Parse(window.spec().once().end()) - Parse(window.spec().once().begin()),
            absl::Minutes(90));
  EXPECT_EQ(controller_.applied.reason(), "override of nightly: the index is late");
}

TEST_F(WindowTest, AnOverrideThatWaitsForAQuorumTellsWhenItClosesAllTheSame) {
  AddStored("nightly", "recurring: {cron: \"0 2 * * *\", duration: 4h}");
  controller_.apply_proposal.set_name("proposals/P");
  controller_.apply_proposal.set_state(resource::v1::Proposal::STATE_PENDING);
  EXPECT_EQ(RunCli({"window", "override", "nightly", "--for", "90m", "--reason", "late"}), 8);
  EXPECT_THAT(err_, HasSubstr("opens when its quorum has approved it, and closes at " +
                              SentWindow().spec().once().end()));
}

TEST_F(WindowTest, AnOverrideOpensNoFreezeAndNeedsAReasonAndAnEnd) {
  AddStored("holidays",
            "effect: deny\n  once: {begin: \"2026-12-23T00:00:00Z\", end: "
            "\"2027-01-02T00:00:00Z\"}");
  AddStored("nightly", "recurring: {cron: \"0 2 * * *\", duration: 4h}");
  EXPECT_NE(RunCli({"window", "override", "holidays", "--for", "1h", "--reason", "r"}), 0);
  EXPECT_THAT(err_, HasSubstr("FREEZE_STAYS"));
  EXPECT_EQ(RunCli({"window", "override", "nightly", "--for", "1h"}), 2);
  EXPECT_EQ(RunCli({"window", "override", "nightly", "--reason", "r"}), 2);
  EXPECT_EQ(
      RunCli({"window", "override", "nightly", "--until", "2001-01-01T00:00:00Z", "--reason", "r"}),
      2);
  EXPECT_EQ(controller_.applied.manifests_size(), 0);
}

TEST_F(WindowTest, DeletingAWindowWarnsOfWhatIsQueuedForIt) {
  for (int i = 1; i <= 6; ++i) controller_.queued_jobs.push_back("jobs/J" + std::to_string(i));
  ASSERT_EQ(RunCli({"delete", "maintenancewindows/weekend"}), 0) << err_;
  EXPECT_EQ(out_, "maintenancewindows/weekend deleted\n");
  EXPECT_THAT(err_, HasSubstr("warning: 6 jobs are queued for maintenancewindows/weekend and begin "
                              "nowhere until a window of that name is declared again: jobs/J1, "
                              "jobs/J2, jobs/J3, jobs/J4, jobs/J5 and 1 more"));
  ASSERT_EQ(RunCli({"delete", "maintenancewindows/weekend", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("queuedJobs"));
  EXPECT_THAT(out_, HasSubstr("jobs/J6"));
  controller_.queued_jobs.clear();
  ASSERT_EQ(RunCli({"delete", "maintenancewindows/weekend"}), 0) << err_;
  EXPECT_EQ(err_, "");
}

TEST_F(WindowTest, AQueueSaysWhatHasLostItsWindow) {
  controller_.queue.set_time_zone("UTC");
  auto* job = controller_.queue.add_jobs();
  job->set_job("jobs/01J");
  job->set_window_gone(true);
  job->set_state(api::v1::QueuedJob::STATE_WAITS);
  job->mutable_queue()->set_window("maintenancewindows/tonight");
  ASSERT_EQ(RunCli({"window", "queue"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("waits: its window is gone"));
  EXPECT_THAT(out_, HasSubstr("tonight")) << "of several windows each job says which is its own";
  EXPECT_THAT(err_, HasSubstr("maintenancewindows/tonight is no window any more"));
}

}  // namespace
}  // namespace dbfleet::cli
