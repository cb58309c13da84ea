#pragma once

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/rpc/status.h"
#include "common/time/clock.h"
#include "controller/cli/app.h"
#include "controller/cli/context_file.h"
#include "dbfleet/api/v1/audit_service.grpc.pb.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::cli {

using api::v1::Job;

inline constexpr char kToken[] = "dbft_CANARY";
inline constexpr char kDigest[] =
    "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

// Answers like a controller with one job. Everything is set up before the first call.
class FakeController : public api::v1::JobService::Service,
                       public api::v1::ChangeService::Service,
                       public api::v1::InstanceService::Service,
                       public api::v1::UserService::Service,
                       public api::v1::AuditService::Service {
 public:
  using Context = grpc::ServerContext;

  Job job;
  std::vector<Job::State> watch_states;  // What WatchJob sends, one after the other.
  bool hang_after_watch = false;
  int unavailable_times = 0;
  absl::Status next_error;
  std::vector<std::string> request_ids;
  api::v1::SubmitChangeRequest submitted;
  api::v1::ApproveChangeRequest approved;
  api::v1::ResolveTaskRequest resolved;
  std::vector<api::v1::Instance> instances;
  std::vector<api::v1::AuditRecord> records;

  grpc::Status Enter(Context* context, const std::string& request_id = "") {
    auto it = context->client_metadata().find("authorization");
    const std::string wanted = absl::StrCat("Bearer ", kToken);
    if (it == context->client_metadata().end() ||
        std::string(it->second.data(), it->second.size()) != wanted) {
      return rpc::ToGrpc(Error(absl::StatusCode::kUnauthenticated, "NO_TOKEN", "who are you?"));
    }
    if (!request_id.empty()) request_ids.push_back(request_id);
    if (unavailable_times > 0) {
      --unavailable_times;
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
    }
    return rpc::ToGrpc(next_error);
  }

  grpc::Status GetJob(Context* context, const api::v1::GetJobRequest* in, Job* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    if (in->name() != job.name()) {
      return rpc::ToGrpc(Error(absl::StatusCode::kNotFound, "JOB_NOT_FOUND", "no such job"));
    }
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status WatchJob(Context* context, const api::v1::WatchJobRequest*,
                        grpc::ServerWriter<Job>* writer) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const Job::State state : watch_states) {
      job.set_state(state);
      writer->Write(job);
    }
    while (hang_after_watch && !context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::OK;
  }
  grpc::Status ResolveTask(Context* context, const api::v1::ResolveTaskRequest* in,
                           Job* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    resolved = *in;
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status SubmitChange(Context* context, const api::v1::SubmitChangeRequest* in,
                            Job* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    submitted = *in;
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status GetChange(Context* context, const api::v1::GetJobRequest* in, Job* out) override {
    return GetJob(context, in, out);
  }
  grpc::Status ApproveChange(Context* context, const api::v1::ApproveChangeRequest* in,
                             Job* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    approved = *in;
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status ListInstances(Context* context, const api::v1::ListInstancesRequest* in,
                             api::v1::ListInstancesResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    // Pages of two, so that the client has to go on.
    const size_t from = in->page_token().empty() ? 0 : std::stoul(in->page_token());
    const size_t to = std::min(from + 2, instances.size());
    for (size_t i = from; i < to; ++i) *out->add_instances() = instances[i];
    if (to < instances.size()) out->set_next_page_token(absl::StrCat(to));
    return grpc::Status::OK;
  }
  grpc::Status WhoAmI(Context* context, const api::v1::WhoAmIRequest*,
                      api::v1::User* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    out->set_name("users/ada");
    out->add_roles(api::v1::ROLE_OPERATOR);
    return grpc::Status::OK;
  }
  grpc::Status CreateToken(Context* context, const api::v1::CreateTokenRequest* in,
                           api::v1::CreateTokenResponse* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    out->mutable_token()->set_name(in->user() + "/tokens/T1");
    out->set_secret("dbft_FRESH");
    return grpc::Status::OK;
  }
  grpc::Status ExportAudit(Context* context, const api::v1::ExportAuditRequest*,
                           grpc::ServerWriter<api::v1::AuditRecord>* writer) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const auto& record : records) writer->Write(record);
    return rpc::ToGrpc(next_error);
  }
};

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
    builder.RegisterService(static_cast<api::v1::AuditService::Service*>(&controller_));
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
    world.width = 60;
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

  std::string folder_;
  std::map<std::string, std::string> env_;
  const std::unique_ptr<Clock> clock_ = MakeSystemClock();
  FakeController controller_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_, err_;
};

}  // namespace dbfleet::cli
