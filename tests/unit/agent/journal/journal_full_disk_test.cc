#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/journal/journal_test_util.h"

namespace dbfleet::agent {
namespace {

// A small file system of its own, which the test fills to the last byte.
class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (mount("dbfleet-test", folder_.path().c_str(), "tmpfs", 0, "size=12m") != 0) {
      GTEST_SKIP() << "mounting a tmpfs needs root";
    }
    mounted_ = true;
    Reopen();
  }
  void TearDown() override {
    journal_.reset();
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  void Reopen() {
    journal_.reset();
    auto journal = Journal::Open(folder_.path() + "/journal", 64 << 20, clock_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }
  void FillDisk() {
    const std::string path = folder_.path() + "/filler";
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_GE(fd, 0);
    const std::string block(4096, 'f');
    while (write(fd, block.data(), block.size()) > 0) {
    }
    EXPECT_EQ(errno, ENOSPC);
    close(fd);
  }
  void FreeDisk() { unlink((folder_.path() + "/filler").c_str()); }

  TempFolder folder_;
  FakeClock clock_;
  std::unique_ptr<Journal> journal_;
  bool mounted_ = false;
};

TEST_F(FullDiskTest, EveryAcceptedAttemptCanFinish) {
  constexpr int kAttempts = 12;
  for (int i = 0; i < kAttempts; ++i) {
    ASSERT_TRUE(
        journal_->Accept(MakeOffer(absl::StrCat("a", i), i + 1), absl::ZeroDuration(), "b").ok());
  }
  FillDisk();
  v1::Finished finished = MakeFinished(v1::OUTCOME_FAILED);
  finished.set_error_message(std::string(60000, 'e'));
  for (int i = 0; i < kAttempts; ++i) {
    const v1::Offer offer = MakeOffer(absl::StrCat("a", i), i + 1);
    ASSERT_TRUE(journal_->Grant(MakeGrant(offer)).ok()) << i;
    ASSERT_TRUE(journal_->Start(offer.attempt_id()).ok()) << i;
    ASSERT_TRUE(journal_->RequestCancel(offer.attempt_id()).ok()) << i;
    ASSERT_TRUE(journal_->Finish(offer.attempt_id(), finished).ok()) << i;
  }
  Reopen();
  for (int i = 0; i < kAttempts; ++i) {
    EXPECT_EQ((*journal_->Find(absl::StrCat("a", i)))->phase, v1::ATTEMPT_PHASE_FINISHED);
  }
}

TEST_F(FullDiskTest, WhatMayBeRefusedIsRefusedAndLeavesTheRoom) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  FillDisk();
  work::v1::StepReport step;
  step.set_error(std::string(2000, 's'));
  absl::Status status;
  int steps = 0;
  while (status.ok() && steps < 10000) {
    status = journal_->Step("a1", step);
    ++steps;
  }
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(journal_->Checkpoint("a1", std::string(1000, 'c'))), "DISK_FULL");
  const absl::Status refused = journal_->Accept(MakeOffer("a2", 2), absl::ZeroDuration(), "b");
  EXPECT_EQ(ReasonOf(refused), "DISK_FULL");
  EXPECT_FALSE(journal_->Find("a2")->has_value());
  EXPECT_EQ(journal_->HighestFence("orders"), 1u) << "a refused offer leaves no trace";
  EXPECT_TRUE(journal_->Finish("a1", MakeFinished(v1::OUTCOME_FAILED)).ok());
  EXPECT_TRUE(journal_->Acknowledge(journal_->LastEventSeq()).ok());
  FreeDisk();
  EXPECT_TRUE(journal_->Accept(MakeOffer("a2", 2), absl::ZeroDuration(), "b").ok());
}

TEST_F(FullDiskTest, AResultTooLargeForTheRoomIsReducedNotLost) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  FillDisk();
  v1::Finished finished = MakeFinished();
  finished.mutable_result()->mutable_inspect()->add_rows()->add_values()->set_text(
      std::string(3 << 20, 'r'));
  ASSERT_TRUE(journal_->Finish("a1", finished).ok());
  EXPECT_EQ((*journal_->Find("a1"))->finished->error_reason(), "RESULT_DROPPED");
}

TEST_F(FullDiskTest, OpensOnAFullDiskAndFinishesWhatWasRunning) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  journal_.reset();
  FillDisk();
  Reopen();
  EXPECT_TRUE(journal_->Finish("a1", MakeFinished(v1::OUTCOME_INTERRUPTED)).ok());
}

}  // namespace
}  // namespace dbfleet::agent
