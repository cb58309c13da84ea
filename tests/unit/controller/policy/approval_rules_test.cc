#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "controller/policy/policy.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr char kTarget[] = "instances/orders-db";

ApprovalPolicy DbaPolicy() {
  ApprovalPolicy policy;
  policy.name = "dba";
  policy.environments = {"production"};
  policy.requirements = {{"dba", 1, {Role::kPolicyAdmin}, {}}};
  return policy;
}

class ApprovalRulesTest : public ::testing::Test {
 protected:
  ApprovalRulesTest() {
    input_.policy.destructive_approvals = 1;
    input_.now = kNow;
    input_.job.kind = JobKind::kMigrate;
    input_.job.environment = "production";
    input_.job.requester = "users/ada";
    input_.job.safety = SafetyClass::kDestructive;
    input_.job.approve_destructive = true;
    input_.job.digest = "D1";
    input_.targets.push_back({kTarget, "orders-db", "", std::nullopt, 10, nullptr});
  }
  void Approve(const std::string& id, std::set<Role> roles = {}) {
    Approval approval;
    approval.principal = absl::StrCat("users/", id);
    approval.approved = true;
    approval.digest = "D1";
    approval.decide_time = kNow - absl::Hours(1);
    approval.expire_time = kNow + absl::Hours(1);
    approval.rows = {{kTarget, 10}};
    input_.job.approvals.push_back(approval);
    input_.approver_roles[approval.principal] = std::move(roles);
  }
  void Declare(std::vector<ApprovalPolicy> policies) {
    input_.approval_book = std::make_shared<const ApprovalBook>(ApprovalBook{policies, ""});
  }
  std::string Words() const { return Evaluate(input_).Words(); }

  PolicyInput input_;
};

TEST_F(ApprovalRulesTest, EveryPolicyThatAppliesHasToBeSatisfiedBesideTheEnvironment) {
  Declare({DbaPolicy()});
  EXPECT_THAT(Words(), HasSubstr("0 of 1 approval;"));
  EXPECT_THAT(Words(), HasSubstr("approvalpolicies/dba: requirement dba: 0 of 1 (approvers with "
                                 "the role policy_admin), not users/ada"));
  Approve("bob");
  EXPECT_THAT(Words(), HasSubstr("approvalpolicies/dba"));
  EXPECT_THAT(Words(), ::testing::Not(HasSubstr("of 1 approval;")));
  Approve("dora", {Role::kPolicyAdmin});
  EXPECT_EQ(Words(), "");
}

TEST_F(ApprovalRulesTest, OnePersonServesTheEnvironmentAndEachPolicyButNotTwoRequirements) {
  ApprovalPolicy two = DbaPolicy();
  two.requirements.push_back({"second", 1, {}, {}});
  Declare({DbaPolicy(), two});
  Approve("dora", {Role::kPolicyAdmin});
  EXPECT_THAT(Words(), HasSubstr("requirement second: 0 of 1"));
  two.distinct = false;
  Declare({DbaPolicy(), two});
  EXPECT_EQ(Words(), "");
}

TEST_F(ApprovalRulesTest, OnlyApprovalsThatCountFillARequirement) {
  Declare({DbaPolicy()});
  Approve("ada", {Role::kPolicyAdmin});
  Approve("dep", {Role::kPolicyAdmin});
  Approve("former", {Role::kPolicyAdmin});
  Approve("late", {Role::kPolicyAdmin});
  Approve("other", {Role::kPolicyAdmin});
  input_.dependent_approvers = {"users/dep"};
  input_.former_approvers = {"users/former"};
  input_.job.approvals[3].expire_time = kNow;
  input_.job.approvals[4].digest = "D0";
  EXPECT_THAT(Words(), HasSubstr("approvalpolicies/dba: requirement dba: 0 of 1"));
}

