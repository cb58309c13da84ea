#include "controller/resources/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kWindow[] = R"(apiVersion: dbfleet/v1
kind: MaintenanceWindow
metadata:
  name: weekend
spec:
  recurring:
    cron: "0 2 * * 6"
    duration: 4h
)";

constexpr char kEnvironment[] = R"(apiVersion: dbfleet/v1
kind: Environment
metadata:
  name: preprod
spec:
  policy:
    destructive_approvals: 1
)";

std::vector<std::string> ProblemsOf(const std::string& text) {
  const auto manifests = ParseManifests({{"fleet.yaml", text}});
  if (manifests.ok()) return {};
  EXPECT_EQ(manifests.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(manifests.status()), "BAD_MANIFEST") << manifests.status();
  return absl::StrSplit(manifests.status().message(), '\n');
}

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// Whatever finds it, in however many steps.
TEST(ManifestTest, EachProblemHasItsLineOfTheWholeTextHoweverMuchStandsBeforeIt) {
  const std::string before = std::string(46'000, '\n') + "---\n" + kWindow + "---\n";  // 46,010.
  const auto at = [&](const std::string& text) {
    const std::vector<std::string> problems = ProblemsOf(before + text);
    return problems.empty() ? "" : problems[0].substr(0, problems[0].find(": "));
  };
  EXPECT_EQ(at(Replace(kEnvironment, "kind: Environment", "kind: Enviroment")),
            "fleet.yaml:46012:7");
  EXPECT_EQ(at(Replace(kEnvironment, "kind: Environment\n", "")), "fleet.yaml:46011:1");
  EXPECT_EQ(at(Replace(kEnvironment, "  name: preprod", "  name: preprod\n  nam: x")),
            "fleet.yaml:46015:3");
  EXPECT_EQ(at(Replace(kEnvironment, "  name: preprod", "  name: Preprod")), "fleet.yaml:46014:3");
  EXPECT_EQ(at(Replace(kEnvironment, "  name: preprod", "\tname: preprod")), "fleet.yaml:46014:1");
  EXPECT_EQ(at(Replace(kEnvironment, "  name: preprod", "  name: 'preprod")), "fleet.yaml:46014:9");
  EXPECT_EQ(at(Replace(kEnvironment, "  name: preprod", "  name: a: b")), "fleet.yaml:46014:10");
}

TEST(ManifestTest, ADescriptionIsBounded) {
  const auto described = [](size_t size) {
    return Replace(kEnvironment, "  name: preprod\n",
                   absl::StrCat("  name: preprod\n  description: ", std::string(size, 'x'), "\n"));
  };
  EXPECT_THAT(ProblemsOf(described(4000)), SizeIs(0));
  EXPECT_THAT(
      ProblemsOf(described(4001)),
      ElementsAre(HasSubstr("metadata.description: at most 4000 bytes are wanted, not 4001")));
}

TEST(ManifestTest, ReadsSeveralDocumentsOfSeveralFiles) {
  const auto manifests = ParseManifests(
      {{"a.yaml", absl::StrCat("# our fleet\n---\n", kWindow, "---\n", kEnvironment)},
       {"b.yaml", Replace(kWindow, "weekend", "night")}});
  ASSERT_TRUE(manifests.ok()) << manifests.status();
  ASSERT_THAT(*manifests, SizeIs(3));
  EXPECT_EQ((*manifests)[0].id(), "maintenancewindows/weekend");
  EXPECT_EQ((*manifests)[0].place, "a.yaml:4");
  EXPECT_EQ((*manifests)[1].id(), "environments/preprod");
  EXPECT_EQ((*manifests)[1].place, "a.yaml:13");
  EXPECT_EQ((*manifests)[2].id(), "maintenancewindows/night");
}

TEST(ManifestTest, StagingIsAnotherNameOfQa) {
  const auto manifests = ParseManifests(
      {{"a", Replace(kWindow, "spec:", "spec:\n  selector: {environments: [staging, production]}")},
       {"b", Replace(Replace(kWindow, "spec:", "spec:\n  selector: {environments: [qa, staging]}"),
                     "weekend", "night")},
       {"c", Replace(kEnvironment, "policy:", "policy:\n    promotion: {from: staging}")}});
  ASSERT_TRUE(manifests.ok()) << manifests.status();
  const auto names = [&](size_t i) {
    const auto& found =
        static_cast<const resource::v1::MaintenanceWindow&>(*(*manifests)[i].message);
    const auto& list = found.spec().selector().environments();
    return std::vector<std::string>(list.begin(), list.end());
  };
  EXPECT_THAT(names(0), ElementsAre("qa", "production"));
  EXPECT_THAT(names(1), ElementsAre("qa"));
  const auto& environment = static_cast<const resource::v1::Environment&>(*(*manifests)[2].message);
  EXPECT_EQ(environment.spec().policy().promotion().from(), "qa");
  EXPECT_EQ(ParseResourceId("environments/staging")->second, "qa");
  EXPECT_EQ(ParseResourceId("maintenancewindows/staging")->second, "staging");
  EXPECT_THAT(ProblemsOf(Replace(kEnvironment, "name: preprod", "name: staging")),
              ElementsAre(HasSubstr("metadata.name: \"staging\" is another name of qa")));
}

TEST(ManifestTest, DefaultsStandInPlaceOfWhatWasLeftOut) {
  const auto manifests = ParseManifests({{"a", kWindow}, {"b", kEnvironment}});
  ASSERT_TRUE(manifests.ok()) << manifests.status();
  const auto& window =
      static_cast<const resource::v1::MaintenanceWindow&>(*(*manifests)[0].message);
  EXPECT_EQ(window.spec().effect(), "allow");
  EXPECT_EQ(window.spec().overrun(), "finish");
  EXPECT_EQ(window.spec().recurring().time_zone(), "UTC");
  const auto& environment = static_cast<const resource::v1::Environment&>(*(*manifests)[1].message);
  EXPECT_EQ(environment.spec().policy().destructive_approvals(), 1);
  EXPECT_TRUE(environment.spec().policy().has_approval_ttl());
  EXPECT_EQ(environment.spec().policy().window_for(), "destructive");
}

TEST(ManifestTest, EveryProblemOfAllDocumentsIsToldWithItsPlace) {
  const std::string text =
      absl::StrCat(Replace(kWindow, "weekend", "Week end"), "---\n",
                   Replace(kWindow, "duration: 4h", "duration: soon"), "---\n",
                   Replace(kEnvironment, "destructive_approvals: 1", "destructive_aprovals: 1"));
  EXPECT_THAT(ProblemsOf(text),
              ElementsAre(AllOf(StartsWith("fleet.yaml:4:"), HasSubstr("metadata.name")),
                          AllOf(StartsWith("fleet.yaml:17:"), HasSubstr("soon")),
                          AllOf(StartsWith("fleet.yaml:25:"), HasSubstr("destructive_aprovals"))));
}

TEST(ManifestTest, AKindThatIsNotKnownNamesTheNearestAndAll) {
  EXPECT_THAT(ProblemsOf(Replace(kWindow, "MaintenanceWindow", "MaintenanceWindows")),
              ElementsAre(AllOf(StartsWith("fleet.yaml:2:7: there is no kind"),
                                HasSubstr("MaintenanceWindow"), HasSubstr("Environment"))));
  EXPECT_THAT(ProblemsOf("apiVersion: dbfleet/v1\nmetadata: {name: x}\n"),
              ElementsAre(AllOf(HasSubstr("kind is missing"), HasSubstr("Environment"))));
}

TEST(ManifestTest, CasesForPoliciesAreNamedAsWhatTheyAre) {
  EXPECT_THAT(ProblemsOf("apiVersion: dbfleet/v1\nkind: PolicyCases\ncases: []\n"),
              ElementsAre(AllOf(StartsWith("fleet.yaml:2:7: these are cases for policies"),
                                HasSubstr("`dbfleet policy test fleet.yaml`"))));
}

TEST(ManifestTest, AnotherApiVersionIsRefused) {
  EXPECT_THAT(ProblemsOf(Replace(kWindow, "dbfleet/v1", "dbfleet/v2")),
              ElementsAre(AllOf(StartsWith("fleet.yaml:1:"), HasSubstr("dbfleet/v1 is wanted"))));
}

TEST(ManifestTest, WhatIsDeclaredTwiceIsRefusedWithBothPlaces) {
  const auto manifests = ParseManifests({{"a.yaml", kWindow}, {"b.yaml", kWindow}});
  EXPECT_THAT(std::string(manifests.status().message()),
              AllOf(StartsWith("b.yaml:4:3: "), HasSubstr("declared already at a.yaml:2")));
}

TEST(ManifestTest, BadYamlIsToldWhereAndDoesNotHideTheRest) {
  for (const char* bad : {"spec: {a: 1", "a: &x 1\nb: *x\n", "a: 1\na: 2\n", "- 1\n", "\t: x\n"}) {
    const auto problems =
        ProblemsOf(absl::StrCat(bad, "\n---\n", Replace(kWindow, "weekend", "WEEKEND")));
    EXPECT_EQ(problems.size(), 2u) << bad;
    for (const std::string& problem : problems) EXPECT_THAT(problem, StartsWith("fleet.yaml:"));
  }
}

// Each is written so that reading all of it would cost far more than refusing it.
TEST(ManifestTest, BombsAreRefusedBeforeTheyUnfold) {
  std::string aliases = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string former(1, static_cast<char>(c - 1));
    absl::StrAppend(&aliases, std::string(1, c), ": &", std::string(1, c), " [*", former, ", *",
                    former, ", *", former, ", *", former, "]\n");
  }
  EXPECT_FALSE(ProblemsOf(aliases).empty());
  EXPECT_FALSE(ProblemsOf(absl::StrCat("a: ", std::string(100'000, '['))).empty());

  std::string documents;
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&documents, "---\na: 1\n");
  const auto many = ParseManifests({{"many.yaml", documents}});
  EXPECT_EQ(ReasonOf(many.status()), "TOO_MANY_MANIFESTS") << many.status().message().substr(0, 90);
  const auto lines = ParseManifests({{"lines.yaml", std::string(kMostManifestLines + 1, '\n')}});
  EXPECT_EQ(ReasonOf(lines.status()), "TOO_MANY_MANIFESTS");
  const auto bytes = ParseManifests({{"big.yaml", std::string(kMostManifestBytes + 1, ' ')}});
  EXPECT_EQ(ReasonOf(bytes.status()), "TOO_MANY_MANIFESTS");
  const auto files = ParseManifests(std::vector<ManifestText>(kMostManifestTexts + 1));
  EXPECT_EQ(ReasonOf(files.status()), "TOO_MANY_MANIFESTS");
}

TEST(ManifestTest, NothingAtAllIsAProblem) {
  EXPECT_THAT(ProblemsOf("# nothing\n"), ElementsAre(HasSubstr("there is no resource")));
}

TEST(ManifestTest, AResourceIsNamedByKindOrCollectionInAnyCase) {
  for (const char* id : {"maintenancewindow/weekend", "MaintenanceWindow/weekend",
                         "maintenancewindows/weekend", "MAINTENANCEWINDOWS/weekend"}) {
    const auto parsed = ParseResourceId(id);
    ASSERT_TRUE(parsed.ok()) << id;
    EXPECT_EQ(parsed->first->kind, "MaintenanceWindow");
    EXPECT_EQ(parsed->second, "weekend");
  }
  for (const char* id : {"", "weekend", "window/weekend", "maintenancewindow/",
                         "maintenancewindow/Weekend", "maintenancewindow/a/b", "/weekend"}) {
    EXPECT_EQ(ReasonOf(ParseResourceId(id).status()), "BAD_RESOURCE_NAME") << id;
  }
  const auto why = [](const char* id) {
    return std::string(ParseResourceId(id).status().message());
  };
  EXPECT_THAT(why("weekend"), HasSubstr("KIND/NAME is wanted"));
  EXPECT_THAT(why("window/weekend"), HasSubstr("there is no kind \"window\""));
  EXPECT_THAT(why("maintenancewindow/Weekend"), HasSubstr("small letters"));
}

}  // namespace
}  // namespace dbfleet::controller
