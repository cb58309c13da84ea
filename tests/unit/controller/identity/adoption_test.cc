#include "controller/identity/adoption.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/rpc/x509.h"
#include "controller/audit/lost_history.h"
#include "controller/audit/recovery.h"
#include "controller/identity/enrollment.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// A store that was copied, lived on, was lost and is restored from the copy: what the lost life
// issued comes from the authority without a word to the store.
class LostCertificateTest : public testing::Test {
 protected:
  LostCertificateTest() : dir_(testing::TempDir() + "/adoption-test-" + RandomHex(6)) {
    std::filesystem::create_directories(dir_);
    CertificateAuthority::Options options;
    options.data_dir = dir_;
    ca_ = *CertificateAuthority::Open(options, &store_, &clock_);
    authenticator_ = std::make_unique<AgentAuthenticator>(&store_, ca_.get(), &clock_);
    enrollment_ = With(absl::Hours(24));
    Environment environment;
    environment.name = "qa";
    Commit([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); });
    enrolled_ = EnrollAgain();
    clock_.Advance(absl::Hours(6));
    Commit([](WriteTx& tx) { return tx.AppendAudit({"users/ada", "test", "jobs/x", "qa", {}}); });
    shared_ = store_.Audit().size();
  }
  ~LostCertificateTest() override { std::filesystem::remove_all(dir_); }

  void Commit(const Store::Mutation& mutation) {
    const absl::Status status = store_.MutateAndWait(mutation);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::unique_ptr<Enrollment> With(absl::Duration lifetime) {
    Enrollment::Options options;
    options.certificate_lifetime = lifetime;
    return std::make_unique<Enrollment>(&store_, ca_.get(), authenticator_.get(), &clock_, options);
  }
  std::string EnrollAgain() {
    const auto token =
        enrollment_->CreateJoinToken("users/root", "db1", "qa", absl::ZeroDuration());
    const auto key = *rpc::MakeKeyAndRequest("db1");
    const auto identity = enrollment_->Enroll(token->token.Reveal(), key.csr_pem, "db1", "0.1.0");
    EXPECT_TRUE(identity.ok()) << identity.status();
    return identity.ok() ? identity->certificate_pem : "";
  }
  std::string Renew(const std::string& pem) {
    const auto peer = authenticator_->Authenticate(pem);
    EXPECT_TRUE(peer.ok()) << peer.status();
    if (!peer.ok()) return "";
    const auto identity = enrollment_->Renew(*peer, key_.csr_pem);
    EXPECT_TRUE(identity.ok()) << identity.status();
    return identity.ok() ? identity->certificate_pem : "";
  }
  // What the lost life issued.
  std::string Lost(absl::Duration lifetime = absl::Hours(24), const std::string& agent = "db1") {
    const auto issued = ca_->IssueAgent(key_.csr_pem, agent, lifetime);
    EXPECT_TRUE(issued.ok()) << issued.status();
    return issued->pem;
  }
  // As `dbfleet-controller restore`.
  void Restore(std::optional<uint64_t> shared) {
    const RecoveryDemand demand = {"restored", clock_.Now(), shared};
    Commit([&](WriteTx& tx) {
      return tx.PutSetting(RecoverySetting(), RecoverySettingValue(demand));
    });
  }
  void Restore() { Restore(shared_); }
  // As `dbfleet-controller recover`.
  void Recover() {
    Commit(&RememberLostHistory);
    Commit([](WriteTx& tx) { return tx.PutSetting(RecoverySetting(), ""); });
  }
  // A certificate of the middle of a lost time that a restore has ended an hour later.
  std::string LostAndRestored() {
    clock_.Advance(absl::Hours(1));
    const std::string pem = Lost();
    clock_.Advance(absl::Hours(1));
    Restore();
    return pem;
  }
  void Change(const std::function<void(Agent*)>& change) {
    Commit([&](WriteTx& tx) -> absl::Status {
      Agent agent = tx.GetAgent("db1").value();
      change(&agent);
      return tx.UpdateAgent(&agent);
    });
    authenticator_->Changed("db1", false);
  }

  absl::Status Try(const std::string& pem) { return authenticator_->Authenticate(pem).status(); }
  // Refused for this reason, and nothing was changed.
  void ExpectRefused(const std::string& pem, const std::string& why,
                     const std::string& reason = "SERIAL_UNKNOWN") {
    const size_t records = store_.Audit().size();
    const absl::Status status = Try(pem);
    EXPECT_EQ(ReasonOf(status), reason) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
    EXPECT_EQ(store_.Audit().size(), records);
  }
  std::vector<std::string> Actions() {
    std::vector<std::string> actions;
    for (const AuditRow& row : store_.Audit()) actions.push_back(row.entry.action);
    return actions;
  }
  std::string SerialOf(const std::string& pem) { return rpc::ParseCertificate(pem)->serial; }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  const std::string dir_;
  std::unique_ptr<CertificateAuthority> ca_;
  std::unique_ptr<AgentAuthenticator> authenticator_;
  std::unique_ptr<Enrollment> enrollment_;
  const rpc::KeyAndRequest key_ = *rpc::MakeKeyAndRequest("db1");
  const rpc::KeyAndRequest other_key_ = *rpc::MakeKeyAndRequest("db1");
  std::string enrolled_;
  uint64_t shared_ = 0;
};

