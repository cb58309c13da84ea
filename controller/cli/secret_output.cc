#include "controller/cli/secret_output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::cli {

void AddSecretOut(CLI::App* command, SecretOut* out) {
  CLI::Option* file = command->add_option(
      "--out", out->file, "Write the token into this new file (mode 0600), not to stdout");
  command
      ->add_flag("--overwrite", out->overwrite,
                 "Replace the file; a token in it stays valid until it is revoked")
      ->needs(file);
}

absl::Status SecretFile::Reserve(const SecretOut& out) {
  if (out.file.empty()) return absl::OkStatus();
  struct stat info {};
  if (lstat(out.file.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      return Error(absl::StatusCode::kInvalidArgument, "NOT_A_FILE",
                   absl::StrCat(out.file, " is no regular file; name a new one for the token"));
    }
    if (info.st_size > 0 && !out.overwrite) {
      return Error(absl::StatusCode::kAlreadyExists, "FILE_EXISTS",
                   absl::StrCat(out.file,
                                " exists, and a token in it would be lost but stay valid: revoke "
                                "that one, then name another file or add --overwrite"));
    }
    file_ = out.file;
    return absl::OkStatus();
  }
  const int fd = open(out.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("create ", out.file));
  close(fd);
  file_ = out.file;
  made_ = true;
  return absl::OkStatus();
}

SecretFile::~SecretFile() {
  if (made_) unlink(file_.c_str());
}

absl::Status SecretFile::Keep(Shell& shell, std::string* secret) {
  if (file_.empty()) return absl::OkStatus();
  const absl::Status status = WriteFileAtomically(file_, *secret + "\n", 0600);
  secret->clear();
  if (!status.ok()) {
    return Annotate(status, "the token was made but could not be kept; revoke it and make another");
  }
  made_ = false;
  shell.Note(absl::StrCat("The token is in ", file_));
  return absl::OkStatus();
}

}  // namespace dbfleet::cli
