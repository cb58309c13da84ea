#include "common/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/engine/account.h"
#include "agent/engine/engine.h"
#include "agent/engine/result_builder.h"
#include "agent/engine/statement_text.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(EndpointTest, DescribesItself) {
  EXPECT_EQ((Endpoint{"/run/x.sock", "", 0}).Describe(), "/run/x.sock");
  EXPECT_EQ((Endpoint{"/run/pg", "", 5433}).Describe(), "/run/pg:5433");
  EXPECT_EQ((Endpoint{"", "db1", 3306}).Describe(), "db1:3306");
  EXPECT_EQ((Endpoint{"", "::1", 3306}).Describe(), "[::1]:3306");
}

TEST(EndpointTest, KnowsWhetherTheServerIsOnThisHost) {
  EXPECT_TRUE(IsLocal({"/run/x.sock", "", 0}));
  EXPECT_TRUE(IsLocal({"", "127.0.0.1", 1}));
  EXPECT_FALSE(IsLocal({"", "db1.example.org", 1}));
}

TEST(AccountTest, AMissingOneIsNoAccountAndNamesTheSetting) {
  InstanceSpec spec;
  spec.name = "orders";
  spec.inspect = AccountConfig{"u", ""};
  EXPECT_EQ(AccountFor(spec, AccountUse::kInspect)->user, "u");
  const absl::Status status = AccountFor(spec, AccountUse::kMigrate).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "NO_ACCOUNT");
  EXPECT_THAT(std::string(status.message()), HasSubstr("accounts.migrate"));
}

TEST(FirstKeywordTest, SkipsSpaceCommentsAndParentheses) {
  EXPECT_EQ(FirstKeyword("  select 1"), "SELECT");
  EXPECT_EQ(FirstKeyword("-- a\n/* b */ # c\n ((select 1))"), "SELECT");
  EXPECT_EQ(FirstKeyword("/*x*/delete from t"), "DELETE");
}

TEST(FirstKeywordTest, DoesNotTrustCommentsThatServersExecute) {
  EXPECT_EQ(FirstKeyword("/*!50000 SET GLOBAL x = 1 */ SELECT 1"), "");
  EXPECT_EQ(FirstKeyword("/*M! SET GLOBAL x = 1 */ SELECT 1"), "");
  EXPECT_EQ(FirstKeyword("/* not closed"), "");
}

TEST(CheckBeginsAsQueryTest, RefusesAllButTheListedWords) {
  constexpr absl::string_view kWords[] = {"SELECT", "SHOW"};
  EXPECT_TRUE(CheckBeginsAsQuery("show tables", kWords).ok());
  const absl::Status status = CheckBeginsAsQuery("SET PASSWORD = 'x'", kWords);
  EXPECT_EQ(ReasonOf(status), "INSPECTION_NOT_SAFE");
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("'x'")));
  EXPECT_FALSE(CheckBeginsAsQuery("", kWords).ok());
}

TEST(MaskQuotedTest, HidesEverythingFromTheFirstToTheLastQuote) {
  EXPECT_EQ(MaskQuoted("Duplicate entry 'a'b' for key", '\''),
            "Duplicate entry (value not shown) for key");
  EXPECT_EQ(MaskQuoted("unpaired 'secret", '\''), "unpaired (value not shown)");
  EXPECT_EQ(MaskQuoted("nothing", '\''), "nothing");
}

TEST(DisplayValueTest, TextStaysTextAndBinaryBecomesHex) {
  EXPECT_EQ(DisplayValue("grün", false), "grün");
  EXPECT_EQ(DisplayValue("abc", true), "\\x616263");
  EXPECT_EQ(DisplayValue("\xff\xfe", false), "\\xfffe");
}

TEST(DisplayValueTest, LongValuesAreCutAtACharacterWithAMark) {
  std::string text(ResultBuilder::kMaxValueBytes - 1, 'x');
  text += "ü and more";
  const std::string shown = DisplayValue(text, false);
  EXPECT_THAT(shown, EndsWith(absl::StrCat("... [cut, ", text.size(), " bytes in all]")));
  EXPECT_TRUE(IsValidUtf8(shown));
  EXPECT_THAT(shown, Not(HasSubstr("ü")));
  const std::string hex = DisplayValue(std::string(100'000, '\0'), true);
  EXPECT_THAT(hex, StartsWith("\\x0000"));
  EXPECT_LT(hex.size(), ResultBuilder::kMaxValueBytes + 100);
}

TEST(ResultBuilderTest, StopsAtTheRowLimitAndSaysSo) {
  ResultBuilder builder(2);
  builder.AddColumn("a", "INT");
  EXPECT_TRUE(builder.AddRow({{"1"}}));
  EXPECT_TRUE(builder.AddRow({{std::nullopt}}));
  EXPECT_FALSE(builder.full());
  EXPECT_FALSE(builder.AddRow({{"3"}}));
  const auto result = builder.Finish(absl::Milliseconds(1500));
  EXPECT_TRUE(result.truncated());
  ASSERT_EQ(result.rows_size(), 2);
  EXPECT_EQ(result.rows(0).values(0).text(), "1");
  EXPECT_TRUE(result.rows(1).values(0).null());
  EXPECT_EQ(FromProto(result.duration()), absl::Milliseconds(1500));
}

TEST(ResultBuilderTest, ExactlyTheLimitIsNotTruncated) {
  ResultBuilder builder(1);
  EXPECT_TRUE(builder.AddRow({{"1"}}));
  EXPECT_FALSE(builder.Finish(absl::ZeroDuration()).truncated());
}

TEST(ResultBuilderTest, TheWholeResultIsBounded) {
  ResultBuilder builder(10'000);
  const std::string value(50'000, 'x');
  int rows = 0;
  while (builder.AddRow({{absl::string_view(value)}})) ++rows;
  EXPECT_EQ(rows, 41);
  EXPECT_LE(builder.Finish(absl::ZeroDuration()).ByteSizeLong(),
            ResultBuilder::kMaxResultBytes + 4096);
}

}  // namespace
}  // namespace dbfleet::agent
