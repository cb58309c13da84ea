// A controller that was restored from an older backup of itself, as an agent over real streams sees
// it: nothing is handed out, a person is asked, the witness raises its alarm, and the recovery
// heals it.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/witness/witness.h"
#include "common/audit/checkpoint.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "common/rpc/tls.h"
#include "common/rpc/x509.h"
#include "common/time/clock.h"
#include "controller/app/backup.h"
#include "controller/app/commands.h"
#include "controller/app/controller.h"
#include "controller/app/controller_config.h"
#include "controller/audit/audit_keys.h"
#include "controller/audit/recovery.h"
#include "controller/audit/trail.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "dbfleet/agent/v1/enrollment_service.grpc.pb.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"
#include "dbfleet/api/v1/agent_service.grpc.pb.h"
#include "dbfleet/api/v1/backup_service.grpc.pb.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

// One identity and its memory; Connect runs its stream until Disconnect.
class MiniAgent {
 public:
  MiniAgent(Clock* clock, const std::string& folder) : clock_(*clock) {
    witness_ = agent::Witness::Open(
                   {folder + "/witness", "db1", ""},
                   [this]() -> absl::StatusOr<agent::Witness::Signer> {
                     return agent::Witness::Signer{Secret(key_pem_), chain_};
                   },
                   clock_)
                   .value();
  }
  ~MiniAgent() { Disconnect(); }

