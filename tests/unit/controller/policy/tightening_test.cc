#include "controller/policy/tightening.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "controller/policy/policy.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

EnvironmentPolicy Strict() {
  EnvironmentPolicy policy = PlainPolicy("production");
  policy.destructive_approvals = 2;
  policy.window_for = WindowFor::kSchemaChanges;
  policy.promotion = {"qa", absl::Hours(24), true};
  return policy;
}

TEST(TighteningTest, AnEnvironmentOnlyTightensIfNoFieldGivesWay) {
  const EnvironmentPolicy base = Strict();
  EXPECT_TRUE(OnlyTightens(base, base));
  using Change = std::function<void(EnvironmentPolicy*)>;
  const std::vector<std::pair<std::string, Change>> tighter = {
      {"more approvals", [](auto* p) { p->destructive_approvals = 3; }},
      {"a younger backup", [](auto* p) { p->verified_backup_max_age = absl::Hours(1); }},
      {"shorter approvals", [](auto* p) { p->approval_ttl = absl::Hours(1); }},
      {"windows for all", [](auto* p) { p->window_for = WindowFor::kAll; }},
      {"a later promotion", [](auto* p) { p->promotion.within = absl::Hours(1); }},
  };
  const std::vector<std::pair<std::string, Change>> looser = {
      {"fewer approvals", [](auto* p) { p->destructive_approvals = 1; }},
      {"an older backup", [](auto* p) { p->verified_backup_max_age = absl::Hours(25); }},
      {"no backup", [](auto* p) { p->verified_backup_max_age = absl::ZeroDuration(); }},
      {"longer approvals", [](auto* p) { p->approval_ttl = absl::Hours(25); }},
      {"no consent", [](auto* p) { p->destructive_consent = false; }},
      {"no windows", [](auto* p) { p->window_for = WindowFor::kNone; }},
      {"other windows", [](auto* p) { p->window_for = WindowFor::kDestructive; }},
      {"no promotion", [](auto* p) { p->promotion = {}; }},
      {"from elsewhere", [](auto* p) { p->promotion.from = "development"; }},
      {"an earlier promotion", [](auto* p) { p->promotion.within = absl::Hours(25); }},
      {"no rehearsal", [](auto* p) { p->promotion.rehearsal = false; }},
      {"tighter and looser",
       [](auto* p) {
         p->destructive_approvals = 9;
         p->approval_ttl = absl::Hours(25);
       }},
  };
  for (const auto& [name, change] : tighter) {
    EnvironmentPolicy after = base;
    change(&after);
    EXPECT_TRUE(OnlyTightens(base, after)) << name;
    EXPECT_FALSE(OnlyTightens(after, base)) << name;
  }
  for (const auto& [name, change] : looser) {
    EnvironmentPolicy after = base;
    change(&after);
    EXPECT_FALSE(OnlyTightens(base, after)) << name;
  }
  EnvironmentPolicy lenient;
  lenient.destructive_consent = false;
  lenient.approval_ttl = absl::Hours(24);
  EXPECT_TRUE(OnlyTightens(lenient, base)) << "what demanded nothing gets tighter with anything";
}

TEST(TighteningTest, AnApprovalPolicyOnlyTightensIfItKeepsWhatItWanted) {
  ApprovalPolicy base;
  base.environments = {"production"};
  base.labels = {{"tier", "1"}};
  base.requirements = {{"dba", 1, {Role::kPolicyAdmin}, {}}};
  base.ttl = absl::Hours(8);
  base.reason_required = true;
  EXPECT_TRUE(OnlyTightens(nullptr, &base));
  EXPECT_FALSE(OnlyTightens(&base, nullptr));
  EXPECT_TRUE(OnlyTightens(&base, &base));
  using Change = std::function<void(ApprovalPolicy*)>;
  const std::vector<Change> tighter = {
      [](auto* p) { p->environments = {}; },
      [](auto* p) { p->environments.push_back("qa"); },
      [](auto* p) { p->labels = {}; },
      [](auto* p) { p->requirements[0].count = 2; },
      [](auto* p) {
        p->requirements.push_back({"owner", 1, {}, {}});
      },
      [](auto* p) { p->ttl = absl::Hours(1); },
  };
  const std::vector<Change> looser = {
      [](auto* p) { p->environments = {"qa"}; },
      [](auto* p) { p->labels["other"] = "x"; },
      [](auto* p) { p->requirements[0].roles.push_back(Role::kAuditor); },
      [](auto* p) { p->requirements[0].users = {"users/ada"}; },
      [](auto* p) { p->requirements[0].name = "x"; },
      [](auto* p) { p->requirements.clear(); },
      [](auto* p) { p->distinct = false; },
      [](auto* p) { p->ttl = absl::Hours(9); },
      [](auto* p) { p->ttl = absl::ZeroDuration(); },
      [](auto* p) { p->reason_required = false; },
      [](auto* p) { p->only_destructive = false; },
      [](auto* p) { p->rollbacks = false; },
      [](auto* p) { p->findings = Gravity::kError; },
      [](auto* p) { p->schema_changes = true; },
  };
  for (size_t i = 0; i < tighter.size(); ++i) {
    ApprovalPolicy after = base;
    tighter[i](&after);
    EXPECT_TRUE(OnlyTightens(&base, &after)) << i;
    EXPECT_FALSE(OnlyTightens(&after, &base)) << i;
  }
  for (size_t i = 0; i < looser.size(); ++i) {
    ApprovalPolicy after = base;
    looser[i](&after);
    EXPECT_FALSE(OnlyTightens(&base, &after)) << i;
  }
}

