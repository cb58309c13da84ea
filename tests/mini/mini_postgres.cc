#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::mini {
namespace {
constexpr char kHba[] =
    "local all,replication postgres trust\n"
    "host all,replication postgres 127.0.0.1/32 trust\n"
    "local all all scram-sha-256\n"
    "host all all 127.0.0.1/32 scram-sha-256\n";
}  // namespace

MiniPostgres::MiniPostgres(PostgresOptions options)
    : MiniServer("postgres", ServerIdentity({"postgres", "nobody"})),
      options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<MiniPostgres>> MiniPostgres::Launch(const PostgresOptions& options) {
  std::unique_ptr<MiniPostgres> server(new MiniPostgres(options));
  RETURN_IF_ERROR(server->SetUp());
  return server;
}

absl::Status MiniPostgres::Initialize() {
  socket_ = folder_;
  if (options_.primary != nullptr) {
    return RunAsServer({"pg_basebackup", "--host", options_.primary->socket(), "--port",
                        absl::StrCat(options_.primary->port()), "--username", "postgres",
                        "--pgdata", data_, "--checkpoint=fast", "--wal-method=stream",
                        "--write-recovery-conf"})
        .status();
  }
  RETURN_IF_ERROR(RunAsServer({"initdb", "--pgdata", data_, "--username", "postgres", "--auth",
                               "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"})
                      .status());
  const std::string hba = absl::StrCat(data_, "/pg_hba.conf");
  RETURN_IF_ERROR(WriteFileAtomically(hba, kHba, 0600));
  if (chown(hba.c_str(), identity_.uid, identity_.gid) != 0) return ErrnoStatus(errno, hba);
  return absl::OkStatus();
}

std::vector<std::string> MiniPostgres::ServerCommand() const {
  std::vector<std::string> command = {"postgres", "-D", data_};
  for (const std::string& setting :
       {std::string("listen_addresses=127.0.0.1"), absl::StrCat("port=", port_),
        absl::StrCat("unix_socket_directories=", folder_), std::string("shared_buffers=16MB"),
        std::string("max_connections=40"), std::string("logging_collector=off"),
        // Tests crash the process, never the machine: the kernel keeps what was written.
        std::string("fsync=off")}) {
    command.push_back("-c");
    command.push_back(setting);
  }
  command.insert(command.end(), options_.extra.begin(), options_.extra.end());
  return command;
}

int MiniPostgres::orderly_signal() const { return SIGINT; }

absl::StatusOr<std::string> MiniPostgres::Admin(absl::string_view statements,
                                                absl::string_view database) {
  return RunClient(
      {"psql", "--host", socket_, "--port", absl::StrCat(port_), "--username", "postgres",
       "--dbname", database.empty() ? "postgres" : std::string(database), "--no-psqlrc",
       "--no-align", "--tuples-only", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "-"},
      std::string(statements));
}

}  // namespace dbfleet::mini