  void Enroll(const std::string& address, const std::string& ca, const std::string& token) {
    const rpc::KeyAndRequest made = rpc::MakeKeyAndRequest("db1").value();
    key_pem_ = made.key_pem;
    ca_ = ca;
    auto stub =
        agent::v1::Enrollment::NewStub(grpc::CreateChannel(address, rpc::ClientTls(ca, "", "")));
    agent::v1::EnrollRequest request;
    request.set_join_token(token);
    request.set_csr_pem(made.csr_pem);
    request.set_agent_name("db1");
    agent::v1::EnrollResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub->Enroll(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    chain_ = response.certificate_pem();
  }

  void Connect(const std::string& address) {
    context_ = std::make_unique<grpc::ClientContext>();
    stub_ = agent::v1::AgentLink::NewStub(
        grpc::CreateChannel(address, rpc::ClientTls(ca_, chain_, key_pem_)));
    stream_ = stub_->Control(context_.get());
    stream_->Write(Hello());
    thread_ = std::thread([this] {
      agent::v1::ControllerMsg message;
      while (stream_->Read(&message)) Take(message);
    });
  }
  void Disconnect() {
    if (!thread_.joinable()) return;
    context_->TryCancel();
    thread_.join();
    stream_->Finish();
    stream_.reset();
  }

  int runs() const { return runs_; }
  bool Alarmed() const { return absl::StrContains(witness_->Expose(), "_alarm{kind="); }
  std::string Log() const {
    const auto parsed = audit::ParseCheckpoint(witness_->Highest());
    return parsed.ok() ? parsed->checkpoint.log_id : "";
  }
  uint64_t Witnessed() const {
    const auto parsed = audit::ParseCheckpoint(witness_->Highest());
    return parsed.ok() ? parsed->checkpoint.size : 0;
  }

 private:
  agent::v1::AgentMsg Hello() {
    agent::v1::AgentMsg message;
    agent::v1::Hello& hello = *message.mutable_hello();
    hello.set_agent_id("db1");
    hello.set_journal_id("journal");
    hello.set_boot_sequence(1);
    hello.set_version("test");
    hello.set_protocol(1);
    hello.set_highest_epoch(epoch_);
    hello.set_last_event_seq(events_);
    hello.set_witnessed_checkpoint(witness_->Highest());
    *hello.mutable_agent_time() = ToProto(clock_.Now());
    for (const auto& [id, state] : attempts_) *hello.add_attempts() = state;
    agent::v1::InstanceInfo& instance = *hello.add_instances();
    instance.set_name("orders-db");
    instance.set_engine(work::v1::ENGINE_POSTGRESQL);
    return message;
  }
  agent::v1::Event* NewEvent(agent::v1::AgentMsg* message, const agent::v1::AttemptState& state) {
    agent::v1::Event* event = message->mutable_event();
    event->set_seq(++events_);
    event->set_attempt_id(state.attempt_id());
    event->set_fence(state.fence());
    return event;
  }
  void Take(const agent::v1::ControllerMsg& message) {
    if (message.has_welcome()) epoch_ = message.welcome().epoch();
    if (message.has_offer()) {
      agent::v1::AttemptState& state = attempts_[message.offer().attempt_id()];
      state.set_attempt_id(message.offer().attempt_id());
      state.set_fence(message.offer().fence());
      state.set_phase(agent::v1::ATTEMPT_PHASE_ACCEPTED);
      const bool once = message.offer().purpose() == agent::v1::PURPOSE_EXECUTE &&
                        !message.offer().safe_to_rerun();
      if (once) state.set_task_id(message.offer().task_id());
      agent::v1::AgentMsg accepted;
      NewEvent(&accepted, state)->mutable_accepted();
      stream_->Write(accepted);
    }
    if (message.has_grant()) {
      agent::v1::AttemptState& state = attempts_[message.grant().attempt_id()];
      if (state.phase() == agent::v1::ATTEMPT_PHASE_FINISHED) return;
      agent::v1::AgentMsg started;
      NewEvent(&started, state)->mutable_started();
      stream_->Write(started);
      ++runs_;
      state.set_phase(agent::v1::ATTEMPT_PHASE_FINISHED);
      state.set_outcome(agent::v1::OUTCOME_SUCCEEDED);
      agent::v1::AgentMsg finished;
      agent::v1::Finished* end = NewEvent(&finished, state)->mutable_finished();
      end->set_outcome(agent::v1::OUTCOME_SUCCEEDED);
      stream_->Write(finished);
    }
    if (message.has_checkpoint_push()) {
      agent::v1::AgentMsg answer;
      *answer.mutable_checkpoint_answer() = witness_->Handle(message.checkpoint_push());
      stream_->Write(answer);
    }
  }

  Clock& clock_;
  std::unique_ptr<agent::Witness> witness_;
  std::string key_pem_, chain_, ca_;
  std::map<std::string, agent::v1::AttemptState> attempts_;  // While connected: the thread's.
  uint64_t events_ = 0;
  uint64_t epoch_ = 0;
  std::atomic<int> runs_{0};
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<agent::v1::AgentLink::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<agent::v1::AgentMsg, agent::v1::ControllerMsg>> stream_;
  std::thread thread_;
};

class RestoredControllerTest : public ::testing::Test {
 protected:
  RestoredControllerTest() : clock_(MakeSystemClock()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-restore-XXXXXX");
    folder_ = mkdtemp(pattern.data());
    config_.set_data_dir(folder_ + "/data");
    config_.set_listen("127.0.0.1:0");
    config_.set_http_listen("127.0.0.1:0");
    config_.add_advertise("127.0.0.1");
    EXPECT_TRUE(CompleteAndValidate(&config_).ok());
  }
  ~RestoredControllerTest() override {
    controller_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    auto started = Controller::Start(config_, clock_.get());
    ASSERT_TRUE(started.ok()) << started.status();
    controller_ = *std::move(started);
    ca_ = ReadFile(folder_ + "/data/ca/ca.crt").value();
    channel_ = grpc::CreateChannel(Address(), rpc::ClientTls(ca_, "", ""));
  }
  void Stop() {
    channel_.reset();
    controller_.reset();
  }
  std::string Address() const { return absl::StrCat("127.0.0.1:", controller_->grpc_port()); }

