#include "controller/policy/policy.h"

#include <functional>
#include <limits>
#include <set>
#include <string>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

constexpr char kShop[] = "instances/orders-db/databases/shop";
constexpr char kOther[] = "instances/other-db/databases/shop";

Approval ApprovalBy(const std::string& principal, absl::Time when = kNow - absl::Hours(1)) {
  Approval approval;
  approval.principal = principal;
  approval.approved = true;
  approval.digest = "D1";
  approval.decide_time = when;
  approval.expire_time = when + absl::Hours(24);
  approval.rows = {{kShop, 1000}};
  return approval;
}

Backup VerifiedBackup() {
  Backup backup;
  backup.id = "B";
  backup.state = Backup::State::kComplete;
  backup.instance_id = "orders-db";
  backup.databases = {"shop", "audit"};
  backup.verified_level = 1;
  backup.snapshot_time = kNow - absl::Hours(2);
  return backup;
}

// A destructive schema change in production for which everything is there.
PolicyInput Ready() {
  PolicyInput input;
  input.policy = PlainPolicy("production");
  input.now = kNow;
  input.job.kind = JobKind::kMigrate;
  input.job.environment = "production";
  input.job.requester = "users/ada";
  input.job.safety = SafetyClass::kDestructive;
  input.job.digest = "D1";
  input.job.approve_destructive = true;
  input.job.schema_change = true;
  input.job.create_time = kNow - absl::Hours(3);
  input.job.approvals = {ApprovalBy("users/bob")};
  input.targets.push_back({kShop, "orders-db", "shop", VerifiedBackup(), 1000});
  return input;
}

struct Case {
  std::string name;
  std::function<void(PolicyInput&)> change;
  std::string blockers;      // Rules, joined; "!" after those that are final.
  std::string message = "";  // Must be in the first blocker's message.
};

std::string Rules(const PolicyDecision& decision) {
  return absl::StrJoin(decision.blockers, " ", [](std::string* out, const PolicyBlocker& blocker) {
    out->append(blocker.rule).append(blocker.final ? "!" : "");
  });
}

void RunCases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    PolicyInput input = Ready();
    c.change(input);
    const PolicyDecision decision = Evaluate(input);
    EXPECT_EQ(Rules(decision), c.blockers) << c.name;
    EXPECT_EQ(decision.allowed(), c.blockers.empty()) << c.name;
    EXPECT_EQ(decision.refused(), c.blockers.find('!') != std::string::npos) << c.name;
    if (!c.message.empty() && !decision.blockers.empty()) {
      EXPECT_THAT(decision.blockers[0].message, HasSubstr(c.message)) << c.name;
    }
  }
}

TEST(Policy, CompleteWorkIsAllowed) {
  const PolicyDecision decision = Evaluate(Ready());
  EXPECT_TRUE(decision.allowed()) << Rules(decision);
  EXPECT_FALSE(decision.refused());
}

TEST(Policy, ConsentAndRollbackPlanRefuseForGood) {
  RunCases({
      {"no consent", [](auto& in) { in.job.approve_destructive = false; }, "destructive-consent!",
       "users/ada can submit it again with --approve-destructive"},
      {"consent not wanted",
       [](auto& in) {
         in.job.approve_destructive = false;
         in.policy.destructive_consent = false;
       },
       ""},
      {"safe work needs none",
       [](auto& in) {
         in.job.approve_destructive = false;
         in.job.safety = SafetyClass::kSafe;
       },
       ""},
      {"unknown safety is destructive",
       [](auto& in) {
         in.job.approve_destructive = false;
         in.job.safety = SafetyClass::kUnspecified;
         in.job.approvals.clear();
       },
       "destructive-consent! approvals"},
      {"an inspection of unknown safety too",
       [](auto& in) {
         in.job.kind = JobKind::kInspect;
         in.job.schema_change = false;
         in.job.safety = SafetyClass::kUnspecified;
         in.job.approvals.clear();
       },
       "approvals"},
      {"a backup changes nothing",
       [](auto& in) {
         in.job.kind = JobKind::kBackup;
         in.job.schema_change = false;
         in.job.safety = SafetyClass::kUnspecified;
         in.job.approve_destructive = false;
         in.job.approvals.clear();
       },
       ""},
      {"no rollback", [](auto& in) { in.job.has_rollback = false; }, "rollback-plan!",
       "add the down file"},
      {"no rollback of safe migrations either",
       [](auto& in) {
         in.job.has_rollback = false;
         in.job.safety = SafetyClass::kSafe;
       },
       "rollback-plan!"},
  });
}