TEST_F(LostCertificateTest, ACertificateOfTheLostTimeTakesASlotAsIfItHadBeenRenewed) {
  const std::string pem = LostAndRestored();
  const absl::Time issued = clock_.Now() - absl::Hours(1);
  const auto peer = authenticator_->Authenticate(pem);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->agent_id, "db1");
  EXPECT_EQ(peer->environment, "qa");
  EXPECT_TRUE(authenticator_->StillValid("db1", peer->serial).ok());

  const std::vector<AuditRow> trail = store_.Audit();
  const AuditEntry& entry = trail[trail.size() - 2].entry;
  EXPECT_EQ(entry.action, "agent.certificate.adopt");
  EXPECT_EQ(entry.actor, "agents/db1");
  EXPECT_EQ(entry.resource, "agents/db1");
  EXPECT_EQ(entry.environment, "qa");
  EXPECT_EQ(entry.details.at("serial"), SerialOf(pem));
  EXPECT_EQ(entry.details.at("former_serial"), SerialOf(enrolled_));
  EXPECT_EQ(entry.details.at("issue_time"),
            absl::FormatTime(absl::RFC3339_sec, issued, absl::UTCTimeZone()));
  EXPECT_THAT(entry.details.at("why"), HasSubstr("the time whose records were lost"));
  EXPECT_EQ(trail.back().entry.action, "agent.certificate.use");

  EXPECT_TRUE(Try(pem).ok());
  EXPECT_EQ(store_.Audit().size(), trail.size()) << "once is enough";
  ExpectRefused(enrolled_, "");
  EXPECT_TRUE(Try(Renew(pem)).ok());
}

TEST_F(LostCertificateTest, WithoutALossNothingIsAdopted) {
  clock_.Advance(absl::Hours(1));
  ExpectRefused(Lost(), "has been replaced");
}

TEST_F(LostCertificateTest, AnAgentThatComesAfterTheRecoveryIsLetInAsWell) {
  const std::string pem = LostAndRestored();
  Recover();
  clock_.Advance(absl::Hours(10));
  Restore(store_.Audit().size());  // Another loss, of which this agent knows nothing.
  Recover();
  EXPECT_TRUE(Try(pem).ok());
  EXPECT_THAT(Actions(), Contains("agent.certificate.adopt"));
}

