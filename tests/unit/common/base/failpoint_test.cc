#include "common/base/failpoint.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::failpoint {
namespace {

class FailpointTest : public testing::Test {
 protected:
  ~FailpointTest() override { SetOrders("", 0).IgnoreError(); }

  void Give(absl::string_view orders, uint64_t seed = 0) {
    const absl::Status status = SetOrders(orders, seed);
    ASSERT_TRUE(status.ok()) << status;
  }

  // How a child process ends that runs `body`.
  template <typename Body>
  int WaitStatusOf(Body body) {
    const pid_t child = fork();
    if (child == 0) {
      body();
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, WUNTRACED);
    if (WIFSTOPPED(status)) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    return status;
  }
};

TEST_F(FailpointTest, NothingHappensWithoutAnOrder) {
  EXPECT_EQ(Hit("a", ""), Order::kNone);
  EXPECT_TRUE(Check("a", "tag").ok());
}

TEST_F(FailpointTest, AnErrorIsReturnedAtThatPlaceOnly) {
  Give("a=error");
  EXPECT_EQ(ReasonOf(Check("a", "")), "INJECTED_FAULT");
  EXPECT_TRUE(Check("ab", "").ok());
  EXPECT_TRUE(Check("b", "").ok());
}

TEST_F(FailpointTest, AFullDiskLooksLikeARealOne) {
  Give("a=error:enospc");
  EXPECT_EQ(ReasonOf(Check("a", "")), ReasonOf(ErrnoStatus(ENOSPC, "x")));
}

TEST_F(FailpointTest, ATagSelectsAmongTheHits) {
  Give("a#x=drop; b#x*=duplicate");
  EXPECT_EQ(Hit("a", "x"), Order::kDrop);
  EXPECT_EQ(Hit("a", "xy"), Order::kNone);
  EXPECT_EQ(Hit("a", ""), Order::kNone);
  EXPECT_EQ(Hit("b", "xy"), Order::kDuplicate);
  EXPECT_EQ(Hit("b", "y"), Order::kNone);
}

TEST_F(FailpointTest, TheNthHitAlone) {
  Give("a=swap@3");
  std::vector<failpoint::Order> hits;
  for (int i = 0; i < 5; ++i) hits.push_back(Hit("a", ""));
  using enum failpoint::Order;
  EXPECT_EQ(hits, (std::vector<failpoint::Order>{kNone, kNone, kSwap, kNone, kNone}));
}

TEST_F(FailpointTest, AProbabilityRepeatsWithItsSeed) {
  const auto draw = [&](uint64_t seed) {
    Give("a=drop%30", seed);
    std::string drops;
    for (int i = 0; i < 1000; ++i) drops += Hit("a", "") == Order::kDrop ? 'x' : '.';
    return drops;
  };
  const std::string once = draw(7);
  EXPECT_EQ(draw(7), once);
  EXPECT_NE(draw(8), once);
  const auto count = std::count(once.begin(), once.end(), 'x');
  EXPECT_GT(count, 230);
  EXPECT_LT(count, 370);
}

TEST_F(FailpointTest, KillLeavesNoChanceToAHandler) {
  const int status = WaitStatusOf([] {
    signal(SIGTERM, [](int) { _exit(3); });
    atexit([] { _exit(4); });
    SetOrders("a=kill", 0).IgnoreError();
    Hit("a", "");
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(FailpointTest, StopFreezesTheProcess) {
  const int status = WaitStatusOf([] {
    SetOrders("a=stop", 0).IgnoreError();
    Hit("a", "");
  });
  EXPECT_TRUE(WIFSTOPPED(status));
}

TEST_F(FailpointTest, OrdersThatCannotBeReadAreRefusedWithTheOrderNamed) {
  for (const char* bad :
       {"a", "=kill", "a=explode", "a=delay:x", "a=error:ebadf", "a=drop@0", "a=drop%x"}) {
    const absl::Status status = SetOrders(bad, 0);
    EXPECT_EQ(ReasonOf(status), "BAD_FAILPOINT") << bad;
    EXPECT_NE(status.message().find(bad), absl::string_view::npos) << status;
  }
}

}  // namespace
}  // namespace dbfleet::failpoint
