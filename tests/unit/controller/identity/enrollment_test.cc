#include "controller/identity/enrollment.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/join_token.h"
#include "common/rpc/x509.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Counts reads, to see what the caches spare.
class CountingStore : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override {
    ++reads;
    return MemoryStore::Read(fn);
  }
  int reads = 0;
};

class EnrollmentTest : public testing::Test {
 protected:
  EnrollmentTest() : dir_(testing::TempDir() + "/enrollment-test-" + RandomHex(6)) {
    std::filesystem::create_directories(dir_);
    CertificateAuthority::Options options;
    options.data_dir = dir_;
    ca_ = *CertificateAuthority::Open(options, &store_, &clock_);
    authenticator_ = std::make_unique<AgentAuthenticator>(&store_, ca_.get(), &clock_);
    authenticator_->SetRevocationListener([this](const std::string& id) { ended_.push_back(id); });
    enrollment_ = std::make_unique<Enrollment>(&store_, ca_.get(), authenticator_.get(), &clock_,
                                               Enrollment::Options());
    for (const char* name : {"production", "qa"}) {
      Environment environment;
      environment.name = name;
      Commit([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); });
    }
  }
  ~EnrollmentTest() override { std::filesystem::remove_all(dir_); }

  void Commit(const Store::Mutation& mutation) {
    const absl::Status status = store_.MutateAndWait(mutation);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::string Token(const std::string& agent = "db1",
                    const std::string& environment = "production") {
    auto token =
        enrollment_->CreateJoinToken("users/root", agent, environment, absl::ZeroDuration());
    EXPECT_TRUE(token.ok()) << token.status();
    return token.ok() ? token->token.Reveal() : "";
  }
  absl::StatusOr<Enrollment::Identity> Enroll(const std::string& token,
                                              const rpc::KeyAndRequest& key,
                                              const std::string& agent = "db1") {
    return enrollment_->Enroll(token, key.csr_pem, agent, "0.1.0");
  }
  std::string EnrollReason(const std::string& token, const rpc::KeyAndRequest& key,
                           const std::string& agent = "db1") {
    return ReasonOf(Enroll(token, key, agent).status());
  }
  std::string AuthenticateReason(const std::string& pem) {
    return ReasonOf(authenticator_->Authenticate(pem).status());
  }
  absl::StatusOr<Enrollment::Identity> Renew(const std::string& pem, const std::string& csr) {
    const auto peer = authenticator_->Authenticate(pem);
    if (!peer.ok()) return peer.status();
    return enrollment_->Renew(*peer, csr);
  }
  std::string Signature(const rpc::KeyAndRequest& key, const std::string& nonce,
                        const std::string& csr) {
    return *rpc::Sign(key.key_pem, absl::StrCat("dbfleet-recover-v1", nonce, Sha256(csr)));
  }
  std::vector<std::string> Actions() {
    std::vector<std::string> actions;
    for (const AuditRow& row : store_.Audit()) actions.push_back(row.entry.action);
    return actions;
  }

  FakeClock clock_;
  CountingStore store_{&clock_};
  const std::string dir_;
  std::unique_ptr<CertificateAuthority> ca_;
  std::unique_ptr<AgentAuthenticator> authenticator_;
  std::unique_ptr<Enrollment> enrollment_;
  std::vector<std::string> ended_;
  const rpc::KeyAndRequest key_ = *rpc::MakeKeyAndRequest("db1");
  const rpc::KeyAndRequest other_key_ = *rpc::MakeKeyAndRequest("db1");
};

TEST_F(EnrollmentTest, ATokenBuysACertificateThatAuthenticates) {
  const auto identity = Enroll(Token(), key_);
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->agent_id, "db1");
  EXPECT_EQ(identity->environment, "production");
  EXPECT_EQ(identity->ca_pem, ca_->certificate_pem());
  EXPECT_TRUE(absl::EndsWith(identity->certificate_pem, ca_->certificate_pem()));
  EXPECT_EQ(identity->not_after, clock_.Now() + absl::Hours(24));
  const auto peer = authenticator_->Authenticate(identity->certificate_pem);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->agent_id, "db1");
  EXPECT_EQ(peer->environment, "production");
  EXPECT_THAT(Actions(), ElementsAre("ca.create", "agent.join_token.create", "agent.enroll"));
}

