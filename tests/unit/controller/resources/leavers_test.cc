// What becomes of quorums when people leave.
#include "controller/resources/fillable.h"
#include "tests/unit/controller/resources/proposals_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LeaversTest : public ProposalsFixture {
 protected:
  std::vector<std::string> WarningsOfDisabling(const std::string& id) {
    const std::set<std::string> before = FillableNow(store_);
    EXPECT_TRUE(principals_.Disable("users/admin", id, "left").ok());
    return WarningsOfLoss(store_, before);
  }
};

TEST_F(LeaversTest, WhoTakesTheLastPersonOfARequirementAwayIsWarned) {
  AddApprovers();
  AddUser("eve", {Role::kApprover});
  ASSERT_FALSE(Apply(Policy("findings", "name: dba, users: [bob, cy]")).has_value());
  EXPECT_THAT(WarningsOfDisabling("bob"), IsEmpty());
  const std::vector<std::string> warnings = WarningsOfDisabling("cy");
  // The policy is about each environment that demands approvals.
  ASSERT_FALSE(warnings.empty());
  EXPECT_THAT(
      warnings.back(),
      AllOf(HasSubstr("approvalpolicies/findings: requirement dba: 0 of 1"),
            HasSubstr("nobody could approve anything in "), HasSubstr("dbfleet user enable NAME")));
  ASSERT_TRUE(principals_.Enable("users/admin", "cy", "").ok());
  EXPECT_THAT(WarningsOfDisabling("dan"), IsEmpty());
}

TEST_F(LeaversTest, TheCountOfAnEnvironmentIsWarnedOfOnceForEachLoss) {
  AddUser("bob", {Role::kApprover});
  const std::set<std::string> before = FillableNow(store_);
  ASSERT_TRUE(principals_.UpdateRoles("users/admin", "bob", {}).ok());
  EXPECT_THAT(WarningsOfLoss(store_, before),
              ElementsAre(HasSubstr("environments/production: 0 of 1 approval")));
  EXPECT_THAT(WarningsOfLoss(store_, FillableNow(store_)), IsEmpty()) << "nothing was taken";
}

// Not the approvers of whom the requirement wants none.
TEST_F(LeaversTest, AProposalSaysWhoCanFillEachRequirement) {
  AddApprovers();
  ASSERT_FALSE(Apply(Policy("findings", "name: dba, users: [bob, cy]")).has_value());
  std::optional<Proposal> proposal;
  ASSERT_TRUE(
      resources_
          .Delete({"users/polly", ""}, "approvalpolicy/findings", 0, "", Rights::All(), &proposal)
          .ok());
  ASSERT_TRUE(proposal.has_value());
  const auto missing = [&] {
    const Proposal now = proposals_.Get(proposal->name()).value();
    return now.missing().empty() ? std::string() : *now.missing().rbegin();
  };
  EXPECT_THAT(missing(), HasSubstr("0 of 1 (users/bob, users/cy); who can: users/bob, users/cy"));
  WarningsOfDisabling("bob");
  EXPECT_THAT(missing(), HasSubstr("; who can: users/cy"));
  WarningsOfDisabling("cy");
  EXPECT_THAT(missing(),
              HasSubstr("; who can: nobody: users/bob is disabled; an admin can enable the "
                        "account: dbfleet user enable bob; users/cy is disabled"));
}

}  // namespace
}  // namespace dbfleet::controller
