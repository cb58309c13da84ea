#include <signal.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::mini {

MiniMariaDb::MiniMariaDb(MariaDbOptions options)
    : MiniServer("mariadb", ServerIdentity({"mysql", "nobody"})), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<MiniMariaDb>> MiniMariaDb::Launch(const MariaDbOptions& options) {
  std::unique_ptr<MiniMariaDb> server(new MiniMariaDb(options));
  RETURN_IF_ERROR(server->SetUp());
  return server;
}

absl::Status MiniMariaDb::Initialize() {
  return RunAsServer({"mariadb-install-db", "--no-defaults", absl::StrCat("--datadir=", data_),
                      absl::StrCat("--tmpdir=", folder_),
                      "--auth-root-authentication-method=normal", "--skip-test-db"})
      .status();
}

absl::Status MiniMariaDb::AfterFirstStart() {
  // Anonymous users would win over 'name'@'%' for connections from this host.
  return Admin("DELETE FROM mysql.global_priv WHERE User = ''; FLUSH PRIVILEGES").status();
}

std::vector<std::string> MiniMariaDb::ServerCommand() const {
  std::vector<std::string> command = {
      "mariadbd",
      "--no-defaults",
      absl::StrCat("--datadir=", data_),
      // A server that starts deletes every "#sql*" file of its tmpdir, another server's too: in a
      // shared /tmp that one's queries fail with error 6 (a temporary table is gone under them).
      absl::StrCat("--tmpdir=", folder_),
      absl::StrCat("--socket=", socket_),
      absl::StrCat("--pid-file=", folder_, "/mariadb.pid"),
      "--bind-address=127.0.0.1",
      absl::StrCat("--port=", port_),
      absl::StrCat("--server-id=", options_.server_id),
      "--log-bin=binlog",
      "--binlog-format=ROW",
      "--innodb-buffer-pool-size=32M",
      "--innodb-log-file-size=8M",
      // Tests crash the process, never the machine: the kernel keeps what was written.
      "--innodb-flush-log-at-trx-commit=2",
      "--sync-binlog=0",
  };
  command.insert(command.end(), options_.extra.begin(), options_.extra.end());
  return command;
}

int MiniMariaDb::orderly_signal() const { return SIGTERM; }

absl::StatusOr<std::string> MiniMariaDb::Admin(absl::string_view statements,
                                               absl::string_view database) {
  std::vector<std::string> argv = {
      "mariadb", "--no-defaults",       "--user=root",   absl::StrCat("--socket=", socket_),
      "--batch", "--skip-column-names", "--binary-mode", "--default-character-set=utf8mb4"};
  if (!database.empty()) argv.emplace_back(database);
  return RunClient(std::move(argv), std::string(statements));
}

}  // namespace dbfleet::mini
