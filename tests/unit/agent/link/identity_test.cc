#include "agent/link/identity.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/rpc/join_token.h"
#include "common/rpc/status.h"
#include "dbfleet/agent/v1/enrollment_service.grpc.pb.h"
#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/journal/journal_test_util.h"

namespace dbfleet::agent {
namespace {

// Issues certificates to whoever asks; the test scripts refusals.
class ScriptedEnrollment : public v1::Enrollment::Service {
 public:
  explicit ScriptedEnrollment(Clock& clock)
      : clock_(clock), ca_(*rpc::MakeCa("test CA", clock.Now(), absl::Hours(1000))) {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedEnrollment() override { server_->Shutdown(std::chrono::system_clock::now()); }
  std::shared_ptr<grpc::Channel> Channel() { return server_->InProcessChannel({}); }
  const std::string& ca_pem() const { return ca_.certificate_pem; }

  grpc::Status Enroll(grpc::ServerContext*, const v1::EnrollRequest* request,
                      v1::EnrollResponse* response) override {
    ++enrolls;
    last_csr_key = *rpc::RequestKeySha256(request->csr_pem());
    if (!refusal.ok()) return rpc::ToGrpc(refusal);
    response->set_agent_id(request->agent_name());
    response->set_certificate_pem(Issue(request->csr_pem()));
    response->set_ca_pem(ca_pem());
    return lose_replies ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut") : grpc::Status::OK;
  }
  grpc::Status Renew(grpc::ServerContext*, const v1::RenewRequest* request,
                     v1::RenewResponse* response) override {
    ++renews;
    last_csr_key = *rpc::RequestKeySha256(request->csr_pem());
    if (!refusal.ok()) return rpc::ToGrpc(refusal);
    response->set_certificate_pem(Issue(request->csr_pem()));
    response->set_ca_pem(ca_pem());
    return grpc::Status::OK;
  }
  grpc::Status BeginRecovery(grpc::ServerContext*, const v1::BeginRecoveryRequest*,
                             v1::BeginRecoveryResponse* response) override {
    if (!refusal.ok()) return rpc::ToGrpc(refusal);
    response->set_nonce(std::string(32, 'n'));
    return grpc::Status::OK;
  }
  grpc::Status FinishRecovery(grpc::ServerContext*, const v1::FinishRecoveryRequest* request,
                              v1::RenewResponse* response) override {
    const std::string signed_bytes =
        "dbfleet-recover-v1" + request->nonce() + Sha256(request->csr_pem());
    const absl::Status good =
        rpc::VerifySignature(request->certificate_pem(), signed_bytes, request->signature());
    if (!good.ok()) return rpc::ToGrpc(good);
    ++recoveries;
    response->set_certificate_pem(Issue(request->csr_pem()));
    response->set_ca_pem(ca_pem());
    return grpc::Status::OK;
  }

  absl::Status refusal;
  bool lose_replies = false;
  bool foreign_key = false;
  int enrolls = 0;
  int renews = 0;
  int recoveries = 0;
  std::string last_csr_key;

 private:
  std::string Issue(const std::string& csr_pem) {
    rpc::IssueRequest request;
    request.csr_pem = foreign_key ? rpc::MakeKeyAndRequest("x")->csr_pem : csr_pem;
    request.common_name = "db1";
    request.not_before = clock_.Now() - absl::Minutes(5);
    request.not_after = clock_.Now() + absl::Hours(24);
    return *rpc::Issue(ca_, request) + ca_pem();
  }
  Clock& clock_;
  const rpc::CaMaterial ca_;
  std::unique_ptr<grpc::Server> server_;
};

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() : clock_(absl::Now()), enrollment_(clock_) {
    token_ = rpc::MakeJoinToken(rpc::ParseCertificate(enrollment_.ca_pem())->spki_sha256);
    EXPECT_TRUE(
        WriteFileAtomically(folder_.path() + "/token", token_.secret_text.Reveal(), 0600).ok());
  }
  std::unique_ptr<Identity> Make(bool with_token = true) {
    Identity::Options options;
    options.agent_name = "db1";
    options.folder = folder_.path() + "/identity";
    if (with_token) options.join_token_file = folder_.path() + "/token";
    Identity::Network network;
    network.fetch_ca = [this](const std::string& pin) -> absl::StatusOr<std::string> {
      const auto info = rpc::ParseCertificate(enrollment_.ca_pem());
      if (pin != info->spki_sha256) {
        return Error(absl::StatusCode::kUnauthenticated, "CA_MISMATCH", "another CA");
      }
      return enrollment_.ca_pem();
    };
    network.connect = [this](const std::string&, const IdentityMaterial*) {
      return enrollment_.Channel();
    };
    return std::make_unique<Identity>(options, network, clock_);
  }
  std::string Serial(const IdentityMaterial& material) {
    return rpc::ParseCertificate(material.chain_pem)->serial;
  }

