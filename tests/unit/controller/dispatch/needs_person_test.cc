// A task that nobody can decide is told of: one record for each, whatever its job is doing.
#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

class NeedsPersonTest : public WindowFixture {
 protected:
  NeedsPersonTest() { Declare({Once("today", absl::ZeroDuration(), absl::Hours(8))}); }

  std::vector<AuditEntry> Records(const std::string& job_id) {
    std::vector<AuditEntry> found;
    for (const AuditRow& row : store_.Audit()) {
      if (row.entry.action == "job.needs_person" && row.entry.resource == "jobs/" + job_id) {
        found.push_back(row.entry);
      }
    }
    return found;
  }
};

TEST_F(NeedsPersonTest, IsRecordedWhereTheJobGoesOn) {
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Begun();
  const agent::v1::Offer second = Begun();
  agent_.Finish(first, agent::v1::OUTCOME_INTERRUPTED, {}, "AGENT_RESTARTED");
  EXPECT_EQ(StateOf(job.id), "rolling");
  ASSERT_EQ(Records(job.id).size(), 1u);
  EXPECT_EQ(Records(job.id)[0].details.at("attempt"), first.attempt_id());
  EXPECT_NE(Records(job.id)[0].details.count("target"), 0u);
  agent_.Finish(second, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Minutes(5));
  EXPECT_EQ(StateOf(job.id), "paused");
  EXPECT_EQ(Records(job.id).size(), 1u);
}

TEST_F(NeedsPersonTest, IsRecordedWhereTheJobIsBeingCancelled) {
  const Job job = Approved({"orders-db"});
  const agent::v1::Offer offer = Begun();
  Must(jobs_.Cancel({"users/ada", ""}, job.id, "stop"));
  EXPECT_EQ(StateOf(job.id), "cancelling");
  agent_.Finish(offer, agent::v1::OUTCOME_INTERRUPTED);
  Pass(absl::Minutes(5));
  EXPECT_EQ(Records(job.id).size(), 1u);
}

TEST_F(NeedsPersonTest, IsRecordedWhereTheJobIsPaused) {
  const Job job = Approved({"orders-db", "users-db"}, 1);
  const agent::v1::Offer offer = Begun();
  Must(jobs_.Pause({"users/ada", ""}, job.id, "wait"));
  EXPECT_EQ(StateOf(job.id), "paused");
  agent_.Finish(offer, agent::v1::OUTCOME_INTERRUPTED);
  Pass(absl::Minutes(5));
  EXPECT_EQ(Records(job.id).size(), 1u);
}

TEST_F(NeedsPersonTest, EachTargetIsRecorded) {
  const Job job = Approved({"orders-db", "users-db"}, 2);
  const agent::v1::Offer first = Begun();
  const agent::v1::Offer second = Begun();
  agent_.Finish(first, agent::v1::OUTCOME_INTERRUPTED);
  agent_.Finish(second, agent::v1::OUTCOME_INTERRUPTED);
  Pass(absl::Minutes(5));
  EXPECT_EQ(Records(job.id).size(), 2u);
}

}  // namespace
}  // namespace dbfleet::controller
