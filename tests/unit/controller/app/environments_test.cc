#include "controller/app/environments.h"

#include <gtest/gtest.h>

#include "controller/app/controller_config.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"

namespace dbfleet::controller {
namespace {

// Former versions took shorter ones; an upgrade must not keep the controller from starting.
TEST(EnvironmentsTest, ALifeOfApprovalsThatIsTooShortIsRaised) {
  FakeClock clock;
  MemoryStore store{&clock};
  for (const auto& [given, taken] : {std::pair(1, 5 * 60), {299, 300}, {300, 300}, {3600, 3600}}) {
    config::v1::ControllerConfig config;
    config.set_data_dir("/data");
    config::v1::EnvironmentConfig& qa = *config.add_environments();
    qa.set_name("qa");
    qa.mutable_policy()->mutable_approval_ttl()->set_seconds(given);
    qa.mutable_policy()->mutable_promotion()->set_from("none");
    const absl::Status valid = CompleteAndValidate(&config);
    ASSERT_TRUE(valid.ok()) << valid;
    const absl::Status applied = ApplyEnvironments(config, store);
    ASSERT_TRUE(applied.ok()) << applied;
    EXPECT_EQ(
        ReadFrom(store, [](ReadTx& tx) { return tx.GetEnvironment("qa"); })->policy.approval_ttl,
        absl::Seconds(taken));
    const size_t records = store.Audit().size();
    EXPECT_TRUE(ApplyEnvironments(config, store).ok());
    EXPECT_EQ(store.Audit().size(), records) << "a restart changes nothing";
    qa.mutable_policy()->mutable_approval_ttl()->set_seconds(0);
    EXPECT_FALSE(CompleteAndValidate(&config).ok());
  }
}

}  // namespace
}  // namespace dbfleet::controller