DeclaredWindow Once(WindowEffect effect, absl::Duration from, absl::Duration until) {
  DeclaredWindow window;
  window.window.effect = effect;
  window.window.times.once = Span{kNow + from, kNow + until};
  window.environments = {"production"};
  return window;
}

TEST(TighteningTest, AFreezeIsDeclaredAtOnceAndEndedEarlyByAQuorumWindowsTheOtherWayRound) {
  const auto tightens = [](const DeclaredWindow* before, const DeclaredWindow* after) {
    return OnlyTightens(before, after, kNow);
  };
  const absl::Duration hour = absl::Hours(1);
  const DeclaredWindow freeze = Once(WindowEffect::kDeny, -hour, 10 * hour);
  const DeclaredWindow shorter = Once(WindowEffect::kDeny, -hour, absl::ZeroDuration());
  const DeclaredWindow longer = Once(WindowEffect::kDeny, -hour, 11 * hour);
  const DeclaredWindow later = Once(WindowEffect::kDeny, hour, 10 * hour);
  EXPECT_TRUE(tightens(nullptr, &freeze));
  EXPECT_FALSE(tightens(&freeze, nullptr));
  EXPECT_FALSE(tightens(&freeze, &shorter)) << "it ends now";
  EXPECT_TRUE(tightens(&freeze, &longer));
  EXPECT_FALSE(tightens(&freeze, &later));
  EXPECT_TRUE(tightens(&later, &freeze));

  const DeclaredWindow window = Once(WindowEffect::kAllow, -hour, 10 * hour);
  const DeclaredWindow ended = Once(WindowEffect::kAllow, -hour, absl::ZeroDuration());
  const DeclaredWindow wide = Once(WindowEffect::kAllow, -hour, 11 * hour);
  EXPECT_FALSE(tightens(nullptr, &window));
  EXPECT_TRUE(tightens(&window, nullptr));
  EXPECT_TRUE(tightens(&window, &ended));
  EXPECT_FALSE(tightens(&ended, &window)) << "one that is over counts as none";
  EXPECT_FALSE(tightens(&window, &wide));
  EXPECT_TRUE(tightens(&window, &freeze));
  EXPECT_FALSE(tightens(&freeze, &window));
  DeclaredWindow strict = window;
  strict.window.overrun = Overrun::kCancel;
  EXPECT_TRUE(tightens(&window, &strict));
  EXPECT_FALSE(tightens(&strict, &window));

  DeclaredWindow everywhere = freeze, tier = freeze;
  everywhere.environments = {};
  tier.labels = {{"tier", "1"}};
  EXPECT_TRUE(tightens(&freeze, &everywhere));
  EXPECT_FALSE(tightens(&everywhere, &freeze));
  EXPECT_TRUE(tightens(&tier, &freeze));
  EXPECT_FALSE(tightens(&freeze, &tier));
  const DeclaredWindow old = Once(WindowEffect::kDeny, -5 * hour, -hour);
  EXPECT_TRUE(tightens(&old, nullptr)) << "it was over anyway";
}

