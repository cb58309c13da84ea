#include "controller/cli/sql_input.h"

#include <errno.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/sql/sql.h"
#include "common/sql/text/statement_stream.h"

namespace dbfleet::cli {
namespace {

// Of what has to be in memory as a whole: Redis commands and programs.
constexpr size_t kMaxBytes = size_t{64} << 20;
constexpr size_t kChunkBytes = size_t{1} << 16;

// What the shell has opened for the program, as for <(...). Of another pipe nobody may ever write.
bool IsStream(absl::string_view path) {
  return path == "/dev/stdin" || path == "/dev/null" || absl::StartsWith(path, "/dev/fd/") ||
         absl::StartsWith(path, "/proc/self/fd/");
}

// A file that is open for reading, or standard input.
class Input {
 public:
  absl::Status Open(const std::string& path, const std::string& name, std::istream& standard) {
    in_ = &standard;
    if (path == "-") return absl::OkStatus();
    struct stat info = {};
    if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("open ", name));
    if (S_ISDIR(info.st_mode)) {
      return Error(absl::StatusCode::kInvalidArgument, "NOT_A_FILE",
                   absl::StrCat(name, " is a folder; name its files, such as ", name, "/*.sql"));
    }
    if (!S_ISREG(info.st_mode) && !IsStream(path)) {
      return Error(absl::StatusCode::kInvalidArgument, "NOT_A_FILE",
                   absl::StrCat(name, " is a ", S_ISFIFO(info.st_mode) ? "named pipe" : "device",
                                ", and no file; what comes through a pipe is named -"));
    }
    errno = 0;
    file_.open(path, std::ios::binary);
    if (!file_) return ErrnoStatus(errno, absl::StrCat("open ", name));
    in_ = &file_;
    return absl::OkStatus();
  }

  // Up to `size` bytes; 0 at the end.
  absl::StatusOr<size_t> Read(char* buffer, size_t size) {
    in_->read(buffer, static_cast<std::streamsize>(size));
    if (in_->bad()) {
      return Error(absl::StatusCode::kInternal, "IO_ERROR", "cannot be read to its end");
    }
    const absl::string_view read(buffer, static_cast<size_t>(in_->gcount()));
    // Editors of Windows write it; NUL bytes in it would say nothing of what to do.
    const bool utf16 = absl::StartsWith(read, "\xFF\xFE") || absl::StartsWith(read, "\xFE\xFF");
    if (std::exchange(first_, false) && utf16) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_SQL",
                   "is UTF-16; convert it, as by iconv -f UTF-16 -t UTF-8");
    }
    return read.size();
  }

  absl::StatusOr<std::string> ReadAll() {
    std::string text;
    std::string chunk(kChunkBytes, '\0');
    for (;;) {
      ASSIGN_OR_RETURN(const size_t read, Read(chunk.data(), chunk.size()));
      if (read == 0) return text;
      text.append(chunk, 0, read);
      if (text.size() > kMaxBytes) {
        return Error(absl::StatusCode::kInvalidArgument, "FILE_TOO_LARGE",
                     absl::StrCat("has more than ", kMaxBytes >> 20, " MiB; split it"));
      }
    }
  }

 private:
  std::istream* in_ = nullptr;
  std::ifstream file_;
  bool first_ = true;
};

using Give = std::function<void(sql::Statement)>;

// In constant memory.
absl::Status Stream(Input* input, const sql::Target& target, const Give& give) {
  sql::StatementStream stream(
      target, [input](char* buffer, size_t size) { return input->Read(buffer, size); });
  std::optional<sql::Statement> last;  // What stands behind it shows whether it is.
  for (;;) {
    absl::StatusOr<std::optional<sql::Statement>> statement = stream.Next();
    const bool more = statement.ok() && statement->has_value();
    if (statement.ok() && !more && last.has_value()) last->behind = std::string(stream.Rest());
    if (last.has_value()) give(*std::move(last));
    if (!more) return statement.status();
    last = *std::move(statement);
  }
}

absl::Status Whole(Input* input, const sql::Target& target, const Give& give) {
  ASSIGN_OR_RETURN(const std::string text, input->ReadAll());
  ASSIGN_OR_RETURN(std::vector<sql::Statement> statements, sql::Split(target, text));
  for (sql::Statement& statement : statements) give(std::move(statement));
  return absl::OkStatus();
}

// A program of PHP or Ruby is looked for in it, and what a template runs stands elsewhere: a file
// of nothing else would come out as one without a statement.
absl::Status CheckProgram(absl::string_view path, const std::string& name) {
  for (const char* ending : {".blade.php", ".twig", ".erb", ".haml", ".slim"}) {
    if (!absl::EndsWithIgnoreCase(path, ending)) continue;
    return Error(absl::StatusCode::kInvalidArgument, "TEMPLATE",
                 absl::StrCat(name,
                              ": a template: the code in it is not read; leave it out, and "
                              "keep queries out of templates"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ForEachStatement(const std::string& path, std::istream& in, const sql::Target& target,
                              const std::function<void(sql::Statement)>& give) {
  const std::string name = path == "-" ? "standard input" : SanitizeForDisplay(path);
  const bool streams = target.mysql_family() || target.postgres();
  if (!streams && target.dialect != sql::Dialect::kRedis) RETURN_IF_ERROR(CheckProgram(path, name));
  Input input;
  RETURN_IF_ERROR(input.Open(path, name, in));
  return Annotate(streams ? Stream(&input, target, give) : Whole(&input, target, give), name);
}

}  // namespace dbfleet::cli
