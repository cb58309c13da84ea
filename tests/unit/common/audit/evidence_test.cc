#include <random>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/audit/export_evidence.h"
#include "common/audit/merkle.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/unit/common/audit/keys_fixture.h"
#include "tests/unit/common/audit/trail.h"

namespace dbfleet::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Trail = std::vector<ExportedRecord>;

constexpr uint64_t kRecords = 40;
constexpr uint64_t kEvery = 10;  // A checkpoint follows each 10th record.

std::string RootOf(const Trail& trail, uint64_t size) {
  CompactRange range;
  for (uint64_t i = 0; i < size; ++i) range.Append(LeafHash(trail[i].canonical));
  return range.Root();
}

Checkpoint CheckpointOf(const Trail& trail, uint64_t size, const std::string& log = "A") {
  Checkpoint checkpoint;
  checkpoint.size = size;
  checkpoint.root = RootOf(trail, size);
  checkpoint.log_id = log;
  checkpoint.time = Noon(5) + absl::Seconds(size);
  checkpoint.head = size == 0 ? GenesisHash() : trail[size - 1].hash;
  return checkpoint;
}

// Hashes the records anew from `from` (an index) on, as a forger who owns the store would.
void Rehash(Trail* trail, size_t from) {
  for (size_t i = from; i < trail->size(); ++i) {
    Record record = (*trail)[i].record;
    record.seq = i + 1;
    record.previous_hash = i == 0 ? GenesisHash() : (*trail)[i - 1].hash;
    (*trail)[i] = Seal(record);
  }
}

class EvidenceTest : public ::testing::Test {
 protected:
  EvidenceTest() {
    options_.keys = keys_.trusted;
    options_.receipt_trust.ca_pem = agent_.ca.certificate_pem;
  }

  size_t Pick(size_t n) { return random_() % n; }
  std::string Text(const Checkpoint& checkpoint) {
    return SignCheckpoint(checkpoint, keys_.key).value();
  }
  SignedReceipt ReceiptFor(const Trail& trail, uint64_t size, const std::string& log = "A") {
    return agent_.Sign({"web-1", log, size, RootOf(trail, size), Noon(6)});
  }
  // The trail with the checkpoints that were made of `signed_of`.
  std::vector<std::string> WithCheckpoints(const Trail& trail, const Trail& signed_of) {
    std::vector<std::string> lines;
    for (size_t i = 0; i < trail.size(); ++i) {
      lines.push_back(WriteJsonLine(trail[i]));
      if ((i + 1) % kEvery == 0 && i < signed_of.size()) {
        // Signing is slow: the honest trail's checkpoints are made once.
        std::string fresh;
        std::string& text = &signed_of == &trail_ ? honest_[i + 1] : fresh;
        if (text.empty()) text = Text(CheckpointOf(signed_of, i + 1));
        lines.push_back(WriteCheckpointLine(text));
      }
    }
    return lines;
  }

  const KeyAndTrust keys_;
  const TestAgent agent_{"web-1"};
  const Trail trail_ = MakeTrail(kRecords);
  std::map<uint64_t, std::string> honest_;
  std::mt19937 random_{20260102};
  VerifyOptions options_;
};

TEST_F(EvidenceTest, AnUntouchedExportWithCheckpointsAndReceiptsHolds) {
  auto lines = WithCheckpoints(trail_, trail_);
  lines.insert(lines.begin(), WriteCheckpointLine(Text(CheckpointOf(trail_, 0))));
  lines.push_back(WriteReceiptLine(ReceiptFor(trail_, kRecords)));
  options_.checkpoints = {Text(CheckpointOf(trail_, 0)), Text(CheckpointOf(trail_, 33))};
  options_.receipts = {ReceiptFor(trail_, 17)};
  options_.log_id = "A";
  const VerifyReport report = VerifyText(Join(lines), options_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.records, kRecords);
  EXPECT_EQ(report.checkpoints, 7u);
  EXPECT_EQ(report.receipts, 2u);
  EXPECT_EQ(report.unsigned_evidence, 0u);
  EXPECT_EQ(report.covered_seq, kRecords);
  EXPECT_EQ(report.log_id, "A");
  EXPECT_EQ(report.root, HexEncode(RootOf(trail_, kRecords)));
  EXPECT_THAT(report.notes, ElementsAre());
}

TEST_F(EvidenceTest, TheTailAfterTheLastCheckpointIsSaidToBeUncovered) {
  options_.checkpoints = {Text(CheckpointOf(trail_, 25))};
  const VerifyReport report = VerifyText(Join(Lines(trail_)), options_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.covered_seq, 25u);
}

