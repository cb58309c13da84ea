#pragma once

#include <stdlib.h>

#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/time/clock.h"
#include "controller/cli/app.h"
#include "controller/cli/context_file.h"
#include "tests/unit/controller/cli/fake_controller.h"

namespace dbfleet::cli {

class CliTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/dbfleet_cli_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    env_["DBFLEET_CONFIG"] = folder_ + "/config.json";
    ContextFile file;
    file.Put({"default", "controller:7443", "CA", Secret(kToken)});
    ASSERT_TRUE(SaveContexts(env_["DBFLEET_CONFIG"], file).ok());

    controller_.job.set_name("jobs/01J");
    controller_.job.set_kind("migrate");
    controller_.job.set_state(Job::STATE_AWAITING_APPROVAL);
    controller_.job.set_digest(kDigest);
    controller_.job.set_requester("users/ada");
    auto* blocker = controller_.job.add_blockers();
    blocker->set_rule("approvals");
    blocker->set_message("needs 1 approval");

    grpc::ServerBuilder builder;
    builder.RegisterService(static_cast<api::v1::JobService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::ChangeService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::InstanceService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::UserService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::BackupService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::AuditService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::ResourceService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::ScheduleService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::ProposalService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::EnvironmentService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::EventRuleService::Service*>(&controller_));
    builder.RegisterService(static_cast<api::v1::MetaService::Service*>(&controller_));
    server_ = builder.BuildAndStart();
  }
  void TearDown() override {
    server_->Shutdown();
    std::filesystem::remove_all(folder_);
  }

  int RunCli(const std::vector<std::string>& arguments, const std::string& input = "",
             bool terminal = false) {
    std::istringstream in(input);
    std::ostringstream out, err;
    World world;
    world.in = &in;
    world.out = &out;
    world.err = &err;
    world.in_is_terminal = world.out_is_terminal = world.err_is_terminal = terminal;
    world.width = width_;
    world.clock = clock_.get();
    world.env = [this](const char* name) -> std::optional<std::string> {
      auto it = env_.find(name);
      if (it == env_.end()) return std::nullopt;
      return it->second;
    };
    world.connect = [this](const Context&) { return server_->InProcessChannel({}); };
    world.client_options.retry_delay = absl::Milliseconds(1);
    world.client_options.max_retry_delay = absl::Milliseconds(5);
    const int code = cli::Run(std::move(world), arguments);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  std::string Write(const std::string& name, const std::string& content, int mode = 0600) {
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/" + name, content, mode).ok());
    return folder_ + "/" + name;
  }

  int width_ = 60;  // Of a terminal.
  std::string folder_;
  std::map<std::string, std::string> env_;
  const std::unique_ptr<Clock> clock_ = MakeSystemClock();
  FakeController controller_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_, err_;
};

}  // namespace dbfleet::cli
