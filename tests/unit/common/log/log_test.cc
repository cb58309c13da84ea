#include "common/log/log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dbfleet::log {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

template <typename F>
std::string Captured(F f) {
  testing::internal::CaptureStderr();
  f();
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, TextLinesCarryTimeLevelMessageAndFields) {
  Init(Level::kInfo, Format::kText);
  const std::string line = Captured([] {
    Info("agent connected", {{"agent", "db1"}, {"note", "two words"}, {"empty", ""}});
  });
  EXPECT_THAT(line, MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9:.]+Z info agent connected agent=db1 "
                                 "note=\"two words\" empty=\"\"\n"));
}

TEST(LogTest, JsonLinesEscapeQuotesAndBackslashes) {
  Init(Level::kInfo, Format::kJson);
  const std::string line = Captured([] { Warn("say \"hi\"", {{"path", "a\\b"}, {"level", "x"}}); });
  EXPECT_THAT(line, HasSubstr(R"("level":"warning")"));
  EXPECT_THAT(line, HasSubstr(R"("message":"say \"hi\"","path":"a\\b","level_":"x"})"));
  Init(Level::kInfo, Format::kText);
}

TEST(LogTest, ValuesCannotForgeALineOrMoveTheTerminal) {
  const std::string line = Captured([] {
    Info("x\ny", {{"name", "a\n2030-01-01 info forged\x1b[2J"}});
  });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
}

TEST(LogTest, AMessageIsNotAFormatString) {
  EXPECT_THAT(Captured([] { Info("100% {} {0}"); }), HasSubstr("100% {} {0}"));
}

TEST(LogTest, LevelsBelowTheSetOneAreSilent) {
  Init(Level::kWarn, Format::kText);
  EXPECT_EQ(Captured([] { Info("quiet"); }), "");
  EXPECT_THAT(Captured([] { Error("loud"); }), HasSubstr("error loud"));
  Init(Level::kInfo, Format::kText);
}

}  // namespace
}  // namespace dbfleet::log
