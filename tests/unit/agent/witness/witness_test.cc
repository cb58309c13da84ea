#include "agent/witness/witness.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/audit/checkpoint.h"
#include "common/audit/key_change.h"
#include "common/audit/merkle.h"
#include "common/audit/receipt.h"
#include "common/audit/tiles.h"
#include "common/audit/trusted_keys.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/rpc/x509.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet::agent {
namespace {

using Answer = v1::CheckpointAnswer;

// A trail of so many leaves, its tiles in memory.
class Tree : public audit::TileSource {
 public:
  explicit Tree(int size, const std::string& salt = "") {
    audit::TreeAppender appender;
    for (int i = 0; i < size; ++i) appender.Append(audit::LeafHash(absl::StrCat(salt, i)));
    root_ = appender.Root();
    for (const auto& tile : appender.TakeChanges()) tiles_[tile.id] = tile.hashes;
  }
  absl::StatusOr<std::string> ReadTile(const audit::TileId& id, int) override { return tiles_[id]; }
  const std::string& root() const { return root_; }

 private:
  std::map<audit::TileId, std::string> tiles_;
  std::string root_;
};

class WitnessTest : public ::testing::Test {
 protected:
  WitnessTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-witness-XXXXXX");
    folder_ = mkdtemp(pattern.data());
    keys_ = audit::TrustedKeys({{key_.verifying_key(), clock_.Now() - absl::Hours(1),
                                 clock_.Now() + absl::Hours(1000)}})
                .Text();
    ca_ = rpc::MakeCa("test", clock_.Now(), absl::Hours(1000)).value();
    const rpc::KeyAndRequest mine = rpc::MakeKeyAndRequest("db1").value();
    rpc::IssueRequest request;
    request.csr_pem = mine.csr_pem;
    request.common_name = "db1";
    request.uris = {"spiffe://dbfleet/agent/db1"};
    request.not_before = clock_.Now() - absl::Hours(1);
    request.not_after = clock_.Now() + absl::Hours(24);
    key_pem_ = mine.key_pem;
    chain_ = rpc::Issue(ca_, request).value();
    Open();
  }
  ~WitnessTest() override { std::filesystem::remove_all(folder_); }

  void Open(const std::string& keys_file = "") {
    witness_ = Witness::Open(
                   {folder_ + "/witness", "db1", keys_file},
                   [this]() -> absl::StatusOr<Witness::Signer> {
                     return Witness::Signer{Secret(key_pem_), chain_};
                   },
                   clock_)
                   .value();
  }

  v1::CheckpointPush Push(int size, int proof_from = 0, const std::string& salt = "") {
    Tree tree(size, salt);
    audit::Checkpoint checkpoint;
    checkpoint.size = size;
    checkpoint.root = tree.root();
    checkpoint.log_id = "L";
    checkpoint.time = clock_.Now();
    checkpoint.head = Sha256(absl::StrCat(salt, size));
    v1::CheckpointPush push;
    push.set_text(audit::SignCheckpoint(checkpoint, key_).value());
    push.set_proof_from(proof_from);
    const std::vector<std::string> proof = audit::ConsistencyProof(tree, proof_from, size).value();
    for (const std::string& hash : proof) push.add_proof(hash);
    push.set_trusted_keys(keys_);
    return push;
  }

  FakeClock clock_;
  std::string folder_;
  audit::SigningKey key_ = audit::SigningKey::Generate("x/audit").value();
  std::string keys_;
  rpc::CaMaterial ca_;
  std::string key_pem_;
  std::string chain_;
  std::unique_ptr<Witness> witness_;
};

TEST_F(WitnessTest, AnAcceptedCheckpointIsKeptAcrossRestartsAndAnsweredWithAReceipt) {
  const Answer answer = witness_->Handle(Push(10));
  ASSERT_EQ(answer.outcome(), Answer::OUTCOME_ACCEPTED) << answer.message();
  audit::ReceiptTrust trust;
  trust.ca_pem = ca_.certificate_pem;
  const auto receipt = audit::VerifyReceipt(
      {answer.receipt().text(), answer.receipt().signature(), answer.receipt().certificate_pem()},
      trust);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->agent_id, "db1");
  EXPECT_EQ(receipt->size, 10u);
  Open();
  EXPECT_EQ(witness_->Highest(), answer.highest_checkpoint());
  EXPECT_EQ(witness_->Handle(Push(20, 10)).outcome(), Answer::OUTCOME_ACCEPTED);
}

