#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/base/secret.h"

namespace dbfleet::cli {

// A controller and who we are there.
struct Context {
  std::string name;
  std::string server;  // host:port.
  std::string ca_pem;
  Secret token;
};

// The file with the contexts of one person. A value; not thread-safe.
struct ContextFile {
  std::string current;
  std::vector<Context> contexts;

  // NOT_FOUND (CONTEXT_NOT_FOUND), naming those that exist.
  absl::StatusOr<Context> Find(const std::string& name) const;
  // Replaces the one with its name, and makes it the current one.
  void Put(Context context);
};

// Looks up an environment variable.
using Env = std::function<std::optional<std::string>(const char*)>;

// $DBFLEET_CONFIG, or dbfleet/config.json below $XDG_CONFIG_HOME or ~/.config. FAILED_PRECONDITION
// if none of these is set.
absl::StatusOr<std::string> ContextFilePath(const Env& env);

// An empty one if there is no such file. The file holds tokens: others must not be able to read it
// (SECRET_FILE_MODE). INVALID_ARGUMENT (BAD_CONTEXT_FILE) if it is damaged.
absl::StatusOr<ContextFile> LoadContexts(const std::string& path);

// Writes it with mode 0600, whole or not at all; makes the folder with 0700 if it is missing.
absl::Status SaveContexts(const std::string& path, const ContextFile& file);

// INVALID_ARGUMENT (BAD_TOKEN) unless `token` can be sent: printable ASCII without spaces.
absl::Status CheckToken(const Secret& token);

}  // namespace dbfleet::cli
