#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::mini {
namespace {

// redis-cli ends with status 0 after errors in a pipe and prints them like values.
bool IsError(const std::string& line) {
  for (const char* code : {"ERR ", "NOAUTH ", "WRONGPASS ", "NOPERM ", "LOADING ", "WRONGTYPE ",
                           "MISCONF ", "READONLY ", "OOM ", "BUSY "}) {
    if (absl::StartsWith(line, code)) return true;
  }
  return false;
}

// Without a server redis-cli also ends with status 0: only this answer shows that it had one.
constexpr char kEnd[] = "dbfleet-mini-end";

}  // namespace

MiniRedis::MiniRedis(RedisOptions options)
    : MiniServer("redis", ServerIdentity({"redis", "nobody"})), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<MiniRedis>> MiniRedis::Launch(const RedisOptions& options) {
  std::unique_ptr<MiniRedis> server(new MiniRedis(options));
  RETURN_IF_ERROR(server->SetUp());
  return server;
}

absl::Status MiniRedis::Initialize() {
  // With an ACL file `requirepass` is ignored, so the default user's password stands in the file.
  const std::string acl = absl::StrCat(folder_, "/users.acl");
  const std::string secret = options_.password.empty() ? "nopass" : ">" + options_.password;
  RETURN_IF_ERROR(
      WriteFileAtomically(acl, absl::StrCat("user default on ", secret, " ~* &* +@all\n"), 0600));
  if (chown(acl.c_str(), identity_.uid, identity_.gid) != 0) return ErrnoStatus(errno, acl);
  return absl::OkStatus();
}

std::vector<std::string> MiniRedis::ServerCommand() const {
  std::vector<std::string> command = {"redis-server",
                                      "--bind",
                                      "127.0.0.1",
                                      "--port",
                                      absl::StrCat(port_),
                                      "--unixsocket",
                                      socket_,
                                      "--dir",
                                      data_,
                                      "--aclfile",
                                      absl::StrCat(folder_, "/users.acl"),
                                      "--unixsocketperm",
                                      "777",
                                      "--save",
                                      "",
                                      "--daemonize",
                                      "no",
                                      "--repl-diskless-sync-delay",
                                      "0"};
  command.insert(command.end(), options_.extra.begin(), options_.extra.end());
  return command;
}

int MiniRedis::orderly_signal() const { return SIGTERM; }

absl::StatusOr<std::string> MiniRedis::Admin(absl::string_view commands,
                                             absl::string_view database) {
  std::string input;
  if (!options_.password.empty()) absl::StrAppend(&input, "AUTH ", options_.password, "\n");
  if (!database.empty()) absl::StrAppend(&input, "SELECT ", database, "\n");
  const int preamble = (options_.password.empty() ? 0 : 1) + (database.empty() ? 0 : 1);
  absl::StrAppend(&input, commands, "\nECHO ", kEnd, "\n");
  ASSIGN_OR_RETURN(std::string output, RunClient({"redis-cli", "-s", socket_}, std::move(input)));
  std::vector<std::string> lines = absl::StrSplit(output, '\n');
  for (const std::string& line : lines) {
    if (IsError(line)) return Error(absl::StatusCode::kInternal, "TOOL_FAILED", line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty() || lines.back() != kEnd) {
    return Error(absl::StatusCode::kUnavailable, "TOOL_FAILED",
                 absl::StrCat("redis-cli did not get through: ", output));
  }
  lines.back().clear();  // The answers before it end in a new line.
  lines.erase(lines.begin(), lines.begin() + preamble);
  return absl::StrJoin(lines, "\n");
}

absl::Status MiniRedis::RunGrants(const std::string& grants) {
  std::string commands;
  for (absl::string_view line : absl::StrSplit(grants, '\n')) {
    if (!line.empty() && line[0] != '#') absl::StrAppend(&commands, line, "\n");
  }
  return Admin(absl::StrCat(commands, "ACL SAVE")).status();
}

}  // namespace dbfleet::mini