TEST_F(EvidenceTest, WithKeysATrailOfWhichNothingIsSignedIsBad) {
  const std::string unsigned_text = Join(Lines(trail_));
  const VerifyReport report = VerifyText(unsigned_text, options_);
  EXPECT_THAT(report.problem, HasSubstr("is signed by the trusted keys"));
  EXPECT_EQ(report.bad_from, 1u);
  EXPECT_EQ(report.bad_to, kRecords);
  VerifyOptions compared = options_;
  compared.demand_signature = false;
  EXPECT_TRUE(VerifyText(unsigned_text, compared).ok());
  EXPECT_TRUE(VerifyText(unsigned_text).ok());
  options_.checkpoints = {Text(CheckpointOf(trail_, 3))};
  EXPECT_TRUE(VerifyText(unsigned_text, options_).ok());
}

TEST_F(EvidenceTest, WhatIsGivenApartAndIsNoEvidenceIsNotBlamedOnTheTrail) {
  const std::string text = Join(WithCheckpoints(trail_, trail_));
  const auto refused = [&](const VerifyOptions& options) {
    std::istringstream in(text);
    return ReasonOf(VerifyExport(in, options).status());
  };
  VerifyOptions checkpoint = options_;
  checkpoint.checkpoints = {keys_.trusted.Text()};
  EXPECT_EQ(refused(checkpoint), "BAD_EVIDENCE");
  VerifyOptions receipt = options_;
  receipt.receipts = {ReceiptFor(trail_, 17)};
  receipt.receipts[0].text = "nonsense";
  EXPECT_EQ(refused(receipt), "BAD_EVIDENCE");
  VerifyOptions authority = options_;
  authority.receipt_trust.ca_pem = "nonsense";
  EXPECT_EQ(refused(authority), "BAD_EVIDENCE");
  authority.receipt_trust.ca_pem = ReceiptFor(trail_, 17).certificate_pem;
  EXPECT_EQ(refused(authority), "BAD_EVIDENCE") << "an agent's, who issues none";
}

TEST_F(EvidenceTest, WithoutKeysEvidenceIsComparedButCoversNothing) {
  const VerifyReport report = VerifyText(Join(WithCheckpoints(trail_, trail_)));
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.checkpoints, 0u);
  EXPECT_EQ(report.unsigned_evidence, 4u);
  EXPECT_EQ(report.covered_seq, 0u);
}

// --- Hundreds of random alterations
// ---------------------------------------------------------------

TEST_F(EvidenceTest, AFlippedBitAnywhereIsFoundInItsLine) {
  auto lines = WithCheckpoints(trail_, trail_);
  lines.push_back(WriteReceiptLine(ReceiptFor(trail_, kRecords)));
  const std::string text = Join(lines);
  for (int round = 0; round < 800; ++round) {
    const size_t position = Pick(text.size());
    std::string altered = text;
    altered[position] = static_cast<char>(altered[position] ^ (1 << Pick(8)));
    const uint64_t line = 1 + std::count(text.begin(), text.begin() + position, '\n');
    const VerifyReport report = VerifyText(altered, options_);
    EXPECT_FALSE(report.ok()) << position;
    EXPECT_EQ(report.bad_line, line) << report.problem;
  }
}

TEST_F(EvidenceTest, DeletedDuplicatedSwappedAndInsertedRecordsAreNamed) {
  const std::vector<std::string> lines = Lines(trail_);
  options_.checkpoints = {Text(CheckpointOf(trail_, kRecords))};
  for (int round = 0; round < 600; ++round) {
    auto altered = lines;
    const size_t i = 1 + Pick(kRecords - 2);
    uint64_t bad_line = i + 1;
    switch (round % 4) {
      case 0:
        altered.erase(altered.begin() + i);
        break;
      case 1: {
        const size_t to = i + 1 + Pick(kRecords - i);
        altered.insert(altered.begin() + to, lines[i]);
        bad_line = to + 1;
        break;
      }
      case 2:
        std::swap(altered[i], altered[i + 1 + Pick(kRecords - i - 1)]);
        break;
      case 3: {
        Record forged = trail_[i].record;
        forged.actor = absl::StrCat("users/mallory", round);
        altered.insert(altered.begin() + i, WriteJsonLine(Seal(forged)));
        bad_line = i + 2;
        break;
      }
    }
    const VerifyReport report = VerifyText(Join(altered), options_);
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(report.bad_line, bad_line) << round % 4 << ": " << report.problem;
    if (round % 4 != 1) {
      EXPECT_EQ(report.bad_seq, i + 1) << report.problem;
    }
  }
}

