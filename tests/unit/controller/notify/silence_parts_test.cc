#include "controller/notify/silence_parts.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

SilenceTarget In(const std::string& instance, const std::string& environment,
                 const std::string& cluster) {
  return {instance, environment, {{"cluster", cluster}}};
}

std::vector<std::string> Parts(const std::vector<std::string>& texts,
                               const std::vector<SilenceTarget>& targets) {
  std::vector<AlertMatcher> matchers;
  for (const std::string& text : texts) matchers.push_back(AlertMatcher::Parse(text).value());
  std::vector<std::string> out;
  for (const SilencePart& part : SilencePartsOf(matchers, targets)) {
    std::string all = part.where;
    for (const AlertMatcher::Rendered& one : part.matchers) {
      absl::StrAppend(&all, " ", one.name, one.regex ? "=~" : "=", one.value);
    }
    out.push_back(all);
  }
  return out;
}

const std::vector<std::string> kBoth = {R"(env="{{environment}}")",
                                        R"(cluster="{{label:cluster}}")"};

TEST(SilencePartsTest, WhatHasAllCombinationsIsOneSilence) {
  EXPECT_THAT(Parts(kBoth, {In("a", "qa", "c1"), In("b", "qa", "c2")}),
              ElementsAre(" env=qa cluster=~(?:c1|c2)"));
  EXPECT_THAT(Parts(kBoth, {In("a", "qa", "c1"), In("b", "qa", "c2"), In("c", "production", "c1"),
                            In("d", "production", "c2")}),
              ElementsAre(" env=~(?:production|qa) cluster=~(?:c1|c2)"));
  EXPECT_THAT(Parts({R"(instance="{{instance}}")", R"(severity="page")"},
                    {In("a", "qa", "c1"), In("b", "production", "c2")}),
              ElementsAre(" instance=~(?:a|b) severity=page"));
}

// The production of c2 and the qa of c1 are nobody's business.
TEST(SilencePartsTest, WhatNoTargetHasIsNotCovered) {
  EXPECT_THAT(Parts(kBoth, {In("a", "production", "c1"), In("b", "qa", "c2")}),
              ElementsAre("{env=\"production\"} env=production cluster=c1",
                          "{env=\"qa\"} env=qa cluster=c2"));
  EXPECT_THAT(Parts(kBoth, {In("a", "production", "c1"), In("b", "production", "c2"),
                            In("c", "qa", "c3"), In("d", "qa", "c4")}),
              ElementsAre("{env=\"production\"} env=production cluster=~(?:c1|c2)",
                          "{env=\"qa\"} env=qa cluster=~(?:c3|c4)"));
  // Not even where an instance elsewhere has the same name.
  EXPECT_THAT(Parts({R"(instance="{{instance}}")", R"(env="{{environment}}")"},
                    {In("a", "production", "c1"), In("b", "qa", "c2"), In("c", "qa", "c2")}),
              ElementsAre("{env=\"production\"} instance=a env=production",
                          "{env=\"qa\"} instance=~(?:b|c) env=qa"));
}

TEST(SilencePartsTest, PartsAreSplitAgain) {
  std::vector<std::string> three = kBoth;
  three.push_back(R"(rack="{{label:rack}}")");
  const auto at = [](const char* environment, const char* cluster, const char* rack) {
    return SilenceTarget{"i", environment, {{"cluster", cluster}, {"rack", rack}}};
  };
  EXPECT_THAT(Parts(three, {at("qa", "c1", "r1"), at("qa", "c2", "r2"), at("dev", "c1", "r2")}),
              ElementsAre("{env=\"dev\"} env=dev cluster=c1 rack=r2",
                          "{env=\"qa\",cluster=\"c1\"} env=qa cluster=c1 rack=r1",
                          "{env=\"qa\",cluster=\"c2\"} env=qa cluster=c2 rack=r2"));
}

// What tells parts apart cannot be made up by a value.
TEST(SilencePartsTest, PartsAreToldApart) {
  EXPECT_THAT(Parts(kBoth, {In("a", "qa\",x=\"", "c1"), In("b", "qa", "c2")}),
              ElementsAre("{env=\"qa\"} env=qa cluster=c2",
                          "{env=\"qa\\\",x=\\\"\"} env=qa\",x=\" cluster=c1"));
}

TEST(SilencePartsTest, ATargetWithoutTheLabelIsLeftOut) {
  EXPECT_THAT(Parts(kBoth, {In("a", "production", ""), In("b", "qa", "c2")}),
              ElementsAre(" env=qa cluster=c2"));
  EXPECT_THAT(Parts(kBoth, {In("a", "production", "")}), IsEmpty());
  EXPECT_THAT(Parts(kBoth, {}), IsEmpty());
}

}  // namespace
}  // namespace dbfleet::controller
