#include "common/proto_time/proto_time.h"

#include "gtest/gtest.h"

namespace dbfleet {
namespace {

TEST(ProtoTimeTest, TimesComeBackToTheNanosecond) {
  for (const int64_t nanos : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{-1'500'000'000},
                              int64_t{1'800'000'000'123'456'789}}) {
    const absl::Time time = absl::FromUnixNanos(nanos);
    const google::protobuf::Timestamp proto = ToProto(time);
    EXPECT_EQ(FromProto(proto), time) << nanos;
    EXPECT_GE(proto.nanos(), 0) << nanos;
    EXPECT_LT(proto.nanos(), 1'000'000'000) << nanos;
  }
}

TEST(ProtoTimeTest, NoTimeIsTheDefaultValue) {
  EXPECT_EQ(ToProto(absl::InfiniteFuture()).SerializeAsString(), "");
  EXPECT_EQ(ToProto(absl::InfinitePast()).SerializeAsString(), "");
}

TEST(ProtoTimeTest, DurationsComeBackAndTheirPartsHaveOneSign) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Milliseconds(1500),
        absl::Milliseconds(-1500), absl::Nanoseconds(-1), absl::Hours(24 * 365)}) {
    const google::protobuf::Duration proto = ToProto(duration);
    EXPECT_EQ(FromProto(proto), duration);
    EXPECT_FALSE(proto.seconds() < 0 && proto.nanos() > 0) << duration;
    EXPECT_FALSE(proto.seconds() > 0 && proto.nanos() < 0) << duration;
  }
}

TEST(ProtoTimeTest, ADurationWithoutEndIsTheLongestThereIs) {
  EXPECT_EQ(ToProto(absl::InfiniteDuration()).seconds(), 315'576'000'000);
  EXPECT_EQ(ToProto(-absl::InfiniteDuration()).seconds(), -315'576'000'000);
  EXPECT_EQ(ToProto(absl::InfiniteDuration()).nanos(), 0);
}

}  // namespace
}  // namespace dbfleet