TEST(TighteningTest, ARecurringWindowThatIsOnlyMadeShorterTightensAFreezeLoosens) {
  const auto base = [](WindowEffect effect) {
    DeclaredWindow window;
    window.window.effect = effect;
    window.window.times.recurring = CronExpression::Parse("0 22 * * SAT").value();
    window.window.times.duration = absl::Hours(4);
    window.time_zone = "Europe/Berlin";
    return window;
  };
  using Change = std::function<void(DeclaredWindow*)>;
  const std::vector<std::pair<std::string, Change>> less = {
      {"shorter", [](auto* w) { w->window.times.duration = absl::Hours(3); }},
      {"from later on", [](auto* w) { w->window.times.not_before = kNow; }},
      {"no longer", [](auto* w) { w->window.times.not_after = kNow + absl::Hours(1); }},
  };
  const std::vector<std::pair<std::string, Change>> other = {
      {"another hour",
       [](auto* w) { w->window.times.recurring = CronExpression::Parse("0 21 * * SAT").value(); }},
      {"another zone", [](auto* w) { w->time_zone = "Europe/Vienna"; }},
      {"shorter at another hour",
       [](auto* w) {
         w->window.times.recurring = CronExpression::Parse("0 21 * * SAT").value();
         w->window.times.duration = absl::Hours(1);
       }},
  };
  for (WindowEffect effect : {WindowEffect::kAllow, WindowEffect::kDeny}) {
    const bool allows = effect == WindowEffect::kAllow;
    const DeclaredWindow before = base(effect);
    for (const auto& [name, change] : less) {
      DeclaredWindow after = before;
      change(&after);
      EXPECT_EQ(OnlyTightens(&before, &after, kNow), allows) << name;
      EXPECT_EQ(OnlyTightens(&after, &before, kNow), !allows) << name;
    }
    for (const auto& [name, change] : other) {
      DeclaredWindow after = before;
      change(&after);
      EXPECT_FALSE(OnlyTightens(&before, &after, kNow)) << name;
      EXPECT_FALSE(OnlyTightens(&after, &before, kNow)) << name;
    }
  }
}

TEST(TighteningTest, WhoMayBreakTheGlassOnlyTightensIfFewerMayWaiveLess) {
  BreakGlassPolicy base;
  base.environments = {"production", "qa"};
  base.users = {"users/ada", "users/bob"};
  base.roles = {Role::kOperator, Role::kAdmin};
  base.waives = {"approvals", "window"};
  base.max_duration = absl::Hours(2);
  base.review_within = absl::Hours(24);
  using Change = std::function<void(BreakGlassPolicy*)>;
  const std::vector<std::pair<std::string, Change>> tighter = {
      {"fewer environments", [](auto* p) { p->environments.pop_back(); }},
      {"fewer people", [](auto* p) { p->users.pop_back(); }},
      {"fewer roles", [](auto* p) { p->roles.pop_back(); }},
      {"less is waived", [](auto* p) { p->waives.pop_back(); }},
      {"a shorter time", [](auto* p) { p->max_duration = absl::Hours(1); }},
      {"an earlier review", [](auto* p) { p->review_within = absl::Hours(1); }},
  };
  for (const auto& [name, change] : tighter) {
    BreakGlassPolicy after = base;
    change(&after);
    EXPECT_TRUE(OnlyTightens(&base, &after)) << name;
    EXPECT_FALSE(OnlyTightens(&after, &base)) << name;
  }
  BreakGlassPolicy everywhere = base;
  everywhere.environments.clear();
  EXPECT_FALSE(OnlyTightens(&base, &everywhere));
  EXPECT_TRUE(OnlyTightens(&everywhere, &base));
  EXPECT_TRUE(OnlyTightens(&base, nullptr));
  EXPECT_FALSE(OnlyTightens(nullptr, &base));
}

TEST(TighteningTest, TheQuorumOfAPolicyIsAllThatItDemandsOfAnyChange) {
  Environment production;
  production.name = "production";
  production.policy = Strict();
  ApprovalPolicy here, elsewhere;
  here.name = "dba";
  here.labels = {{"tier", "1"}};  // Whatever it selects there.
  here.rollbacks = false;
  here.ttl = absl::Hours(2);
  here.requirements = {{"dba", 1, {Role::kAuditor}, {}}};
  elsewhere.environments = {"qa"};
  const Quorum quorum = QuorumOf(production, {{here, elsewhere}, ""});
  EXPECT_EQ(quorum.ttl, absl::Hours(2));
  const Voter bob{"users/bob", {Role::kApprover}};
  const Voter dora{"users/dora", {Role::kApprover, Role::kAuditor}};
  EXPECT_THAT(Missing(quorum, {bob}),
              ElementsAre("environments/production: 1 of 2 approvals",
                          "approvalpolicies/dba: requirement dba: 0 of 1 (approvers with the role "
                          "auditor)"));
  EXPECT_THAT(Missing(quorum, {bob, dora}), IsEmpty());
}

}  // namespace
}  // namespace dbfleet::controller
