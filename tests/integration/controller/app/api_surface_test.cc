// The whole controller, spoken to as any gRPC client would: by generic calls, without our own
// client.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

#include "common/audit/checkpoint.h"
#include "common/audit/trusted_keys.h"
#include "common/base/files.h"
#include "common/rpc/tls.h"
#include "common/time/clock.h"
#include "controller/app/controller.h"
#include "controller/app/controller_config.h"
#include "dbfleet/api/v1/agent_service.pb.h"
#include "dbfleet/api/v1/audit_service.pb.h"
#include "dbfleet/api/v1/change_service.pb.h"
#include "dbfleet/api/v1/environment_service.pb.h"
#include "dbfleet/api/v1/meta_service.pb.h"
#include "dbfleet/api/v1/user_service.pb.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

constexpr int64_t kDeadlineMillis = 60'000;

struct Answer {
  grpc::Status status;
  std::string bytes;
};

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

class ApiSurfaceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-api-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = new std::string(pattern);
    config::v1::ControllerConfig config;
    config.set_data_dir(absl::StrCat(*folder_, "/data"));
    config.set_listen("127.0.0.1:0");
    config.set_http_listen("127.0.0.1:0");
    config.add_advertise("127.0.0.1");
    ASSERT_TRUE(CompleteAndValidate(&config).ok());
    clock_ = MakeSystemClock().release();
    auto started = Controller::Start(config, clock_);
    ASSERT_TRUE(started.ok()) << started.status();
    controller_ = started->release();
  }

  static void TearDownTestSuite() {
    delete controller_;
    delete clock_;
    std::error_code ignored;
    std::filesystem::remove_all(*folder_, ignored);
    delete folder_;
  }

  void SetUp() override {
    const auto ca = ReadFile(absl::StrCat(*folder_, "/data/ca/ca.crt"));
    ASSERT_TRUE(ca.ok()) << ca.status();
    const auto token = ReadSecretFile(absl::StrCat(*folder_, "/data/admin-token"));
    ASSERT_TRUE(token.ok()) << token.status();
    admin_token_ = token->Reveal();
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", controller_->grpc_port()),
                                   rpc::ClientTls(*ca, "", ""));
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
  }

  // One message there; the first message back, if any, and the status.
  Answer Call(const std::string& method, const std::string& request,
              const std::string& token = "") {
    grpc::ClientContext context;
    context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                      gpr_time_from_millis(kDeadlineMillis, GPR_TIMESPAN)));
    if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
    grpc::CompletionQueue queue;
    const auto call = stub_->PrepareCall(&context, absl::StrCat("/", method), &queue);
    const auto done = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    call->StartCall(nullptr);
    if (done()) {
      call->WriteLast(ToBuffer(request), grpc::WriteOptions(), nullptr);
      done();
    }
    Answer answer;
    grpc::ByteBuffer response;
    call->Read(&response, nullptr);
    if (done()) answer.bytes = Flatten(response);
    if (!answer.bytes.empty()) context.TryCancel();  // A stream that would go on.
    call->Finish(&answer.status, nullptr);
    done();
    queue.Shutdown();
    while (done()) {
    }
    return answer;
  }

  template <typename Response>
  Response CallOk(const std::string& method, const google::protobuf::Message& request,
                  const std::string& token) {
    const Answer answer = Call(method, request.SerializeAsString(), token);
    Response response;
    EXPECT_FALSE(answer.bytes.empty()) << method << ": " << answer.status.error_message();
    EXPECT_TRUE(response.ParseFromString(answer.bytes));
    return response;
  }

  // A user with this role, and a token of theirs.
  std::string TokenOf(const std::string& user, api::v1::Role role) {
    api::v1::CreateUserRequest create;
    create.set_user_id(user);
    create.add_roles(role);
    CallOk<api::v1::User>("dbfleet.api.v1.UserService/CreateUser", create, admin_token_);
    api::v1::CreateTokenRequest token;
    token.set_user(absl::StrCat("users/", user));
    return CallOk<api::v1::CreateTokenResponse>("dbfleet.api.v1.UserService/CreateToken", token,
                                                admin_token_)
        .secret();
  }

  // What reflection lists. ServerReflectionRequest.list_services is field 7; the names in the
  // answer are length-prefixed strings, so that plain text search finds them.
  std::set<std::string> ListedServices() {
    const Answer answer = Call("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                               std::string("\x3a\x01*", 3));
    std::set<std::string> names;
    for (size_t at = answer.bytes.find("dbfleet."); at != std::string::npos;
         at = answer.bytes.find("dbfleet.", at + 1)) {
      const size_t length = static_cast<unsigned char>(answer.bytes[at - 1]);
      names.insert(answer.bytes.substr(at, length));
    }
    return names;
  }

  static std::vector<const MethodDescriptor*> MethodsOf(const std::string& service) {
    std::vector<const MethodDescriptor*> methods;
    const ServiceDescriptor* found = DescriptorPool::generated_pool()->FindServiceByName(service);
    if (found == nullptr) return methods;
    for (int i = 0; i < found->method_count(); ++i) methods.push_back(found->method(i));
    return methods;
  }

  static std::string PathOf(const MethodDescriptor& method) {
    return absl::StrCat(method.service()->full_name(), "/", method.name());
  }

  static std::string* folder_;
  static Clock* clock_;
  static Controller* controller_;
  std::string admin_token_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

std::string* ApiSurfaceTest::folder_ = nullptr;
Clock* ApiSurfaceTest::clock_ = nullptr;
Controller* ApiSurfaceTest::controller_ = nullptr;

TEST_F(ApiSurfaceTest, HealthCheckSaysServing) {
  // HealthCheckResponse{status: SERVING}.
  EXPECT_EQ(Call("grpc.health.v1.Health/Check", "").bytes, std::string("\x08\x01", 2));
}

TEST_F(ApiSurfaceTest, ReflectionListsOurServices) {
  const std::set<std::string> services = ListedServices();
  for (const char* service : {"dbfleet.api.v1.JobService", "dbfleet.api.v1.ChangeService",
                              "dbfleet.api.v1.AuditService", "dbfleet.api.v1.UserService",
                              "dbfleet.agent.v1.AgentLink", "dbfleet.agent.v1.Enrollment"}) {
    EXPECT_EQ(services.count(service), 1u) << service;
  }
}

TEST_F(ApiSurfaceTest, EveryMethodOfTheApiWantsAToken) {
  int methods = 0;
  for (const std::string& service : ListedServices()) {
    if (!absl::StartsWith(service, "dbfleet.api.")) continue;
    for (const MethodDescriptor* method : MethodsOf(service)) {
      if (PathOf(*method) == "dbfleet.api.v1.MetaService/GetVersion") continue;
      ++methods;
      for (const std::string& token : {std::string(), "dbft_" + std::string(64, '0')}) {
        const Answer answer = Call(PathOf(*method), "", token);
        EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
            << PathOf(*method) << ": " << answer.status.error_message();
        EXPECT_EQ(answer.bytes, "") << PathOf(*method);
      }
    }
  }
  EXPECT_GE(methods, 35);
}

TEST_F(ApiSurfaceTest, AUserWithoutRolesForItMayCallOnlyWhatEverybodyMay) {
  const std::string token = TokenOf("pia", api::v1::ROLE_POLICY_ADMIN);
  for (const char* method :
       {"dbfleet.api.v1.BackupService/RunBackup", "dbfleet.api.v1.ChangeService/SubmitChange",
        "dbfleet.api.v1.ChangeService/ApproveChange", "dbfleet.api.v1.AgentService/RevokeAgent",
        "dbfleet.api.v1.AuditService/ExportAudit", "dbfleet.api.v1.UserService/CreateUser",
        "dbfleet.api.v1.JobService/ResolveTask"}) {
    EXPECT_EQ(Call(method, "", token).status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
        << method;
  }
}

TEST_F(ApiSurfaceTest, TheTrailsProofsAreForAuditorsAndAdminsOnly) {
  const std::vector<std::string> methods = {"dbfleet.api.v1.AuditService/GetAuditKeys",
                                            "dbfleet.api.v1.AuditService/GetAuditCheckpoint",
                                            "dbfleet.api.v1.AuditService/ExportAuditTrail"};
  const std::vector<std::pair<std::string, api::v1::Role>> others = {
      {"vera", api::v1::ROLE_VIEWER},
      {"oscar", api::v1::ROLE_OPERATOR},
      {"abe", api::v1::ROLE_APPROVER},
      {"paul", api::v1::ROLE_POLICY_ADMIN}};
  for (const auto& [user, role] : others) {
    const std::string token = TokenOf(user, role);
    for (const std::string& method : methods) {
      const Answer answer = Call(method, "", token);
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
          << user << " " << method;
      EXPECT_EQ(answer.bytes, "") << user << " " << method;
    }
  }
  for (const std::string& token : {TokenOf("eve", api::v1::ROLE_AUDITOR), admin_token_}) {
    const auto keys = CallOk<api::v1::AuditKeys>(methods[0], api::v1::GetAuditKeysRequest(), token);
    EXPECT_EQ(keys.agent_ca_pem(), *ReadFile(absl::StrCat(*folder_, "/data/ca/ca.crt")));
    const auto checkpoint =
        CallOk<api::v1::AuditCheckpoint>(methods[1], api::v1::GetAuditCheckpointRequest(), token);
    const auto trusted = audit::TrustedKeys::Parse(keys.trusted_keys());
    ASSERT_TRUE(trusted.ok()) << trusted.status();
    EXPECT_TRUE(audit::VerifyCheckpoint(checkpoint.text(), *trusted).ok()) << checkpoint.text();
    EXPECT_TRUE(CallOk<api::v1::AuditTrailItem>(methods[2], api::v1::ExportAuditRequest(), token)
                    .has_record());
  }
}

TEST_F(ApiSurfaceTest, OnlyTheVersionIsPublic) {
  const auto version = CallOk<api::v1::Version>("dbfleet.api.v1.MetaService/GetVersion",
                                                api::v1::GetVersionRequest(), "");
  EXPECT_FALSE(version.version().empty());
}

TEST_F(ApiSurfaceTest, TheAgentsServicesWantACertificateAndAnApiTokenIsNone) {
  for (const char* method : {"AgentLink/Control", "AgentLink/PushLogs", "AgentLink/PushMetrics",
                             "AgentLink/FetchContent", "Enrollment/Renew"}) {
    for (const std::string& token : {std::string(), admin_token_}) {
      const Answer answer = Call(absl::StrCat("dbfleet.agent.v1.", method), "", token);
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << method << ": " << answer.status.error_message();
    }
  }
  for (const char* method :
       {"Enrollment/Enroll", "Enrollment/BeginRecovery", "Enrollment/FinishRecovery"}) {
    const Answer answer = Call(absl::StrCat("dbfleet.agent.v1.", method), "");
    EXPECT_FALSE(answer.status.ok()) << method;
    EXPECT_EQ(answer.bytes, "") << method;
  }
}

TEST_F(ApiSurfaceTest, AMessageAboveTheLimitIsRefusedInClearText) {
  api::v1::SubmitChangeRequest request;
  request.add_files()->set_content(std::string(rpc::kMaxApiMessageBytes + 1, 'x'));
  const Answer answer =
      Call("dbfleet.api.v1.ChangeService/SubmitChange", request.SerializeAsString(), admin_token_);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(absl::StrContains(answer.status.error_message(), "larger than max"))
      << answer.status.error_message();
  // The controller goes on.
  EXPECT_EQ(Call("grpc.health.v1.Health/Check", "").bytes, std::string("\x08\x01", 2));
}

TEST_F(ApiSurfaceTest, BytesThatAreNoMessageAreRefused) {
  const Answer answer =
      Call("dbfleet.api.v1.JobService/GetJob", std::string(64, '\xff'), admin_token_);
  EXPECT_FALSE(answer.status.ok());
  EXPECT_EQ(answer.bytes, "");
}

TEST_F(ApiSurfaceTest, PathTricksInRawRequestsAreRefusedByName) {
  const std::string token = TokenOf("otto", api::v1::ROLE_OPERATOR);
  const auto submit = [&](const std::string& path, const std::string& instance) {
    api::v1::SubmitChangeRequest request;
    request.set_environment("production");
    request.add_instances(instance);
    request.set_database("shop");
    request.set_database_kind(work::v1::DATABASE_KIND_COMMON);
    for (const char* part : {".up.sql", ".down.sql"}) {
      api::v1::MigrationFile* file = request.add_files();
      file->set_path(path + part);
      file->set_content("DROP TABLE x;");
    }
    return Call("dbfleet.api.v1.ChangeService/SubmitChange", request.SerializeAsString(), token);
  };
  for (const std::string& path :
       {std::string("../../etc/0001_x"), std::string("/etc/0001_x"), std::string("a/../0001_x"),
        std::string("a\\0001_x"), std::string("a//0001_x"), std::string("a\n/0001_x"),
        std::string("a\0/0001_x", 9)}) {
    const Answer answer = submit(path, "instances/db1");
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << path;
    EXPECT_TRUE(absl::StrContains(answer.status.error_message(), "its path"))
        << answer.status.error_message();
  }
  for (const char* name : {"../x", "instances/", "instances/../x", "jobs/x", ""}) {
    EXPECT_EQ(submit("0001_x", name).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << name;
  }
  // The same set without tricks gets as far as its targets.
  EXPECT_EQ(submit("0001_x", "instances/db1").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ApiSurfaceTest, ARepeatedRequestMakesNoSecondUserTokenOrJoinToken) {
  api::v1::CreateUserRequest user;
  user.set_user_id("rita");
  user.add_roles(api::v1::ROLE_VIEWER);
  user.set_request_id("r1");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(
        CallOk<api::v1::User>("dbfleet.api.v1.UserService/CreateUser", user, admin_token_).name(),
        "users/rita");
  }
  api::v1::CreateTokenRequest token;
  token.set_user("users/rita");
  token.set_request_id("r1");
  const auto create = [&] {
    return CallOk<api::v1::CreateTokenResponse>("dbfleet.api.v1.UserService/CreateToken", token,
                                                admin_token_);
  };
  const api::v1::CreateTokenResponse first = create();
  const api::v1::CreateTokenResponse second = create();
  EXPECT_EQ(first.token().name(), second.token().name());
  const auto whoami = [&](const std::string& secret) {
    return Call("dbfleet.api.v1.UserService/WhoAmI", "", secret);
  };
  EXPECT_EQ(whoami(first.secret()).status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_FALSE(whoami(second.secret()).bytes.empty());
  EXPECT_EQ(Call("dbfleet.api.v1.UserService/CreateToken", token.SerializeAsString(), admin_token_)
                .status.error_code(),
            grpc::StatusCode::ALREADY_EXISTS);

  api::v1::CreateJoinTokenRequest join;
  join.set_agent_id("db7");
  join.set_environment("environments/qa");
  join.set_request_id("r1");
  const auto enrol = [&] {
    return CallOk<api::v1::JoinToken>("dbfleet.api.v1.AgentService/CreateJoinToken", join,
                                      admin_token_);
  };
  const api::v1::JoinToken former = enrol();
  const api::v1::JoinToken latter = enrol();
  EXPECT_NE(former.token(), latter.token());
  EXPECT_EQ(former.expire_time().seconds(), latter.expire_time().seconds());
  join.set_request_id("line\nbreak");
  EXPECT_EQ(
      Call("dbfleet.api.v1.AgentService/CreateJoinToken", join.SerializeAsString(), admin_token_)
          .status.error_code(),
      grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ApiSurfaceTest, StagingIsAnotherNameOfQaWhereverOneIsNamed) {
  api::v1::GetEnvironmentRequest get;
  get.set_name("environments/staging");
  EXPECT_EQ(CallOk<api::v1::Environment>("dbfleet.api.v1.EnvironmentService/GetEnvironment", get,
                                         admin_token_)
                .name(),
            "environments/qa");
  api::v1::CreateJoinTokenRequest join;
  join.set_agent_id("db8");
  join.set_environment("environments/staging");
  EXPECT_EQ(
      CallOk<api::v1::JoinToken>("dbfleet.api.v1.AgentService/CreateJoinToken", join, admin_token_)
          .environment(),
      "environments/qa");
  // Who has a role in qa only has it in staging, too, and nowhere else.
  api::v1::CreateTokenRequest limited;
  limited.set_user("users/admin");
  limited.mutable_scope()->add_environments("environments/staging");
  const auto token = CallOk<api::v1::CreateTokenResponse>("dbfleet.api.v1.UserService/CreateToken",
                                                          limited, admin_token_);
  EXPECT_EQ(token.token().scope().environments(0), "qa");
  join.set_agent_id("db9");
  const auto enrol = [&] {
    return Call("dbfleet.api.v1.AgentService/CreateJoinToken", join.SerializeAsString(),
                token.secret());
  };
  EXPECT_FALSE(enrol().bytes.empty());
  join.set_environment("environments/production");
  EXPECT_EQ(enrol().status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(ApiSurfaceTest, AChangeOfAClientsDatabaseWithoutItsAccountIsRefused) {
  const std::string token = TokenOf("olga", api::v1::ROLE_OPERATOR);
  api::v1::SubmitChangeRequest request;
  request.set_environment("production");
  request.add_instances("instances/db1");
  request.set_database("client_1");
  request.set_database_kind(work::v1::DATABASE_KIND_CLIENT);
  for (const char* path : {"0001_x.up.sql", "0001_x.down.sql"}) {
    request.add_files()->set_path(path);
    request.mutable_files(request.files_size() - 1)->set_content("SELECT 1;");
  }
  const Answer answer =
      Call("dbfleet.api.v1.ChangeService/SubmitChange", request.SerializeAsString(), token);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(absl::StrContains(answer.status.error_message(), "account"))
      << answer.status.error_message();
}

}  // namespace
}  // namespace dbfleet::controller
