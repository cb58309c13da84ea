#include "tests/mini/mini_server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::mini {
namespace {
constexpr absl::Duration kStartLimit = absl::Seconds(60);
constexpr absl::Duration kStopLimit = absl::Seconds(30);
constexpr absl::Duration kPollInterval = absl::Milliseconds(20);
}  // namespace

MiniServer::MiniServer(absl::string_view name, Identity identity)
    : identity_(identity), name_(name) {}

MiniServer::~MiniServer() {
  if (process_ != nullptr) {
    // Helpers of the server (PostgreSQL's backends) end by themselves when told; SIGKILL is for
    // what does not listen.
    Resume();
    process_->Signal(SIGQUIT);
    if (!process_->WaitForEnd(absl::Seconds(2))) process_->Signal(SIGKILL);
    process_.reset();
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

absl::Status MiniServer::SetUp() {
  std::string pattern = absl::StrCat("/tmp/dbfleet-", name_, "-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr) return ErrnoStatus(errno, "mkdtemp");
  folder_ = pattern;
  data_ = absl::StrCat(folder_, "/data");
  // The server runs under another user and puts its socket and files here.
  RETURN_IF_ERROR(MakeDirectories(data_, 0700));
  for (const std::string& path : {folder_, data_}) {
    if (chown(path.c_str(), identity_.uid, identity_.gid) != 0) return ErrnoStatus(errno, path);
  }
  if (chmod(folder_.c_str(), 0755) != 0) return ErrnoStatus(errno, folder_);
  if (socket_.empty()) socket_ = absl::StrCat(folder_, "/", name_, ".sock");
  port_ = FreePort();
  RETURN_IF_ERROR(Initialize());
  RETURN_IF_ERROR(Start());
  return AfterFirstStart();
}

absl::Status MiniServer::Start() {
  absl::Status status = StartOnce();
  // Somebody else may have taken the free port meanwhile; after the first start it must stay.
  for (int attempt = 0; !status.ok() && attempt < 3; ++attempt) {
    if (!started_before_) port_ = FreePort();
    status = StartOnce();
  }
  started_before_ = started_before_ || status.ok();
  return status;
}

absl::Status MiniServer::StartOnce() {
  Command command;
  command.argv = ServerCommand();
  command.identity = identity_;
  command.folder = folder_;
  command.log_path = absl::StrCat(folder_, "/server.log");
  ASSIGN_OR_RETURN(process_, Process::Start(command));
  return WaitUntilItAnswers();
}

absl::Status MiniServer::WaitUntilItAnswers() {
  const absl::Time give_up = absl::Now() + kStartLimit;
  absl::Status last;
  while (absl::Now() < give_up) {
    auto answer = Admin(name_ == "redis" ? "PING" : "SELECT 1");
    if (answer.ok()) return absl::OkStatus();
    last = answer.status();
    if (process_->WaitForEnd(kPollInterval)) {
      process_.reset();
      return Annotate(last, absl::StrCat("the server ended at once: ", LogTail()));
    }
  }
  return Annotate(last, absl::StrCat("the server does not answer: ", LogTail()));
}

absl::Status MiniServer::Stop(int signal) {
  if (process_ == nullptr) return absl::OkStatus();
  process_->Signal(signal == 0 ? orderly_signal() : signal);
  if (!process_->WaitForEnd(kStopLimit)) {
    return Error(absl::StatusCode::kDeadlineExceeded, "SERVER_STAYS",
                 absl::StrCat(name_, " did not end: ", LogTail()));
  }
  process_.reset();
  return absl::OkStatus();
}

pid_t MiniServer::pid() const { return process_ == nullptr ? -1 : process_->pid(); }

void MiniServer::Pause() {
  if (process_ != nullptr) process_->Signal(SIGSTOP);
}

void MiniServer::Resume() {
  if (process_ != nullptr) process_->Signal(SIGCONT);
}

const MiniServer::Account& MiniServer::account(absl::string_view purpose) {
  auto it = accounts_.find(std::string(purpose));
  if (it == accounts_.end()) {
    SetPassword(purpose, absl::StrCat("pw-", RandomHex(12)));
    it = accounts_.find(std::string(purpose));
  }
  return it->second;
}

void MiniServer::SetPassword(absl::string_view purpose, absl::string_view password) {
  Account& account = accounts_[std::string(purpose)];
  account.user = absl::StrCat("dbfleet_", purpose);
  account.password = std::string(password);
  account.password_file = absl::StrCat(folder_, "/", purpose, ".password");
  // A test server whose password file cannot be written fails at its first use, loudly.
  WriteFileAtomically(account.password_file, absl::StrCat(password, "\n"), 0600).IgnoreError();
}

absl::Status MiniServer::ApplyGrants(absl::string_view grants) {
  std::string text(grants);
  for (absl::string_view purpose : {"inspect", "backup", "migrate"}) {
    const std::string placeholder = absl::StrCat("<password of ", purpose, ">");
    text = absl::StrReplaceAll(text, {{placeholder, EscapePassword(account(purpose).password)}});
  }
  return RunGrants(text);
}

std::string MiniServer::EscapePassword(absl::string_view password) const {
  return absl::StrReplaceAll(password, {{"'", "''"}});
}

absl::Status MiniServer::RunGrants(const std::string& grants) { return Admin(grants).status(); }

std::string MiniServer::LogTail() const {
  auto log = ReadFile(absl::StrCat(folder_, "/server.log"));
  if (!log.ok()) return "";
  constexpr size_t kTail = 4096;
  return log->size() > kTail ? log->substr(log->size() - kTail) : *log;
}

absl::StatusOr<std::string> MiniServer::RunAsServer(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  command.identity = identity_;
  command.folder = folder_;
  return Run(command);
}

absl::StatusOr<std::string> MiniServer::RunClient(std::vector<std::string> argv,
                                                  std::string input) {
  Command command;
  command.argv = std::move(argv);
  command.identity = {geteuid(), getegid()};
  command.folder = folder_;
  command.stdin_text = std::move(input);
  return Run(command);
}

}  // namespace dbfleet::mini
