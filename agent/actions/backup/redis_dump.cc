#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/actions/backup/dump_tool.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kQueryTimeout = absl::Minutes(1);

// Redis sends an RDB of its own making, as to a replica: nothing is copied from under it, and a
// stale dump.rdb of a failed BGSAVE cannot be mistaken for a backup.
class RedisDump : public DumpTool {
 public:
  explicit RedisDump(const InstanceSpec& spec) : spec_(spec) {}

  absl::StatusOr<DumpPlan> Prepare(const work::v1::BackupSpec& spec, ChildTools& tools) override;

  absl::StatusOr<std::string> PositionBefore(const DumpItem&, ChildTools&) override {
    return std::string();
  }

 private:
  absl::Status WritePasswordFile(ChildTools& tools);
  PipelineSpec::Command Client(const std::string& program,
                               std::vector<std::string> arguments) const;

  const InstanceSpec spec_;
  AccountConfig account_;
  SecretFile password_;  // redis-cli reads it on stdin; not open where no authentication is needed.
};

absl::Status RedisDump::WritePasswordFile(ChildTools& tools) {
  ASSIGN_OR_RETURN(account_, BackupAccount(spec_));
  Secret password;
  if (!account_.password_file.empty()) {
    ASSIGN_OR_RETURN(password, ReadSecretFile(account_.password_file));
  } else if (account_.user.empty() || account_.user == "default") {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(password_, SecretFile::Create(tools.scratch(), "redis-password",
                                                 absl::StrCat(password.Reveal(), "\n")));
  return absl::OkStatus();
}

PipelineSpec::Command RedisDump::Client(const std::string& program,
                                        std::vector<std::string> arguments) const {
  PipelineSpec::Command command{{program}, ToolEnvironment()};
  std::vector<std::string>& argv = command.argv;
  if (!spec_.endpoint.socket.empty()) {
    argv.insert(argv.end(), {"-s", spec_.endpoint.socket});
  } else {
    argv.insert(argv.end(), {"-h", spec_.endpoint.host, "-p", absl::StrCat(spec_.endpoint.port)});
  }
  if (!password_.path().empty()) {
    if (!account_.user.empty()) argv.insert(argv.end(), {"--user", account_.user});
    argv.insert(argv.end(), {"--askpass", "--no-auth-warning"});
  }
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return command;
}

absl::StatusOr<DumpPlan> RedisDump::Prepare(const work::v1::BackupSpec& spec, ChildTools& tools) {
  RETURN_IF_ERROR(WritePasswordFile(tools));
  ASSIGN_OR_RETURN(const std::string program, FindTool("redis-cli", "redis-tools"));
  ASSIGN_OR_RETURN(const std::string answer,
                   tools.Capture(work::v1::ENGINE_REDIS, {Client(program, {"PING"})},
                                 password_.path(), kQueryTimeout));
  // redis-cli ends with 0 also when the server refused. An account without PING may still dump.
  if (!absl::StrContains(answer, "PONG") && !absl::StrContains(answer, "NOPERM")) {
    PipelineStatus refused;
    refused.processes.resize(1);
    refused.processes[0].program = "redis-cli";
    refused.processes[0].exit_code = 1;
    refused.processes[0].stderr_tail = Truncate(answer, 200);
    return ToolFailure(work::v1::ENGINE_REDIS, refused);
  }
  DumpPlan plan;
  ASSIGN_OR_RETURN(const PipelineSpec::Command compressor, Compressor());
  plan.tool = "redis-cli";
  ASSIGN_OR_RETURN(plan.tool_version, ToolVersion(program));
  DumpItem item;
  item.file_name = "dump.rdb.zst";
  item.format = DumpFormat::kRedisRdb;
  item.commands = {Client(program, {"--rdb", "-"}), compressor};
  item.stdin_path = password_.path();
  plan.items.push_back(std::move(item));
  return plan;
}

}  // namespace

std::unique_ptr<DumpTool> MakeRedisDump(const InstanceSpec& spec) {
  return std::make_unique<RedisDump>(spec);
}

}  // namespace dbfleet::agent