TEST_F(EnrollmentTest, ALostReplyIsMadeUpForByTheSameCertificate) {
  const std::string token = Token();
  const auto first = Enroll(token, key_);
  ended_.clear();
  clock_.Advance(absl::Hours(1));  // Even long after the token's end.
  const auto again = Enroll(token, key_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->certificate_pem, first->certificate_pem);
  EXPECT_EQ(again->not_after, first->not_after);
  EXPECT_THAT(ended_, IsEmpty()) << "a retry ends nobody's streams";
}

TEST_F(EnrollmentTest, EachBadTokenHasItsOwnReason) {
  const std::string used = Token();
  ASSERT_TRUE(Enroll(used, key_).ok());
  EXPECT_EQ(EnrollReason(used, other_key_), "JOIN_TOKEN_USED");

  const std::string expired = Token("db2");
  EXPECT_EQ(EnrollReason(expired, key_, "db3"), "JOIN_TOKEN_NAME_MISMATCH");
  clock_.Advance(absl::Minutes(15));
  EXPECT_EQ(EnrollReason(expired, key_, "db2"), "JOIN_TOKEN_EXPIRED");

  EXPECT_EQ(EnrollReason(rpc::MakeJoinToken(ca_->spki_sha256()).secret_text.Reveal(), key_),
            "JOIN_TOKEN_UNKNOWN");
  EXPECT_EQ(EnrollReason(rpc::MakeJoinToken(std::string(64, '0')).secret_text.Reveal(), key_),
            "JOIN_TOKEN_UNKNOWN");
  EXPECT_EQ(EnrollReason("dbfj_nonsense", key_), "JOIN_TOKEN_MALFORMED");
  EXPECT_EQ(ReasonOf(enrollment_->Enroll(Token("db4"), "no csr", "db4", "").status()), "BAD_CSR");
}

TEST_F(EnrollmentTest, WhatTheAgentTellsOfItselfIsKeptAsReadableText) {
  std::string version = "x\x1b[2J";
  while (version.size() < 200) version += "\xC3\xA9";
  for (const std::string& told : {version, "x" + version}) {
    EXPECT_TRUE(
        IsValidUtf8(enrollment_->Enroll(Token(), key_.csr_pem, told, told).status().message()));
    ASSERT_TRUE(enrollment_->Enroll(Token(), key_.csr_pem, "db1", told).ok());
    Commit([&](WriteTx& tx) -> absl::Status {
      const std::string kept = tx.GetAgent("db1")->agent_version;
      EXPECT_TRUE(IsValidUtf8(kept)) << kept;
      EXPECT_EQ(kept.find('\x1b'), std::string::npos);
      EXPECT_EQ(store_.Audit().back().entry.details.at("version"), kept);
      return absl::OkStatus();
    });
  }
}

TEST_F(EnrollmentTest, TheStoreHoldsNoTokenInTheClear) {
  const std::string token = Token();
  const std::string secret = token.substr(5, 64);
  for (const AuditRow& row : store_.Audit()) EXPECT_FALSE(absl::StrContains(row.canonical, secret));
  EXPECT_TRUE(store_
                  .Read([&](ReadTx& tx) {
                    EXPECT_FALSE(tx.GetJoinToken(secret).ok());
                    EXPECT_TRUE(tx.GetJoinToken(Sha256Hex(secret)).ok());
                    return absl::OkStatus();
                  })
                  .ok());
}