TEST_F(EvidenceTest, ACutTailIsFoundThroughACheckpointOrAReceipt) {
  const std::vector<std::string> lines = Lines(trail_);
  for (int round = 0; round < 300; ++round) {
    const uint64_t kept = 1 + Pick(kRecords - 1);
    const uint64_t known = kept + 1 + Pick(kRecords - kept);
    VerifyOptions options = options_;
    if (round % 2 == 0) {
      options.checkpoints = {Text(CheckpointOf(trail_, known))};
    } else {
      options.receipts = {ReceiptFor(trail_, known)};
    }
    const VerifyReport report = VerifyText(Join({lines.begin(), lines.begin() + kept}), options);
    EXPECT_EQ(report.bad_seq, kept + 1);
    EXPECT_EQ(report.bad_from, kept + 1);
    EXPECT_EQ(report.bad_to, known);
    EXPECT_THAT(report.problem, HasSubstr("missing"));
  }
}

TEST_F(EvidenceTest, ATrailHashedAnewIsNamedByTheFirstIntervalThatDisagrees) {
  VerifyOptions with_receipts = options_;
  for (uint64_t size = kEvery; size <= kRecords; size += kEvery) {
    with_receipts.receipts.push_back(ReceiptFor(trail_, size));
  }
  for (int round = 0; round < 300; ++round) {
    const size_t at = Pick(kRecords);
    Trail forged = trail_;
    switch (round % 4) {
      case 0:
        forged[at].record.actor = "users/mallory";
        break;
      case 1:
        forged.erase(forged.begin() + at);
        forged.push_back(trail_[0]);
        break;
      case 2:
        forged.insert(forged.begin() + at, forged[Pick(kRecords)]);
        forged[at].record.resource = "jobs/forged";
        break;
      case 3:
        forged[at].record.details["forged"] = "yes";
        break;
    }
    Rehash(&forged, at);
    ASSERT_TRUE(VerifyText(Join(Lines(forged))).ok()) << "the chain itself must hold";
    const uint64_t from = at / kEvery * kEvery + 1;
    const uint64_t to = from + kEvery - 1;
    VerifyReport report;
    if (round % 2 == 0) {
      report = VerifyText(Join(WithCheckpoints(forged, trail_)), options_);
    } else {
      report = VerifyText(Join(Lines(forged)), with_receipts);
    }
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(report.bad_from, from) << report.problem;
    EXPECT_EQ(report.bad_to, to) << report.problem;
    EXPECT_EQ(report.bad_seq, from);
  }
}

TEST_F(EvidenceTest, TwoSplicedLogsAreFound) {
  const Trail other = MakeTrail(kRecords, 1, /*seed=*/2);
  for (int round = 0; round < 300; ++round) {
    const size_t cut = 1 + Pick(kRecords - 1);
    Trail spliced(trail_.begin(), trail_.begin() + cut);
    spliced.insert(spliced.end(), other.begin() + cut, other.end());
    const VerifyReport plain = VerifyText(Join(Lines(spliced)), options_);
    EXPECT_EQ(plain.bad_seq, cut + 1);
    // Chained anew, the splice shows at the first checkpoint after it, of either log.
    Rehash(&spliced, cut);
    const VerifyReport chained = VerifyText(Join(WithCheckpoints(spliced, trail_)), options_);
    EXPECT_EQ(chained.bad_from, cut / kEvery * kEvery + 1) << chained.problem;
    const VerifyReport foreign = VerifyText(Join(WithCheckpoints(spliced, other)), options_);
    EXPECT_EQ(foreign.bad_from, 1u) << foreign.problem;
  }
}

TEST_F(EvidenceTest, CheckpointsOfAnotherLogDoNotCountForThisOne) {
  auto lines = WithCheckpoints(trail_, trail_);
  for (int round = 0; round < 100; ++round) {
    auto altered = lines;
    const size_t at = 11 * (1 + Pick(3)) + 10;  // The 2nd to 4th checkpoint.
    altered[at] = WriteCheckpointLine(Text(CheckpointOf(trail_, (at + 1) / 11 * 10, "B")));
    const VerifyReport report = VerifyText(Join(altered), options_);
    EXPECT_EQ(report.bad_line, at + 1) << report.problem;
    EXPECT_THAT(report.problem, HasSubstr("no signed adoption joins them"));
  }
  options_.log_id = "B";
  EXPECT_FALSE(VerifyText(Join(lines), options_).ok());
}