TEST(Policy, OnlyIndependentCurrentApprovalsOfThisDigestCount) {
  RunCases({
      {"none", [](auto& in) { in.job.approvals.clear(); }, "approvals",
       "0 of 1 approval; missing: "},
      {"the requester's own", [](auto& in) { in.job.approvals = {ApprovalBy("users/ada")}; },
       "approvals", "users/ada made the request"},
      {"a dependent's", [](auto& in) { in.dependent_approvers = {"users/bob"}; }, "approvals",
       "users/bob has an account, role or token from the requester"},
      {"another digest", [](auto& in) { in.job.digest = "D2"; }, "approvals",
       "users/bob approved another plan"},
      {"no digest yet",
       [](auto& in) {
         in.job.digest = "";
         in.job.approvals[0].digest = "";
       },
       "approvals"},
      {"expired this very moment", [](auto& in) { in.job.approvals[0].expire_time = kNow; },
       "approvals", "users/bob approved until"},
      {"not yet expired",
       [](auto& in) { in.job.approvals[0].expire_time = kNow + absl::Nanoseconds(1); }, ""},
      {"the system's", [](auto& in) { in.job.approvals[0].principal = "system/scheduler"; },
       "approvals", "is not a person"},
      {"two wanted, one twice",
       [](auto& in) {
         in.policy.destructive_approvals = 2;
         in.job.approvals = {ApprovalBy("users/bob"), ApprovalBy("users/bob")};
       },
       "approvals", "1 of 2 approvals"},
      {"two wanted, two there",
       [](auto& in) {
         in.policy.destructive_approvals = 2;
         in.job.approvals = {ApprovalBy("users/bob"), ApprovalBy("users/eve")};
       },
       ""},
      {"of an automatic rollback: as many approved its change",
       [](auto& in) {
         in.policy.destructive_approvals = 2;
         in.job.approvals.clear();
         in.approved_with_change = 2;
       },
       ""},
      {"of an automatic rollback: fewer did, as the glass was broken",
       [](auto& in) {
         in.policy.destructive_approvals = 2;
         in.job.approvals.clear();
         in.approved_with_change = 1;
       },
       "approvals", "0 of 2 approvals"},
      {"none wanted",
       [](auto& in) {
         in.policy.destructive_approvals = 0;
         in.job.approvals.clear();
       },
       ""},
      {"a rejection outweighs an approval",
       [](auto& in) {
         Approval rejection = ApprovalBy("users/eve");
         rejection.approved = false;
         rejection.reason = "too risky";
         in.job.approvals.push_back(rejection);
       },
       "approvals!", "users/eve rejected it: too risky"},
      {"a rejection counts for safe work too",
       [](auto& in) {
         in.job.safety = SafetyClass::kSafe;
         in.job.approvals[0].approved = false;
       },
       "approvals!"},
  });
}