TEST_F(EnrollmentTest, ARepeatedRequestReplacesTheTokenThatNobodyReceived) {
  const auto create = [&](const std::string& agent) {
    return enrollment_->CreateJoinToken("users/root", agent, "production", absl::ZeroDuration(),
                                        "r1");
  };
  const auto first = create("db1");
  ASSERT_TRUE(first.ok()) << first.status();
  clock_.Advance(absl::Minutes(1));
  const auto second = create("db1");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->expire_time, first->expire_time);
  EXPECT_EQ(ReasonOf(create("db2").status()), "REQUEST_ID_REUSED");
  const rpc::KeyAndRequest key = *rpc::MakeKeyAndRequest("db1");
  EXPECT_EQ(EnrollReason(first->token.Reveal(), key), "JOIN_TOKEN_REPLACED");
  const auto third = create("db1");
  ASSERT_TRUE(third.ok()) << "the latest one stands for the request: " << third.status();
  EXPECT_EQ(EnrollReason(second->token.Reveal(), key), "JOIN_TOKEN_REPLACED");
  clock_.JumpWallClock(-absl::Seconds(30));
  EXPECT_EQ(EnrollReason(second->token.Reveal(), key), "JOIN_TOKEN_REPLACED")
      << "the clock was set back to before it was replaced";
  EXPECT_EQ(EnrollReason(third->token.Reveal(), key), "");
  EXPECT_EQ(ReasonOf(create("db1").status()), "SECRET_DELIVERED");
}

TEST_F(EnrollmentTest, ARepeatedRequestDoesNotOutliveARevocationOrItsTime) {
  const auto create = [&] {
    return enrollment_->CreateJoinToken("users/root", "db1", "production", absl::ZeroDuration(),
                                        "r1");
  };
  const rpc::KeyAndRequest key = *rpc::MakeKeyAndRequest("db1");
  ASSERT_TRUE(Enroll(Token(), key).ok());
  ASSERT_TRUE(create().ok());
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(enrollment_->Revoke("users/root", "db1", "stolen").ok());
  clock_.Advance(absl::Minutes(1));
  const auto replaced = create();
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  EXPECT_EQ(EnrollReason(replaced->token.Reveal(), *rpc::MakeKeyAndRequest("db1")),
            "JOIN_TOKEN_TOO_OLD");
  clock_.Advance(absl::Minutes(15));
  EXPECT_EQ(ReasonOf(create().status()), "SECRET_DELIVERED");
}

TEST_F(EnrollmentTest, TokensAreBoundToAnEnvironmentThatExistsAndToFifteenMinutes) {
  const auto make = [&](const std::string& agent, const std::string& environment,
                        absl::Duration ttl) {
    return enrollment_->CreateJoinToken("users/root", agent, environment, ttl).status();
  };
  EXPECT_EQ(ReasonOf(make("db1", "nowhere", absl::ZeroDuration())), "ENVIRONMENT_NOT_FOUND");
  EXPECT_EQ(ReasonOf(make("../db1", "qa", absl::ZeroDuration())), "INVALID_NAME");
  EXPECT_EQ(ReasonOf(make("db1", "qa", absl::Minutes(16))), "BAD_TTL");
  EXPECT_EQ(ReasonOf(make("db1", "qa", -absl::Seconds(1))), "BAD_TTL");
  EXPECT_TRUE(make("db1", "qa", absl::Minutes(15)).ok());
}

TEST_F(EnrollmentTest, OptionsThatAreMissingOrOutOfBoundsAreBroughtWithinThem) {
  const auto lifetime = [&](absl::Duration configured) {
    Enrollment::Options options;
    options.certificate_lifetime = configured;
    options.join_token_ttl = absl::ZeroDuration();
    Enrollment enrollment(&store_, ca_.get(), authenticator_.get(), &clock_, options);
    const auto token =
        enrollment.CreateJoinToken("users/root", "db1", "production", absl::ZeroDuration());
    EXPECT_TRUE(token.ok()) << token.status();
    EXPECT_EQ(token->expire_time, clock_.Now() + absl::Minutes(15));
    return enrollment.Enroll(token->token.Reveal(), key_.csr_pem, "db1", "")->not_after -
           clock_.Now();
  };
  EXPECT_EQ(lifetime(absl::ZeroDuration()), absl::Hours(24));
  EXPECT_EQ(lifetime(absl::Milliseconds(1)), absl::Seconds(2));
  EXPECT_EQ(lifetime(absl::Seconds(30)), absl::Seconds(30));
}

