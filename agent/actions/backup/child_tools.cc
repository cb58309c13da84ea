#include "agent/actions/backup/child_tools.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "agent/exec/record.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr int64_t kMaxCapture = 16 << 20;
constexpr char kSecretPrefix[] = "secret-";
constexpr size_t kMaxComplaint = 300;
constexpr size_t kMaxComplaints = 20;

struct Pattern {
  work::v1::Engine engine;
  const char* text;
  absl::StatusCode code;
  const char* reason;
};

constexpr auto kMysql = work::v1::ENGINE_MYSQL;
constexpr auto kPostgres = work::v1::ENGINE_POSTGRESQL;
constexpr auto kRedis = work::v1::ENGINE_REDIS;
constexpr auto kAuth = absl::StatusCode::kUnauthenticated;
constexpr auto kGone = absl::StatusCode::kUnavailable;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

// The first that occurs in the tool's message wins. Where it is a number, MentionsError looks for
// it.
constexpr Pattern kPatterns[] = {
    {kMysql, "1045", kAuth, "DATABASE_AUTH"},
    {kMysql, "1698", kAuth, "DATABASE_AUTH"},
    {kMysql, "1049", absl::StatusCode::kNotFound, "DATABASE_NOT_FOUND"},
    {kMysql, "1044", kDenied, "BACKUP_PRIVILEGE"},
    {kMysql, "1142", kDenied, "BACKUP_PRIVILEGE"},
    {kMysql, "1227", kDenied, "BACKUP_PRIVILEGE"},
    {kMysql, "insufficent privileges", kDenied, "BACKUP_PRIVILEGE"},
    {kMysql, "1412", absl::StatusCode::kAborted, "SCHEMA_CHANGED"},
    {kMysql, "1146", absl::StatusCode::kAborted, "SCHEMA_CHANGED"},
    {kMysql, "2002", kGone, "DATABASE_UNREACHABLE"},
    {kMysql, "2003", kGone, "DATABASE_UNREACHABLE"},
    {kMysql, "2005", kGone, "DATABASE_UNREACHABLE"},
    {kMysql, "2006", kGone, "DATABASE_UNREACHABLE"},
    {kMysql, "2013", kGone, "DATABASE_UNREACHABLE"},
    {kMysql, "2026", kGone, "DATABASE_UNREACHABLE"},
    {kPostgres, "authentication failed", kAuth, "DATABASE_AUTH"},
    {kPostgres, "no password supplied", kAuth, "DATABASE_AUTH"},
    {kPostgres, "no pg_hba.conf entry", kAuth, "DATABASE_AUTH"},
    {kPostgres, "permission denied", kDenied, "BACKUP_PRIVILEGE"},
    {kPostgres, "row-level security policy", kDenied, "BACKUP_PRIVILEGE"},
    {kPostgres, "does not exist", absl::StatusCode::kNotFound, "DATABASE_NOT_FOUND"},
    {kPostgres, "lock timeout", absl::StatusCode::kAborted, "LOCK_TIMEOUT"},
    {kPostgres, "could not connect", kGone, "DATABASE_UNREACHABLE"},
    {kPostgres, "connection to server", kGone, "DATABASE_UNREACHABLE"},
    {kPostgres, "server closed the connection", kGone, "DATABASE_UNREACHABLE"},
    {kRedis, "WRONGPASS", kAuth, "DATABASE_AUTH"},
    {kRedis, "NOAUTH", kAuth, "DATABASE_AUTH"},
    {kRedis, "NOPERM", kDenied, "BACKUP_PRIVILEGE"},
    {kRedis, "Could not connect", kGone, "DATABASE_UNREACHABLE"},
    {kRedis, "No space left", absl::StatusCode::kResourceExhausted, "DISK_FULL"},
};

// In lines that a tool writes to stderr with exit status 0 though its output is not complete.
// (pg_dump's warnings say "could not" of harmless things, and its exit status is honest.)
constexpr const char* kBadWords[] = {"error", "denied", "insufficent", "insufficient", "couldn't"};

// What redis-cli always says.
constexpr const char* kChatter[] = {"sending REPLCONF ", "SYNC sent to master",
                                    "Transfer finished with success", "Using a password on the",
                                    "Warning: Using a password with"};

bool StartsWithAny(absl::string_view line, const auto& prefixes) {
  for (const char* prefix : prefixes) {
    if (absl::StartsWith(line, prefix)) return true;
  }
  return false;
}

bool ContainsAny(absl::string_view line, const auto& words) {
  const std::string lower = absl::AsciiStrToLower(line);
  for (const char* word : words) {
    if (absl::StrContains(lower, word)) return true;
  }
  return false;
}

// MariaDB's tools write an error's number in several ways.
bool MentionsError(absl::string_view message, absl::string_view number) {
  for (const char* before : {"ERROR ", "Error ", "error: ", "("}) {
    if (absl::StrContains(message, absl::StrCat(before, number))) return true;
  }
  return false;
}

bool Matches(absl::string_view message, absl::string_view pattern) {
  return absl::ascii_isdigit(pattern[0]) ? MentionsError(message, pattern)
                                         : absl::StrContains(message, pattern);
}

}  // namespace

