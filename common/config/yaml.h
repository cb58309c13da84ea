#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

#include "common/config/yaml_tree.h"

namespace dbfleet::config {

// Reads strict YAML into a message. The type of each scalar comes from the proto field, so "no"
// stays a string where a string is wanted and "010" is never eight. Durations are written "90s",
// "15m", "24h", "7d". Refused, each with line and column (INVALID_ARGUMENT, BAD_YAML; all problems
// in one error): unknown fields, duplicate keys, anchors and aliases, tags, more than one document,
// values of the wrong type or range, nesting deeper than 32, more than `max_nodes` nodes. `source`
// names the input.
//
// With `rest_is_good` an error whose only causes are unknown fields still fills in the others, and
// says so there, so that the caller can check their meaning and report all problems at once.
// `lines_before`: as ReadYamlTree has it.
absl::Status ParseYaml(absl::string_view source, absl::string_view text,
                       google::protobuf::Message* message, bool* rest_is_good = nullptr,
                       int max_nodes = kMaxYamlNodes, int lines_before = 0);

// The text of a configuration file; at most 8 MiB.
absl::StatusOr<std::string> ReadYamlFile(const std::string& path);

absl::Status ParseYamlFile(const std::string& path, google::protobuf::Message* message);

}  // namespace dbfleet::config