TEST_F(EnrollmentTest, RenewalKeepsBothSerialsUntilTheNewOneIsUsed) {
  const auto first = Enroll(Token(), key_);
  const auto second = Renew(first->certificate_pem, other_key_.csr_pem);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(authenticator_->Authenticate(first->certificate_pem).ok());
  ended_.clear();
  EXPECT_TRUE(authenticator_->Authenticate(second->certificate_pem).ok());
  EXPECT_EQ(AuthenticateReason(first->certificate_pem), "SERIAL_UNKNOWN");
  EXPECT_TRUE(authenticator_->Authenticate(second->certificate_pem).ok());
  EXPECT_THAT(ended_, IsEmpty()) << "rotation closes no stream";
  EXPECT_EQ(Actions().back(), "agent.certificate.use");
}

TEST_F(EnrollmentTest, ARenewalWhoseReplyWasLostIsSimplyRepeated) {
  const auto first = Enroll(Token(), key_);
  const auto lost = Renew(first->certificate_pem, other_key_.csr_pem);
  const auto second = Renew(first->certificate_pem, other_key_.csr_pem);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(AuthenticateReason(lost->certificate_pem), "SERIAL_UNKNOWN");
  EXPECT_TRUE(authenticator_->Authenticate(second->certificate_pem).ok());
}

TEST_F(EnrollmentTest, RenewalsWithTheNextSerialFollowEachOther) {
  std::string pem = Enroll(Token(), key_)->certificate_pem;
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(absl::Hours(12));
    const auto next = Renew(pem, key_.csr_pem);
    ASSERT_TRUE(next.ok()) << next.status();
    pem = next->certificate_pem;
  }
  EXPECT_TRUE(authenticator_->Authenticate(pem).ok());
}

TEST_F(EnrollmentTest, AnExpiredCertificateIsRefusedOnAnOpenConnection) {
  const auto first = Enroll(Token(), key_);
  clock_.Advance(absl::Hours(24) + absl::Seconds(1));
  EXPECT_EQ(AuthenticateReason(first->certificate_pem), "CERTIFICATE_EXPIRED");
}

TEST_F(EnrollmentTest, RevocationEndsCertificatesStreamsRenewalAndRecovery) {
  const std::string token = Token();
  const auto first = Enroll(token, key_);
  const auto peer = *authenticator_->Authenticate(first->certificate_pem);
  const std::string nonce = *enrollment_->BeginRecovery(first->certificate_pem);
  ended_.clear();
  EXPECT_EQ(ReasonOf(enrollment_->Revoke("users/root", "db1", "").status()), "REASON_MISSING");
  ASSERT_TRUE(enrollment_->Revoke("users/root", "db1", "stolen").ok());
  EXPECT_THAT(ended_, ElementsAre("db1"));
  EXPECT_EQ(AuthenticateReason(first->certificate_pem), "AGENT_REVOKED");
  EXPECT_EQ(ReasonOf(authenticator_->StillValid("db1", peer.serial)), "AGENT_REVOKED");
  EXPECT_EQ(ReasonOf(enrollment_->Renew(peer, key_.csr_pem).status()), "AGENT_REVOKED");
  EXPECT_EQ(ReasonOf(enrollment_->BeginRecovery(first->certificate_pem).status()), "AGENT_REVOKED");
  EXPECT_EQ(ReasonOf(enrollment_
                         ->FinishRecovery(first->certificate_pem, nonce, other_key_.csr_pem,
                                          Signature(key_, nonce, other_key_.csr_pem))
                         .status()),
            "AGENT_REVOKED");
  EXPECT_EQ(EnrollReason(token, key_), "AGENT_REVOKED") << "not even the retry";
  EXPECT_EQ(Actions().back(), "agent.revoke");
  const size_t records = store_.Audit().size();
  EXPECT_TRUE(enrollment_->Revoke("users/root", "db1", "again").ok());
  EXPECT_EQ(store_.Audit().size(), records);
}

TEST_F(EnrollmentTest, ARevokedNameComesBackOnlyByATokenMadeAfterwards) {
  ASSERT_TRUE(Enroll(Token(), key_).ok());
  const std::string before = Token();
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(enrollment_->Revoke("users/root", "db1", "stolen").ok());
  EXPECT_EQ(EnrollReason(before, other_key_), "JOIN_TOKEN_TOO_OLD");
  clock_.Advance(absl::Seconds(1));
  const auto back = Enroll(Token(), other_key_);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(authenticator_->Authenticate(back->certificate_pem).ok());
  EXPECT_EQ(EnrollReason(before, key_), "JOIN_TOKEN_TOO_OLD")
      << "the old token stays useless though the name is back";
}