TEST(Policy, EstimatesBeyondTwiceTheApprovedRowsVoidApprovals) {
  const auto add_target = [](PolicyInput& in, int64_t approved, int64_t now) {
    in.targets.push_back(in.targets[0]);
    in.targets[1].name = kOther;
    in.targets[1].estimated_rows = now;
    in.job.approvals[0].rows[kOther] = approved;
  };
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  RunCases({
      {"exactly twice", [](auto& in) { in.targets[0].estimated_rows = 2000; }, ""},
      {"one more", [](auto& in) { in.targets[0].estimated_rows = 2001; }, "approvals",
       "0 of 1 approval"},
      {"says why", [](auto& in) { in.targets[0].estimated_rows = 2001; }, "approvals",
       "users/bob approved some 1000 rows of instances/orders-db/databases/shop, by now estimated "
       "at 2001"},
      {"one target of several, though the sum is within its bounds",
       [&](auto& in) { add_target(in, 10, 21); }, "approvals", "10 rows of instances/other-db"},
      {"several targets within their bounds", [&](auto& in) { add_target(in, 10, 20); }, ""},
      {"nothing was known at approval",
       [](auto& in) {
         in.job.approvals[0].rows[kShop] = -1;
         in.targets[0].estimated_rows = 1'000'000'000;
       },
       ""},
      {"what was seen is not recorded", [](auto& in) { in.job.approvals[0].rows.clear(); },
       "approvals", "without a record of the rows"},
      {"unknown ones add nothing", [](auto& in) { in.targets[0].estimated_rows = -1; }, ""},
      {"the largest numbers do not overflow",
       [&](auto& in) {
         in.job.approvals[0].rows[kShop] = kMost - 1;
         in.targets[0].estimated_rows = kMost;
         add_target(in, 1, kMost);
       },
       "approvals"},
  });
}

TEST(Policy, ALaterApprovalOfMoreRowsDoesNotReviveEarlierOnes) {
  PolicyInput input = Ready();
  input.policy.destructive_approvals = 2;
  input.job.approvals = {ApprovalBy("users/bob"), ApprovalBy("users/cy"), ApprovalBy("users/dan")};
  for (Approval& approval : input.job.approvals) approval.rows[kShop] = 100;
  input.targets[0].estimated_rows = 100;
  EXPECT_TRUE(Evaluate(input).allowed());
  input.targets[0].estimated_rows = 500'000;
  input.job.approvals[2].rows[kShop] = 500'000;
  const PolicyDecision decision = Evaluate(input);
  EXPECT_EQ(Rules(decision), "approvals");
  EXPECT_THAT(decision.blockers[0].message, HasSubstr("1 of 2 approvals"));
  ASSERT_EQ(decision.counted.size(), 1u);
  EXPECT_TRUE(decision.Counts("users/dan"));
  EXPECT_FALSE(decision.Counts("users/bob"));
}