  TempFolder folder_;
  FakeClock clock_;
  ScriptedEnrollment enrollment_;
  rpc::JoinToken token_;
};

TEST_F(IdentityTest, EnrolsOnceAndKeepsTheIdentity) {
  const auto first = Make()->Ensure();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = Make(/*with_token=*/false)->Ensure();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Serial(*first), Serial(*again));
  EXPECT_EQ(enrollment_.enrolls, 1);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/identity")) {
    struct stat info;
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    if (entry.path().filename().string().rfind("key-", 0) == 0) {
      EXPECT_EQ(info.st_mode & 0777, 0600u);
    }
    EXPECT_NE(entry.path().filename(), "pending-key.pem");
  }
}

TEST_F(IdentityTest, ALostReplyIsRetriedWithTheSameKey) {
  enrollment_.lose_replies = true;
  EXPECT_FALSE(Make()->Ensure().ok());
  const std::string key = enrollment_.last_csr_key;
  enrollment_.lose_replies = false;
  ASSERT_TRUE(Make()->Ensure().ok());
  EXPECT_EQ(enrollment_.last_csr_key, key) << "the token is bound to the first key";
}

TEST_F(IdentityTest, WithoutTokenAndIdentityTheErrorSaysWhatToDo) {
  const auto material = Make(/*with_token=*/false)->Ensure();
  EXPECT_EQ(ReasonOf(material.status()), "NOT_ENROLLED");
}

TEST_F(IdentityTest, ACaOtherThanThePinnedOneGetsNoToken) {
  const rpc::JoinToken other = rpc::MakeJoinToken(std::string(64, 'a'));
  const absl::Status status = Make()->Enroll(other.secret_text);
  EXPECT_EQ(ReasonOf(status), "CA_MISMATCH");
  EXPECT_EQ(enrollment_.enrolls, 0);
}

TEST_F(IdentityTest, ACertificateForAnotherKeyIsRefused) {
  enrollment_.foreign_key = true;
  EXPECT_EQ(ReasonOf(Make()->Ensure().status()), "CERTIFICATE_FOREIGN");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/identity/chain.pem"));
}

TEST_F(IdentityTest, RenewsAroundHalfOfTheLifetimeWithAFreshKey) {
  auto identity = Make();
  const auto first = identity->Ensure();
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string first_key = enrollment_.last_csr_key;
  EXPECT_GE(identity->next_renewal(), clock_.Now() + absl::Hours(24) * 0.39);
  EXPECT_LE(identity->next_renewal(), clock_.Now() + absl::Hours(24) * 0.61);
  EXPECT_FALSE(*identity->RenewIfDue());
  clock_.Advance(absl::Hours(15));
  const auto renewed = identity->RenewIfDue();
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_TRUE(*renewed);
  EXPECT_NE(Serial(*identity->Ensure()), Serial(*first));
  EXPECT_NE(enrollment_.last_csr_key, first_key);
}

TEST_F(IdentityTest, AFailedRenewalKeepsTheOldOneAndComesBack) {
  auto identity = Make();
  const auto first = identity->Ensure();
  clock_.Advance(absl::Hours(15));
  enrollment_.refusal = absl::UnavailableError("down");
  EXPECT_FALSE(identity->RenewIfDue().ok());
  EXPECT_EQ(Serial(*identity->Ensure()), Serial(*first));
  EXPECT_GT(identity->next_renewal(), clock_.Now());
  EXPECT_LE(identity->next_renewal(), clock_.Now() + absl::Minutes(10));
  enrollment_.refusal = absl::OkStatus();
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(*identity->RenewIfDue());
}

TEST_F(IdentityTest, RegainsAnExpiredCertificateBySigning) {
  auto identity = Make();
  const auto first = identity->Ensure();
  clock_.Advance(absl::Hours(48));
  const auto regained = identity->Ensure();
  ASSERT_TRUE(regained.ok()) << regained.status();
  EXPECT_EQ(enrollment_.recoveries, 1);
  EXPECT_NE(Serial(*regained), Serial(*first));
  EXPECT_GT(regained->not_after, clock_.Now());
}

TEST_F(IdentityTest, ACrashBetweenKeyAndCertificateLeavesTheFormerIdentity) {
  auto identity = Make();
  const auto first = identity->Ensure();
  // As if it died after writing the key and before chain.pem.
  const std::string folder = folder_.path() + "/identity/";
  ASSERT_TRUE(
      WriteFileAtomically(folder + "pending-key.pem", rpc::MakeKeyAndRequest("db1")->key_pem, 0600)
          .ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "key-0000.pem", "half", 0600).ok());
  const auto again = Make()->Ensure();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Serial(*again), Serial(*first));
}

TEST_F(IdentityTest, ABrokenIdentityIsAnErrorNotANewEnrolment) {
  ASSERT_TRUE(Make()->Ensure().ok());
  const std::string folder = folder_.path() + "/identity/";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().rfind("key-", 0) == 0) std::filesystem::remove(entry);
  }
  EXPECT_EQ(ReasonOf(Make()->Ensure().status()), "IDENTITY_BROKEN");
  EXPECT_EQ(enrollment_.enrolls, 1);
}

}  // namespace
}  // namespace dbfleet::agent
