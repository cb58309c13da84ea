#include "controller/policy/quorum.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ApprovalRequirement Needs(std::string name, int count, std::vector<Role> roles = {},
                          std::vector<std::string> users = {}) {
  return {std::move(name), count, std::move(roles), std::move(users)};
}

Voter Person(const std::string& id, std::set<Role> more = {}) {
  more.insert(Role::kApprover);
  return {"users/" + id, std::move(more)};
}

TEST(QuorumTest, APersonStandsForOneRequirementAndIsPutWhereItLeadsFurthest) {
  const std::vector<ApprovalRequirement> needs = {Needs("anybody", 1),
                                                  Needs("dba", 1, {Role::kPolicyAdmin})};
  const Voter dba = Person("dora", {Role::kPolicyAdmin});
  const Voter other = Person("abe");
  EXPECT_THAT(FillRequirements(needs, {dba}, true), ElementsAre(1, 0));
  EXPECT_THAT(FillRequirements(needs, {other}, true), ElementsAre(1, 0));
  // The first place takes whoever comes first, and gives her up for the second one.
  EXPECT_THAT(FillRequirements(needs, {dba, other}, true), ElementsAre(1, 1));
  EXPECT_THAT(FillRequirements(needs, {other, dba}, true), ElementsAre(1, 1));
  EXPECT_THAT(FillRequirements(needs, {dba}, false), ElementsAre(1, 1));
}

TEST(QuorumTest, AnApprovalHelpsOnlyWhereAPlaceIsOpenForIt) {
  ApprovalPolicy policy;
  policy.requirements = {Needs("anybody", 1), Needs("audit", 1, {Role::kAuditor})};
  policy.distinct = true;
  const Voter auditor = Person("eve", {Role::kAuditor});
  OpenQuorum open{0, {policy}, {}};
  EXPECT_TRUE(FillsPlace(open, Person("abe")));
  EXPECT_TRUE(FillsPlace(open, auditor));
  EXPECT_FALSE(FillsPlace(open, {"users/vi", {Role::kAuditor}})) << "she is no approver";
  open.voters = {Person("bob")};
  EXPECT_FALSE(FillsPlace(open, Person("abe"))) << "bob fills that place";
  EXPECT_TRUE(FillsPlace(open, auditor));
  open.voters = {auditor};
  EXPECT_TRUE(FillsPlace(open, Person("abe"))) << "she goes to where only she can be";
  open.approvals = 2;
  open.voters = {Person("bob")};
  EXPECT_TRUE(FillsPlace(open, Person("abe"))) << "the environment wants another one";
  policy.requirements = {Needs("anybody", 3)};
  EXPECT_TRUE(FillsPlace({0, {policy}, {Person("bob")}}, Person("abe"))) << "one of two more";
}

TEST(QuorumTest, RolesAndUsersAreAlternativesAndNobodyFillsAnythingWithoutBeingAnApprover) {
  const ApprovalRequirement need = Needs("dba", 1, {Role::kAuditor}, {"users/ada"});
  EXPECT_TRUE(MayFill(need, Person("ada")));
  EXPECT_TRUE(MayFill(need, Person("bob", {Role::kAuditor})));
  EXPECT_FALSE(MayFill(need, Person("bob", {Role::kViewer})));
  EXPECT_FALSE(MayFill(need, {"users/ada", {Role::kAuditor}}));
  EXPECT_FALSE(MayFill(Needs("anybody", 1), {"users/ada", {Role::kAdmin}}));
}

TEST(QuorumTest, WhatIsMissingIsNamed) {
  ApprovalPolicy policy;
  policy.requirements = {Needs("dba", 2, {Role::kPolicyAdmin, Role::kAuditor}, {"users/ada"}),
                         Needs("owner", 1)};
  EXPECT_THAT(Unfilled(policy, {Person("ada")}),
              ElementsAre("requirement dba: 1 of 2 (approvers with the role policy_admin or "
                          "auditor, or users/ada)",
                          "requirement owner: 0 of 1 (any approver)"));
  EXPECT_THAT(Unfilled(policy, {Person("ada"), Person("b", {Role::kAuditor}), Person("c")}),
              IsEmpty());
}

// Tries every way to give people to requirements.
int Most(const std::vector<ApprovalRequirement>& needs, const std::vector<Voter>& voters,
         size_t next, std::vector<int>* have) {
  if (next == voters.size()) {
    int sum = 0;
    for (const int n : *have) sum += n;
    return sum;
  }
  int best = Most(needs, voters, next + 1, have);
  for (size_t i = 0; i < needs.size(); ++i) {
    if ((*have)[i] == needs[i].count || !MayFill(needs[i], voters[next])) continue;
    ++(*have)[i];
    best = std::max(best, Most(needs, voters, next + 1, have));
    --(*have)[i];
  }
  return best;
}

TEST(QuorumTest, NobodyIsWastedWhateverTheOrder) {
  std::mt19937 random(7);
  const auto roll = [&](int n) { return static_cast<int>(random() % n); };
  const std::vector<Role> roles = {Role::kPolicyAdmin, Role::kAuditor, Role::kOperator};
  for (int round = 0; round < 3000; ++round) {
    std::vector<ApprovalRequirement> needs;
    for (int i = 1 + roll(3); i > 0; --i) {
      ApprovalRequirement need = Needs(absl::StrCat("r", i), 1 + roll(3));
      for (const Role role : roles) {
        if (roll(3) == 0) need.roles.push_back(role);
      }
      for (int u = 0; u < 6; ++u) {
        if (roll(5) == 0) need.users.push_back(absl::StrCat("users/u", u));
      }
      needs.push_back(std::move(need));
    }
    std::vector<Voter> voters;
    for (int u = roll(7); u > 0; --u) {
      Voter voter = Person(absl::StrCat("u", u));
      for (const Role role : roles) {
        if (roll(2) == 0) voter.roles.insert(role);
      }
      voters.push_back(std::move(voter));
    }
    std::vector<int> none(needs.size(), 0);
    const int most = Most(needs, voters, 0, &none);
    const std::vector<int> have = FillRequirements(needs, voters, true);
    int sum = 0;
    for (size_t i = 0; i < have.size(); ++i) {
      EXPECT_LE(have[i], needs[i].count);
      sum += have[i];
    }
    ASSERT_EQ(sum, most) << "round " << round;
    std::shuffle(voters.begin(), voters.end(), random);
    ASSERT_EQ(FillRequirements(needs, voters, true), have) << "round " << round;
  }
}

}  // namespace
}  // namespace dbfleet::controller
