#include "agent/exec/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {

void OutputFile::Open(const std::string& path) {
  path_ = path;
  fd_ = UniqueFd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd_.ok()) Fail(errno, "create");
}

void OutputFile::Write(absl::string_view data) {
  while (ok() && !data.empty()) {
    const ssize_t n = write(fd_.get(), data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      Fail(errno, "write");
      return;
    }
    hash_.Update(data.substr(0, n));
    bytes_ += n;
    data.remove_prefix(n);
  }
}

void OutputFile::Finish() {
  if (!fd_.ok()) return;
  DBFLEET_FAILPOINT("exec.output.sync.before");
  if (ok() && fsync(fd_.get()) != 0) Fail(errno, "fsync");
  // close() can report what nothing else did (quotas, network file systems).
  if (close(fd_.Release()) != 0 && ok()) Fail(errno, "close");
  if (ok()) {
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    const absl::Status synced = SyncDirectory(folder.empty() ? "." : folder);
    if (!synced.ok()) error_ = absl::StrCat(ReasonOf(synced), ": ", synced.message());
  }
  sha256_ = hash_.FinishHex();
  DBFLEET_FAILPOINT("exec.output.sync.after");
}

void OutputFile::Fail(int error, absl::string_view what) {
  const absl::Status status = ErrnoStatus(error, absl::StrCat(what, " ", path_));
  error_ =
      absl::StrCat(error == EFBIG ? "FILE_TOO_LARGE" : ReasonOf(status), ": ", status.message());
}

}  // namespace dbfleet::agent
