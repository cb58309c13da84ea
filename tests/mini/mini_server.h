#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "tests/mini/process.h"

namespace dbfleet::mini {

// A private real database server in a temporary folder, on a unix socket and a free loopback port.
// Made by MiniMariaDb::Launch, MiniPostgres::Launch or MiniRedis::Launch, usually once per test
// suite (SetUpTestSuite). The destructor kills it by its process id and removes the folder. Runs
// unprivileged also when the tests run as root. Not thread-safe; must be launched on a thread that
// outlives it (gtest's main thread).
class MiniServer {
 public:
  // An account for one of the agent's purposes, with its password in a file of mode 0600.
  struct Account {
    std::string user;
    std::string password;
    std::string password_file;
  };

  virtual ~MiniServer();
  MiniServer(const MiniServer&) = delete;
  MiniServer& operator=(const MiniServer&) = delete;

  // The server's temporary folder; world-readable. Tests may put files of their own under it.
  const std::string& folder() const { return folder_; }
  const std::string& data_folder() const { return data_; }
  // The unix socket's path; for PostgreSQL the folder that holds it, as clients want it.
  const std::string& socket() const { return socket_; }
  int port() const { return port_; }
  pid_t pid() const;
  const Identity& identity() const { return identity_; }

  // Runs statements as the superuser through the engine's command line client and returns what it
  // printed: one line per row, columns separated by tabs ("|" for PostgreSQL), no headings.
  virtual absl::StatusOr<std::string> Admin(absl::string_view statements,
                                            absl::string_view database = "") = 0;

  // Starts it again after Stop: same data, socket and port. Returns when it answers.
  absl::Status Start();
  // Stops it and waits for its end. 0: the engine's orderly way. SIGKILL: a crash.
  absl::Status Stop(int signal = 0);
  // A hung server: connections are taken by the kernel, nobody answers. Resume ends it.
  void Pause();
  void Resume();

  // The account for "inspect", "backup" or "migrate" (user "dbfleet_<purpose>", random password).
  // It exists in the server only after ApplyGrants.
  const Account& account(absl::string_view purpose);
  // Uses this password instead of a random one; call it before ApplyGrants.
  void SetPassword(absl::string_view purpose, absl::string_view password);
  // Runs the text that Engine::Grants() printed, with each "<password of PURPOSE>" replaced.
  absl::Status ApplyGrants(absl::string_view grants);

  // The end of the server's log, for messages.
  std::string LogTail() const;

 protected:
  MiniServer(absl::string_view name, Identity identity);

  // Makes the folder and data folder, calls Initialize, then Start.
  absl::Status SetUp();
  // Fills the empty data folder.
  virtual absl::Status Initialize() = 0;
  virtual std::vector<std::string> ServerCommand() const = 0;
  // After the server answered for the first time.
  virtual absl::Status AfterFirstStart() { return absl::OkStatus(); }
  virtual int orderly_signal() const = 0;
  virtual std::string EscapePassword(absl::string_view password) const;
  virtual absl::Status RunGrants(const std::string& grants);

  absl::StatusOr<std::string> RunAsServer(std::vector<std::string> argv);
  absl::StatusOr<std::string> RunClient(std::vector<std::string> argv, std::string input);

  const Identity identity_;
  std::string folder_;
  std::string data_;
  std::string socket_;
  int port_ = 0;

 private:
  absl::Status StartOnce();
  absl::Status WaitUntilItAnswers();

  const std::string name_;
  bool started_before_ = false;
  std::unique_ptr<Process> process_;
  std::map<std::string, Account> accounts_;
};

struct MariaDbOptions {
  int server_id = 1;
  std::vector<std::string> extra;  // More arguments for mariadbd.
};

// MariaDB with the binary log on, binlog_format ROW. The superuser is root@localhost without
// password.
class MiniMariaDb : public MiniServer {
 public:
  static absl::StatusOr<std::unique_ptr<MiniMariaDb>> Launch(const MariaDbOptions& options = {});
  absl::StatusOr<std::string> Admin(absl::string_view statements,
                                    absl::string_view database = "") override;

 private:
  explicit MiniMariaDb(MariaDbOptions options);
  absl::Status Initialize() override;
  absl::Status AfterFirstStart() override;
  std::vector<std::string> ServerCommand() const override;
  int orderly_signal() const override;
  const MariaDbOptions options_;
};

struct PostgresOptions {
  std::vector<std::string> extra;  // More "-c name=value" arguments, two elements each.
  // Made as a standby of this server (pg_basebackup), not by initdb.
  const MiniServer* primary = nullptr;
};

// PostgreSQL. The superuser is "postgres", trusted on socket and loopback; all others need a
// password.
class MiniPostgres : public MiniServer {
 public:
  static absl::StatusOr<std::unique_ptr<MiniPostgres>> Launch(const PostgresOptions& options = {});
  // Statements run one by one, each in its own transaction; stops at the first error. Understands
  // psql's backslash commands.
  absl::StatusOr<std::string> Admin(absl::string_view statements,
                                    absl::string_view database = "") override;

 private:
  explicit MiniPostgres(PostgresOptions options);
  absl::Status Initialize() override;
  std::vector<std::string> ServerCommand() const override;
  int orderly_signal() const override;
  const PostgresOptions options_;
};

struct RedisOptions {
  std::string password;            // Of the default user; empty: none.
  std::vector<std::string> extra;  // More arguments for redis-server.
};

// Redis with an ACL file; snapshots only when asked for.
class MiniRedis : public MiniServer {
 public:
  static absl::StatusOr<std::unique_ptr<MiniRedis>> Launch(const RedisOptions& options = {});
  // One command per line, as redis-cli reads them.
  absl::StatusOr<std::string> Admin(absl::string_view commands,
                                    absl::string_view database = "") override;
  const std::string& password() const { return options_.password; }

 private:
  explicit MiniRedis(RedisOptions options);
  absl::Status Initialize() override;
  std::vector<std::string> ServerCommand() const override;
  int orderly_signal() const override;
  absl::Status RunGrants(const std::string& grants) override;
  const RedisOptions options_;
};

}  // namespace dbfleet::mini
