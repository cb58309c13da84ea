// The trail's proofs on the command line: export, keys, checkpoint, and verify with what was kept
// elsewhere.
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/audit/export_evidence.h"
#include "common/audit/merkle.h"
#include "tests/unit/common/audit/keys_fixture.h"
#include "tests/unit/common/audit/trail.h"
#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

class TrailController : public FakeController {
 public:
  std::vector<api::v1::AuditTrailItem> items;
  uint64_t from_seq = 0;
  bool breaks_off = false;
  std::string checkpoint;
  api::v1::AuditKeys keys;

  grpc::Status ExportAuditTrail(Context* context, const api::v1::ExportAuditRequest* in,
                                grpc::ServerWriter<api::v1::AuditTrailItem>* writer) override {
    if (auto status = Enter(context); !status.ok()) return status;
    from_seq = in->from_seq();
    for (const auto& item : items) writer->Write(item);
    return breaks_off ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone") : grpc::Status::OK;
  }
  grpc::Status GetAuditCheckpoint(Context* context, const api::v1::GetAuditCheckpointRequest*,
                                  api::v1::AuditCheckpoint* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    if (checkpoint.empty()) {
      return rpc::ToGrpc(Error(absl::StatusCode::kNotFound, "NO_CHECKPOINT", "none was signed"));
    }
    out->set_text(checkpoint);
    return grpc::Status::OK;
  }
  grpc::Status GetAuditKeys(Context* context, const api::v1::GetAuditKeysRequest*,
                            api::v1::AuditKeys* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    *out = keys;
    return grpc::Status::OK;
  }
};

constexpr uint64_t kRecords = 20;

class AuditCliTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    server_->Shutdown();
    trail_controller_.keys.set_trusted_keys(keys_.trusted.Text());
    trail_controller_.keys.set_agent_ca_pem(agent_.ca.certificate_pem);
    grpc::ServerBuilder builder;
    builder.RegisterService(static_cast<api::v1::AuditService::Service*>(&trail_controller_));
    server_ = builder.BuildAndStart();
    AddItems();
  }

  // A checkpoint after 10 and after 20 records, and a receipt of web-1 for the first.
  void AddItems() {
    for (const audit::ExportedRecord& record : trail_) {
      api::v1::AuditRecord* out = trail_controller_.items.emplace_back().mutable_record();
      out->set_seq(record.record.seq);
      const int64_t micros = absl::ToUnixMicros(record.record.time);
      out->mutable_record_time()->set_seconds(micros / 1'000'000);
      out->mutable_record_time()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
      out->set_actor(record.record.actor);
      out->set_action(record.record.action);
      out->set_resource(record.record.resource);
      out->set_environment(record.record.environment);
      for (const auto& [key, value] : record.record.details) (*out->mutable_details())[key] = value;
      out->set_previous_hash(record.record.previous_hash);
      out->set_hash(record.hash);
      out->set_canonical(record.canonical);
      if (record.record.seq % 10 != 0) continue;
      trail_controller_.items.emplace_back().mutable_checkpoint()->set_text(
          Signed(record.record.seq));
      if (record.record.seq == 10) AddReceipt(ReceiptFor(10));
    }
  }
  void AddReceipt(const audit::SignedReceipt& receipt) {
    api::v1::AuditReceipt* out = trail_controller_.items.emplace_back().mutable_receipt();
    out->set_text(receipt.text);
    out->set_signature(receipt.signature);
    out->set_certificate_pem(receipt.certificate_pem);
  }
  std::string RootOf(uint64_t size, const std::vector<audit::ExportedRecord>& trail) const {
    audit::CompactRange range;
    for (uint64_t i = 0; i < size; ++i) range.Append(audit::LeafHash(trail[i].canonical));
    return range.Root();
  }
  std::string Signed(uint64_t size, const std::vector<audit::ExportedRecord>& trail) const {
    audit::Checkpoint checkpoint;
    checkpoint.size = size;
    checkpoint.root = RootOf(size, trail);
    checkpoint.log_id = "A";
    checkpoint.time = audit::Noon(5) + absl::Seconds(size);
    checkpoint.head = trail[size - 1].hash;
    return audit::SignCheckpoint(checkpoint, keys_.key).value();
  }
  std::string Signed(uint64_t size) const { return Signed(size, trail_); }
  audit::SignedReceipt ReceiptFor(uint64_t size) const {
    return agent_.Sign({"web-1", "A", size, RootOf(size, trail_), audit::Noon(6)});
  }
  // For records that are not the trail's.
  audit::SignedReceipt ForeignReceipt(uint64_t size) const {
    return agent_.Sign({"web-1", "A", size, std::string(32, 'f'), audit::Noon(6)});
  }

  std::string Export() {
    const std::string file = folder_ + "/trail.jsonl";
    EXPECT_EQ(RunCli({"audit", "export", "--out", file}), 0) << err_;
    return file;
  }
  std::string KeysFile() { return Write("keys", keys_.trusted.Text()); }
  std::string CaFile() { return Write("ca.pem", agent_.ca.certificate_pem); }
  // Verifying asks nobody.
  int Verify(std::vector<std::string> arguments) {
    env_["DBFLEET_CONFIG"] = folder_ + "/none.json";
    arguments.insert(arguments.begin(), {"audit", "verify"});
    return RunCli(arguments);
  }
  std::vector<std::string> OutLines() { return absl::StrSplit(out_, '\n', absl::SkipEmpty()); }

  const audit::KeyAndTrust keys_;
  const audit::TestAgent agent_{"web-1"};
  const std::vector<audit::ExportedRecord> trail_ = audit::MakeTrail(kRecords);
  TrailController trail_controller_;
};