TEST_F(EnrollmentTest, EnrollingAnExistingNameReplacesItsIdentity) {
  const auto first = Enroll(Token(), key_);
  const auto renewed = Renew(first->certificate_pem, key_.csr_pem);
  ended_.clear();
  const auto second = Enroll(Token(), other_key_);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(ended_, ElementsAre("db1"));
  EXPECT_EQ(AuthenticateReason(first->certificate_pem), "SERIAL_UNKNOWN");
  EXPECT_EQ(AuthenticateReason(renewed->certificate_pem), "SERIAL_UNKNOWN");
  EXPECT_TRUE(authenticator_->Authenticate(second->certificate_pem).ok());
  EXPECT_TRUE(absl::StrContains(store_.Audit().back().entry.details.at("replaced_serials"), ","))
      << "both former serials are on record";
}

TEST_F(EnrollmentTest, ANameWithInstancesCannotChangeItsEnvironment) {
  ASSERT_TRUE(Enroll(Token(), key_).ok());
  const std::string early = Token("db1", "qa");  // Made while it has no instances.
  Instance instance;
  instance.id = "orders";
  instance.agent_id = "db1";
  instance.environment = "production";
  Commit([&](WriteTx& tx) { return tx.InsertInstance(&instance); });
  EXPECT_EQ(
      ReasonOf(
          enrollment_->CreateJoinToken("users/root", "db1", "qa", absl::ZeroDuration()).status()),
      "AGENT_ENVIRONMENT");
  EXPECT_EQ(EnrollReason(early, other_key_), "AGENT_ENVIRONMENT");
  EXPECT_TRUE(Enroll(Token("db1", "production"), other_key_).ok());
}

TEST_F(EnrollmentTest, AnAgentThatWasAwayRecoversBySigningANonce) {
  const auto first = Enroll(Token(), key_);
  clock_.Advance(absl::Hours(24 * 20));
  const auto nonce = enrollment_->BeginRecovery(first->certificate_pem);
  ASSERT_TRUE(nonce.ok()) << nonce.status();
  EXPECT_EQ(nonce->size(), 32u);
  const auto finish = [&](const std::string& n, const std::string& signature) {
    return enrollment_->FinishRecovery(first->certificate_pem, n, other_key_.csr_pem, signature);
  };
  const std::string good = Signature(key_, *nonce, other_key_.csr_pem);
  EXPECT_EQ(ReasonOf(finish(std::string(32, 'x'), good).status()), "NONCE_UNKNOWN");
  const auto back = finish(*nonce, good);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(authenticator_->Authenticate(back->certificate_pem).ok());
  EXPECT_EQ(ReasonOf(finish(*nonce, good).status()), "SERIAL_UNKNOWN");
  EXPECT_EQ(Actions().at(Actions().size() - 2), "agent.recover");
}

TEST_F(EnrollmentTest, ANonceIsGoodOnceAndForAMinute) {
  const auto first = Enroll(Token(), key_);
  const auto finish = [&](const std::string& nonce, const rpc::KeyAndRequest& signer) {
    return ReasonOf(enrollment_
                        ->FinishRecovery(first->certificate_pem, nonce, other_key_.csr_pem,
                                         Signature(signer, nonce, other_key_.csr_pem))
                        .status());
  };
  const std::string stolen = *enrollment_->BeginRecovery(first->certificate_pem);
  EXPECT_EQ(finish(stolen, other_key_), "BAD_SIGNATURE");
  EXPECT_EQ(finish(stolen, key_), "NONCE_UNKNOWN") << "used up by the bad try";
  const std::string slow = *enrollment_->BeginRecovery(first->certificate_pem);
  clock_.Advance(absl::Seconds(61));
  EXPECT_EQ(finish(slow, key_), "NONCE_UNKNOWN");
  const std::string twice = *enrollment_->BeginRecovery(first->certificate_pem);
  EXPECT_EQ(finish(twice, key_), "");
  EXPECT_EQ(finish(twice, key_), "NONCE_UNKNOWN");
}

