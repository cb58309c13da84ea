#pragma once

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

// Between Abseil's times and those that travel. Pure; the one place that knows how.
namespace dbfleet {

// InfiniteFuture and InfinitePast become the default value, which stands for "none".
google::protobuf::Timestamp ToProto(absl::Time time);
absl::Time FromProto(const google::protobuf::Timestamp& time);

// What is beyond the message's range, some 10,000 years, becomes its limit.
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);

}  // namespace dbfleet