TEST_F(AuditCliTest, KeysAndCheckpointArePrintedByteForByte) {
  ASSERT_EQ(RunCli({"audit", "keys"}), 0) << err_;
  EXPECT_EQ(out_, keys_.trusted.Text());
  ASSERT_EQ(RunCli({"audit", "keys", "--agent-ca"}), 0) << err_;
  EXPECT_EQ(out_, agent_.ca.certificate_pem);
  trail_controller_.checkpoint = Signed(20);
  ASSERT_EQ(RunCli({"audit", "checkpoint"}), 0) << err_;
  EXPECT_EQ(out_, Signed(20));
}

TEST_F(AuditCliTest, BeforeTheFirstCheckpointTheCommandFails) {
  EXPECT_NE(RunCli({"audit", "checkpoint"}), 0);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("none was signed"));
}

TEST_F(AuditCliTest, WhatTheCommandsPrintVerifiesTheExport) {
  const std::string file = Export();
  ASSERT_EQ(RunCli({"audit", "keys"}), 0);
  const std::string keys = Write("k", out_);
  ASSERT_EQ(RunCli({"audit", "keys", "--agent-ca"}), 0);
  const std::string ca = Write("c", out_);
  trail_controller_.checkpoint = Signed(20);
  ASSERT_EQ(RunCli({"audit", "checkpoint"}), 0);
  const std::string checkpoint = Write("p", out_);
  EXPECT_EQ(Verify({file, "--trusted-keys", keys, "--agent-ca", ca, "--checkpoint", checkpoint}), 0)
      << out_ << err_;
  EXPECT_THAT(out_, HasSubstr("OK: 20 records, 1 to 20"));
  EXPECT_THAT(out_, HasSubstr("Signed: 3 checkpoints, 1 receipts, log A"));
  EXPECT_THAT(err_, Not(HasSubstr("not checked")));
}

TEST_F(AuditCliTest, WithoutKeysNothingIsClaimedToBeSigned) {
  const std::string file = Export();
  EXPECT_EQ(Verify({file}), 0) << out_ << err_;
  EXPECT_THAT(out_, Not(HasSubstr("Signed:")));
  EXPECT_THAT(err_, HasSubstr("3 checkpoints and receipts agree, but their signatures were not"));
  EXPECT_EQ(Verify({file, "--trusted-keys", KeysFile()}), 0);
  EXPECT_THAT(out_, HasSubstr("Signed: 2 checkpoints, 0 receipts"));
  EXPECT_THAT(err_, HasSubstr("1 receipt agrees, but whose signature that is was not checked; for "
                              "that give --agent-ca FILE as well, with what `dbfleet audit keys "
                              "--agent-ca` prints"));
  EXPECT_EQ(Verify({file, "--agent-ca", CaFile()}), 0);
  EXPECT_THAT(err_, HasSubstr("2 checkpoints agree"));
  EXPECT_THAT(err_, HasSubstr("give --trusted-keys FILE as well, with what `dbfleet audit keys` "));
}

TEST_F(AuditCliTest, AMachineReadsTheSameInJson) {
  const std::string file = Export();
  ASSERT_EQ(Verify({file, "--trusted-keys", KeysFile(), "--agent-ca", CaFile(), "-o", "json"}), 0);
  EXPECT_THAT(out_, HasSubstr("\"ok\": true"));
  EXPECT_THAT(out_, HasSubstr("\"checkpoints\": 2"));
  EXPECT_THAT(out_, HasSubstr("\"receipts\": 1"));
  EXPECT_THAT(out_, HasSubstr("\"coveredSeq\": 20"));
  EXPECT_THAT(out_, HasSubstr("\"unsignedEvidence\": 0"));
  EXPECT_THAT(out_, HasSubstr(absl::StrCat("\"root\": \"",
                                           absl::BytesToHexString(RootOf(20, trail_)), "\"")));
}

