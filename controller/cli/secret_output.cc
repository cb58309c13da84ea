#include "controller/cli/secret_output.h"

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::cli {

void AddSecretOut(CLI::App* command, std::string* file) {
  command->add_option("--out", *file, "Write the token into this file (mode 0600), not to stdout");
}

absl::Status TakeSecret(Shell& shell, const std::string& file, std::string* secret) {
  if (file.empty()) return absl::OkStatus();
  const absl::Status status = WriteFileAtomically(file, *secret + "\n", 0600);
  secret->clear();
  if (!status.ok()) {
    return Annotate(status, "the token was made but could not be kept; revoke it and make another");
  }
  shell.Note(absl::StrCat("The token is in ", file));
  return absl::OkStatus();
}

}  // namespace dbfleet::cli
