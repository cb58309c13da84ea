#include "common/config/yaml.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/config/scalars.h"
#include "dbfleet/api/v1/job_service.pb.h"
#include "dbfleet/config/v1/agent_config.pb.h"
#include "dbfleet/config/v1/controller_config.pb.h"
#include "dbfleet/resource/v1/resource.pb.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::config {
namespace {

using testing::HasSubstr;
using testing::Not;

absl::Status ParseAgent(absl::string_view text, v1::AgentConfig* config) {
  return ParseYaml("agent.yaml", text, config);
}

// The error of a document that must be refused.
std::string ErrorOf(absl::string_view text) {
  v1::AgentConfig config;
  config.set_name("untouched");
  const absl::Status status = ParseAgent(text, &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_EQ(ReasonOf(status), "BAD_YAML");
  EXPECT_EQ(config.name(), "untouched");
  return std::string(status.message());
}

TEST(YamlTest, ATextInQuotesThatTheFilesEndCutsOffIsRefused) {
  for (const char* text : {"name: \"db1\n", "name: 'db1\n", "name: \"db1\\\"\n", "name: 'it''s\n",
                           "# caf\xC3\xA9\nname: \"db1\n", "\xEF\xBB\xBFname: \"db1\n"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("the text in quotes has no end")) << text;
  }
  for (const char* text :
       {"name: \"db1\"\n", "name: 'it''s'", "name: \"a\\\"b\" # it's\n", "name: 'db1' # \"\n",
        "\xEF\xBB\xBFname: 'db1'\n", "# caf\xC3\xA9\r\nname: 'db1'\r\n", "name: db1 # '\n"}) {
    v1::AgentConfig config;
    EXPECT_TRUE(ParseAgent(text, &config).ok()) << text;
  }
}

TEST(YamlTest, ReadsNestedListsMapsAndDurations) {
  v1::AgentConfig config;
  const absl::Status status = ParseAgent(R"(
name: db1            # a comment
journal_max_bytes: 1048576
check_interval: 1m30s
instances:
  - name: orders
    engine: mysql
    port: 3306
    accounts:
      inspect: {user: dbf, password_file: "/etc/x"}
    labels: {tier: "1", note: no}
  - name: other
)",
                                         &config);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.name(), "db1");
  EXPECT_EQ(config.journal_max_bytes(), 1048576);
  EXPECT_EQ(config.check_interval().seconds(), 90);
  ASSERT_EQ(config.instances_size(), 2);
  EXPECT_EQ(config.instances(0).port(), 3306);
  EXPECT_EQ(config.instances(0).accounts().inspect().password_file(), "/etc/x");
  EXPECT_EQ(config.instances(0).labels().at("tier"), "1");
  EXPECT_EQ(config.instances(0).labels().at("note"), "no");
}

TEST(YamlTest, TheFieldDecidesTheType) {
  v1::AgentConfig config;
  ASSERT_TRUE(ParseAgent("name: no\ncontroller: 010\ndata_dir: 1e3\n", &config).ok());
  EXPECT_EQ(config.name(), "no");
  EXPECT_EQ(config.controller(), "010");
  EXPECT_EQ(config.data_dir(), "1e3");
}

TEST(YamlTest, OptionalScalarsKnowWhetherTheyWereSet) {
  resource::v1::PolicySpec policy;
  ASSERT_TRUE(ParseYaml("p", "destructive_approvals: 0\ndestructive_consent: false", &policy).ok());
  EXPECT_TRUE(policy.has_destructive_approvals());
  EXPECT_TRUE(policy.has_destructive_consent());
  ASSERT_TRUE(ParseYaml("p", "{}", &policy).ok());
  EXPECT_FALSE(policy.has_destructive_approvals());
}

TEST(YamlTest, EnumsBoolsAndDoubles) {
  work::v1::HealthObservation observation;
  ASSERT_TRUE(ParseYaml("x", "status: HEALTH_STATUS_WARN\nvalue: -1.5e2", &observation).ok());
  EXPECT_EQ(observation.status(), work::v1::HEALTH_STATUS_WARN);
  EXPECT_EQ(observation.value(), -150);
  EXPECT_THAT(ParseYaml("x", "status: HEALTH_STATUS_WRN", &observation).message(),
              HasSubstr("did you mean \"HEALTH_STATUS_WARN\"?"));
  for (const char* bad :
       {"value: nan", "value: inf", "value: 0x10", "value: \"1\"", "value: 1e999"}) {
    EXPECT_FALSE(ParseYaml("x", bad, &observation).ok()) << bad;
  }
  work::v1::Step step;
  ASSERT_TRUE(ParseYaml("x", "transactional: true", &step).ok());
  EXPECT_TRUE(step.transactional());
  for (const char* bad : {"yes", "True", "1", "on", "\"true\""}) {
    EXPECT_FALSE(ParseYaml("x", std::string("transactional: ") + bad, &step).ok()) << bad;
  }
}