TEST_F(EvidenceTest, AForkUnderAForeignOrExpiredKeyIsRefused) {
  const KeyAndTrust foreign;
  for (int round = 0; round < 300; ++round) {
    const size_t at = Pick(kRecords);
    Trail forged = trail_;
    forged[at].record.actor = "users/mallory";
    Rehash(&forged, at);
    const uint64_t size = at + 1 + Pick(kRecords - at);
    Checkpoint checkpoint = CheckpointOf(forged, size);
    if (round % 3 == 2) checkpoint.time = Noon(31) + absl::Hours(Pick(1000));
    // The foreign key's name is the same.
    const std::string text =
        SignCheckpoint(checkpoint, round % 3 == 2 ? keys_.key : foreign.key).value();
    auto lines = Lines(forged);
    VerifyOptions options = options_;
    if (round % 2 == 0) {
      lines.insert(lines.begin() + size, WriteCheckpointLine(text));
    } else {
      options.checkpoints = {text};
    }
    const VerifyReport report = VerifyText(Join(lines), options);
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(report.bad_line, round % 2 == 0 ? size + 1 : 0) << report.problem;
    EXPECT_THAT(report.problem,
                HasSubstr(round % 3 == 2 ? "was not valid" : "not among the trusted keys"));
  }
}

TEST_F(EvidenceTest, TwoSignedHistoriesOfOneLengthContradictEachOther) {
  Trail forged = trail_;
  forged[19].record.actor = "users/mallory";
  Rehash(&forged, 19);
  options_.checkpoints = {Text(CheckpointOf(forged, 25)), Text(CheckpointOf(trail_, 25))};
  EXPECT_EQ(VerifyText(Join(Lines(trail_)), options_).bad_to, 25u);
  EXPECT_EQ(VerifyText(Join(Lines(forged)), options_).bad_to, 25u);
}

TEST_F(EvidenceTest, EvidenceInTheWrongPlaceOrTwiceIsRefused) {
  const std::string line = WriteCheckpointLine(Text(CheckpointOf(trail_, 20)));
  const std::string receipt = WriteReceiptLine(ReceiptFor(trail_, 20));
  for (size_t at = 0; at <= kRecords; ++at) {
    if (at == 20) continue;
    for (const std::string& evidence : {line, receipt}) {
      auto lines = Lines(trail_);
      lines.insert(lines.begin() + at, evidence);
      EXPECT_FALSE(VerifyText(Join(lines), options_).ok()) << at;
    }
  }
  auto lines = Lines(trail_);
  lines.insert(lines.begin() + 20, 2, line);
  EXPECT_THAT(VerifyText(Join(lines), options_).problem, HasSubstr("comes again"));
}

TEST_F(EvidenceTest, APartialExportIsCheckedByItsChainAndTheReportSaysSo) {
  const auto lines = Lines(trail_);
  options_.checkpoints = {Text(CheckpointOf(trail_, 10)), Text(CheckpointOf(trail_, 19)),
                          Text(CheckpointOf(trail_, 30))};
  options_.receipts = {ReceiptFor(trail_, 35)};
  VerifyReport report = VerifyText(Join({lines.begin() + 19, lines.end()}), options_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.root, "");
  EXPECT_EQ(report.checkpoints, 2u);
  EXPECT_EQ(report.covered_seq, 30u);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("by its chain only"), HasSubstr("older than"),
                                        HasSubstr("needs the whole export")));
  Trail forged = trail_;
  forged[25].record.actor = "users/mallory";
  Rehash(&forged, 25);
  const auto forged_lines = Lines(forged);
  report = VerifyText(Join({forged_lines.begin() + 19, forged_lines.end()}), options_);
  EXPECT_EQ(report.bad_from, 20u) << report.problem;
  EXPECT_EQ(report.bad_to, 30u);
  Trail earlier = trail_;
  earlier[5].record.actor = "users/mallory";
  Rehash(&earlier, 5);
  const auto earlier_lines = Lines(earlier);
  EXPECT_FALSE(VerifyText(Join({earlier_lines.begin() + 19, earlier_lines.end()}), options_).ok());
}

TEST_F(EvidenceTest, APartialExportMayBeginWithTheCheckpointBeforeIt) {
  auto lines = Lines(trail_);
  lines.erase(lines.begin(), lines.begin() + 20);
  lines.insert(lines.begin(), WriteCheckpointLine(Text(CheckpointOf(trail_, 20))));
  const VerifyReport report = VerifyText(Join(lines), options_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.first_seq, 21u);
  EXPECT_EQ(report.checkpoints, 1u);
  lines.erase(lines.begin() + 1);
  EXPECT_EQ(VerifyText(Join(lines), options_).bad_seq, 21u);
}

