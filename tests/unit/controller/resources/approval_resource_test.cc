#include "controller/resources/approval_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/config/yaml_writer.h"
#include "controller/resources/apply.h"
#include "controller/resources/manifest.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

std::string Yaml(const std::string& spec) {
  return absl::StrCat(
      "apiVersion: dbfleet/v1\nkind: ApprovalPolicy\nmetadata: {name: dba}\nspec: ", spec, "\n");
}
absl::StatusOr<std::vector<Manifest>> Parse(const std::string& spec) {
  return ParseManifests({{{"f.yaml", Yaml(spec)}}});
}

TEST(ApprovalResourceTest, IsCompiledWithItsDefaults) {
  const auto parsed = Parse("{requirements: [{name: second}]}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ApprovalPolicy policy = ApprovalPolicyOf(parsed->front());
  ApprovalPolicy expected;
  expected.name = "dba";
  expected.requirements = {{"second", 1, {}, {}}};
  EXPECT_EQ(policy, expected);
  EXPECT_TRUE(policy.only_destructive && policy.distinct && policy.Covers("anything"));
}

TEST(ApprovalResourceTest, EveryFieldArrives) {
  const auto parsed = Parse(
      "{selector: {environments: [production], labels: {tier: '1'}}, applies_to: {safety: any, "
      "schema_changes: false, kinds: [rollback], findings: warning}, requirements: [{name: dba, "
      "count: 2, roles: [policy_admin, auditor], users: [cy, ada, cy]}], distinct: false, ttl: 8h, "
      "reason: required}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ApprovalPolicy policy = ApprovalPolicyOf(parsed->front());
  EXPECT_THAT(policy.environments, ElementsAre("production"));
  EXPECT_THAT(policy.labels, ElementsAre(Pair("tier", "1")));
  EXPECT_FALSE(policy.only_destructive);
  EXPECT_EQ(policy.schema_changes, false);
  EXPECT_FALSE(policy.changes);
  EXPECT_TRUE(policy.rollbacks);
  EXPECT_EQ(policy.findings, Gravity::kWarning);
  ASSERT_EQ(policy.requirements.size(), 1u);
  EXPECT_EQ(policy.requirements[0].count, 2);
  EXPECT_THAT(policy.requirements[0].roles, ElementsAre(Role::kPolicyAdmin, Role::kAuditor));
  EXPECT_THAT(policy.requirements[0].users, ElementsAre("users/ada", "users/cy"));
  EXPECT_FALSE(policy.distinct);
  EXPECT_EQ(policy.ttl, absl::Hours(8));
  EXPECT_TRUE(policy.reason_required);
  const auto again =
      ParseManifests({{{"again.yaml", config::WriteYaml(*parsed->front().message)}}});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ApprovalPolicyOf(again->front()), policy);
}

TEST(ApprovalResourceTest, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{}", "spec.requirements: from 1 to 20"},
      {"{requirements: [{count: 1}]}", "name is missing"},
      {"{requirements: [{name: a}, {name: a}]}", "another requirement has this name"},
      {"{requirements: [{name: a, count: 0}]}", "a number from 1 to 10 is wanted, not 0"},
      {"{requirements: [{name: a, count: 11}]}", "not 11"},
      {"{requirements: [{name: a, roles: [dba]}]}", "policy_admin or auditor is wanted, not"},
      {"{requirements: [{name: a, roles: [approver]}]}", "everybody who approves has that role"},
      {"{requirements: [{name: a, roles: [admin]}]}", "an admin does not approve"},
      {"{requirements: [{name: a, users: [Ada]}]}", "is not a valid id"},
      {"{requirements: [{name: a, count: 2, users: [ada, ada]}]}", "fewer users than it wants"},
      {"{requirements: [{name: a}], ttl: 0s}", "a time above 0"},
      {"{requirements: [{name: a}], reason: maybe}", "required or optional"},
      {"{requirements: [{name: a}], applies_to: {safety: safe}}", "destructive or any"},
      {"{requirements: [{name: a}], applies_to: {kinds: [backup]}}", "change or rollback"},
      {"{requirements: [{name: a}], applies_to: {findings: bad}}", "info, warning or error"},
      {"{requirements: [{name: a, rolse: [x]}]}", "rolse"},
  };
  for (const auto& [spec, message] : cases) {
    const auto parsed = Parse(spec);
    ASSERT_FALSE(parsed.ok()) << spec;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(message)) << spec;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("f.yaml:4:")) << spec;
  }
}

}  // namespace
}  // namespace dbfleet::controller