TEST(YamlTest, AnEmptyDocumentIsAnEmptyMessage) {
  for (const char* text : {"", "# only a comment\n", "---\n", "{}"}) {
    v1::AgentConfig config;
    config.set_name("old");
    ASSERT_TRUE(ParseAgent(text, &config).ok()) << text;
    EXPECT_EQ(config.name(), "");
  }
}

TEST(YamlTest, UnknownFieldsAreNamedWithPlaceAndHint) {
  EXPECT_EQ(ErrorOf("name: db1\ncontroler: x:1\n"),
            "agent.yaml:2:1: unknown field \"controler\" (did you mean \"controller\"?)");
  EXPECT_THAT(ErrorOf("dataDir: x"), HasSubstr("(did you mean \"data_dir\"?)"));
  EXPECT_THAT(ErrorOf("log: {zzzzzz: 1}"),
              HasSubstr("agent.yaml:1:7: unknown field \"zzzzzz\"; known here: level, format"));
}

TEST(YamlTest, AllProblemsComeInOneErrorInOrder) {
  const std::string error = ErrorOf(R"(nam: a
check_interval: soon
instances:
  - port: 99999999999
    labels: [a]
journal_max_bytes: 010
)");
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 4) << error;
  EXPECT_THAT(error, HasSubstr("agent.yaml:1:1: unknown field \"nam\""));
  EXPECT_THAT(error, HasSubstr("agent.yaml:2:17: check_interval: a duration such as"));
  EXPECT_THAT(error, HasSubstr("agent.yaml:4:11: port: a number from -2147483648 to 2147483647"));
  EXPECT_THAT(error, HasSubstr("agent.yaml:5:13: labels wants fields"));
  EXPECT_THAT(error, HasSubstr("agent.yaml:6:20: journal_max_bytes: a decimal whole number"));
}

TEST(YamlTest, DuplicateKeysAreRefused) {
  EXPECT_EQ(ErrorOf("name: a\nname: b\n"), "agent.yaml:2:1: \"name\" is given twice");
  EXPECT_THAT(ErrorOf("instances: [{labels: {a: x, a: y}}]"), HasSubstr("\"a\" is given twice"));
}

TEST(YamlTest, AnchorsAliasesTagsAndSecondDocumentsAreRefused) {
  EXPECT_THAT(ErrorOf("name: &a db1\n"), HasSubstr("agent.yaml:1:7: anchors"));
  EXPECT_THAT(ErrorOf("name: &a db1\ncontroller: *a\n"), HasSubstr("agent.yaml:2:13: aliases"));
  EXPECT_THAT(ErrorOf("name: !!str db1\n"), HasSubstr("tags"));
  EXPECT_THAT(ErrorOf("log: !x {level: info}\n"), HasSubstr("tags"));
  EXPECT_THAT(ErrorOf("name: a\n---\nname: b\n"), HasSubstr("a second document"));
}

TEST(YamlTest, AnAliasBombEndsBeforeItIsExpanded) {
  std::string bomb = "name: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    bomb += absl::StrCat("k", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
  }
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("anchors"));
}

TEST(YamlTest, DepthAndSizeAreBounded) {
  EXPECT_THAT(ErrorOf(std::string(100, '[')), HasSubstr("nested deeper than 32"));
  std::string big = "instances:\n";
  for (int i = 0; i < 110000; ++i) big += "- 1\n";
  EXPECT_THAT(ErrorOf(big), HasSubstr("more than 100000 values"));
}

TEST(YamlTest, WrongShapesAreRefused) {
  EXPECT_THAT(ErrorOf("- a\n"), HasSubstr("the document wants fields"));
  EXPECT_THAT(ErrorOf("just text"), HasSubstr("the document wants fields"));
  EXPECT_THAT(ErrorOf("name: [a]"), HasSubstr("name wants a single value"));
  EXPECT_THAT(ErrorOf("instances: x"), HasSubstr("instances wants a list"));
  EXPECT_THAT(ErrorOf("name:\n"), HasSubstr("name has no value"));
  EXPECT_THAT(ErrorOf("name: ~\n"), HasSubstr("name has no value"));
  EXPECT_THAT(ErrorOf("? [a]\n: b\n"), HasSubstr("must be plain text"));
  EXPECT_THAT(ErrorOf("journal_max_bytes: \"12\""), HasSubstr("without quotes"));
}

TEST(YamlTest, BrokenYamlHasItsPlace) {
  EXPECT_THAT(ErrorOf("name: a\n  b: c\n"), HasSubstr("agent.yaml:2:"));
  EXPECT_THAT(ErrorOf("name: \"abc"), HasSubstr("agent.yaml:1:"));
  EXPECT_THAT(ErrorOf("name: [a"), HasSubstr("agent.yaml:"));
  EXPECT_THAT(ErrorOf("name: \xff"), HasSubstr("is not UTF-8 text"));
}