TEST(Policy, ASchemaChangeNeedsAVerifiedBackupOfItsDatabase) {
  RunCases({
      {"none", [](auto& in) { in.targets[0].verified_backup.reset(); }, "verified-backup",
       "instances/orders-db/databases/shop (there is none)"},
      {"level 0", [](auto& in) { in.targets[0].verified_backup->verified_level = 0; },
       "verified-backup", "is not verified"},
      {"suspect", [](auto& in) { in.targets[0].verified_backup->state = Backup::State::kSuspect; },
       "verified-backup", "is not verified"},
      {"another instance", [](auto& in) { in.targets[0].verified_backup->instance_id = "x"; },
       "verified-backup", "does not cover it"},
      {"another database", [](auto& in) { in.targets[0].verified_backup->databases = {"audit"}; },
       "verified-backup", "does not cover it"},
      {"exactly as old as the limit",
       [](auto& in) { in.targets[0].verified_backup->snapshot_time = kNow - absl::Hours(24); },
       "verified-backup", " is of 20"},
      {"just younger",
       [](auto& in) {
         in.targets[0].verified_backup->snapshot_time =
             kNow - absl::Hours(24) + absl::Nanoseconds(1);
       },
       ""},
      {"from the future",
       [](auto& in) { in.targets[0].verified_backup->snapshot_time = kNow + absl::Minutes(1); },
       "verified-backup", "in the future"},
      {"one target of two",
       [](auto& in) {
         in.targets.push_back(in.targets[0]);
         in.targets[1].name = "instances/other";
         in.job.approvals[0].rows["instances/other"] = 1000;
         in.targets[1].verified_backup.reset();
       },
       "verified-backup", "missing for instances/other (there is none);"},
      {"many targets",
       [](auto& in) {
         in.targets[0].verified_backup.reset();
         in.job.approvals[0].rows.clear();
         for (int i = 0; i < 2000; ++i) {
           if (i > 0) in.targets.push_back(in.targets[0]);
           in.targets[i].name = absl::StrCat("instances/db-", i);
           in.job.approvals[0].rows[in.targets[i].name] = 1000;
         }
       },
       "verified-backup", "instances/db-4 (there is none) and 1995 more;"},
      {"of another agent's server",
       [](auto& in) {
         in.targets[0].agent_id = "db2";
         in.targets[0].endpoint = "localhost:3306";
         in.targets[0].verified_backup->agent_id = "db1";
         in.targets[0].verified_backup->endpoint = "localhost:3306";
       },
       "verified-backup", "backups/B is of another server (agents/db1, localhost:3306)"},
      {"of another server of the agent",
       [](auto& in) {
         in.targets[0].agent_id = in.targets[0].verified_backup->agent_id = "db1";
         in.targets[0].endpoint = "new:3306";
         in.targets[0].verified_backup->endpoint = "old:3306";
       },
       "verified-backup", "is of another server (agents/db1, old:3306)"},
      {"of a server that nobody wrote down", [](auto& in) { in.targets[0].agent_id = "db1"; },
       "verified-backup", "does not tell of which server it is"},
      {"no targets", [](auto& in) { in.targets.clear(); }, "verified-backup"},
      {"no schema change",
       [](auto& in) {
         in.job.schema_change = false;
         in.targets[0].verified_backup.reset();
       },
       ""},
      {"the policy asks for none",
       [](auto& in) {
         in.policy.verified_backup_max_age = absl::ZeroDuration();
         in.targets[0].verified_backup.reset();
       },
       ""},
      {"safe schema changes need one too",
       [](auto& in) {
         in.job.safety = SafetyClass::kSafe;
         in.targets[0].verified_backup.reset();
       },
       "verified-backup"},
      {"nobody takes one by itself for this gate",
       [](auto& in) {
         in.job.backup_gate = BackupGate::kExisting;
         in.targets[0].verified_backup.reset();
       },
       "verified-backup", "dbfleet backup run"},
  });
}

TEST(Policy, AFreshBackupFollowsTheLastApprovalThatCounts) {
  const auto fresh = [](PolicyInput& in, absl::Time snapshot) {
    in.job.backup_gate = BackupGate::kFresh;
    in.targets[0].verified_backup->snapshot_time = snapshot;
  };
  const absl::Time approved = kNow - absl::Hours(1);
  RunCases({
      {"before", [&](auto& in) { fresh(in, approved - absl::Seconds(1)); }, "verified-backup",
       "older than the approval"},
      {"at the same moment", [&](auto& in) { fresh(in, approved); }, "verified-backup"},
      {"after", [&](auto& in) { fresh(in, approved + absl::Nanoseconds(1)); }, ""},
      {"a later approval that does not count moves nothing",
       [&](auto& in) {
         fresh(in, approved + absl::Seconds(1));
         in.job.approvals.push_back(ApprovalBy("users/ada", kNow - absl::Minutes(1)));
       },
       ""},
      {"a later one that counts does",
       [&](auto& in) {
         fresh(in, approved + absl::Seconds(1));
         in.job.approvals.push_back(ApprovalBy("users/eve", kNow - absl::Minutes(1)));
       },
       "verified-backup"},
      {"nobody approved yet",
       [&](auto& in) {
         fresh(in, kNow);
         in.job.approvals.clear();
       },
       "approvals verified-backup"},
      {"no approvals needed: after the request",
       [&](auto& in) {
         fresh(in, in.job.create_time + absl::Seconds(1));
         in.policy.destructive_approvals = 0;
         in.job.approvals.clear();
       },
       ""},
      {"no approvals needed: before the request",
       [&](auto& in) {
         fresh(in, in.job.create_time);
         in.policy.destructive_approvals = 0;
         in.job.approvals.clear();
       },
       "verified-backup", "older than the request"},
  });
}