TEST_F(EnrollmentTest, RecoveryEndsThirtyDaysAfterTheCertificate) {
  const auto first = Enroll(Token(), key_);
  clock_.Advance(absl::Hours(24 * 31) + absl::Seconds(1));
  EXPECT_EQ(ReasonOf(enrollment_->BeginRecovery(first->certificate_pem).status()),
            "RECOVERY_TOO_LATE");
}

TEST_F(EnrollmentTest, AFloodOfRecoveriesKeepsABoundedNumberOfNonces) {
  const auto first = Enroll(Token(), key_);
  const std::string oldest = *enrollment_->BeginRecovery(first->certificate_pem);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(enrollment_->BeginRecovery(first->certificate_pem).ok());
  EXPECT_EQ(ReasonOf(enrollment_
                         ->FinishRecovery(first->certificate_pem, oldest, key_.csr_pem,
                                          Signature(key_, oldest, key_.csr_pem))
                         .status()),
            "NONCE_UNKNOWN");
}

TEST_F(EnrollmentTest, AReconnectStormReadsTheStoreOncePerAgent) {
  const auto first = Enroll(Token(), key_);
  store_.reads = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(authenticator_->Authenticate(first->certificate_pem).ok());
  }
  EXPECT_EQ(store_.reads, 1);
}

// Revokes while the authenticator is between reading the agent's row and remembering it.
class RacingStore : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override {
    const absl::Status status = MemoryStore::Read(fn);
    if (auto race = std::exchange(after_read, nullptr)) race();
    return status;
  }
  std::function<void()> after_read;
};

TEST_F(EnrollmentTest, ARevocationThatRacesWithAReadIsNotForgotten) {
  RacingStore store(&clock_);
  Environment environment;
  environment.name = "qa";
  ASSERT_TRUE(
      store.MutateAndWait([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); }).ok());
  AgentAuthenticator authenticator(&store, ca_.get(), &clock_);
  Enrollment enrollment(&store, ca_.get(), &authenticator, &clock_, Enrollment::Options());
  const auto token = enrollment.CreateJoinToken("users/root", "db9", "qa", absl::ZeroDuration());
  const auto identity = enrollment.Enroll(token->token.Reveal(), key_.csr_pem, "db9", "");
  ASSERT_TRUE(identity.ok()) << identity.status();
  store.after_read = [&] { ASSERT_TRUE(enrollment.Revoke("users/root", "db9", "race").ok()); };
  authenticator.Authenticate(identity->certificate_pem).IgnoreError();
  EXPECT_EQ(ReasonOf(authenticator.Authenticate(identity->certificate_pem).status()),
            "AGENT_REVOKED");
}

TEST_F(EnrollmentTest, WhenTheStoreFailsNothingIsGivenAway) {
  const std::string token = Token();
  store_.FailCommits(1, absl::UnavailableError("disk"));
  EXPECT_FALSE(Enroll(token, key_).ok());
  EXPECT_TRUE(Enroll(token, other_key_).ok()) << "the failed use has not bound the token";
}

TEST_F(EnrollmentTest, DrainingIsAuditedAndCanBeUndone) {
  ASSERT_TRUE(Enroll(Token(), key_).ok());
  EXPECT_TRUE(enrollment_->Drain("users/root", "db1", false)->draining);
  EXPECT_EQ(Actions().back(), "agent.drain");
  EXPECT_FALSE(enrollment_->Drain("users/root", "db1", true)->draining);
  EXPECT_EQ(Actions().back(), "agent.undrain");
  EXPECT_EQ(ReasonOf(enrollment_->Drain("users/root", "db7", false).status()), "AGENT_NOT_FOUND");
}

TEST_F(EnrollmentTest, CertificatesOfUnknownAgentsAreRefused) {
  const auto issued = ca_->IssueAgent(key_.csr_pem, "ghost", absl::Hours(1));
  EXPECT_EQ(AuthenticateReason(issued->pem), "AGENT_UNKNOWN");
  EXPECT_EQ(AuthenticateReason(""), "CERTIFICATE_MISSING");
  EXPECT_EQ(AuthenticateReason("nonsense"), "CERTIFICATE_FOREIGN");
}

}  // namespace
}  // namespace dbfleet::controller
