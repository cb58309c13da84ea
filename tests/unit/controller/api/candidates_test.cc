// Who is told that could approve a change, and to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "controller/api/job_views.h"
#include "controller/identity/roles_in.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CandidatesTest : public FleetFixture {
 protected:
  CandidatesTest() {
    agent_.Connect();
    AddVerifiedBackup();
    job_ = Must(jobs_.SubmitChange({"users/ada", ""}, MakeChange())).id;
    const agent::v1::Offer offer = agent_.Offers().back();
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakePlan());
    EXPECT_EQ(StateOf(job_), "awaiting_approval");
  }
  void CorruptABinding() {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      Resource binding;
                      binding.id = "rolebindings/b";
                      binding.kind = "RoleBinding";
                      binding.blob = "\xff";
                      RETURN_IF_ERROR(tx.InsertResource(&binding));
                      return NoteRoleChange(tx, binding.id, "users/root", clock_.Now());
                    })
                    .ok());
  }

  std::string job_;
  JobViews views_{store_, jobs_, clock_, [](const std::string&) { return std::nullopt; }};
};

TEST_F(CandidatesTest, WhoeverAsksForTheChangeIsToldWhoCouldApproveIt) {
  const auto job = views_.ByName("jobs/" + job_);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(job->candidates(), ElementsAre("users/bob", "users/cy"));
  EXPECT_TRUE(job->candidates_known());
  dependents_ = {"users/bob", "users/cy"};
  EXPECT_THAT(views_.ByName("jobs/" + job_)->candidates(), IsEmpty());
  EXPECT_TRUE(views_.ByName("jobs/" + job_)->candidates_known()) << "nobody can";
}

// Each of its pictures would take a look at all users and their tokens.
TEST_F(CandidatesTest, AWatchAndTheAnswersOfOtherCallsDoNotLookForThem) {
  const auto job = views_.ById(job_);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(job->candidates(), IsEmpty());
  EXPECT_FALSE(job->candidates_known());
}

TEST_F(CandidatesTest, ABindingThatCannotBeReadHidesThemAndNotTheChange) {
  CorruptABinding();
  const auto job = views_.ByName("jobs/" + job_);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), api::v1::Job::STATE_AWAITING_APPROVAL);
  EXPECT_THAT(job->candidates(), IsEmpty());
  EXPECT_FALSE(job->candidates_known());
  EXPECT_TRUE(views_.ById(job_).ok());
}

}  // namespace
}  // namespace dbfleet::controller