TEST_F(ApprovalRulesTest, WhatItAppliesTo) {
  const auto applies = [&](const std::function<void(ApprovalPolicy*)>& change) {
    ApprovalPolicy policy = DbaPolicy();
    change(&policy);
    Declare({policy});
    const std::string words = Words();
    return words.find("approvalpolicies/") != std::string::npos;
  };
  input_.traits = {{{{"tier", "1"}}, Gravity::kWarning}, {{{"tier", "2"}}, Gravity::kNone}};
  EXPECT_TRUE(applies([](ApprovalPolicy*) {}));
  EXPECT_FALSE(applies([](ApprovalPolicy* p) { p->environments = {"qa"}; }));
  EXPECT_TRUE(applies([](ApprovalPolicy* p) { p->environments = {}; }));
  EXPECT_TRUE(applies([](ApprovalPolicy* p) { p->labels = {{"tier", "2"}}; }));
  EXPECT_FALSE(applies([](ApprovalPolicy* p) { p->labels = {{"tier", "3"}}; }));
  EXPECT_TRUE(applies([](ApprovalPolicy* p) { p->findings = Gravity::kWarning; }));
  EXPECT_FALSE(applies([](ApprovalPolicy* p) { p->findings = Gravity::kError; }));
  EXPECT_FALSE(applies([](ApprovalPolicy* p) {
    p->labels = {{"tier", "2"}};
    p->findings = Gravity::kWarning;
  })) << "no one target has both";
  EXPECT_FALSE(applies([](ApprovalPolicy* p) { p->schema_changes = true; }));
  EXPECT_TRUE(applies([](ApprovalPolicy* p) { p->schema_changes = false; }));
  EXPECT_FALSE(applies([](ApprovalPolicy* p) { p->changes = false; }));
  input_.job.rollback_of = "J0";
  EXPECT_TRUE(applies([](ApprovalPolicy* p) { p->changes = false; }));
  EXPECT_FALSE(applies([](ApprovalPolicy* p) { p->rollbacks = false; }));
  input_.job.safety = SafetyClass::kSafe;
  EXPECT_FALSE(applies([](ApprovalPolicy*) {}));
  EXPECT_TRUE(applies([](ApprovalPolicy* p) { p->only_destructive = false; }));
  input_.job.kind = JobKind::kBackup;
  EXPECT_FALSE(applies([](ApprovalPolicy* p) { p->only_destructive = false; }));
}

TEST_F(ApprovalRulesTest, TheShortestLifeAndAnyDemandOfAReasonHold) {
  input_.policy.approval_ttl = absl::Hours(24);
  ApprovalPolicy shorter = DbaPolicy(), longer = DbaPolicy(), elsewhere = DbaPolicy();
  shorter.ttl = absl::Hours(8);
  longer.ttl = absl::Hours(48);
  longer.reason_required = true;
  elsewhere.ttl = absl::Hours(1);
  elsewhere.environments = {"qa"};
  Declare({shorter, longer, elsewhere});
  EXPECT_EQ(Evaluate(input_).approval_ttl, absl::Hours(8));
  EXPECT_TRUE(Evaluate(input_).reason_required);
  Declare({});
  EXPECT_EQ(Evaluate(input_).approval_ttl, absl::Hours(24));
  EXPECT_FALSE(Evaluate(input_).reason_required);
}

TEST_F(ApprovalRulesTest, WhatCannotBeReadAllowsNothing) {
  input_.policy.destructive_approvals = 0;
  input_.approval_book =
      std::make_shared<const ApprovalBook>(ApprovalBook{{}, "the stored x cannot be read"});
  EXPECT_EQ(Words(), "approvals: the stored x cannot be read");
}

TEST_F(ApprovalRulesTest, AFreshBackupFollowsTheLastApprovalThatAPolicyNeeds) {
  input_.policy.destructive_approvals = 0;
  input_.policy.verified_backup_max_age = absl::Hours(24);
  input_.job.schema_change = true;
  input_.job.backup_gate = BackupGate::kFresh;
  Backup backup;
  backup.id = "B";
  backup.state = Backup::State::kComplete;
  backup.instance_id = "orders-db";
  backup.verified_level = 1;
  backup.snapshot_time = kNow - absl::Minutes(30);
  input_.targets[0].verified_backup = backup;
  Declare({DbaPolicy()});
  EXPECT_TRUE(Evaluate(input_).BlockedBy("verified-backup")) << "nobody has approved yet";
  Approve("dora", {Role::kPolicyAdmin});
  EXPECT_EQ(Words(), "");
  input_.targets[0].verified_backup->snapshot_time = kNow - absl::Hours(2);
  EXPECT_TRUE(Evaluate(input_).BlockedBy("verified-backup"));
}

