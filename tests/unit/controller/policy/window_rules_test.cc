// The rules "window" and "freeze": which work waits for which times.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

#include "controller/domain/transitions.h"
#include "controller/policy/policy.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Window Once(const std::string& name, absl::Duration from, absl::Duration until,
            Overrun overrun = Overrun::kFinish, WindowEffect effect = WindowEffect::kAllow) {
  Window window;
  window.name = name;
  window.overrun = overrun;
  window.effect = effect;
  window.times.once = Span{kNow + from, kNow + until};
  return window;
}
Window Freeze(const std::string& name, absl::Duration from, absl::Duration until) {
  return Once(name, from, until, Overrun::kFinish, WindowEffect::kDeny);
}
const Window kOpen = Once("tonight", -absl::Hours(1), absl::Hours(1));
const Window kLater = Once("tomorrow", absl::Hours(10), absl::Hours(12));
const Window kFreeze = Freeze("holidays", -absl::Hours(1), absl::Hours(5));

WindowBook::Windows Share(std::vector<Window> windows) {
  return std::make_shared<const std::vector<Window>>(std::move(windows));
}

// A change that nothing but windows could hold up.
PolicyInput Input(WindowFor window_for, std::vector<Window> windows) {
  PolicyInput input;
  input.policy = {0, absl::ZeroDuration(), absl::Hours(24), false, window_for};
  input.now = kNow;
  input.job.kind = JobKind::kMigrate;
  input.job.state = JobState::kReady;
  input.job.safety = SafetyClass::kDestructive;
  input.job.schema_change = true;
  input.targets.push_back(
      {"instances/a/databases/x", "a", "x", std::nullopt, 1, Share(std::move(windows))});
  return input;
}

std::string Rules(const PolicyDecision& decision) {
  return absl::StrJoin(decision.blockers, " ", [](std::string* out, const PolicyBlocker& b) {
    out->append(b.rule).append(b.final ? "!" : "");
  });
}

TEST(WindowRules, WhichChangesNeedAWindowIsThePolicys) {
  const struct {
    WindowFor window_for;
    SafetyClass safety;
    bool schema_change;
    const char* rules;
  } kCases[] = {
      {WindowFor::kNone, SafetyClass::kDestructive, true, ""},
      {WindowFor::kSchemaChanges, SafetyClass::kDestructive, true, "window"},
      {WindowFor::kSchemaChanges, SafetyClass::kSafe, true, "window"},
      {WindowFor::kSchemaChanges, SafetyClass::kDestructive, false, ""},
      {WindowFor::kDestructive, SafetyClass::kDestructive, false, "window"},
      {WindowFor::kDestructive, SafetyClass::kUnspecified, false, "window"},
      {WindowFor::kDestructive, SafetyClass::kSafe, true, ""},
      {WindowFor::kAll, SafetyClass::kSafe, false, "window"},
  };
  for (const auto& c : kCases) {
    PolicyInput input = Input(c.window_for, {});
    input.job.safety = c.safety;
    input.job.schema_change = c.schema_change;
    const PolicyDecision closed = Evaluate(input);
    EXPECT_EQ(Rules(closed), c.rules) << static_cast<int>(c.window_for);
    EXPECT_FALSE(closed.refused());
    input.targets[0].windows = Share({kOpen});
    EXPECT_TRUE(Evaluate(input).allowed());
    // A freeze asks nobody whether a window is needed.
    input.targets[0].windows = Share({kOpen, kFreeze});
    EXPECT_EQ(Rules(Evaluate(input)), "freeze");
  }
}

TEST(WindowRules, WorkThatChangesNothingIsNeverHeldUp) {
  for (const JobKind kind :
       {JobKind::kCheck, JobKind::kInspect, JobKind::kBackup, JobKind::kVerify}) {
    PolicyInput input = Input(WindowFor::kAll, {kFreeze});
    input.job.kind = kind;
    input.job.safety = SafetyClass::kSafe;
    EXPECT_TRUE(Evaluate(input).allowed()) << static_cast<int>(kind);
  }
}

