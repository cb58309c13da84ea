#pragma once

#include <string>

#include "CLI/CLI.hpp"

#include "controller/cli/shell.h"

// Secrets that the controller shows once: into a file of mode 0600, or onto stdout.
namespace dbfleet::cli {

struct SecretOut {
  std::string file;
  bool overwrite = false;
};

void AddSecretOut(CLI::App* command, SecretOut* out);

// The place of one secret. Reserve comes before the secret is made, so that a file that cannot be
// written makes none; Keep puts it there. Not thread-safe. Unless Keep succeeds, a file that
// Reserve made is removed again.
class SecretFile {
 public:
  // Without a file nothing is reserved, and Keep leaves the secret for stdout. Refused are links,
  // devices and whatever else is no regular file, and a file that is there already unless it may be
  // overwritten: it may hold a token that stays valid.
  absl::Status Reserve(const SecretOut& out);
  ~SecretFile();

  // Writes the secret and replaces it in the answer by a remark.
  absl::Status Keep(Shell& shell, std::string* secret);

 private:
  std::string file_;
  bool made_ = false;
};

}  // namespace dbfleet::cli
