#pragma once

#include <string>

#include "google/protobuf/message.h"

namespace dbfleet::config {

// A message as YAML that ParseYaml reads back as the same message: fields in the order of their
// declaration under their own names, maps by key, fields that are not set left out. The same
// message always gives the same text.
std::string WriteYaml(const google::protobuf::Message& message);

}  // namespace dbfleet::config
