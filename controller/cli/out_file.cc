#include "controller/cli/out_file.h"

#include <errno.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::cli {
namespace {

// What the links lead to, also when that does not exist yet.
absl::StatusOr<std::string> Follow(const std::string& path) {
  constexpr int kMaxLinks = 40;
  std::filesystem::path at = path;
  std::error_code error;
  for (int i = 0; i < kMaxLinks; ++i) {
    if (!std::filesystem::is_symlink(at, error)) return at.string();
    const std::filesystem::path to = std::filesystem::read_symlink(at, error);
    if (error) return ErrnoStatus(error.value(), absl::StrCat("read link ", at.string()));
    at = to.is_absolute() ? to : at.parent_path() / to;
  }
  return ErrnoStatus(ELOOP, absl::StrCat("open ", path));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutFile>> OutFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::string target, Follow(path));
  struct stat info {};
  const bool exists = stat(target.c_str(), &info) == 0;
  if (!exists && errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("open ", path));
  if (exists && S_ISDIR(info.st_mode)) {
    return Error(absl::StatusCode::kInvalidArgument, "NOT_A_FILE",
                 absl::StrCat(path, " is a folder; name a file"));
  }
  std::unique_ptr<OutFile> file(new OutFile(std::move(target)));
  const bool whole = !exists || S_ISREG(info.st_mode);
  if (whole) file->part_ = absl::StrCat(file->path_, ".", RandomHex(6), ".part");
  const std::string& name = whole ? file->part_ : file->path_;
  file->stream_.open(name, std::ios::binary | (whole ? std::ios::trunc : std::ios::openmode()));
  if (!file->stream_) return ErrnoStatus(errno, absl::StrCat("open ", name));
  // A replaced file keeps who may read it.
  if (whole && exists && chmod(name.c_str(), info.st_mode & 0777) != 0) {
    return ErrnoStatus(errno, absl::StrCat("chmod ", name));
  }
  return file;
}

OutFile::~OutFile() {
  if (!part_.empty()) std::remove(part_.c_str());
}

absl::Status OutFile::Commit() {
  errno = 0;
  stream_.flush();
  const int error = errno;
  const bool good = stream_.good();
  stream_.close();
  if (!good || stream_.fail()) {
    return ErrnoStatus(error == 0 ? EIO : error, absl::StrCat("write ", path_));
  }
  if (part_.empty()) return absl::OkStatus();
  if (std::rename(part_.c_str(), path_.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename to ", path_));
  }
  part_.clear();
  return absl::OkStatus();
}

}  // namespace dbfleet::cli
