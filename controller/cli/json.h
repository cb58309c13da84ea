#pragma once

#include <string>
#include <vector>

#include "google/protobuf/message.h"

// Messages as text for programs, with the API's lowerCamelCase names. Everything but ASCII is
// escaped, so that no name or statement can steer a terminal.
namespace dbfleet::cli {

std::string ToJson(const google::protobuf::Message& message, bool indented);  // Without a newline.
std::string ToJsonArray(const std::vector<const google::protobuf::Message*>& messages);
std::string ToYaml(const google::protobuf::Message& message);  // Ends in a newline.
std::string ToYamlList(const std::vector<const google::protobuf::Message*>& messages);

}  // namespace dbfleet::cli
