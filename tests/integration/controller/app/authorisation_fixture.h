#pragma once

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/rpc/status.h"
#include "common/rpc/tls.h"
#include "controller/app/controller.h"
#include "controller/app/controller_config.h"
#include "controller/domain/names.h"
#include "controller/identity/permissions.h"
#include "controller/identity/principals.h"
#include "controller/resources/resource_manager.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "dbfleet/api/v1/agent_service.grpc.pb.h"
#include "dbfleet/api/v1/audit_service.grpc.pb.h"
#include "dbfleet/api/v1/backup_service.grpc.pb.h"
#include "dbfleet/api/v1/break_glass_service.grpc.pb.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"
#include "dbfleet/api/v1/environment_service.grpc.pb.h"
#include "dbfleet/api/v1/event_rule_service.grpc.pb.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"
#include "dbfleet/api/v1/notification_service.grpc.pb.h"
#include "dbfleet/api/v1/proposal_service.grpc.pb.h"
#include "dbfleet/api/v1/resource_service.grpc.pb.h"
#include "dbfleet/api/v1/schedule_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"
#include "tests/integration/controller/app/authorisation_seed.h"

namespace dbfleet::controller {

namespace fs = std::filesystem;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

inline constexpr Role kRoles[] = {Role::kViewer,      Role::kOperator, Role::kApprover,
                                  Role::kPolicyAdmin, Role::kAuditor,  Role::kAdmin};

// Every method of the package, as the linked descriptors have them.
inline std::vector<const MethodDescriptor*> Methods() {
  std::vector<const MethodDescriptor*> methods;
  for (const google::protobuf::Descriptor* one :
       {api::v1::Agent::descriptor(), api::v1::AuditRecord::descriptor(),
        api::v1::Backup::descriptor(), api::v1::BreakGlassRequest::descriptor(),
        api::v1::MigrationFile::descriptor(), api::v1::Notification::descriptor(),
        api::v1::GetProposalRequest::descriptor(), api::v1::Occurrence::descriptor(),
        api::v1::Environment::descriptor(), api::v1::Instance::descriptor(),
        api::v1::JobProposal::descriptor(), api::v1::Job::descriptor(),
        api::v1::Resource::descriptor(), api::v1::Version::descriptor(),
        api::v1::User::descriptor()}) {
    for (int s = 0; s < one->file()->service_count(); ++s) {
      const google::protobuf::ServiceDescriptor* service = one->file()->service(s);
      for (int m = 0; m < service->method_count(); ++m) methods.push_back(service->method(m));
    }
  }
  return methods;
}

inline std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

// A whole controller with its real services over what stands in two environments.
class AuthorisationFixture : public testing::Test {
 protected:
  struct Answer {
    absl::Status status;
    std::string bytes;  // Of the first message.
  };

