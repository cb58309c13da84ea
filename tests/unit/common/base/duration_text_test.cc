#include "common/base/duration_text.h"

#include <gtest/gtest.h>

namespace dbfleet {
namespace {

TEST(DurationTextTest, DaysComeFirstAndNothingIsLost) {
  EXPECT_EQ(DurationText(absl::Hours(720)), "30d");
  EXPECT_EQ(DurationText(absl::Hours(24)), "1d");
  EXPECT_EQ(DurationText(absl::Hours(127 * 24 + 5)), "127d 5h");
  EXPECT_EQ(DurationText(absl::Hours(25) + absl::Minutes(30)), "1d 1h30m");
  EXPECT_EQ(DurationText(absl::Hours(24) + absl::Milliseconds(1500)), "1d 1.5s");
  EXPECT_EQ(DurationText(-absl::Hours(49)), "-2d 1h");
}

TEST(DurationTextTest, LessThanADayIsAsEverywhere) {
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0");
  EXPECT_EQ(DurationText(absl::Minutes(90)), "1h30m");
  EXPECT_EQ(DurationText(-absl::Seconds(5)), "-5s");
  EXPECT_EQ(DurationText(absl::InfiniteDuration()), "inf");
  EXPECT_EQ(DurationText(-absl::InfiniteDuration()), "-inf");
}

}  // namespace
}  // namespace dbfleet