TEST_F(WitnessTest, ASmallerTrailIsAnAlarmThatAnswersMetricsAndRestartsTell) {
  witness_->Handle(Push(20));
  EXPECT_EQ(witness_->Expose().find("alarm{"), std::string::npos);
  clock_.Advance(absl::Minutes(1));
  const Answer answer = witness_->Handle(Push(10));
  EXPECT_EQ(answer.outcome(), Answer::OUTCOME_ALARM);
  EXPECT_EQ(answer.alarm_kind(), "SMALLER");
  EXPECT_FALSE(answer.has_receipt());
  Open();
  EXPECT_NE(witness_->Expose().find("dbfleet_agent_audit_witness_alarm{kind=\"SMALLER\"} 1\n"),
            std::string::npos);
}

TEST_F(WitnessTest, AnotherHistoryIsAnAlarm) {
  witness_->Handle(Push(20));
  EXPECT_EQ(witness_->Handle(Push(30, 20, "other")).alarm_kind(), "INCONSISTENT");
  EXPECT_EQ(witness_->Handle(Push(20, 0, "other")).alarm_kind(), "FORKED");
}

TEST_F(WitnessTest, AProofFromElsewhereIsAskedForAgain) {
  witness_->Handle(Push(20));
  const Answer answer = witness_->Handle(Push(30, 5));
  EXPECT_EQ(answer.outcome(), Answer::OUTCOME_NEEDS_PROOF);
  EXPECT_EQ(answer.prove_from(), 20u);
}

TEST_F(WitnessTest, ASecondKeyIsTrustedOnlyWhenTheFirstVouchesForIt) {
  witness_->Handle(Push(10));
  const audit::SigningKey second = audit::SigningKey::Generate("x/audit").value();
  const std::string both =
      keys_ + audit::TrustedKeys({{second.verifying_key(), clock_.Now() - absl::Hours(1),
                                   clock_.Now() + absl::Hours(1000)}})
                  .Text();
  const std::string change = audit::SignKeyChange(both, key_).value();
  key_ = second;
  keys_ = both;
  EXPECT_EQ(witness_->Handle(Push(20, 10)).alarm_kind(), "UNKNOWN_KEY");
  v1::CheckpointPush push = Push(20, 10);
  push.add_key_changes(change);
  EXPECT_EQ(witness_->Handle(push).outcome(), Answer::OUTCOME_ACCEPTED);
}

TEST_F(WitnessTest, TheOperatorsKeysAreNeverReplaced) {
  const std::string file = folder_ + "/pinned";
  ASSERT_TRUE(WriteFileAtomically(file, keys_, 0644).ok());
  Open(file);
  const std::string pinned = keys_;
  key_ = audit::SigningKey::Generate("x/audit").value();
  keys_ = audit::TrustedKeys({{key_.verifying_key(), clock_.Now() - absl::Hours(1),
                               clock_.Now() + absl::Hours(1000)}})
              .Text();
  EXPECT_EQ(witness_->Handle(Push(10)).alarm_kind(), "UNKNOWN_KEY");
  EXPECT_EQ(ReadFile(file).value(), pinned);
}

TEST_F(WitnessTest, AStateThatCannotBeReadIsAnAlarmAndNoFirstStart) {
  witness_->Handle(Push(10));
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/witness/state", "rubbish", 0600).ok());
  Open();
  const Answer answer = witness_->Handle(Push(20, 10));
  EXPECT_EQ(answer.outcome(), Answer::OUTCOME_ALARM);
  EXPECT_EQ(answer.alarm_kind(), "STATE_DAMAGED");
  EXPECT_NE(witness_->Expose().find("kind=\"STATE_DAMAGED\"} 1"), std::string::npos);
}

}  // namespace
}  // namespace dbfleet::agent
