#include "controller/routes/alert_matcher.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;

const SilenceTarget kShop{"shop.db-1", "qa", {{"tier", "1"}, {"empty", ""}}};
const SilenceTarget kBilling{"billing", "qa", {{"tier", "2"}}};

std::string Rendered(const std::string& text, std::vector<SilenceTarget> targets) {
  const AlertMatcher::Rendered out = AlertMatcher::Parse(text).value().For(targets);
  return absl::StrCat(out.name, out.equal ? "=" : "!", out.regex ? "~" : "", " ", out.value);
}

TEST(AlertMatcherTest, PlaceholdersAreThoseOfTheTargets) {
  EXPECT_EQ(Rendered(R"(instance="{{instance}}:3306")", {kShop}), "instance= shop.db-1:3306");
  EXPECT_EQ(Rendered(R"( team = "dba" )", {kShop}), "team= dba");
  EXPECT_EQ(Rendered(R"(severity!~"page|ticket")", {kShop}), "severity!~ page|ticket");
  EXPECT_EQ(Rendered(R"(t="{{ label:tier }}/{{environment}}")", {kShop}), "t= 1/qa");
}

TEST(AlertMatcherTest, SeveralTargetsAreAlternatives) {
  EXPECT_EQ(Rendered(R"(instance="{{instance}}")", {kShop, kBilling}),
            "instance=~ (?:billing|shop\\.db-1)");
  EXPECT_EQ(Rendered(R"(env="{{environment}}")", {kShop, kBilling}), "env= qa");
}

// What an instance is called is no regular expression; what the route says is one.
TEST(AlertMatcherTest, OnlyTheMatchersOwnTextIsARegularExpression) {
  EXPECT_EQ(Rendered(R"(instance=~"{{instance}}(:[0-9]+)?")", {kShop}),
            "instance=~ shop\\.db-1(:[0-9]+)?");
  EXPECT_EQ(Rendered(R"(instance="a.b/{{instance}}")", {kShop, kBilling}),
            "instance=~ (?:a\\.b/billing|a\\.b/shop\\.db-1)");
}

TEST(AlertMatcherTest, ATargetWithoutTheLabelDoesNotFit) {
  const AlertMatcher matcher = AlertMatcher::Parse(R"(rack="{{label:empty}}")").value();
  EXPECT_FALSE(matcher.Fits(kShop));
  EXPECT_FALSE(matcher.Fits(kBilling));
  EXPECT_TRUE(AlertMatcher::Parse(R"(t="{{label:tier}}")").value().Fits(kShop));
}

TEST(AlertMatcherTest, WhatKeepsNothingOutDoesNotNarrow) {
  const auto narrows = [](const char* text) { return AlertMatcher::Parse(text).value().Narrows(); };
  EXPECT_TRUE(narrows(R"(team="dba")"));
  EXPECT_TRUE(narrows(R"(i=~"{{instance}}.*")"));
  EXPECT_FALSE(narrows(R"(i=~".*")"));
  EXPECT_FALSE(narrows(R"(team="")"));
  EXPECT_FALSE(narrows(R"(team!="dba")"));
}

TEST(AlertMatcherTest, WhatIsWrongIsTold) {
  const auto why = [](const std::string& text) {
    return std::string(AlertMatcher::Parse(text).status().message());
  };
  EXPECT_THAT(why(R"(="x")"), HasSubstr("label's name"));
  EXPECT_THAT(why(R"(a<"x")"), HasSubstr("=, !=, =~ or !~"));
  EXPECT_THAT(why("a=x"), HasSubstr("double quotes"));
  EXPECT_THAT(why(R"(a="x"y")"), HasSubstr("needs a \\"));
  EXPECT_THAT(why(R"(a="{{nonsense}}")"), HasSubstr("label:NAME"));
  EXPECT_THAT(why(R"(a="{{instance")"), HasSubstr("without its"));
  EXPECT_THAT(why(R"(a!="{{instance}}")"), HasSubstr("everything but"));
  EXPECT_THAT(why("a=\"x\ny\""), HasSubstr("one line"));
}

// Or the matcher fits what no placeholder names.
TEST(AlertMatcherTest, ARegularExpressionCannotDoWithoutItsPlaceholder) {
  const auto why = [](const std::string& value) {
    return std::string(AlertMatcher::Parse(absl::StrCat("a=~\"", value, "\"")).status().message());
  };
  EXPECT_THAT(why(".*|{{instance}}"), HasSubstr("with | beside"));
  EXPECT_THAT(why("{{instance}}|x"), HasSubstr("with | beside"));
  EXPECT_THAT(why("(?:.*|{{instance}})"), HasSubstr("with | beside"));
  EXPECT_THAT(why("(x|(y{{instance}}))"), HasSubstr("with | beside"));
  EXPECT_THAT(why("[(]|{{instance}}|[)]"), HasSubstr("with | beside"));
  EXPECT_THAT(why("[]|]{{instance}}|x"), HasSubstr("with | beside"));
  EXPECT_THAT(why("\\\\(|{{instance}}"), HasSubstr("with | beside"));
  EXPECT_THAT(why("({{instance}})?.*"), HasSubstr("could be left out"));
  EXPECT_THAT(why("x)|(?:{{instance}}"), HasSubstr(") without its ("));
  EXPECT_THAT(why("({{instance}}"), HasSubstr("without its counterpart"));
  EXPECT_THAT(why("[x{{instance}}]"), HasSubstr("in brackets"));
  EXPECT_THAT(why("\\\\Q(\\\\E|{{instance}}"), HasSubstr("\\Q"));
  EXPECT_THAT(why("x\\\\{{instance}}"), HasSubstr("before a placeholder"));

  EXPECT_EQ(why("{{instance}}(:3306|:3307)?"), "");
  EXPECT_EQ(why("(?:{{instance}})(:[0-9]+)?"), "");
  EXPECT_EQ(why("{{instance}}\\\\|x"), "");
  EXPECT_EQ(why("{{instance}}[|]"), "");
  EXPECT_EQ(why("a|b"), "");
}

TEST(AlertMatcherTest, QuotesAndBackslashesCanBeWritten) {
  EXPECT_EQ(Rendered(R"(a="x\"y\\z\.w")", {kShop}), "a= x\"y\\z\\.w");
}

}  // namespace
}  // namespace dbfleet::controller
