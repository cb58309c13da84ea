// An agent that reports that work began, and then that it never did: nobody knows what happened.
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"

#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

using work::v1::STEP_STATE_FAILED;
using work::v1::STEP_STATE_RUNNING;
using work::v1::STEP_STATE_SUCCEEDED;
using work::v1::STEP_STATE_UNKNOWN;

class ContradictionTest : public FleetFixture {
 protected:
  ContradictionTest() { agent_.Connect(); }

  void Report(const agent::v1::Offer& offer, int index, work::v1::StepState state,
              bool rollback = false) {
    agent::v1::Event event = agent_.NewEvent(offer);
    event.mutable_step()->set_index(index);
    event.mutable_step()->set_state(state);
    event.mutable_step()->set_rollback(rollback);
    event.mutable_step()->set_version("1");
    agent_.SayEvent(event);
  }
  agent::v1::Offer Granted(std::string* job_id) {
    const agent::v1::Offer offer = OfferedChange(job_id);
    agent_.Accept(offer);
    return offer;
  }
  // So that the next change may use the instance.
  void Settle(const std::string& job_id) {
    Must(jobs_.Resolve({"users/bob", ""}, job_id, "", Resolution::kApplied, "looked there"));
  }
  void NeverBegan(const agent::v1::Offer& offer, const std::string& reason) {
    agent_.Finish(offer, agent::v1::OUTCOME_FAILED, {}, reason);
  }
  void ExpectUnknown(const std::string& job_id, size_t offers) {
    Pass(absl::Seconds(6));
    EXPECT_EQ(agent_.Offers().size(), offers) << "it is not handed out again";
    EXPECT_EQ(StateOf(job_id), "paused");
    EXPECT_EQ(JobOf(job_id).error_reason, "NEEDS_PERSON");
    const Attempt attempt = AttemptsOf(job_id).back();
    EXPECT_EQ(attempt.state, AttemptState::kInterrupted);
    EXPECT_EQ(attempt.error_reason, "CONTRADICTORY_REPORT");
    EXPECT_EQ(Detail("attempt.end", "reason"), "CONTRADICTORY_REPORT");
    EXPECT_TRUE(absl::StrContains(Detail("attempt.end", "error"), "that nothing had begun"))
        << Detail("attempt.end", "error");
    EXPECT_TRUE(Audited("job.needs_person"));
  }
};

TEST_F(ContradictionTest, WhatReportedADoneStepHasNotNeverBegun) {
  for (const work::v1::StepState state : {STEP_STATE_SUCCEEDED, STEP_STATE_UNKNOWN}) {
    for (const char* reason : {"START_TOO_LATE", "BACKUP_GONE", "STALE_FENCE"}) {
      SCOPED_TRACE(reason);
      std::string job_id;
      const agent::v1::Offer offer = Granted(&job_id);
      agent_.Start(offer);
      Report(offer, 0, STEP_STATE_RUNNING);
      Report(offer, 0, state);
      const size_t offers = agent_.Offers().size();
      NeverBegan(offer, reason);
      ExpectUnknown(job_id, offers);
      EXPECT_TRUE(absl::StrContains(Detail("attempt.end", "error"), reason));
      // What says so is not believed about the backup either.
      EXPECT_FALSE(Audited("backup.gone"));
      const auto tasks = ReadFrom(store_, [&](ReadTx& tx) { return tx.TasksOfJob(job_id); });
      EXPECT_EQ(tasks.value().at(0).steps.size(), 1u) << "what was reported is kept";
      Settle(job_id);
    }
  }
}

TEST_F(ContradictionTest, ALaterReportThatAStepRunsDoesNotHideThatItWasDone) {
  std::string job_id;
  const agent::v1::Offer offer = Granted(&job_id);
  agent_.Start(offer);
  Report(offer, 0, STEP_STATE_SUCCEEDED);
  Report(offer, 0, STEP_STATE_RUNNING);
  const size_t offers = agent_.Offers().size();
  NeverBegan(offer, "START_TOO_LATE");
  ExpectUnknown(job_id, offers);
}

TEST_F(ContradictionTest, ASecondStepOrARollbackComesOnlyAfterABeginning) {
  for (const auto& [index, rollback] : {std::pair{1, false}, std::pair{0, true}}) {
    std::string job_id;
    const agent::v1::Offer offer = Granted(&job_id);
    agent_.Start(offer);
    Report(offer, 0, STEP_STATE_FAILED);
    Report(offer, index, STEP_STATE_RUNNING, rollback);
    const size_t offers = agent_.Offers().size();
    NeverBegan(offer, "START_TOO_LATE");
    Pass(absl::Seconds(6));
    EXPECT_EQ(agent_.Offers().size(), offers);
    EXPECT_EQ(AttemptsOf(job_id).back().error_reason, "CONTRADICTORY_REPORT");
    Settle(job_id);
  }
}

TEST_F(ContradictionTest, WhatWasNotStartedReportsNoStepAtAll) {
  for (const char* reason :
       {"START_TOO_LATE", "LEASE_LOST", "NOT_AFTER_PASSED", "STALE_FENCE", "ESTIMATE_GROWN"}) {
    SCOPED_TRACE(reason);
    std::string job_id;
    const agent::v1::Offer offer = Granted(&job_id);
    Report(offer, 0, STEP_STATE_RUNNING);
    const size_t offers = agent_.Offers().size();
    NeverBegan(offer, reason);
    ExpectUnknown(job_id, offers);
    Settle(job_id);
  }
}

TEST_F(ContradictionTest, AResultOfVersionsIsABeginningToo) {
  std::string job_id;
  const agent::v1::Offer offer = Granted(&job_id);
  agent_.Start(offer);
  const size_t offers = agent_.Offers().size();
  agent_.Finish(offer, agent::v1::OUTCOME_FAILED, MakeMigrated(), "START_TOO_LATE");
  ExpectUnknown(job_id, offers);
}

// Whether it may begin is asked again for as long as the first statement only waits for locks.
TEST_F(ContradictionTest, WhatOnlyAnnouncedItsFirstStepIsHandedOutAgain) {
  std::string job_id;
  agent::v1::Offer offer = Granted(&job_id);
  for (const work::v1::StepState state : {STEP_STATE_RUNNING, STEP_STATE_FAILED}) {
    agent_.Start(offer);
    Report(offer, 0, STEP_STATE_RUNNING);
    Report(offer, 0, state);
    NeverBegan(offer, "START_TOO_LATE");
    Pass(absl::Seconds(6));
    ASSERT_NE(agent_.Offers().back().attempt_id(), offer.attempt_id());
    offer = agent_.Offers().back();
    agent_.Accept(offer);
  }
  agent_.Start(offer);
  agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job_id), "succeeded");
}

}  // namespace
}  // namespace dbfleet::controller