TEST_F(ApprovalRulesTest, AWaiverTakesAwayWhatItNamesForThatVeryPlanUntilItExpires) {
  Declare({DbaPolicy()});
  input_.policy.window_for = WindowFor::kAll;
  input_.waiver = Waiver{{"approvals"}, "D1", "users/ada", kNow, kNow + absl::Hours(1)};
  PolicyDecision decision = Evaluate(input_);
  EXPECT_FALSE(decision.BlockedBy("approvals"));
  EXPECT_TRUE(decision.BlockedBy("window"));
  EXPECT_THAT(decision.waived, ElementsAre("approvals"));

  input_.waiver->rules = {"approvals", "window"};
  decision = Evaluate(input_);
  EXPECT_TRUE(decision.allowed()) << decision.Words();
  EXPECT_EQ(decision.closes, kNow + absl::Hours(1)) << "nothing begins once it has expired";

  input_.now = kNow + absl::Hours(1);
  EXPECT_FALSE(Evaluate(input_).allowed());
  input_.now = kNow;
  input_.job.digest = "D2";
  EXPECT_FALSE(Evaluate(input_).allowed()) << "another plan";
}

TEST_F(ApprovalRulesTest, TheDecisionNamesTheWaiverTheBackupAndTheEarlierChangeThatItRestsOn) {
  input_.job.schema_change = true;
  input_.policy.verified_backup_max_age = absl::Hours(24);
  Backup backup;
  backup.id = "01BACKUP";
  backup.instance_id = "orders-db";
  backup.state = Backup::State::kComplete;
  backup.verified_level = 1;
  backup.snapshot_time = kNow - absl::Hours(1);
  input_.targets[0].verified_backup = backup;
  input_.policy.promotion = {"qa", absl::Hours(24), false};
  input_.job.content_digest = "C";
  input_.promotion.job = "01EARLIER";
  input_.promotion.end_time = kNow - absl::Hours(1);
  input_.promotion.applied = true;
  PolicyDecision decision = Evaluate(input_);
  EXPECT_FALSE(decision.BlockedBy("promotion")) << decision.Words();
  EXPECT_EQ(decision.promoted_by, "01EARLIER");
  EXPECT_THAT(decision.backups, ElementsAre("01BACKUP"));
  EXPECT_EQ(decision.waived_by, "");
  input_.waiver = Waiver{{"approvals"}, "D1", "users/ada", kNow, kNow + absl::Hours(1)};
  EXPECT_EQ(Evaluate(input_).waived_by, "users/ada");
  // What blocks is nothing to rest on.
  input_.targets[0].verified_backup.reset();
  input_.promotion.job.clear();
  decision = Evaluate(input_);
  EXPECT_THAT(decision.backups, IsEmpty());
  EXPECT_EQ(decision.promoted_by, "");
}

TEST_F(ApprovalRulesTest, AnApprovalOfARevokedTokenDoesNotCount) {
  Approve("bob");
  Approve("cy");
  input_.job.approvals[0].token = "01T";
  EXPECT_EQ(Evaluate(input_).counted.size(), 2u);
  input_.revoked_tokens = {"01T"};
  const PolicyDecision decision = Evaluate(input_);
  ASSERT_EQ(decision.counted.size(), 1u);
  EXPECT_EQ(decision.counted[0].principal, "users/cy");
}

TEST_F(ApprovalRulesTest, AFreezeThatIsWaivedLeavesTheDemandOfAWindow) {
  input_.policy.destructive_approvals = 0;
  input_.policy.window_for = WindowFor::kAll;
  Window freeze;
  freeze.name = "stop";
  freeze.effect = WindowEffect::kDeny;
  freeze.times.once = Span{kNow - absl::Hours(1), kNow + absl::Hours(9)};
  const auto declare = [&](std::vector<Window> windows) {
    input_.targets[0].windows = std::make_shared<const std::vector<Window>>(std::move(windows));
  };
  declare({freeze});
  input_.waiver = Waiver{{"freeze"}, "D1", "users/ada", kNow, kNow + absl::Hours(1)};
  PolicyDecision decision = Evaluate(input_);
  EXPECT_FALSE(decision.BlockedBy("freeze"));
  EXPECT_TRUE(decision.BlockedBy("window")) << "none is open, which the freeze only hid";
  EXPECT_THAT(decision.waived, ElementsAre("freeze"));

  input_.waiver->rules = {"window"};
  EXPECT_TRUE(Evaluate(input_).BlockedBy("freeze"));
  input_.waiver->rules = {"window", "freeze"};
  decision = Evaluate(input_);
  EXPECT_TRUE(decision.allowed()) << decision.Words();
  EXPECT_THAT(decision.waived, ElementsAre("freeze", "window"));

  Window open;
  open.name = "tonight";
  open.times.once = Span{kNow - absl::Hours(1), kNow + absl::Minutes(30)};
  declare({freeze, open});
  input_.waiver->rules = {"freeze"};
  decision = Evaluate(input_);
  EXPECT_TRUE(decision.allowed()) << decision.Words();
  EXPECT_EQ(decision.window, "tonight");
  EXPECT_EQ(decision.closes, kNow + absl::Minutes(30)) << "the window's, which is nearer";
}

