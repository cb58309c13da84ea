#include "common/audit/verify.h"

#include <fstream>
#include <random>
#include <streambuf>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/unit/common/audit/trail.h"

namespace dbfleet::audit {
namespace {

using ::testing::HasSubstr;

TEST(Verify, AnUntouchedTrailHolds) {
  const auto trail = MakeTrail(50);
  const VerifyReport report = VerifyText(Join(Lines(trail)));
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.records, 50u);
  EXPECT_EQ(report.first_seq, 1u);
  EXPECT_EQ(report.last_seq, 50u);
  EXPECT_EQ(report.head_hash, HexEncode(trail.back().hash));
}

TEST(Verify, APartThatBeginsLaterHoldsAndSaysWhereItBegins) {
  const VerifyReport report = VerifyText(Join(Lines(MakeTrail(5, 100))));
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.first_seq, 100u);
  EXPECT_EQ(report.last_seq, 104u);
  VerifyOptions whole;
  whole.first_seq = 1;
  EXPECT_THAT(VerifyText(Join(Lines(MakeTrail(5, 100))), whole).problem,
              HasSubstr("record 1 is missing"));
}

TEST(Verify, AnEmptyExportIsNoGoodTrail) {
  EXPECT_FALSE(VerifyText("").ok());
  EXPECT_FALSE(VerifyText("\n").ok());
}

TEST(Verify, TheFirstRecordMustFollowTheGenesisHash) {
  auto trail = MakeTrail(1);
  trail[0].record.previous_hash = std::string(32, 'x');
  const VerifyReport report = VerifyText(Join(Lines({Seal(trail[0].record)})));
  EXPECT_EQ(report.bad_seq, 1u);
  EXPECT_THAT(report.problem, HasSubstr("previous hash"));
}

// --- Hundreds of random alterations, each named by the right line and record
// -----------------------

constexpr int kRecords = 12;

class VerifyProperty : public ::testing::Test {
 protected:
  const std::vector<std::string> lines_ = Lines(MakeTrail(kRecords));
  std::mt19937 random_{20260101};

  size_t Pick(size_t n) { return random_() % n; }
  void ExpectBad(const std::string& text, uint64_t line, uint64_t seq, const std::string& what) {
    const VerifyReport report = VerifyText(text);
    EXPECT_FALSE(report.ok()) << what;
    EXPECT_EQ(report.bad_line, line) << what << ": " << report.problem;
    EXPECT_EQ(report.bad_seq, seq) << what << ": " << report.problem;
    EXPECT_FALSE(report.problem.empty()) << what;
  }
};

TEST_F(VerifyProperty, AFlippedBitAnywhereIsFoundInItsLine) {
  const std::string text = Join(lines_);
  for (int round = 0; round < 2000; ++round) {
    const size_t position = Pick(text.size());
    std::string altered = text;
    altered[position] = static_cast<char>(altered[position] ^ (1 << Pick(8)));
    const uint64_t line = 1 + std::count(text.begin(), text.begin() + position, '\n');
    ExpectBad(altered, line, line, absl::StrCat("bit flipped at byte ", position));
  }
}

TEST_F(VerifyProperty, AnyOtherByteAnywhereIsFound) {
  const std::string text = Join(lines_);
  for (int round = 0; round < 1000; ++round) {
    const size_t position = Pick(text.size());
    std::string altered = text;
    const char other = static_cast<char>(Pick(256));
    if (altered[position] == other) continue;
    altered[position] = other;
    const uint64_t line = 1 + std::count(text.begin(), text.begin() + position, '\n');
    ExpectBad(altered, line, line, absl::StrCat("byte replaced at ", position));
  }
}

TEST_F(VerifyProperty, AnInsertedOrRemovedByteIsFound) {
  const std::string text = Join(lines_);
  for (int round = 0; round < 1000; ++round) {
    const size_t position = Pick(text.size());
    std::string altered = text;
    if (round % 2 == 0) {
      altered.insert(position, 1, static_cast<char>(Pick(256)));
    } else {
      altered.erase(position, 1);
    }
    if (altered == text) continue;
    EXPECT_FALSE(VerifyText(altered).ok()) << "byte inserted or removed at " << position;
  }
}

TEST_F(VerifyProperty, ADeletedRecordIsNamed) {
  for (size_t i = 1; i + 1 < lines_.size(); ++i) {
    auto altered = lines_;
    altered.erase(altered.begin() + i);
    ExpectBad(Join(altered), i + 1, i + 1, "deleted");
  }
}

TEST_F(VerifyProperty, ADuplicatedRecordIsNamed) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    auto altered = lines_;
    altered.insert(altered.begin() + i, lines_[i]);
    ExpectBad(Join(altered), i + 2, i + 1, "duplicated");
  }
}

TEST_F(VerifyProperty, SwappedRecordsAreNamed) {
  for (size_t i = 1; i + 1 < lines_.size(); ++i) {
    auto altered = lines_;
    std::swap(altered[i], altered[i + 1]);
    ExpectBad(Join(altered), i + 1, i + 1, "swapped");
  }
  auto altered = lines_;
  std::swap(altered[0], altered[1]);
  const VerifyReport report = VerifyText(Join(altered));
  EXPECT_EQ(report.bad_seq, 1u);
  EXPECT_THAT(report.problem, HasSubstr("record 1 stands after record 2"));
}

