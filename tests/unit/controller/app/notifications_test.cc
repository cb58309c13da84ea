#include "controller/app/notifications.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/config/yaml.h"

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;

std::string Problems(const std::string& yaml) {
  config::v1::ControllerConfig parsed;
  const absl::Status status =
      config::ParseYaml("test", absl::StrCat("notifications: {", yaml, "}\n"), &parsed);
  if (!status.ok()) return std::string(status.message());
  config::Problems problems;
  CheckNotifications(parsed.notifications(), &problems);
  return std::string(problems.ToStatus().message());
}

std::string Secret(const std::string& fields) {
  return absl::StrCat("secrets_dir: /s, secrets: [{", fields, "}]");
}

TEST(NotificationsConfig, AGoodOneHasNoProblems) {
  EXPECT_EQ(Problems(""), "");
  EXPECT_EQ(Problems(Secret("name: a, receiver: slack, hosts: [hooks.slack.com]")), "");
  EXPECT_EQ(Problems(Secret("name: a, receiver: webhook, hosts: ['h.example:8443']")), "");
  EXPECT_EQ(Problems(Secret("name: a, receiver: smtp, hosts: ['m.example:587']")), "");
  EXPECT_EQ(Problems("allowed_networks: [10.0.0.0/8, 'fd00::/8'], ca_file: /etc/ca.pem"), "");
}

TEST(NotificationsConfig, ASecretIsForAKindOfReceiverAndForHosts) {
  EXPECT_THAT(Problems(Secret("name: a, receiver: fax, hosts: [h]")), HasSubstr(".receiver"));
  EXPECT_THAT(Problems(Secret("name: a, receiver: slack")), HasSubstr("hosts"));
  for (const char* host : {"https://h", "h/x", "u@h", "'h:443'", "''", "'*'"}) {
    EXPECT_THAT(Problems(Secret(absl::StrCat("name: a, receiver: slack, hosts: [", host, "]"))),
                HasSubstr("hosts[0]"))
        << host;
  }
  EXPECT_THAT(Problems(Secret("name: a, receiver: smtp, hosts: [m.example]")),
              HasSubstr("HOST:PORT"));
  EXPECT_THAT(Problems(Secret("name: ../a, receiver: slack, hosts: [h]")), HasSubstr(".name"));
}

TEST(NotificationsConfig, PathsAndNetworksAreWhatTheySay) {
  EXPECT_THAT(Problems("secrets_dir: here"), HasSubstr("absolute"));
  EXPECT_THAT(Problems("secrets: [{name: a, receiver: slack, hosts: [h]}]"),
              HasSubstr("secrets_dir"));
  EXPECT_THAT(Problems("ca_file: ca.pem"), HasSubstr("absolute"));
  EXPECT_THAT(Problems("allowed_networks: [inside]"), HasSubstr("allowed_networks[0]"));
}

}  // namespace
}  // namespace dbfleet::controller