TEST_F(AuditCliTest, ATrailThatWasHashedAnewIsFoundByACheckpointThatWasKept) {
  std::vector<audit::ExportedRecord> forged = trail_;
  forged[11].record.actor = "users/somebody";
  for (size_t i = 11; i < forged.size(); ++i) {
    forged[i].record.previous_hash = forged[i - 1].hash;
    forged[i] = audit::Seal(forged[i].record);
  }
  const std::string file = Write("forged", audit::Join(audit::Lines(forged)));
  EXPECT_EQ(Verify({file}), 0) << "by itself it agrees";
  EXPECT_EQ(Verify({file, "--trusted-keys", KeysFile(), "--agent-ca", CaFile()}), 1);
  EXPECT_THAT(out_, HasSubstr("is signed by the trusted keys"));
  EXPECT_EQ(Verify({file, "--trusted-keys", KeysFile(), "-o", "json"}), 1);
  EXPECT_THAT(out_, HasSubstr("\"ok\": false"));
  const std::string early = Write("early", Signed(10));
  const std::string late = Write("late", Signed(20));
  EXPECT_EQ(Verify({file, "--trusted-keys", KeysFile(), "--checkpoint", early}), 0) << out_;
  EXPECT_THAT(err_, HasSubstr("The last 10 records are not covered by a checkpoint"));
  EXPECT_EQ(
      Verify({file, "--trusted-keys", KeysFile(), "--checkpoint", early, "--checkpoint", late}), 1);
  EXPECT_THAT(out_, StartsWith("BAD: records 11 to 20"));
  EXPECT_EQ(Verify({file, "--trusted-keys", KeysFile(), "--checkpoint", early, "--checkpoint", late,
                    "-o", "json"}),
            1);
  EXPECT_THAT(out_, HasSubstr("\"badFrom\": 11"));
  EXPECT_THAT(out_, HasSubstr("\"badTo\": 20"));
}

TEST_F(AuditCliTest, ATailThatWasCutIsFoundByAReceiptThatWasKept) {
  const std::string file =
      Write("cut", audit::Join(audit::Lines({trail_.begin(), trail_.begin() + 15})));
  const std::string receipts =
      Write("receipts", absl::StrCat(audit::WriteReceiptLine(ReceiptFor(10)), "\n",
                                     audit::WriteReceiptLine(ReceiptFor(18)), "\n"));
  EXPECT_EQ(Verify({file, "--agent-ca", CaFile()}), 0);
  EXPECT_EQ(Verify({file, "--agent-ca", CaFile(), "--receipt", receipts}), 1) << out_ << err_;
  EXPECT_THAT(out_, StartsWith("BAD:"));
  const std::string early = Write("early", audit::WriteReceiptLine(ReceiptFor(10)));
  EXPECT_EQ(Verify({file, "--agent-ca", CaFile(), "--receipt", early}), 0) << out_;
  EXPECT_THAT(out_, HasSubstr("1 receipts"));
}

TEST_F(AuditCliTest, AReceiptInsideTheExportThatDisagreesIsFound) {
  AddReceipt(ForeignReceipt(20));
  const std::string file = Export();
  EXPECT_EQ(Verify({file, "--trusted-keys", KeysFile(), "--agent-ca", CaFile()}), 1) << err_;
  EXPECT_THAT(out_, MatchesRegex("BAD: records [0-9]+ to 20: .*receipt[^\n]*\n"));
  // Also where nobody's signatures are trusted: it contradicts the export.
  EXPECT_EQ(Verify({file}), 1);
}

TEST_F(AuditCliTest, AReceiptInsideTheExportWithABrokenSignatureIsFound) {
  audit::SignedReceipt receipt = ReceiptFor(20);
  receipt.signature.back() ^= 1;
  AddReceipt(receipt);
  const std::string file = Export();
  EXPECT_EQ(Verify({file, "--agent-ca", CaFile()}), 1);
  EXPECT_THAT(out_, HasSubstr("receipt"));
}

TEST_F(AuditCliTest, AReceiptInsideTheExportByAnotherAuthorityIsFound) {
  const audit::TestAgent stranger("web-1");
  AddReceipt(stranger.Sign({"web-1", "A", 20, RootOf(20, trail_), audit::Noon(6)}));
  EXPECT_EQ(Verify({Export(), "--agent-ca", CaFile()}), 1);
  EXPECT_THAT(out_, HasSubstr("was not issued by the trusted authority"));
}