TEST_F(LostCertificateTest, ARevokedAgentStaysOut) {
  const std::string pem = LostAndRestored();
  ASSERT_TRUE(enrollment_->Revoke("users/root", "db1", "stolen").ok());
  ExpectRefused(pem, "revoked", "AGENT_REVOKED");
  const auto begun = enrollment_->BeginRecovery(pem);
  EXPECT_EQ(ReasonOf(begun.status()), "AGENT_REVOKED");
}

TEST_F(LostCertificateTest, AQuarantinedAgentStaysOut) {
  const std::string pem = LostAndRestored();
  Change([](Agent* agent) { agent->quarantined = true; });
  ExpectRefused(pem, "quarantined");
}

TEST_F(LostCertificateTest, AnAgentThatTheStoreDoesNotKnowStaysOut) {
  clock_.Advance(absl::Hours(1));
  const std::string pem = Lost(absl::Hours(24), "db2");
  Restore();
  ExpectRefused(pem, "not known", "AGENT_UNKNOWN");
}

TEST_F(LostCertificateTest, WhatAnotherAuthorityIssuedStaysOut) {
  MemoryStore other(&clock_);
  std::filesystem::create_directories(dir_ + "/other");
  const auto foreign =
      *CertificateAuthority::Open({dir_ + "/other", "dbfleet", absl::Hours(1000)}, &other, &clock_);
  clock_.Advance(absl::Hours(1));
  const std::string pem = foreign->IssueAgent(key_.csr_pem, "db1", absl::Hours(24))->pem;
  Restore();
  ExpectRefused(pem, "", "CERTIFICATE_FOREIGN");
}

// The times would let it pass: only the trail tells.
TEST_F(LostCertificateTest, ASerialThatTheTrailNamesStaysOutWhateverTheTimesSay) {
  clock_.Advance(absl::Hours(1));
  const std::string replaced = Renew(enrolled_);
  enrollment_ = With(absl::Hours(1));
  clock_.Advance(absl::Minutes(1));
  const std::string current = Renew(replaced);
  ASSERT_TRUE(Try(current).ok());
  Restore(shared_);
  ExpectRefused(replaced, "has been replaced");
  EXPECT_TRUE(Try(current).ok());
}

TEST_F(LostCertificateTest, WhatWasIssuedBeforeTheLostTimeStaysOut) {
  clock_.JumpWallClock(-absl::Minutes(5));
  const std::string before = Lost();
  clock_.JumpWallClock(absl::Minutes(5));
  clock_.Advance(absl::Hours(1));
  Restore();
  ExpectRefused(before, "not issued in the time");
}

TEST_F(LostCertificateTest, WhatWasIssuedAfterTheLossWasNoticedStaysOut) {
  clock_.Advance(absl::Hours(1));
  Restore();
  clock_.Advance(absl::Seconds(2));
  const std::string pem = Lost();
  ExpectRefused(pem, "not issued in the time");
  Recover();
  ExpectRefused(pem, "not issued in the time");
}

TEST_F(LostCertificateTest, WhatEndsNoLaterThanAKnownCertificateStaysOut) {
  clock_.Advance(absl::Hours(1));
  const std::string brief = Lost(absl::Hours(17));  // Ends with the one of seven hours ago.
  const std::string pem = Lost(absl::Hours(18));
  Restore();
  ExpectRefused(brief, "ends later");
  // It need not be in use.
  ASSERT_NE(Renew(enrolled_), "");
  ExpectRefused(pem, "ends later");
}

TEST_F(LostCertificateTest, AnAdoptedCertificateThatWasReplacedStaysOut) {
  const std::string pem = LostAndRestored();
  ASSERT_TRUE(Try(pem).ok());
  enrollment_ = With(absl::Hours(1));  // So that the newest one ends first.
  const std::string next = Renew(pem);
  ASSERT_TRUE(Try(next).ok());
  ExpectRefused(pem, "has been replaced");
}