absl::StatusOr<SecretFile> SecretFile::Create(const std::string& folder, absl::string_view name,
                                              absl::string_view content) {
  const std::string path = absl::StrCat(folder, "/", kSecretPrefix, name);
  RETURN_IF_ERROR(WriteFileAtomically(path, content, 0600));
  SecretFile file;
  file.path_ = path;
  return file;
}

void SecretFile::RemoveAll(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (absl::StartsWith(entry.path().filename().string(), kSecretPrefix)) {
      found.push_back(entry.path());
    }
  }
  for (const std::filesystem::path& path : found) std::filesystem::remove(path, error);
}

SecretFile::SecretFile(SecretFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}

SecretFile& SecretFile::operator=(SecretFile&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

SecretFile::~SecretFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

CancelFlag::CancelFlag(ActionContext& context)
    : context_(context), flag_(std::make_shared<std::atomic<bool>>(false)) {
  context_.OnCancel([flag = flag_] { *flag = true; });
}

CancelFlag::~CancelFlag() {
  context_.OnCancel([] {});
}

std::function<bool()> CancelFlag::AsFunction() const {
  return [flag = flag_] { return flag->load(); };
}

ChildTools::ChildTools(PipelineRunner& runner, std::string scratch, std::function<bool()> cancelled)
    : runner_(runner), scratch_(std::move(scratch)), cancelled_(std::move(cancelled)) {}

void ChildTools::StopLeftovers(const std::string& except) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_, error)) {
    const std::string folder = entry.path().string();
    if (folder == except || !std::filesystem::exists(entry.path() / kLockFile, error)) continue;
    // What it says does not matter, only that it runs no more.
    runner_.Adopt(folder, absl::ZeroDuration(), [] { return true; }).status().IgnoreError();
  }
}

absl::StatusOr<std::string> ChildTools::NewRecordFolder() {
  std::string folder = absl::StrCat(scratch_, "/child-", ++count_, "-", RandomHex(4));
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  return folder;
}

absl::StatusOr<std::string> ChildTools::Capture(work::v1::Engine engine,
                                                std::vector<PipelineSpec::Command> commands,
                                                const std::string& stdin_path,
                                                absl::Duration timeout) {
  PipelineSpec spec;
  ASSIGN_OR_RETURN(spec.record_folder, NewRecordFolder());
  spec.commands = std::move(commands);
  spec.stdin_path = stdin_path;
  spec.stdout_path = absl::StrCat(spec.record_folder, "/output");
  const absl::StatusOr<PipelineStatus> status = runner_.Run(spec, timeout, cancelled_, nullptr);
  absl::StatusOr<std::string> output = ReadFile(spec.stdout_path, kMaxCapture);
  std::error_code ignored;
  std::filesystem::remove_all(spec.record_folder, ignored);
  RETURN_IF_ERROR(status.status());
  if (!status->ok()) return ToolFailure(engine, *status);
  return output;
}

std::map<std::string, std::string> ToolEnvironment() {
  return {
      {"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}, {"HOME", "/nonexistent"}, {"TZ", "UTC"}};
}

absl::Status ToolFailure(work::v1::Engine engine, const PipelineStatus& status) {
  const std::string problem = status.Problem();
  if (absl::StartsWith(status.stdout_error, "DISK_FULL")) {
    return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                 absl::StrCat(problem, "; free space in the backup folder and try again"));
  }
  for (const Pattern& pattern : kPatterns) {
    if (pattern.engine == engine && Matches(problem, pattern.text)) {
      return Error(pattern.code, pattern.reason, problem);
    }
  }
  return Error(absl::StatusCode::kInternal, "TOOL_FAILED", problem);
}

absl::StatusOr<std::vector<std::string>> ClassifyComplaints(const PipelineStatus& status) {
  std::vector<std::string> complaints;
  for (const ProcessStatus& process : status.processes) {
    for (absl::string_view line :
         absl::StrSplit(process.stderr_tail, '\n', absl::SkipWhitespace())) {
      if (StartsWithAny(line, kChatter)) continue;
      const std::string text =
          absl::StrCat(process.program, ": ", Truncate(SanitizeForDisplay(line), kMaxComplaint));
      if (ContainsAny(line, kBadWords)) {
        return Error(absl::StatusCode::kInternal, "TOOL_COMPLAINED",
                     absl::StrCat("exit status 0, but its output cannot be trusted: ", text));
      }
      if (complaints.size() < kMaxComplaints) complaints.push_back(text);
    }
  }
  return complaints;
}

absl::StatusOr<AccountConfig> BackupAccount(const InstanceSpec& spec) {
  if (spec.backup.has_value()) return *spec.backup;
  return Error(absl::StatusCode::kFailedPrecondition, "NO_ACCOUNT",
               absl::StrCat("instance ", spec.name,
                            " has no account for backups; set accounts.backup in the agent's "
                            "configuration (`dbfleet-agent grants` prints what it needs)"));
}

}  // namespace dbfleet::agent
