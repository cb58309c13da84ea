#include "controller/aggregate/packed_text.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace dbfleet::controller {
namespace {

std::string Page(int series) {
  std::string page;
  for (int i = 0; i < series; ++i) {
    absl::StrAppend(&page, "mysql_global_status_commands_total{command=\"c", i, "\"} ",
                    i * 7919 % 100'003, "\n");
  }
  return page;
}

TEST(PackedTextTest, GivesBackWhatWasPacked) {
  TextPacker packer;
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(100'000, '\0'), Page(1), Page(3000)}) {
    EXPECT_EQ(packer.Unpack(packer.Pack(text)), text);
  }
}

TEST(PackedTextTest, AMetricsPageIsKeptInAFractionOfItsSize) {
  TextPacker packer;
  const std::string page = Page(300);
  EXPECT_LT(packer.Pack(page).packed_size() * 4, page.size());
}

TEST(PackedTextTest, ManyThreadsMayPackAndUnpackAtOnce) {
  TextPacker packer;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&packer, i] {
      for (int round = 0; round < 50; ++round) {
        const std::string page = Page(10 * i + round);
        EXPECT_EQ(packer.Unpack(packer.Pack(page)), page);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace dbfleet::controller
