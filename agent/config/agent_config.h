#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/config/local_policy.h"
#include "dbfleet/config/v1/agent_config.pb.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// The agent's configuration, complete and checked: defaults are filled in.
struct LoadedConfig {
  config::v1::AgentConfig config;
  LocalPolicy policy;
};

// Reads the file and the local policy that it names. INVALID_ARGUMENT (BAD_YAML, BAD_CONFIG) with
// all problems in one error: names, engines, addresses, duplicates, password files that others can
// read, paths that are not absolute.
//
// kNotRead leaves the password files alone, for commands that need none and run before they exist.
enum class PasswordFiles { kRead, kNotRead };
absl::StatusOr<LoadedConfig> LoadConfig(const std::string& path,
                                        PasswordFiles files = PasswordFiles::kRead);

// The part that needs no file but those that the configuration names; fills in the defaults.
absl::Status CompleteAndValidate(config::v1::AgentConfig* config);

// "mysql", "postgresql", "redis"; ENGINE_UNSPECIFIED for anything else.
work::v1::Engine EngineFromName(absl::string_view name);
absl::string_view NameOfEngine(work::v1::Engine engine);

}  // namespace dbfleet::agent
