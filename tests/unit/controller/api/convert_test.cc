#include "controller/api/convert.h"

#include <gtest/gtest.h>

namespace dbfleet::controller {
namespace {

// Its row is there from the submission on, be it that its window opens in a week.
TEST(ConvertBackup, OneThatNobodyWasGrantedYetIsQueuedAndDoesNotRun) {
  Backup backup;
  backup.id = "B";
  EXPECT_EQ(ToApi(backup).state(), api::v1::Backup::STATE_QUEUED);
  backup.agent_id = "db-1";  // Written down with the grant.
  EXPECT_EQ(ToApi(backup).state(), api::v1::Backup::STATE_RUNNING);
  backup.agent_id.clear();
  backup.state = Backup::State::kFailed;
  EXPECT_EQ(ToApi(backup).state(), api::v1::Backup::STATE_FAILED) << "cancelled before it began";
}

}  // namespace
}  // namespace dbfleet::controller
