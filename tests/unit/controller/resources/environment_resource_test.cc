#include "controller/resources/environment_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "controller/policy/policy.h"
#include "controller/resources/manifest.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::vector<Manifest>> Parsed(const std::string& name, const std::string& spec) {
  return ParseManifests({{"e.yaml", "apiVersion: dbfleet/v1\nkind: Environment\nmetadata: {name: " +
                                        name + "}\nspec:\n  display_name: X\n" + spec}});
}

Environment Declared(const std::string& name, const std::string& spec) {
  const auto manifests = Parsed(name, spec);
  EXPECT_TRUE(manifests.ok()) << manifests.status();
  if (!manifests.ok()) return {};
  return EnvironmentOf(static_cast<const resource::v1::Environment&>(*manifests->at(0).message));
}

TEST(EnvironmentResourceTest, WhatIsLeftOutHasTheDefaultOfTheName) {
  for (const char* name : {"development", "qa", "production", "preprod"}) {
    const Environment environment = Declared(name, "");
    EXPECT_EQ(environment.policy, DefaultPolicy(name)) << name;
    EXPECT_EQ(environment.display_name, "X");
    EXPECT_TRUE(environment.declared);
  }
}

// A zero that was written is not a field that was left out.
TEST(EnvironmentResourceTest, WhatIsWrittenCountsAlsoWhereItIsZero) {
  const EnvironmentPolicy policy = Declared("production", R"(  policy:
    destructive_approvals: 0
    verified_backup_max_age: 0s
    approval_ttl: 7d
    destructive_consent: false
    window_for: destructive
)")
                                       .policy;
  EXPECT_EQ(policy.destructive_approvals, 0);
  EXPECT_EQ(policy.verified_backup_max_age, absl::ZeroDuration());
  EXPECT_EQ(policy.approval_ttl, absl::Hours(24 * 7));
  EXPECT_FALSE(policy.destructive_consent);
  EXPECT_EQ(policy.window_for, WindowFor::kDestructive);
}

TEST(EnvironmentResourceTest, ManifestAndEnvironmentTellTheSame) {
  for (const char* policy :
       {"{window_for: all}", "{promotion: {from: qa, within: 7d, rehearsal: true}}"}) {
    const Environment environment =
        Declared("production", std::string("  policy: ") + policy + "\n");
    const resource::v1::Environment manifest = ManifestOf(environment);
    EXPECT_EQ(EnvironmentOf(manifest), environment) << policy;
  }
}

TEST(EnvironmentResourceTest, APromotionHasADefaultTime) {
  const PromotionPolicy promotion =
      Declared("production", "  policy: {promotion: {from: qa}}\n").policy.promotion;
  EXPECT_EQ(promotion.from, "qa");
  EXPECT_EQ(promotion.within, absl::Hours(24 * 30));
  EXPECT_FALSE(promotion.rehearsal);
}

TEST(EnvironmentResourceTest, ADefaultPromotionCanBeTakenAway) {
  const Environment environment = Declared("production", "  policy: {promotion: {from: none}}\n");
  EXPECT_EQ(environment.policy.promotion, PromotionPolicy());
  EXPECT_EQ(ManifestOf(environment).spec().policy().promotion().from(), "none");
  EXPECT_EQ(EnvironmentOf(ManifestOf(environment)), environment);
  // Where there is none by default nothing is said about it.
  EXPECT_FALSE(ManifestOf(Declared("development", "")).spec().policy().has_promotion());
}

TEST(EnvironmentResourceTest, TakingAwayWhatIsNotThereSaysNothing) {
  for (const char* name : {"development", "preprod"}) {
    const auto manifests = Parsed(name, "  policy: {promotion: {from: none}}\n");
    ASSERT_TRUE(manifests.ok()) << manifests.status();
    const auto& message = static_cast<const resource::v1::Environment&>(*manifests->at(0).message);
    EXPECT_FALSE(message.spec().policy().has_promotion()) << name;
    EXPECT_EQ(EnvironmentOf(message).policy.promotion, PromotionPolicy());
    EXPECT_THAT(
        std::string(
            Parsed(name, "  policy: {promotion: {from: none, within: 1h}}\n").status().message()),
        HasSubstr("from none has neither within nor rehearsal"));
  }
}

TEST(EnvironmentResourceTest, NoEnvironmentIsCalledNone) {
  EXPECT_THAT(std::string(Parsed("none", "").status().message()), HasSubstr("metadata.name"));
}

TEST(EnvironmentResourceTest, ValuesOutOfRangeAreRefusedWithTheRange) {
  const std::pair<const char*, const char*> kCases[] = {
      {"destructive_approvals: -1", "a number from 0 to 10 is wanted, not -1"},
      {"destructive_approvals: 11", "a number from 0 to 10 is wanted, not 11"},
      {"verified_backup_max_age: 367d", "a time from 0 to 366 days is wanted"},
      {"verified_backup_max_age: -1s", "verified_backup_max_age"},
      {"approval_ttl: 0s", "a time above 0 to 366 days is wanted"},
      {"promotion: {within: 1h}", "promotion.from: is needed"},
      {"promotion: {from: none, within: 1h}", "from none has neither within nor rehearsal"},
      {"promotion: {from: qa}", "an environment cannot come before itself"},
      {"promotion: {from: development, within: 0s}", "a time above 0 to 366 days is wanted"},
      {"promotion: {from: development, within: 400d}", "a time above 0 to 366 days is wanted"},
      {"window_for: everything", "none, schema-changes, destructive or all is wanted"},
  };
  for (const auto& [line, problem] : kCases) {
    EXPECT_THAT(
        std::string(Parsed("qa", std::string("  policy: {") + line + "}\n").status().message()),
        HasSubstr(problem))
        << line;
  }
}

}  // namespace
}  // namespace dbfleet::controller