TEST(WindowRules, TheDecisionTellsWindowCloseAndOpening) {
  const PolicyDecision open = Evaluate(
      Input(WindowFor::kAll, {Once("tonight", -absl::Hours(1), absl::Hours(1), Overrun::kPause)}));
  EXPECT_EQ(open.window, "tonight");
  EXPECT_EQ(open.overrun, Overrun::kPause);
  EXPECT_EQ(open.closes, kNow + absl::Hours(1));

  const PolicyDecision closed = Evaluate(Input(WindowFor::kAll, {kLater}));
  EXPECT_EQ(closed.opens, kNow + absl::Hours(10));
  EXPECT_TRUE(WaitsForTimeAndBackup(closed));
  EXPECT_TRUE(absl::StrContains(closed.blockers[0].message,
                                "the next opening is from 2027-01-15T18:00:00+00:00 until "
                                "2027-01-15T20:00:00+00:00"))
      << closed.blockers[0].message;

  const PolicyDecision never = Evaluate(Input(WindowFor::kAll, {}));
  EXPECT_EQ(never.opens, absl::InfiniteFuture());
  EXPECT_TRUE(absl::StrContains(never.blockers[0].message, "dbfleet window add"));
}

TEST(WindowRules, AFreezeIsNamedWithItsEndAndTheNextOpening) {
  const PolicyDecision decision = Evaluate(Input(WindowFor::kAll, {kOpen, kFreeze, kLater}));
  ASSERT_EQ(Rules(decision), "freeze");
  const std::string& message = decision.blockers[0].message;
  EXPECT_TRUE(absl::StrContains(message,
                                "the freeze holidays covers instances/a/databases/x until "
                                "2027-01-15T13:00:00+00:00"))
      << message;
  EXPECT_TRUE(absl::StrContains(message, "the next opening is from 2027-01-15T18:00:00+00:00"))
      << message;
  EXPECT_EQ(decision.opens, kNow + absl::Hours(10));
}

TEST(WindowRules, ATargetOfSeveralTasksIsNamedOnce) {
  PolicyInput input = Input(WindowFor::kAll, {kOpen, kFreeze, kLater});
  input.targets.push_back(input.targets.front());
  const std::string message = Evaluate(input).blockers[0].message;
  const size_t first = message.find("instances/a/");
  ASSERT_NE(first, std::string::npos) << message;
  EXPECT_EQ(message.find("instances/a/", first + 1), std::string::npos) << message;
}

TEST(WindowRules, AFreezeThatCanBeEndedSaysHow) {
  const std::string once = Evaluate(Input(WindowFor::kAll, {kOpen, kFreeze})).blockers[0].message;
  EXPECT_TRUE(absl::StrContains(once, "(to end it before: dbfleet window end holidays)")) << once;
  Window nightly = kFreeze;
  nightly.times.once.reset();
  nightly.times.recurring = CronExpression::Parse("* * * * *").value();
  nightly.times.zone = absl::UTCTimeZone();
  nightly.times.duration = absl::Minutes(10);
  const std::string again = Evaluate(Input(WindowFor::kAll, {kOpen, nightly})).blockers[0].message;
  EXPECT_TRUE(absl::StrContains(again, "the freeze holidays covers")) << again;
  EXPECT_FALSE(absl::StrContains(again, "window end")) << "one that recurs is not ended: " << again;
}

TEST(WindowRules, EachTargetHasItsOwnWindowsAndAllHaveToBeOpen) {
  PolicyInput input = Input(WindowFor::kAll, {kOpen});
  const auto closed = Share({kLater});
  for (const char* name : {"b", "c", "d", "e", "f", "g", "h"}) {
    input.targets.push_back({name, name, "x", std::nullopt, 1, closed});
  }
  const PolicyDecision decision = Evaluate(input);
  ASSERT_EQ(Rules(decision), "window");
  EXPECT_TRUE(absl::StrContains(decision.blockers[0].message, "open for b, c, d, e, f and 2 more"))
      << decision.blockers[0].message;
}

TEST(WindowRules, TheFirstCloseAndTheStrictestOverrunOfAllTargetsCount) {
  PolicyInput input = Input(WindowFor::kAll, {kOpen});
  input.targets.push_back(
      {"b", "b", "x", std::nullopt, 1,
       Share({Once("long", -absl::Hours(1), absl::Hours(3), Overrun::kCancel)})});
  input.targets.push_back(
      {"c", "c", "x", std::nullopt, 1,
       Share({Once("short", -absl::Hours(1), absl::Minutes(10), Overrun::kPause)})});
  const PolicyDecision decision = Evaluate(input);
  EXPECT_TRUE(decision.allowed());
  EXPECT_EQ(decision.window, "long");
  EXPECT_EQ(decision.overrun, Overrun::kCancel);
  EXPECT_EQ(decision.closes, kNow + absl::Minutes(10));
}