TEST_F(AuditCliTest, ACheckpointOfAnUnknownKeyIsFound) {
  const audit::KeyAndTrust other;
  const std::string file = Export();
  EXPECT_EQ(Verify({file, "--trusted-keys", Write("other", other.trusted.Text())}), 1);
  EXPECT_THAT(out_, StartsWith("BAD:"));
}

TEST_F(AuditCliTest, AnEmptyNameOfTheKeysDoesNotTurnTheCheckOff) {
  const std::string file = Export();
  for (const char* option : {"--trusted-keys", "--agent-ca"}) {
    EXPECT_EQ(Verify({file, option, ""}), 2) << option;
    EXPECT_THAT(err_, HasSubstr(option)) << err_;
  }
}

TEST_F(AuditCliTest, FilesThatCannotBeReadAreNamed) {
  const std::string file = Export();
  for (const char* option : {"--trusted-keys", "--agent-ca", "--checkpoint", "--receipt"}) {
    EXPECT_NE(Verify({file, option, folder_ + "/missing"}), 0) << option;
    EXPECT_THAT(err_, HasSubstr("missing")) << option;
    EXPECT_EQ(out_, "") << option;
  }
  for (const char* option : {"--trusted-keys", "--receipt"}) {
    EXPECT_EQ(Verify({file, option, Write("odd-file", "nonsense\n")}), 2) << option;
    EXPECT_THAT(err_, HasSubstr("odd-file")) << option;
  }
}

TEST_F(AuditCliTest, AFileOfAnotherKindIsWrongInputAndNoBadTrail) {
  const std::string file = Export();
  const std::string checkpoint = Write("c", Signed(20));
  const std::string receipts = Write("r", audit::WriteReceiptLine(ReceiptFor(10)));
  const struct {
    const char* option;
    std::string given;
    const char* kind;
  } kCases[] = {{"--trusted-keys", checkpoint, "a checkpoint"},
                {"--trusted-keys", CaFile(), "a certificate"},
                {"--agent-ca", KeysFile(), "trusted keys"},
                {"--checkpoint", KeysFile(), "trusted keys"},
                {"--checkpoint", receipts, "receipts"},
                {"--checkpoint", file, "an export"},
                {"--receipt", checkpoint, "a checkpoint"},
                {"--receipt", file, "an export"},
                {"--receipt", Write("empty", ""), "no receipt"},
                {"--checkpoint", folder_, "nor a file"}};
  for (const auto& c : kCases) {
    EXPECT_EQ(Verify({file, c.option, c.given}), 2) << c.option << " " << c.given;
    EXPECT_THAT(err_, HasSubstr(c.kind)) << c.option << " " << c.given;
    EXPECT_THAT(err_, HasSubstr(c.given)) << c.option;
    EXPECT_EQ(out_, "") << c.option << " " << c.given;
  }
  EXPECT_EQ(Verify({folder_}), 2);
  EXPECT_THAT(err_, HasSubstr("is a folder"));
  // It is what it should be, but nobody's whose word counts: that is no record's fault either.
  const audit::KeyAndTrust other;
  EXPECT_EQ(Verify({file, "--checkpoint", checkpoint, "--trusted-keys",
                    Write("others", other.trusted.Text())}),
            1);
  EXPECT_THAT(out_, StartsWith("BAD: checkpoint 1 of those given apart"));
}

TEST_F(AuditCliTest, OneRecordWithoutACheckpointIsOne) {
  const std::string file = Export();
  const std::string late = Write("late", Signed(19));
  const std::string bare = Write("bare", audit::Join(audit::Lines(trail_)));
  EXPECT_EQ(Verify({bare, "--trusted-keys", KeysFile(), "--checkpoint", late}), 0) << out_;
  EXPECT_THAT(err_, HasSubstr("The last record is not covered by a checkpoint"));
}