TEST_F(LostCertificateTest, OfTwoOfTheLostTimeTheLaterOneEndsTheOther) {
  clock_.Advance(absl::Hours(1));
  const std::string first = Lost();
  clock_.Advance(absl::Hours(1));
  const std::string second = Lost();
  Restore();
  EXPECT_TRUE(Try(first).ok());
  EXPECT_TRUE(Try(second).ok());
  ExpectRefused(first, "ends later");
}

TEST_F(LostCertificateTest, AnEnrolmentAfterTheRestoreEndsWhatWasLost) {
  const std::string pem = LostAndRestored();
  enrollment_ = With(absl::Hours(1));
  clock_.Advance(absl::Minutes(1));
  const std::string again = EnrollAgain();
  ExpectRefused(pem, "enrolled anew");
  EXPECT_TRUE(Try(again).ok());
}

TEST_F(LostCertificateTest,
       ARevocationIsHeldAgainstItThoughTheClockWentBackBeforeTheNextEnrolment) {
  const std::string pem = LostAndRestored();
  ASSERT_TRUE(enrollment_->Revoke("users/root", "db1", "stolen").ok());
  const absl::Duration back = absl::Hours(3);
  Change([&](Agent* agent) {
    agent->revoked = false;
    agent->enroll_time = clock_.Now() - back;
  });
  ExpectRefused(pem, "enrolled anew");
}

TEST_F(LostCertificateTest, NothingIsSharedThenTheTrailAndTheEnrolmentAreTheBounds) {
  clock_.JumpWallClock(-absl::Hours(7));
  const std::string before = Lost(absl::Hours(48));
  clock_.JumpWallClock(absl::Hours(8));
  const std::string pem = Lost();
  Restore(std::nullopt);
  ExpectRefused(before, "enrolled anew");
  EXPECT_TRUE(Try(pem).ok());
}

TEST_F(LostCertificateTest, AnExpiredOneIsRegainedByWhoeverHasItsKey) {
  const std::string pem = LostAndRestored();
  Recover();
  clock_.Advance(absl::Hours(24 * 3));
  EXPECT_EQ(ReasonOf(Try(pem)), "CERTIFICATE_EXPIRED");
  const size_t records = store_.Audit().size();
  const auto finish = [&](const rpc::KeyAndRequest& signer) {
    const auto nonce = enrollment_->BeginRecovery(pem);
    EXPECT_TRUE(nonce.ok()) << nonce.status();
    const std::string text = absl::StrCat("dbfleet-recover-v1", *nonce, Sha256(other_key_.csr_pem));
    return enrollment_->FinishRecovery(pem, *nonce, other_key_.csr_pem,
                                       *rpc::Sign(signer.key_pem, text));
  };
  EXPECT_EQ(ReasonOf(finish(other_key_).status()), "BAD_SIGNATURE");
  EXPECT_EQ(store_.Audit().size(), records) << "without the key nothing is changed";
  const auto regained = finish(key_);
  ASSERT_TRUE(regained.ok()) << regained.status();
  const std::vector<std::string> actions = Actions();
  EXPECT_EQ(actions[records], "agent.certificate.adopt");
  EXPECT_EQ(actions[records + 1], "agent.recover");
  EXPECT_TRUE(Try(regained->certificate_pem).ok());
  EXPECT_EQ(ReasonOf(enrollment_->BeginRecovery(pem).status()), "SERIAL_UNKNOWN");
}

TEST_F(LostCertificateTest, ACommitThatFailsLeavesNothingAndTheNextTrySucceeds) {
  const std::string pem = LostAndRestored();
  store_.FailCommits(1, absl::UnavailableError("the disk"));
  EXPECT_TRUE(absl::IsUnavailable(Try(pem)));
  EXPECT_THAT(Actions(), Not(Contains("agent.certificate.adopt")));
  EXPECT_TRUE(Try(enrolled_).ok());
  EXPECT_TRUE(Try(pem).ok());
}

}  // namespace
}  // namespace dbfleet::controller