TEST(WindowRules, WhatGoesOnWithoutABreakNeedsNoWindowAnyMore) {
  PolicyInput input = Input(WindowFor::kAll, {kLater});
  input.job.state = JobState::kRolling;
  EXPECT_EQ(Rules(Evaluate(input)), "window");
  input.goes_on = true;
  EXPECT_TRUE(Evaluate(input).allowed());
  input.targets[0].windows = Share({kFreeze});
  EXPECT_EQ(Rules(Evaluate(input)), "freeze") << "which stops everything";
}

TEST(WindowRules, TheLastSecondsOfWhatIsOpenAreTooShortToBegin) {
  PolicyInput input = Input(WindowFor::kAll, {Once("ends", -absl::Hours(1), kLeastOpen)});
  EXPECT_TRUE(Evaluate(input).allowed());
  input.now += absl::Seconds(1);
  const PolicyDecision closing = Evaluate(input);
  EXPECT_EQ(Rules(closing), "window");
  EXPECT_TRUE(closing.closing);
  EXPECT_TRUE(absl::StrContains(closing.blockers[0].message,
                                "the window ends closes for instances/a/databases/x at "))
      << closing.Words();
  input.now += kLeastOpen;
  EXPECT_EQ(Rules(Evaluate(input)), "window");
  EXPECT_FALSE(Evaluate(input).closing);

  input = Input(WindowFor::kNone, {Freeze("soon", absl::Seconds(20), absl::Hours(1))});
  const PolicyDecision freezing = Evaluate(input);
  EXPECT_EQ(Rules(freezing), "freeze");
  EXPECT_TRUE(freezing.closing);
  EXPECT_EQ(freezing.opens, kNow + absl::Hours(1));
}

// The work may go on in a freeze that begins inside of its window, and must not begin in it.
TEST(WindowRules, AFreezeEndsWhatMayBeginAndNotTheWindow) {
  const PolicyDecision decision = Evaluate(
      Input(WindowFor::kAll, {kOpen, Freeze("incident", absl::Minutes(10), absl::Minutes(20))}));
  EXPECT_TRUE(decision.allowed());
  EXPECT_EQ(decision.closes, kNow + absl::Minutes(10));
  EXPECT_EQ(decision.window_closes, kNow + absl::Hours(1));
}

TEST(WindowRules, WhatMendsAFailureWaitsForNoWindowAndNoFreeze) {
  PolicyInput input = Input(WindowFor::kAll, {kFreeze, kLater});
  EXPECT_EQ(Rules(Evaluate(input)), "freeze");
  input.mends_failure = true;
  EXPECT_TRUE(Evaluate(input).allowed());
  EXPECT_EQ(Evaluate(input).closes, absl::InfiniteFuture());
}

TEST(WindowRules, OnlyWhatFailedOnATargetNeedsMending) {
  const auto needs = [](std::vector<TaskState> states) {
    std::vector<Task> tasks(states.size());
    for (size_t i = 0; i < states.size(); ++i) tasks[i].state = states[i];
    return NeedsMending(tasks);
  };
  using S = TaskState;
  EXPECT_TRUE(needs({S::kSucceeded, S::kFailed}));
  EXPECT_TRUE(needs({S::kSucceeded, S::kRolledBack}));
  EXPECT_FALSE(needs({S::kSucceeded, S::kSucceeded}));
  EXPECT_FALSE(needs({S::kSucceeded, S::kSkipped, S::kCancelled}))
      << "each of its targets is as it should be";
}

TEST(WindowRules, WhatItsTimeEndedAndIsAsItWasNeedsNoMending) {
  Task task;
  task.error_reason = kNotAfterPassed;
  task.state = TaskState::kRolledBack;
  EXPECT_FALSE(NeedsMending({&task, 1}));
  task.state = TaskState::kFailed;
  EXPECT_TRUE(NeedsMending({&task, 1})) << "it could not be taken back";
}