TEST_F(AuditCliTest, KeysAndCheckpointComeInTheFormThatIsAskedFor) {
  trail_controller_.checkpoint = Signed(20);
  ASSERT_EQ(RunCli({"audit", "checkpoint", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("{"));
  EXPECT_THAT(out_, HasSubstr("\"text\": "));
  ASSERT_EQ(RunCli({"audit", "keys", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"trustedKeys\": "));
  EXPECT_THAT(out_, HasSubstr("\"agentCaPem\": "));
  ASSERT_EQ(RunCli({"audit", "keys", "-o", "yaml"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("trustedKeys:"));
}

TEST_F(AuditCliTest, NumbersAndWordsThatAreNoneAreWrongUsageAndTheGoodOnesAreNamed) {
  const struct {
    std::vector<std::string> arguments;
    std::vector<std::string> said;
  } kCases[] = {{{"audit", "export", "--from", "-1"}, {"--from", "whole number from 1"}},
                {{"audit", "export", "--from", "0"}, {"--from", "whole number from 1"}},
                {{"audit", "list", "--limit", "-1"}, {"--limit", "whole number from 0"}},
                {{"job", "list", "--limit", "x"}, {"--limit", "whole number from 0"}},
                {{"audit", "export", "--format", "2"}, {"--format", "jsonl", "syslog", "cef"}},
                {{"audit", "list", "-o", "xml"}, {"table", "jsonl", "yaml"}}};
  for (const auto& c : kCases) {
    EXPECT_EQ(RunCli(c.arguments), 2) << err_;
    for (const std::string& word : c.said) EXPECT_THAT(err_, HasSubstr(word));
    EXPECT_THAT(out_, IsEmpty());
  }
}

TEST_F(AuditCliTest, JsonLinesHoldTheProofsAtTheirPlaces) {
  ASSERT_EQ(RunCli({"audit", "export", "--format", "jsonl"}), 0) << err_;
  const std::vector<std::string> lines = OutLines();
  ASSERT_EQ(lines.size(), kRecords + 3);
  EXPECT_EQ(lines[0], audit::WriteJsonLine(trail_[0]));
  EXPECT_EQ(audit::KindOfLine(lines[10]), audit::LineKind::kCheckpoint);
  EXPECT_EQ(audit::ReadReceiptLine(lines[11])->text, ReceiptFor(10).text);
  EXPECT_EQ(audit::KindOfLine(lines.back()), audit::LineKind::kCheckpoint);
  const std::string explicit_form = out_;
  ASSERT_EQ(RunCli({"audit", "export"}), 0);
  EXPECT_EQ(out_, explicit_form) << "it is the default";
}

TEST_F(AuditCliTest, SyslogAndCefHoldOneLineARecordAndNoProofs) {
  ASSERT_EQ(RunCli({"audit", "export", "--format", "syslog"}), 0) << err_;
  std::vector<std::string> lines = OutLines();
  ASSERT_EQ(lines.size(), kRecords);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_THAT(lines[i], StartsWith("<1")) << lines[i];
    EXPECT_THAT(lines[i], HasSubstr(absl::StrCat("seq=\"", i + 1, "\"")));
    EXPECT_THAT(lines[i], HasSubstr(absl::BytesToHexString(trail_[i].hash)));
  }
  ASSERT_EQ(RunCli({"audit", "export", "--format", "cef"}), 0) << err_;
  lines = OutLines();
  ASSERT_EQ(lines.size(), kRecords);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_THAT(lines[i], StartsWith("CEF:0|dbfleet|dbfleet|")) << lines[i];
    EXPECT_THAT(lines[i], HasSubstr(absl::StrCat("externalId=", i + 1, " ")));
    EXPECT_THAT(lines[i], HasSubstr(absl::BytesToHexString(trail_[i].hash)));
  }
}

TEST_F(AuditCliTest, AViewOfTheTrailIsNoProofOfIt) {
  for (const char* format : {"syslog", "cef"}) {
    ASSERT_EQ(RunCli({"audit", "export", "--format", format, "--out", folder_ + "/view"}), 0);
    EXPECT_EQ(Verify({folder_ + "/view"}), 1) << format;
    env_["DBFLEET_CONFIG"] = folder_ + "/config.json";
  }
}

TEST_F(AuditCliTest, AFormatThatIsNoneIsWrongUsage) {
  EXPECT_EQ(RunCli({"audit", "export", "--format", "xml"}), 2);
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(AuditCliTest, AnExportFromALaterRecordAsksForItAndCountsRecordsOnly) {
  ASSERT_EQ(RunCli({"audit", "export", "--from", "7", "--out", folder_ + "/part"}), 0);
  EXPECT_EQ(trail_controller_.from_seq, 7u);
  EXPECT_THAT(err_, HasSubstr("20 records are in"));
}

TEST_F(AuditCliTest, AnExportWithProofsThatBreaksOffLeavesNoFile) {
  trail_controller_.breaks_off = true;
  EXPECT_EQ(RunCli({"audit", "export", "--out", folder_ + "/broken"}), 7);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/broken"));
}

}  // namespace
}  // namespace dbfleet::cli
