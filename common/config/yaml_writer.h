#pragma once

#include <string>

#include "google/protobuf/message.h"

namespace dbfleet::config {

// How durations are written. Both are read as the same.
enum class DurationStyle {
  kDays,   // "30d", as ConfigDuration has it.
  kHours,  // "720h", and zero as "0": as versions wrote it that did not know days.
};

// A message as YAML that ParseYaml reads back as the same message: fields in the order of their
// declaration under their own names, maps by key, fields that are not set left out. The same
// message always gives the same text.
std::string WriteYaml(const google::protobuf::Message& message,
                      DurationStyle durations = DurationStyle::kDays);

}  // namespace dbfleet::config