TEST_F(ApprovalRulesTest, NoWaiverReachesConsentRollbackPlanBackupOrARejection) {
  input_.policy.verified_backup_max_age = absl::Hours(24);
  input_.policy.destructive_consent = true;
  input_.job.approve_destructive = false;
  input_.job.schema_change = true;
  input_.job.has_rollback = false;
  input_.waiver = Waiver{{"approvals", "window", "freeze", "verified-backup", "rollback-plan",
                          "destructive-consent", "promotion"},
                         "D1",
                         "users/ada",
                         kNow,
                         kNow + absl::Hours(1)};
  PolicyDecision decision = Evaluate(input_);
  EXPECT_TRUE(decision.BlockedBy("verified-backup"));
  EXPECT_TRUE(decision.BlockedBy("rollback-plan"));
  EXPECT_TRUE(decision.BlockedBy("destructive-consent"));
  EXPECT_FALSE(decision.BlockedBy("approvals"));
  Approve("bob");
  input_.job.approvals[0].approved = false;
  EXPECT_TRUE(Evaluate(input_).BlockedBy("approvals")) << "somebody said no";
}

TEST(PolicyDigestTest, CoversEveryFieldOfThePoliciesOfTheEnvironmentAndNoOthers) {
  const EnvironmentPolicy policy = PlainPolicy("production");
  const auto digest = [&](const ApprovalPolicy& one) {
    const ApprovalBook book{{one}, ""};
    return PolicyDigest("production", policy, &book);
  };
  const ApprovalPolicy base = DbaPolicy();
  std::set<std::string> digests = {PolicyDigest("production", policy), digest(base)};
  const std::vector<std::function<void(ApprovalPolicy*)>> changes = {
      [](ApprovalPolicy* p) { p->name = "other"; },
      [](ApprovalPolicy* p) { p->environments = {}; },
      [](ApprovalPolicy* p) {
        p->labels = {{"a", "b"}};
      },
      [](ApprovalPolicy* p) { p->only_destructive = false; },
      [](ApprovalPolicy* p) { p->schema_changes = true; },
      [](ApprovalPolicy* p) { p->schema_changes = false; },
      [](ApprovalPolicy* p) { p->changes = false; },
      [](ApprovalPolicy* p) { p->rollbacks = false; },
      [](ApprovalPolicy* p) { p->findings = Gravity::kInfo; },
      [](ApprovalPolicy* p) { p->distinct = false; },
      [](ApprovalPolicy* p) { p->ttl = absl::Hours(1); },
      [](ApprovalPolicy* p) { p->reason_required = true; },
      [](ApprovalPolicy* p) { p->requirements[0].name = "x"; },
      [](ApprovalPolicy* p) { p->requirements[0].count = 2; },
      [](ApprovalPolicy* p) { p->requirements[0].roles = {Role::kAuditor}; },
      [](ApprovalPolicy* p) { p->requirements[0].users = {"users/bob"}; },
      [](ApprovalPolicy* p) {
        p->requirements.push_back({"y", 1, {}, {}});
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    ApprovalPolicy changed = base;
    changes[i](&changed);
    EXPECT_TRUE(digests.insert(digest(changed)).second) << i;
  }
  ApprovalPolicy elsewhere = base;
  elsewhere.environments = {"qa"};
  EXPECT_EQ(digest(elsewhere), PolicyDigest("production", policy))
      << "plans from before there were approval policies keep their digests";
  const ApprovalBook unreadable{{}, "why"};
  EXPECT_TRUE(digests.insert(PolicyDigest("production", policy, &unreadable)).second);
}

}  // namespace
}  // namespace dbfleet::controller