// --- Adopted restores
// -----------------------------------------------------------------------------

class AdoptionTest : public EvidenceTest {
 protected:
  AdoptionTest() {
    for (size_t i = 25; i < kRecords; ++i) after_[i].record.actor = "users/after";
    Rehash(&after_, 25);
  }
  std::string Successor(uint64_t size, const std::string& root) {
    Checkpoint checkpoint = CheckpointOf(after_, size, "B");
    checkpoint.predecessor = Predecessor{"A", 25, root};
    return Text(checkpoint);
  }

  Trail after_ = trail_;  // Log B: the store was restored to 25 records.
};

TEST_F(AdoptionTest, WhatTheRestoreLostIsANoteAndNoContradiction) {
  const std::string root = RootOf(trail_, 25);
  auto lines = Lines(after_);
  lines.push_back(WriteCheckpointLine(Successor(kRecords, root)));
  lines.insert(lines.begin() + 25, WriteCheckpointLine(Successor(25, root)));
  lines.insert(lines.begin() + 10, WriteCheckpointLine(Text(CheckpointOf(trail_, 10))));
  options_.receipts = {ReceiptFor(trail_, 38), ReceiptFor(after_, 35, "B")};
  const VerifyReport report = VerifyText(Join(lines), options_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("given up by an adopted restore")));
  EXPECT_EQ(report.log_id, "B");
  EXPECT_EQ(report.receipts, 1u);
  options_.keys = TrustedKeys();
  EXPECT_THAT(VerifyText(Join(lines), options_).problem, HasSubstr("give them"))
      << "an unsigned adoption is none";
}

TEST_F(AdoptionTest, OneGivenApartIsEnough) {
  options_.checkpoints = {Successor(kRecords, RootOf(trail_, 25)), Text(CheckpointOf(trail_, 38)),
                          Text(CheckpointOf(trail_, 20))};
  const VerifyReport report = VerifyText(Join(Lines(after_)), options_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.checkpoints, 2u);
}

TEST_F(AdoptionTest, AnAdoptionOfOtherRecordsIsRefused) {
  const std::string root = RootOf(MakeTrail(25, 1, /*seed=*/3), 25);
  options_.checkpoints = {Successor(kRecords, root)};
  const VerifyReport report = VerifyText(Join(Lines(after_)), options_);
  EXPECT_EQ(report.bad_to, 25u) << report.problem;
  EXPECT_THAT(report.problem, HasSubstr("the adoption of 25 records"));
}

TEST_F(AdoptionTest, TheFormerLogDoesNotGoOnAfterItsSuccessor) {
  auto lines = Lines(after_);
  lines.insert(lines.begin() + 30, WriteCheckpointLine(Text(CheckpointOf(after_, 30, "A"))));
  options_.checkpoints = {Successor(kRecords, RootOf(trail_, 25))};
  EXPECT_THAT(VerifyText(Join(lines), options_).problem, HasSubstr("had replaced that one"));
}

TEST_F(AdoptionTest, TwoSuccessorsOfOneLogAreRefused) {
  Checkpoint second = CheckpointOf(after_, 30, "C");
  second.predecessor = Predecessor{"A", 25, RootOf(trail_, 25)};
  options_.checkpoints = {Successor(kRecords, RootOf(trail_, 25)), Text(second)};
  EXPECT_THAT(VerifyText(Join(Lines(after_)), options_).problem, HasSubstr("two logs follow"));
}

TEST_F(AdoptionTest, TwoSuccessorsThatWereReplacedTogetherAreNot) {
  const std::string root = RootOf(trail_, 25);
  Checkpoint c = CheckpointOf(after_, 30, "C");
  c.predecessor = Predecessor{"A", 25, root, {}};
  Checkpoint d = CheckpointOf(after_, kRecords, "D");
  d.predecessor = Predecessor{"B", 28, RootOf(after_, 28), {"C"}};
  options_.checkpoints = {Successor(30, root), Text(c), Text(d), Text(CheckpointOf(trail_, 38))};
  const VerifyReport report = VerifyText(Join(Lines(after_)), options_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.log_id, "D");
  d.predecessor->others = {};
  options_.checkpoints[2] = Text(d);
  EXPECT_THAT(VerifyText(Join(Lines(after_)), options_).problem,
              HasSubstr("none follows them both"));
}

}  // namespace
}  // namespace dbfleet::audit
