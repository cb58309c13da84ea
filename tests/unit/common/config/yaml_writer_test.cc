#include "common/config/yaml_writer.h"

#include <gtest/gtest.h>

#include <random>

#include "google/protobuf/util/message_differencer.h"

#include "common/config/yaml.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::config {
namespace {

using google::protobuf::util::MessageDifferencer;
using resource::v1::Environment;
using resource::v1::MaintenanceWindow;

MaintenanceWindow Weekend() {
  MaintenanceWindow window;
  window.set_apiversion("dbfleet/v1");
  window.set_kind("MaintenanceWindow");
  window.mutable_metadata()->set_name("weekend");
  window.mutable_spec()->mutable_selector()->add_environments("production");
  window.mutable_spec()->mutable_selector()->add_environments("qa");
  (*window.mutable_spec()->mutable_selector()->mutable_labels())["tier"] = "1";
  (*window.mutable_spec()->mutable_selector()->mutable_labels())["team"] = "shop";
  window.mutable_spec()->mutable_recurring()->set_cron("0 2 * * 6");
  window.mutable_spec()->mutable_recurring()->set_time_zone("Europe/Berlin");
  window.mutable_spec()->mutable_recurring()->mutable_duration()->set_seconds(5400);
  return window;
}

TEST(YamlWriterTest, DaysAreWrittenAsDaysAndReadAgain) {
  for (const auto& [seconds, text] : std::vector<std::pair<int64_t, std::string>>{
           {7 * 86400, "7d"}, {86400, "24h"}, {90000, "25h"}, {0, "0s"}}) {
    MaintenanceWindow window = Weekend();
    window.mutable_spec()->mutable_recurring()->mutable_duration()->set_seconds(seconds);
    const std::string yaml = WriteYaml(window);
    EXPECT_NE(yaml.find("duration: " + text + "\n"), std::string::npos) << yaml;
    MaintenanceWindow again;
    ASSERT_TRUE(ParseYaml("w.yaml", yaml, &again).ok());
    EXPECT_TRUE(MessageDifferencer::Equals(window, again)) << yaml;
  }
}

TEST(YamlWriterTest, WritesWhatAPersonWouldWrite) {
  EXPECT_EQ(WriteYaml(Weekend()), R"(apiVersion: dbfleet/v1
kind: MaintenanceWindow
metadata:
  name: weekend
spec:
  selector:
    environments:
      - production
      - qa
    labels:
      team: shop
      tier: "1"
  recurring:
    cron: "0 2 * * 6"
    time_zone: Europe/Berlin
    duration: 1h30m
)");
}

// Texts that YAML would read as something else, if they stood there plainly.
TEST(YamlWriterTest, WhateverAFieldHoldsIsReadBackAsItWas) {
  for (const std::string text : {"",
                                 " ",
                                 "yes",
                                 "no",
                                 "null",
                                 "~",
                                 "true",
                                 "1",
                                 "1e3",
                                 "0x1",
                                 ".inf",
                                 "- a",
                                 "a: b",
                                 "a #b",
                                 "#a",
                                 "'",
                                 "\"",
                                 "\\",
                                 "a\nb",
                                 "a\n",
                                 "\n",
                                 "\ttab",
                                 "{a}",
                                 "[a]",
                                 "&a",
                                 "*a",
                                 "!a",
                                 "%a",
                                 "@a",
                                 "`a",
                                 "|",
                                 ">",
                                 "?",
                                 "? a",
                                 "---",
                                 "...",
                                 "2026-01-01",
                                 "ünïcode",
                                 "\x01\x7f",
                                 "trailing ",
                                 " leading",
                                 "a\r\nb",
                                 "\xe2\x80\xa8",
                                 "null ",
                                 "<<",
                                 "="}) {
    Environment written = {};
    written.mutable_spec()->set_display_name(text);
    written.mutable_metadata()->set_name("x");
    Environment read;
    const std::string yaml = WriteYaml(written);
    const absl::Status status = ParseYaml("test", yaml, &read);
    EXPECT_TRUE(status.ok()) << yaml << status;
    EXPECT_EQ(read.spec().display_name(), text) << yaml;
  }
}

TEST(YamlWriterTest, RandomTextsAndMapsComeBack) {
  std::mt19937 random(20261121);
  const std::string alphabet = "ab:#-?[]{}&*!|>'\"%@` \n\t,\\0";
  const auto text = [&] {
    std::string out;
    for (size_t i = 1 + random() % 8; i > 0; --i) out += alphabet[random() % alphabet.size()];
    return out;
  };
  for (int round = 0; round < 1000; ++round) {
    MaintenanceWindow written = Weekend();
    written.mutable_metadata()->set_description(text());
    written.mutable_spec()->mutable_selector()->add_environments(text());
    (*written.mutable_spec()->mutable_selector()->mutable_labels())[text()] = text();
    MaintenanceWindow read;
    const std::string yaml = WriteYaml(written);
    const absl::Status status = ParseYaml("test", yaml, &read);
    ASSERT_TRUE(status.ok()) << yaml << status;
    ASSERT_TRUE(MessageDifferencer::Equals(read, written)) << yaml << read.DebugString();
  }
}

TEST(YamlWriterTest, AnOptionalFieldThatIsSetToItsDefaultIsWritten) {
  Environment written;
  written.mutable_spec()->mutable_policy()->set_destructive_approvals(0);
  written.mutable_spec()->mutable_policy()->set_destructive_consent(false);
  Environment read;
  ASSERT_TRUE(ParseYaml("test", WriteYaml(written), &read).ok()) << WriteYaml(written);
  EXPECT_TRUE(read.spec().policy().has_destructive_approvals());
  EXPECT_TRUE(read.spec().policy().has_destructive_consent());
}

TEST(YamlWriterTest, DurationsAreReadBack) {
  for (const int64_t seconds : {0, 1, 90, 3600, 5400, 86400, 90061, 31622400}) {
    Environment written;
    written.mutable_spec()->mutable_policy()->mutable_approval_ttl()->set_seconds(seconds);
    Environment read;
    const std::string yaml = WriteYaml(written);
    const absl::Status status = ParseYaml("test", yaml, &read);
    ASSERT_TRUE(status.ok()) << yaml << status;
    EXPECT_EQ(read.spec().policy().approval_ttl().seconds(), seconds);
  }
}

}  // namespace
}  // namespace dbfleet::config