  AuthorisationFixture() {
    std::string pattern = (fs::temp_directory_path() / "dbfleet-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    Seed();
    config::v1::ControllerConfig config;
    config.set_data_dir(folder_ + "/data");
    config.set_listen("127.0.0.1:0");
    config.set_http_listen("127.0.0.1:0");
    EXPECT_TRUE(CompleteAndValidate(&config).ok());
    auto started = Controller::Start(config, clock_.get());
    EXPECT_TRUE(started.ok()) << started.status();
    controller_ = *std::move(started);
    const std::string address = absl::StrCat("127.0.0.1:", controller_->grpc_port());
    const auto ca = rpc::FetchPinnedCa(address, controller_->ca_fingerprint(), absl::Seconds(30));
    EXPECT_TRUE(ca.ok()) << ca.status();
    channel_ = grpc::CreateChannel(address, rpc::ClientTls(*ca, "", ""));
  }
  ~AuthorisationFixture() override {
    channel_.reset();
    controller_.reset();
    fs::remove_all(folder_);
  }

  // What there is in both environments, and users of every sort with a token each.
  void Seed() {
    fs::create_directories(folder_ + "/data");
    fs::permissions(folder_ + "/data", fs::perms::owner_all);
    SqliteStoreOptions options;
    options.path = folder_ + "/data/store.db";
    auto store = SqliteStore::Open(std::move(options), clock_.get()).value();
    const absl::Time now = clock_->Now();
    const absl::Status seeded = store->MutateAndWait([&](WriteTx& tx) -> absl::Status {
      for (const std::string name : {"qa", "production"}) {
        RETURN_IF_ERROR(SeedEnvironment(tx, name, now));
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(seeded.ok()) << seeded;
    Principals principals(store.get(), clock_.get());
    const auto make = [&](const std::string& id, const std::vector<Role>& roles) {
      EXPECT_TRUE(principals.CreateUser("users/maker", id, roles).ok());
      const auto token = principals.CreateToken("users/maker", id, "", absl::ZeroDuration());
      EXPECT_TRUE(token.ok()) << token.status();
      tokens_.insert_or_assign(id, token->secret.Reveal());
      token_names_[id] = absl::StrCat("users/", id, "/tokens/", token->token.id);
    };
    make("maker", {Role::kPolicyAdmin, Role::kOperator});  // Of what is declared and proposed.
    make("nobody", {});
    make("victim", {Role::kViewer});
    make("root", {Role::kAdmin});
    ResourceManager resources(*store, *clock_);
    std::string manifests;
    for (const Role role : kRoles) {
      const std::string name = absl::StrReplaceAll(NameOf(role), {{"_", "-"}});
      make(name, {role});
      make("qa-" + name, {});
      absl::StrAppend(&manifests, Binding("qa-" + name, NameOf(role), "qa"));
    }
    for (const std::string name : {"qa", "production"}) {
      absl::StrAppend(&manifests, Window("night-" + name, name), "---\n");
      absl::StrAppend(&manifests, ScheduleOf("nightly-" + name, name), "---\n");
      absl::StrAppend(&manifests, RuleOf("look-" + name, name), "---\n");
    }
    const auto applied =
        resources.Apply({"users/maker", ""}, {{{"seed.yaml", manifests}}}, false, "");
    EXPECT_TRUE(applied.ok()) << applied.status();
  }

  static absl::Status SeedEnvironment(WriteTx& tx, const std::string& name, absl::Time now) {
    // So that declaring a window loosens nothing, and is not proposed.
    ASSIGN_OR_RETURN(Environment environment, tx.GetEnvironment(name));
    environment.policy.window_for = WindowFor::kNone;
    RETURN_IF_ERROR(tx.UpdateEnvironment(&environment));
    Agent agent;
    agent.id = name + "-agent";
    agent.environment = name;
    agent.enroll_time = agent.last_seen_time = now - absl::Hours(1);
    RETURN_IF_ERROR(tx.InsertAgent(&agent));
    Instance instance;
    instance.id = name + "-db";
    instance.agent_id = agent.id;
    instance.environment = name;
    instance.engine = "redis";
    instance.create_time = now;
    RETURN_IF_ERROR(tx.InsertInstance(&instance));
    Job job;
    job.id = name == "qa" ? "01J0000000000000000000000A" : "01J0000000000000000000000P";
    job.kind = JobKind::kMigrate;
    job.state = JobState::kPaused;
    job.error_reason = "PAUSED";
    job.environment = name;
    job.requester = "users/requester";
    job.create_time = job.update_time = now;
    job.queue.window = "night-" + name;
    RETURN_IF_ERROR(tx.InsertJob(&job));
    Task task;
    task.id = job.id + "T";
    task.job_id = job.id;
    task.instance_id = instance.id;
    RETURN_IF_ERROR(tx.InsertTask(&task));
    Backup backup;
    backup.id = name + "-backup";
    backup.instance_id = instance.id;
    backup.environment = name;
    backup.job_id = job.id;
    backup.create_time = now;
    RETURN_IF_ERROR(tx.InsertBackup(&backup));
    RETURN_IF_ERROR(SeedJobProposal(tx, name, now));
    return SeedDecisions(tx, name, job.id, now);
  }

  // A request of this method that names what there is in the environment; `missing`: what there
  // would be in none.
  static std::unique_ptr<Message> RequestFor(const MethodDescriptor& method,
                                             const std::string& environment, bool missing = false) {
    std::unique_ptr<Message> request(google::protobuf::MessageFactory::generated_factory()
                                         ->GetPrototype(method.input_type())
                                         ->New());
    const std::string end = missing ? "-none" : "";
    const std::string job = missing               ? "01J0000000000000000000000X"
                            : environment == "qa" ? "01J0000000000000000000000A"
                                                  : "01J0000000000000000000000P";
    const std::map<std::string, std::string> by_service = {
        {"JobService", "jobs/" + job},
        {"ChangeService", "jobs/" + job},
        {"InstanceService", absl::StrCat("instances/", environment, "-db", end)},
        {"AgentService", absl::StrCat("agents/", environment, "-agent", end)},
        {"BackupService", absl::StrCat("backups/", environment, "-backup", end)},
        {"EnvironmentService", absl::StrCat("environments/", environment, end)},
        {"ResourceService", absl::StrCat("maintenancewindows/night-", environment, end)},
        {"ScheduleService", absl::StrCat("schedules/nightly-", environment, end,
                                         "/occurrences/01J0000000000000000000000Z")},
        {"ProposalService", absl::StrCat("proposals/", environment, "-proposal", end)},
        {"BreakGlassService", "jobs/" + job},
        {"EventRuleService", method.name() == "GetEventRule"
                                 ? absl::StrCat("eventrules/look-", environment, end)
                                 : absl::StrCat("jobproposals/", environment, "-jobproposal", end)},
        {"UserService", "users/victim"}};
    const std::map<std::string, std::string> by_field = {
        {"environment", absl::StrCat("environments/", environment, end)},
        {"instance", absl::StrCat("instances/", environment, "-db", end)},
        {"instances", absl::StrCat("instances/", environment, "-db", end)},
        {"agent", absl::StrCat("agents/", environment, "-agent", end)},
        {"schedule", absl::StrCat("schedules/nightly-", environment, end)},
        {"user", "users/victim"},
        {"user_id", "made"},
        {"reason", "because"},
        {"etag", "v999999"},  // Nothing is deleted.
        {"agent_id", "new-agent"}};
    for (int i = 0; i < method.input_type()->field_count(); ++i) {
      const FieldDescriptor* field = method.input_type()->field(i);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
      std::string value;
      if (field->name() == "name") {
        const auto found = by_service.find(method.service()->name());
        if (found != by_service.end()) value = found->second;
      } else if (const auto found = by_field.find(field->name()); found != by_field.end()) {
        value = found->second;
      }
      if (value.empty()) continue;
      const google::protobuf::Reflection& reflection = *request->GetReflection();
      if (field->is_repeated()) {
        reflection.AddString(request.get(), field, value);
      } else {
        reflection.SetString(request.get(), field, value);
      }
    }
    if (auto* apply = dynamic_cast<api::v1::ApplyResourcesRequest*>(request.get())) {
      apply->add_manifests()->set_text(Window("night-" + environment, environment));
    }
    if (auto* test = dynamic_cast<api::v1::TestEventRuleRequest*>(request.get())) {
      test->set_manifest(RuleOf(absl::StrCat("look-", environment, end), environment));
    }
    if (auto* token = dynamic_cast<api::v1::RevokeTokenRequest*>(request.get())) {
      token->set_name("users/victim/tokens/01J0000000000000000000000T");
    }
    if (auto* token = dynamic_cast<api::v1::CreateTokenRequest*>(request.get())) {
      token->mutable_ttl()->set_seconds(60);
    }
    return request;
  }

  // Bytes on the wire, so that no method is left out because nobody wrote its call.
  Answer Call(const MethodDescriptor& method, const Message& request,
              const std::optional<std::string>& user) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    if (user.has_value()) {
      context.AddMetadata("authorization", absl::StrCat("Bearer ", tokens_.at(*user)));
    }
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareCall(&context, PathOf(method), &queue);
    const auto wait = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    Answer answer;
    bool answered = false;
    const std::string bytes = request.SerializeAsString();
    const grpc::Slice slice(bytes);
    call->StartCall(nullptr);
    if (wait()) {
      call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      if (wait()) {
        call->WritesDone(nullptr);
        wait();
      }
      grpc::ByteBuffer message;
      call->Read(&message, nullptr);
      if (wait()) {
        std::vector<grpc::Slice> slices;
        (void)message.Dump(&slices);
        for (const grpc::Slice& part : slices) {
          answer.bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
        }
        answered = true;
        // A stream that goes on is as good as one that ends.
        context.TryCancel();
      }
    }
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    answer.status = rpc::FromGrpc(status);
    // It may have no byte: an empty list.
    if (absl::IsCancelled(answer.status) && answered) answer.status = absl::OkStatus();
    queue.Shutdown();
    while (wait()) {
    }
    return answer;
  }

  // Who was refused what, by the audit trail.
  std::set<std::pair<std::string, std::string>> Denials() {
    const auto stub = api::v1::AuditService::NewStub(channel_);
    std::set<std::pair<std::string, std::string>> denials;
    api::v1::ListAuditRecordsRequest request;
    request.set_page_size(1000);
    do {
      grpc::ClientContext context;
      context.AddMetadata("authorization", absl::StrCat("Bearer ", tokens_.at("auditor")));
      api::v1::ListAuditRecordsResponse response;
      const grpc::Status status = stub->ListAuditRecords(&context, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const api::v1::AuditRecord& record : response.records()) {
        if (record.action() == "access.denied") denials.emplace(record.actor(), record.resource());
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return denials;
  }

  template <typename Service, typename Request, typename Response>
  absl::Status Ask(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                         Response*),
                   const Request& request, Response* response, const std::string& secret) {
    const auto stub = Service::NewStub(channel_);
    grpc::ClientContext context;
    context.AddMetadata("authorization", absl::StrCat("Bearer ", secret));
    return rpc::FromGrpc((stub.get()->*method)(&context, request, response));
  }

  const std::unique_ptr<Clock> clock_ = MakeSystemClock();
  std::string folder_;
  std::map<std::string, std::string> tokens_;
  std::map<std::string, std::string> token_names_;
  std::unique_ptr<Controller> controller_;
  std::shared_ptr<grpc::Channel> channel_;
};

inline const Permission& PermissionOf(const MethodDescriptor& method) {
  const Permission* permission = FindPermission(PathOf(method).substr(1));
  EXPECT_NE(permission, nullptr) << PathOf(method);
  static const Permission kNone{};
  return permission == nullptr ? kNone : *permission;
}

}  // namespace dbfleet::controller