TEST(Policy, EveryBlockerIsNamedAtOnce) {
  PolicyInput input = Ready();
  input.job.approve_destructive = false;
  input.job.has_rollback = false;
  input.job.approvals.clear();
  input.targets[0].verified_backup.reset();
  const PolicyDecision decision = Evaluate(input);
  EXPECT_EQ(Rules(decision), "destructive-consent! rollback-plan! approvals verified-backup");
  EXPECT_TRUE(decision.BlockedBy("approvals"));
  EXPECT_FALSE(decision.BlockedBy("window"));
}

TEST(Policy, DefaultsAskForABackupEverywhereAndForApprovalOutsideDevelopmentAndQa) {
  for (const char* name : {"development", "qa", "production", "staging-eu"}) {
    const EnvironmentPolicy policy = DefaultPolicy(name);
    const bool relaxed = std::string(name) == "development" || std::string(name) == "qa";
    EXPECT_EQ(policy.destructive_approvals, relaxed ? 0 : 1) << name;
    EXPECT_EQ(policy.verified_backup_max_age, absl::Hours(24)) << name;
    EXPECT_EQ(policy.approval_ttl, absl::Hours(24)) << name;
    EXPECT_TRUE(policy.destructive_consent) << name;
  }
}

TEST(Policy, ByDefaultProductionHasWindowsAndChangesCameThroughTheEnvironmentsBeforeIt) {
  EXPECT_EQ(DefaultPolicy("development").window_for, WindowFor::kNone);
  EXPECT_EQ(DefaultPolicy("qa").window_for, WindowFor::kNone);
  EXPECT_EQ(DefaultPolicy("production").window_for, WindowFor::kDestructive);
  EXPECT_EQ(DefaultPolicy("staging-eu").window_for, WindowFor::kDestructive);

  constexpr absl::Duration kWithin = absl::Hours(24 * 30);
  EXPECT_EQ(DefaultPolicy("development").promotion, PromotionPolicy());
  EXPECT_EQ(DefaultPolicy("qa").promotion, (PromotionPolicy{"development", kWithin, false}));
  EXPECT_EQ(DefaultPolicy("production").promotion, (PromotionPolicy{"qa", kWithin, true}));
  // Nobody knows what comes before it.
  EXPECT_EQ(DefaultPolicy("staging-eu").promotion, PromotionPolicy());
}

TEST(Policy, TheDigestFollowsEveryField) {
  const EnvironmentPolicy base = PlainPolicy("production");
  std::set<std::string> digests = {PolicyDigest("production", base), PolicyDigest("qa", base)};
  EnvironmentPolicy changed = base;
  changed.destructive_approvals = 2;
  digests.insert(PolicyDigest("production", changed));
  changed = base;
  changed.verified_backup_max_age = absl::Hours(1);
  digests.insert(PolicyDigest("production", changed));
  changed = base;
  changed.approval_ttl = absl::Hours(1);
  digests.insert(PolicyDigest("production", changed));
  changed = base;
  changed.destructive_consent = false;
  digests.insert(PolicyDigest("production", changed));
  EXPECT_EQ(digests.size(), 6u);
  EXPECT_EQ(PolicyDigest("production", base),
            PolicyDigest("production", PlainPolicy("production")));
}

}  // namespace
}  // namespace dbfleet::controller