TEST_F(VerifyProperty, AnInsertedForgeryIsFoundAtTheLatestByTheRecordThatItPushesAside) {
  const auto trail = MakeTrail(kRecords);
  for (size_t i = 1; i < lines_.size(); ++i) {
    Record forged = trail[i].record;
    forged.actor = "users/mallory";
    auto altered = lines_;
    altered.insert(altered.begin() + i, WriteJsonLine(Seal(forged)));
    ExpectBad(Join(altered), i + 2, i + 1, "forged and inserted");
  }
}

TEST_F(VerifyProperty, ARewrittenRecordBreaksTheNextOne) {
  const auto trail = MakeTrail(kRecords);
  for (size_t i = 0; i + 1 < lines_.size(); ++i) {
    Record forged = trail[i].record;
    forged.details["reason"] = "never happened";
    auto altered = lines_;
    altered[i] = WriteJsonLine(Seal(forged));
    ExpectBad(Join(altered), i + 2, i + 2, "rewritten with a right hash");
  }
}

TEST_F(VerifyProperty, ADecodedViewThatSaysSomethingElseThanTheHashedBytesIsNamed) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    auto trail = MakeTrail(kRecords);
    switch (i % 5) {
      case 0:
        trail[i].record.actor = "users/mallory";
        break;
      case 1:
        trail[i].record.details["approved"] = "true";
        break;
      case 2:
        trail[i].record.time += absl::Microseconds(1);
        break;
      case 3:
        trail[i].record.environment += "x";
        break;
      case 4:
        trail[i].canonical += "x";
        break;
    }
    ExpectBad(Join(Lines(trail)), i + 1, i + 1, "view altered");
  }
}

TEST_F(VerifyProperty, GarbageAndBrokenJsonAreNamed) {
  const std::string text = Join(lines_);
  for (const std::string garbage : {"x", "{}", "\n", "{\"type\":\"record\"", " ", "null\n"}) {
    ExpectBad(text + garbage, kRecords + 1, kRecords + 1, "trailing garbage " + garbage);
  }
  ExpectBad(text.substr(0, text.size() - 1), kRecords, kRecords, "final newline cut");
  for (int round = 0; round < 200; ++round) {
    const size_t cut = 1 + Pick(text.size() - 1);
    if (text[cut - 1] == '\n') continue;
    const uint64_t line = 1 + std::count(text.begin(), text.begin() + cut, '\n');
    ExpectBad(text.substr(0, cut), line, line, absl::StrCat("cut at ", cut));
  }
}

TEST_F(VerifyProperty, RecordsCutOffAtTheEndAreFoundThroughATrustedRecord) {
  const auto trail = MakeTrail(kRecords);
  VerifyOptions options;
  options.trusted_seq = kRecords;
  options.trusted_hash = HexEncode(trail.back().hash);
  EXPECT_TRUE(VerifyText(Join(lines_), options).ok());
  auto cut = lines_;
  cut.pop_back();
  EXPECT_TRUE(VerifyText(Join(cut)).ok()) << "the chain alone cannot know";
  EXPECT_THAT(VerifyText(Join(cut), options).problem, HasSubstr("ends before the trusted record"));
  const auto other = MakeTrail(kRecords, 1, /*seed=*/2);
  const VerifyReport rewritten = VerifyText(Join(Lines(other)), options);
  EXPECT_EQ(rewritten.bad_seq, static_cast<uint64_t>(kRecords));
  EXPECT_THAT(rewritten.problem, HasSubstr("not the one that is trusted"));
}

// --- Streams
// -----------------------------------------------------------------------------------------

// An endless line that is never in memory as a whole.
class EndlessLine : public std::streambuf {
 public:
  size_t delivered = 0;

 protected:
  int_type underflow() override {
    delivered += sizeof(block_);
    setg(block_, block_, block_ + sizeof(block_));
    return traits_type::to_int_type(block_[0]);
  }

 private:
  char block_[4096] = {'x'};
};

TEST(Verify, AnEndlessLineIsRefusedBeforeItFillsTheMemory) {
  EndlessLine endless;
  std::istream in(&endless);
  const VerifyReport report = VerifyExport(in).value();
  EXPECT_EQ(report.bad_line, 1u);
  EXPECT_THAT(report.problem, HasSubstr("longer than"));
  EXPECT_LE(endless.delivered, kMaxLineBytes + 8192);
}

TEST(Verify, AStreamThatCannotBeReadIsAnErrorAndNotAReport) {
  std::ifstream missing("/nonexistent/export.jsonl");
  EXPECT_EQ(ReasonOf(VerifyExport(missing).status()), "EXPORT_UNREADABLE");
  std::ifstream folder("/");
  EXPECT_EQ(ReasonOf(VerifyExport(folder).status()), "EXPORT_UNREADABLE");
}

}  // namespace
}  // namespace dbfleet::audit