TEST(WindowRules, WithoutADemandTheNextFreezeIsWhereItCloses) {
  const PolicyDecision decision = Evaluate(
      Input(WindowFor::kNone, {kLater, Freeze("soon", absl::Minutes(30), absl::Hours(1))}));
  EXPECT_TRUE(decision.allowed());
  EXPECT_EQ(decision.window, "");
  EXPECT_EQ(decision.closes, kNow + absl::Minutes(30));
}

TEST(WindowRules, WhatIsMissingBesidesItsTimeIsToldToo) {
  PolicyInput input = Input(WindowFor::kAll, {kLater});
  input.policy.destructive_approvals = 1;
  input.job.requester = "users/ada";
  const PolicyDecision decision = Evaluate(input);
  EXPECT_EQ(Rules(decision), "approvals window");
  EXPECT_FALSE(WaitsForTimeAndBackup(decision));
}

// The words about the next opening, while rules are waived for so long.
std::string OpensWaived(std::vector<Window> windows, std::vector<std::string> rules,
                        absl::Duration life) {
  PolicyInput input = Input(WindowFor::kAll, std::move(windows));
  input.job.digest = "d";
  input.waiver = Waiver{std::move(rules), "d", "users/ada", kNow, kNow + life};
  const PolicyDecision decision = Evaluate(input);
  const std::string words = decision.Words();
  const size_t at = words.find("opening");
  return at == std::string::npos ? words : words.substr(at);
}
std::string FromUntil(absl::Duration from, absl::Duration until) {
  const auto moment = [](absl::Duration after) {
    return absl::FormatTime(absl::RFC3339_sec, kNow + after, absl::UTCTimeZone());
  };
  return "opening is from " + moment(from) + " until " + moment(until);
}
const Window kShortFreeze = Freeze("incident", -absl::Hours(1), absl::Minutes(5));

TEST(WindowRules, WhatIsOpenByAWaiverClosesWithIt) {
  EXPECT_EQ(OpensWaived({kShortFreeze, kLater}, {"window"}, absl::Minutes(20)),
            FromUntil(absl::Minutes(5), absl::Minutes(20)));
  // The freeze is waived, the window is not.
  const Window soon = Once("soon", absl::Minutes(10), absl::Hours(2));
  EXPECT_EQ(OpensWaived({kFreeze, soon, kLater}, {"freeze"}, absl::Hours(1)),
            FromUntil(absl::Minutes(10), absl::Hours(1)));
}

TEST(WindowRules, WhatIsDeclaredOutlastsTheWaiver) {
  EXPECT_EQ(OpensWaived({kShortFreeze, kOpen}, {"window"}, absl::Minutes(20)),
            FromUntil(absl::Minutes(5), absl::Hours(1)));
  EXPECT_EQ(OpensWaived({kShortFreeze, kOpen}, {"window"}, absl::Minutes(5) + absl::Seconds(10)),
            FromUntil(absl::Minutes(5), absl::Hours(1)))
      << "too little of the waiver is left, and enough of the window";
  const Window before = Once("before", -absl::Hours(1), absl::Minutes(30));
  EXPECT_EQ(OpensWaived({kShortFreeze, before}, {"window"}, absl::Hours(2)),
            FromUntil(absl::Minutes(5), absl::Hours(2)));
}

TEST(WindowRules, AWaiverThatEndsTooSoonOpensNothing) {
  EXPECT_EQ(OpensWaived({kShortFreeze, kLater}, {"window"}, absl::Minutes(5) + absl::Seconds(10)),
            FromUntil(absl::Hours(10), absl::Hours(12)));
  EXPECT_EQ(OpensWaived({kFreeze, kLater}, {"window"}, absl::Hours(1)),
            FromUntil(absl::Hours(10), absl::Hours(12)))
      << "the freeze outlasts the waiver";
  EXPECT_TRUE(absl::StartsWith(OpensWaived({kFreeze}, {"window"}, absl::Hours(1)),
                               "opening is declared for the next year"));
}

TEST(WindowRules, ADemandForWindowsMakesAnotherPolicyAndNoneKeepsTheOldDigest) {
  EnvironmentPolicy policy = PlainPolicy("production");
  const std::string without = PolicyDigest("production", policy);
  policy.window_for = WindowFor::kAll;
  const std::string all = PolicyDigest("production", policy);
  policy.window_for = WindowFor::kDestructive;
  EXPECT_NE(all, without);
  EXPECT_NE(PolicyDigest("production", policy), all);
}

}  // namespace
}  // namespace dbfleet::controller