  template <typename Service, typename Request, typename Response>
  Response Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                      Response*),
                const Request& request, const std::string& token) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
    Response response;
    const auto stub = Service::NewStub(channel_);
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::string Recovery() {
    using api::v1::MetaService;
    return Call<MetaService>(&MetaService::Stub::GetVersion, api::v1::GetVersionRequest(), "")
        .recovery();
  }

  static bool Eventually(const std::function<bool()>& what) {
    const auto clock = MakeSystemClock();
    for (const absl::Time end = clock->Now() + kPatience; clock->Now() < end; usleep(20'000)) {
      if (what()) return true;
    }
    return what();
  }

  std::unique_ptr<Clock> clock_;
  std::string folder_;
  std::string ca_;
  config::v1::ControllerConfig config_;
  std::unique_ptr<Controller> controller_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(RestoredControllerTest, HandsOutNothingDemandsRecoveryAndHealsByIt) {
  Start();
  const std::string admin = ReadSecretFile(folder_ + "/data/admin-token")->Reveal();
  using api::v1::AgentService;
  using api::v1::BackupService;
  using api::v1::InstanceService;
  using api::v1::UserService;
  api::v1::CreateUserRequest user;
  user.set_user_id("olga");
  user.add_roles(api::v1::ROLE_OPERATOR);
  Call<UserService>(&UserService::Stub::CreateUser, user, admin);
  api::v1::CreateTokenRequest token_request;
  token_request.set_user("users/olga");
  const std::string operator_token =
      Call<UserService>(&UserService::Stub::CreateToken, token_request, admin).secret();
  api::v1::CreateJoinTokenRequest join;
  join.set_agent_id("db1");
  join.set_environment("environments/development");
  MiniAgent agent(clock_.get(), folder_);
  agent.Enroll(Address(), ca_,
               Call<AgentService>(&AgentService::Stub::CreateJoinToken, join, admin).token());
  agent.Connect(Address());
  ASSERT_TRUE(Eventually([&] { return agent.Witnessed() > 0; }));
  agent.Disconnect();

  // A backup of the database waits for its agent while the controller is backed up ...
  api::v1::RunBackupRequest backup;
  backup.set_instance("instances/orders-db");
  Call<BackupService>(&BackupService::Stub::RunBackup, backup, operator_token);
  ASSERT_TRUE(BackUp(config_.data_dir(), folder_ + "/backup", "host/test", *clock_).ok());

  // ... and runs afterwards, in lives that the backup knows nothing of.
  agent.Connect(Address());
  ASSERT_TRUE(Eventually([&] { return agent.runs() >= 1; }));
  agent.Disconnect();
  Stop();
  Start();
  const uint64_t before = agent.Witnessed();
  agent.Connect(Address());
  ASSERT_TRUE(Eventually([&] { return agent.Witnessed() > before; }));
  agent.Disconnect();
  Stop();
  const int runs = agent.runs();
  const std::string log = agent.Log();

  std::filesystem::rename(config_.data_dir(), folder_ + "/lost");
  ASSERT_TRUE(Restore(folder_ + "/backup", config_.data_dir(), clock_->Now()).ok());
  EXPECT_FALSE(Restore(folder_ + "/backup", config_.data_dir(), clock_->Now()).ok());
  Start();
  EXPECT_FALSE(Recovery().empty());
  agent.Connect(Address());
  EXPECT_TRUE(Eventually([&] { return agent.Alarmed(); }));
  usleep(3'000'000);  // Several rounds of the dispatcher.
  EXPECT_EQ(agent.runs(), runs) << "nothing is handed out";
  agent.Disconnect();
  Stop();

  {
    SqliteStoreOptions options;
    options.path = config_.data_dir() + "/store.db";
    const auto store = SqliteStore::Open(std::move(options), clock_.get()).value();
    const auto keys = AuditKeys::Open(config_.data_dir(), AuditKeyName(config_.trust_domain()),
                                      false, clock_->Now())
                          .value();
    const auto recovered = Recover(*store, *keys, clock_->Now(), "host/test", "disk lost");
    ASSERT_TRUE(recovered.ok()) << recovered.status();
  }
  Start();
  EXPECT_EQ(Recovery(), "");
  agent.Connect(Address());
  EXPECT_TRUE(Eventually([&] { return agent.Log() != log; })) << "the witness follows";
  EXPECT_FALSE(agent.Alarmed());
  usleep(3'000'000);
  // New work is.
  api::v1::CheckInstanceRequest check;
  check.set_name("instances/orders-db");
  Call<InstanceService>(&InstanceService::Stub::CheckInstance, check, operator_token);
  EXPECT_TRUE(Eventually([&] { return agent.runs() > runs; }));
}

// What the first restore lost is lost to the second, too: only the records before it are shared.
TEST_F(RestoredControllerTest, ABackupOfARecoveryThatNobodyEndedDemandsThatOne) {
  Start();
  Stop();
  const auto append = [&] {
    SqliteStoreOptions options;
    options.path = config_.data_dir() + "/store.db";
    const auto store = SqliteStore::Open(std::move(options), clock_.get()).value();
    std::optional<RecoveryDemand> demand;
    uint64_t size = 0;
    EXPECT_TRUE(store
                    ->MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(demand, ReadRecovery(tx));
                      ASSIGN_OR_RETURN(size, TrailSize(tx));
                      return tx.AppendAudit({"users/ada", "test", "jobs/x", "", {}});
                    })
                    .ok());
    return std::make_pair(demand, size);
  };
  append();
  for (const char* name : {"/first", "/second"}) {
    ASSERT_TRUE(BackUp(config_.data_dir(), folder_ + name, "host/test", *clock_).ok());
    std::filesystem::remove_all(config_.data_dir());
    ASSERT_TRUE(Restore(folder_ + name, config_.data_dir(), clock_->Now()).ok());
    const auto [demand, size] = append();
    ASSERT_TRUE(demand.has_value());
    EXPECT_TRUE(absl::StrContains(demand->why, folder_ + name)) << demand->why;
    EXPECT_TRUE(absl::StrContains(demand->why, folder_ + "/first")) << demand->why;
    // What the first restore lost began after its record of the backup.
    EXPECT_EQ(demand->shared_size, absl::StrContains(name, "first") ? size : size - 2);
  }
}

