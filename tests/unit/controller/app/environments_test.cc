#include "controller/app/environments.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "controller/app/controller_config.h"
#include "controller/policy/policy.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status Check(const std::string& environments) {
  const std::string path = absl::StrCat(testing::TempDir(), "/controller.yaml");
  EXPECT_TRUE(WriteFileAtomically(
                  path, absl::StrCat("data_dir: /data\nenvironments:\n", environments), 0600)
                  .ok());
  return LoadConfig(path).status();
}

// One check serves what is declared and what is configured, and says the place of each.
TEST(EnvironmentsTest, WhatIsWrongWithAPolicyIsToldWithItsPlace) {
  EXPECT_THAT(
      std::string(Check("- name: qa\n  policy: {approval_ttl: 4m, window_for: never}\n").message()),
      AllOf(HasSubstr("controller.yaml:4:12: environments[0].policy.approval_ttl: at least "
                      "5m is wanted"),
            HasSubstr("environments[0].policy.window_for: none, schema-changes")));
  EXPECT_THAT(
      std::string(Check("- name: qa\n  policy: {promotion: {from: qa, within: 400d}}\n").message()),
      AllOf(HasSubstr("promotion.from: an environment cannot come before itself"),
            HasSubstr("promotion.within: a time above 0 to 366 days is wanted")));
  EXPECT_THAT(std::string(Check("- name: staging\n").message()),
              HasSubstr("environments[0].name: \"staging\" is another name of qa: declare qa"));
}

TEST(EnvironmentsTest, WhatIsLeftOutHasTheDefaultsOfTheName) {
  FakeClock clock;
  MemoryStore store{&clock};
  config::v1::ControllerConfig config;
  config.set_data_dir("/data");
  config::v1::EnvironmentConfig& qa = *config.add_environments();
  qa.set_name("qa");
  qa.mutable_policy()->mutable_promotion()->set_from("none");
  config.add_environments()->set_name("production");
  config::v1::EnvironmentConfig& live = *config.add_environments();
  live.set_name("live");
  live.mutable_policy()->mutable_promotion()->set_from("staging");
  const absl::Status valid = CompleteAndValidate(&config);
  ASSERT_TRUE(valid.ok()) << valid;
  const absl::Status applied = ApplyEnvironments(config, store);
  ASSERT_TRUE(applied.ok()) << applied;
  const auto policy = [&](const std::string& name) {
    return ReadFrom(store, [&](ReadTx& tx) { return tx.GetEnvironment(name); })->policy;
  };
  EXPECT_EQ(policy("production"), DefaultPolicy("production"));
  EnvironmentPolicy promoted = DefaultPolicy("live");
  promoted.promotion.from = "qa";
  EXPECT_EQ(policy("live"), promoted);
  const size_t records = store.Audit().size();
  EXPECT_TRUE(ApplyEnvironments(config, store).ok());
  EXPECT_EQ(store.Audit().size(), records) << "a restart changes nothing";
}

}  // namespace
}  // namespace dbfleet::controller