// Not in the words of those who wrote the parser ("end of map not found").
TEST(YamlTest, BrokenYamlIsToldInPlainWords) {
  const std::pair<const char*, const char*> kTexts[] = {
      {"name: a: b\n",
       "agent.yaml:1:8: no value is wanted here; a text that holds \": \" stands in"},
      {"name: a\n  b: c\n", "agent.yaml:2:4: no value is wanted here"},
      {"instances:\n  - name: a\n port: 1\n", "agent.yaml:3:2: "},
      {"name: \"a\" b\n", "agent.yaml:1:11: `field: value` is wanted here, indented as"},
      {"name: [a\n", "the [ before this has no ], or a comma is missing"},
      {"name: {a: 1\n", "the { before this has no }, or a comma is missing"},
      {"name: ]\n", "agent.yaml:1:7: there is no { or [ that this would end"},
      {"name: @a\n", "agent.yaml:1:7: nothing begins with this character; put the text into"},
      {"name: \"abc", "the text in quotes has no end"},
      {"name: \"C:\\data\"\n", "in double quotes \\ is written as \\\\"},
      {"name: \"\\xzz\"\n", "hexadecimal digits are wanted"},
      {"name: | x\n", "the text begins on the next line"},
      {"name: - a\n", "agent.yaml:1:7: no item of a list (`- `) is wanted here"},
  };
  for (const auto& [text, words] : kTexts) {
    const std::string error = ErrorOf(text);
    EXPECT_THAT(error, HasSubstr("agent.yaml:")) << text;
    EXPECT_THAT(error, HasSubstr(words)) << text;
    for (const char* theirs :
         {"illegal", "not found", "unknown", "end of", "scanning", "no YAML"}) {
      EXPECT_THAT(error, Not(HasSubstr(theirs))) << text;
    }
  }
}

TEST(YamlTest, ATabThatIndentsIsNamedWithItsPlace) {
  const std::string words = "a tab indents this line; YAML is indented with spaces only";
  const std::pair<const char*, const char*> kTexts[] = {
      {"\tname: db1\n", "agent.yaml:1:1: "},
      {"name: db1\ninstances:\n\t- name: a\n", "agent.yaml:3:1: "},
      {"instances:\n  - name: a\n  \tport: 1\n", "agent.yaml:3:3: "},
      {"instances:\n  - name: a\n\t\tport: 1\r\n", "agent.yaml:3:1: "},
      {"name: db1\n# x\n\tport: 1\n", "agent.yaml:3:1: "},
  };
  for (const auto& [text, place] : kTexts) EXPECT_EQ(ErrorOf(text), place + words) << text;
  // What is wrong elsewhere is not laid at a tab's door.
  EXPECT_THAT(ErrorOf("name: |\n  x\n  \ty\ninstances: [\n"), Not(HasSubstr("tab")));
  EXPECT_THAT(ErrorOf("name: a: b\t\n"), Not(HasSubstr("tab")));
  // In quotes and in brackets a line is indented as one likes.
  for (const char* text : {"name: \"x\n\ty\" z\n", "name: 'x\n\ty' z\n", "name: [b,\n\tc: }]\n",
                           "name: {b: 1,\n\tc]\n", "name: [b,\n  [c],\n\td: }]\n"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("agent.yaml:")) << text;
    EXPECT_THAT(ErrorOf(text), Not(HasSubstr("tab"))) << text;
  }
  EXPECT_THAT(ErrorOf("name: \"x\"\n\tport: 1\n"), HasSubstr(":2:1: a tab"));
  EXPECT_THAT(ErrorOf("name: [x]\n\tport: 1\n"), HasSubstr(":2:1: a tab"));
}

TEST(YamlTest, ForeignTextInErrorsIsMadePrintable) {
  EXPECT_THAT(ErrorOf("\"a\\eb\": 1"), Not(HasSubstr("\x1b")));
}

TEST(YamlTest, AMissingFileIsNotFound) {
  v1::AgentConfig config;
  EXPECT_EQ(ParseYamlFile("/nonexistent/agent.yaml", &config).code(), absl::StatusCode::kNotFound);
}

TEST(HumanDurationTest, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*ParseHumanDuration("90s"), absl::Seconds(90));
  EXPECT_EQ(*ParseHumanDuration("1m30s"), absl::Seconds(90));
  EXPECT_EQ(*ParseHumanDuration("7d"), absl::Hours(24 * 7));
  EXPECT_EQ(*ParseHumanDuration("1.5h"), absl::Minutes(90));
  EXPECT_EQ(*ParseHumanDuration("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseHumanDuration("0"), absl::ZeroDuration());
  for (const char* bad : {"", "90", "s", "-1s", "1 s", "1x", "1s ", "1e3s", "999999999999d", "."}) {
    EXPECT_FALSE(ParseHumanDuration(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace dbfleet::config
