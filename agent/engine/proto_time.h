#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/time/time.h"

namespace dbfleet::agent {

inline void SetDuration(absl::Duration value, google::protobuf::Duration* proto) {
  proto->set_seconds(absl::IDivDuration(value, absl::Seconds(1), &value));
  proto->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(value)));
}

inline absl::Duration GetDuration(const google::protobuf::Duration& proto) {
  return absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

inline void SetTime(absl::Time value, google::protobuf::Timestamp* proto) {
  const int64_t seconds = absl::ToUnixSeconds(value);
  proto->set_seconds(seconds);
  proto->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(value - absl::FromUnixSeconds(seconds))));
}

}  // namespace dbfleet::agent
