#include "agent/actions/verify/verify_action.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "agent/actions/backup/repository_mark.h"
#include "tests/fakes/fake_action_context.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_engine.h"

namespace dbfleet::agent {
namespace {

// Of a backup that is not there.
TEST(VerifyActionTest, ARepositoryThatIsNotMountedSaysNothingOfItsBackups) {
  char path[] = "/tmp/dbfleet-verify-XXXXXX";
  const std::string base = mkdtemp(path);
  const std::string repository = base + "/repository";
  const absl::StatusOr<std::string> id = KnowRepository(repository, base + "/note");
  ASSERT_TRUE(id.ok()) << id.status();
  FakeClock clock;
  VerifyAction::Options options;
  options.backup_dir = repository;
  options.repository_id = *id;
  options.exec_path = "/bin/false";
  VerifyAction action(options, clock);
  FakeEngine engine("orders");
  FakeActionContext context(engine, base + "/scratch");
  work::v1::JobSpec spec;
  spec.mutable_verify()->set_backup_id("B1");
  EXPECT_EQ(action.Run(context, spec).error_reason, "NO_MANIFEST");
  std::filesystem::remove_all(repository);
  std::filesystem::create_directory(repository);
  const ActionResult result = action.Run(context, spec);
  EXPECT_EQ(result.outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "NO_REPOSITORY") << result.error_message;
  std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace dbfleet::agent
