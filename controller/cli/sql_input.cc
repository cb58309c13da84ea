#include "controller/cli/sql_input.h"

#include <errno.h>
#include <sys/stat.h>

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/sql/sql.h"

namespace dbfleet::cli {
namespace {

constexpr size_t kMaxBytes = size_t{512} << 20;
constexpr size_t kChunkBytes = size_t{1} << 16;

absl::StatusOr<std::string> ReadAll(const std::string& name, std::istream& in) {
  std::string text;
  std::string chunk(kChunkBytes, '\0');
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())), in.gcount() > 0) {
    text.append(chunk, 0, static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxBytes) {
      return Error(absl::StatusCode::kInvalidArgument, "FILE_TOO_LARGE",
                   absl::StrCat(name, " has more than ", kMaxBytes >> 20, " MiB; split it"));
    }
  }
  if (in.bad()) {
    return Error(absl::StatusCode::kInternal, "IO_ERROR", absl::StrCat(name, " cannot be read"));
  }
  return text;
}

absl::StatusOr<std::string> ReadPath(const std::string& path, const std::string& name) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("open ", name));
  if (S_ISDIR(info.st_mode)) {
    return Error(absl::StatusCode::kInvalidArgument, "NOT_A_FILE",
                 absl::StrCat(name, " is a folder; name its files, such as ", name, "/*.sql"));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(errno, absl::StrCat("open ", name));
  return ReadAll(name, file);
}

}  // namespace

absl::Status ForEachStatement(const std::string& path, std::istream& in, const sql::Target& target,
                              const std::function<void(sql::Statement)>& give) {
  const std::string name = path == "-" ? "standard input" : SanitizeForDisplay(path);
  ASSIGN_OR_RETURN(const std::string text, path == "-" ? ReadAll(name, in) : ReadPath(path, name));
  auto statements = sql::Split(target, text);
  if (!statements.ok()) return Annotate(statements.status(), name);
  for (sql::Statement& statement : *statements) give(std::move(statement));
  return absl::OkStatus();
}

}  // namespace dbfleet::cli