TEST_F(RestoredControllerTest, ADamagedBackupIsRefusedAndLeavesNoDataDirectory) {
  Start();
  ASSERT_TRUE(BackUp(config_.data_dir(), folder_ + "/backup", "host/test", *clock_).ok());
  EXPECT_FALSE(BackUp(config_.data_dir(), folder_ + "/backup", "host/test", *clock_).ok())
      << "it is not empty";
  Stop();
  std::filesystem::rename(config_.data_dir(), folder_ + "/lost");
  std::ofstream(folder_ + "/backup/ca/ca.crt", std::ios::app) << "x";
  const absl::Status status =
      Restore(folder_ + "/backup", config_.data_dir(), clock_->Now()).status();
  EXPECT_EQ(ReasonOf(status), "BACKUP_DAMAGED");
  EXPECT_FALSE(std::filesystem::exists(config_.data_dir()));
}

// The records of backups that the store has, with their actors.
TEST_F(RestoredControllerTest, ABackupIsAuditedBeforeItIsMadeAndSaysWhatItHolds) {
  Start();
  const auto running = BackUp(config_.data_dir(), folder_ + "/one", "host/ada", *clock_);
  ASSERT_TRUE(running.ok()) << running.status();
  Stop();
  const auto stopped = BackUp(config_.data_dir(), folder_ + "/two", "host/ben", *clock_);
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_GT(stopped->records, running->records);
  for (const char* left : {"/backup-request", "/backup-answer"}) {
    EXPECT_FALSE(std::filesystem::exists(config_.data_dir() + left)) << left;
  }
  const std::string manifest = ReadFile(folder_ + "/two/MANIFEST").value();
  EXPECT_TRUE(absl::StrContains(manifest, "\n# made at 20")) << manifest;
  EXPECT_TRUE(absl::StrContains(manifest, absl::StrCat("\n# audit records ", stopped->records)));

  std::filesystem::rename(config_.data_dir(), folder_ + "/lost");
  const auto restored = Restore(folder_ + "/two", config_.data_dir(), clock_->Now());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->records, stopped->records);
  SqliteStoreOptions options;
  options.path = config_.data_dir() + "/store.db";
  const auto store = SqliteStore::Open(std::move(options), clock_.get()).value();
  std::vector<std::string> told;
  EXPECT_TRUE(store
                  ->Read([&](ReadTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(const auto rows, tx.ReadAudit(1, 1000));
                    for (const AuditRow& row : rows) {
                      if (row.entry.action != "controller.backup") continue;
                      told.push_back(row.entry.actor + " " + row.entry.details.at("folder"));
                    }
                    ASSIGN_OR_RETURN(const auto demand, ReadRecovery(tx));
                    EXPECT_TRUE(absl::StrContains(demand->why, Describe(*restored)));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(told, (std::vector<std::string>{"host/ada " + folder_ + "/one",
                                            "host/ben " + folder_ + "/two"}));
}

TEST_F(RestoredControllerTest, ABackupInsideOfTheDataDirectoryIsRefused) {
  Start();
  Stop();
  std::filesystem::create_directory_symlink(config_.data_dir(), folder_ + "/link");
  for (const std::string& target : {config_.data_dir() + "/backup", config_.data_dir() + "/ca/x",
                                    folder_ + "/data/../data/b", folder_ + "/link/b"}) {
    const absl::Status status = BackUp(config_.data_dir(), target, "host/test", *clock_).status();
    EXPECT_EQ(ReasonOf(status), "BACKUP_INSIDE_DATA") << target;
    EXPECT_FALSE(std::filesystem::exists(target)) << target;
  }
}

TEST_F(RestoredControllerTest, ARecoveryBeforeTheAgentsReportedWantsAWord) {
  Start();
  Stop();
  {
    SqliteStoreOptions options;
    options.path = config_.data_dir() + "/store.db";
    const auto store = SqliteStore::Open(std::move(options), clock_.get()).value();
    Agent agent;
    agent.id = "db1";
    agent.environment = "qa";
    agent.last_seen_time = clock_->Now();
    ASSERT_TRUE(store->MutateAndWait([&](WriteTx& tx) { return tx.InsertAgent(&agent); }).ok());
  }
  ASSERT_TRUE(BackUp(config_.data_dir(), folder_ + "/backup", "host/test", *clock_).ok());
  std::filesystem::remove_all(config_.data_dir());
  ASSERT_TRUE(Restore(folder_ + "/backup", config_.data_dir(), clock_->Now()).ok());
  const std::string file = folder_ + "/controller.yaml";
  ASSERT_TRUE(
      WriteFileAtomically(file, absl::StrCat("data_dir: ", config_.data_dir(), "\n"), 0600).ok());
  const auto recover = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"dbfleet-controller", "recover",  "--config", file,
                                      "--reason",           "disk lost"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return RunCommandLine(static_cast<int>(words.size()), argv.data());
  };
  testing::internal::CaptureStderr();
  EXPECT_EQ(recover({}), 1);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(absl::StrContains(said, "1 of 1 agents")) << said;
  EXPECT_TRUE(absl::StrContains(said, ": db1. ")) << said;
  EXPECT_TRUE(absl::StrContains(said, "--without-reports")) << said;
  testing::internal::CaptureStdout();
  EXPECT_EQ(recover({"--without-reports"}), 0);
  const std::string done = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(absl::StrContains(done, "told of no work")) << done;
}

TEST_F(RestoredControllerTest, ABackupThatFailsLeavesNothingBehind) {
  Start();
  Stop();
  std::filesystem::remove_all(config_.data_dir() + "/audit-key");  // The store is copied by then.
  std::filesystem::create_directory(folder_ + "/empty");
  for (const std::string& target : {folder_ + "/new", folder_ + "/empty"}) {
    const absl::Status status = BackUp(config_.data_dir(), target, "host/test", *clock_).status();
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(absl::StrContains(status.message(), "what was begun of it in " + target)) << status;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/new"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/empty"));
}

}  // namespace
}  // namespace dbfleet::controller
