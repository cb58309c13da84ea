#include "gmock/gmock.h"

#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ScheduleRowsTest : public StoreTest {
 protected:
  void SetUp() override { Open(); }

  static absl::Time T(int n) { return absl::FromUnixSeconds(1'800'000'000 + n); }
  static Occurrence At(int n, const std::string& uid = "U") {
    Occurrence occurrence;
    occurrence.id = absl::StrCat(uid, "-", 1'800'000'000 + n);
    occurrence.schedule = "nightly";
    occurrence.uid = uid;
    occurrence.nominal = occurrence.due_time = occurrence.create_time = T(n);
    return occurrence;
  }
  absl::Status Insert(Occurrence occurrence) {
    return Mutate([&](WriteTx& tx) { return tx.InsertOccurrence(&occurrence); });
  }
  std::vector<std::string> Ids(const std::vector<Occurrence>& occurrences) {
    std::vector<std::string> ids;
    for (const Occurrence& occurrence : occurrences) ids.push_back(occurrence.id);
    return ids;
  }
};

TEST_F(ScheduleRowsTest, WhatIsWrittenIsReadBack) {
  ScheduleState state;
  state.name = "nightly";
  state.uid = "U";
  state.timing = "0 3 * * *\nUTC";
  state.decided_until = T(5);
  state.declarers = {"users/ada", "users/bob"};
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertScheduleState(&state); }).ok());
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetScheduleState("nightly"); }).value(), state);
  state.deleted = true;
  state.pruned_until = T(1);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateScheduleState(&state); }).ok());
  Open();
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetScheduleState("nightly"); }).value(), state);
  EXPECT_EQ(ReasonOf(Read([](ReadTx& tx) { return tx.GetScheduleState("x"); }).status()),
            "SCHEDULE_NOT_FOUND");
  EXPECT_THAT(Read([](ReadTx& tx) { return tx.ListScheduleStates({}); }).value().items, SizeIs(1));

  Occurrence occurrence = At(7);
  occurrence.spec_blob = std::string("\0\xff", 2);
  occurrence.cursor = "orders-db";
  occurrence.targets = 3;
  occurrence.jobs = 2;
  occurrence.refused = 1;
  occurrence.missed = occurrence.cancel_requested = true;
  occurrence.state = OccurrenceState::kSubmitting;
  occurrence.reason = "R";
  occurrence.message = "m";
  occurrence.begin_time = T(8);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertOccurrence(&occurrence); }).ok());
  EXPECT_EQ(Read([&](ReadTx& tx) { return tx.GetOccurrence(occurrence.id); }).value(), occurrence);
}

TEST_F(ScheduleRowsTest, ATimeOfAScheduleIsThereOnce) {
  ASSERT_TRUE(Insert(At(1)).ok());
  EXPECT_EQ(ReasonOf(Insert(At(1))), "OCCURRENCE_EXISTS");
  Occurrence other_id = At(1);
  other_id.id = "another";
  EXPECT_EQ(ReasonOf(Insert(other_id)), "OCCURRENCE_EXISTS");
  EXPECT_TRUE(Insert(At(1, "V")).ok()) << "another schedule's";
  Occurrence by_hand = At(1);
  by_hand.id = "by hand";
  by_hand.requester = "users/ada";
  EXPECT_TRUE(Insert(by_hand).ok());
}

TEST_F(ScheduleRowsTest, OpenOnesAreFoundUntilTheyEnd) {
  for (int n : {3, 1, 2}) ASSERT_TRUE(Insert(At(n)).ok());
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                ASSIGN_OR_RETURN(Occurrence second, tx.GetOccurrence(At(2).id));
                second.state = OccurrenceState::kSubmitted;
                RETURN_IF_ERROR(tx.UpdateOccurrence(&second));
                ASSIGN_OR_RETURN(Occurrence third, tx.GetOccurrence(At(3).id));
                third.end_time = T(9);
                return tx.UpdateOccurrence(&third);
              }).ok());
  const auto open = [&](absl::string_view schedule) {
    return Ids(Read([&](ReadTx& tx) { return tx.OpenOccurrences(schedule); }).value());
  };
  EXPECT_THAT(open("nightly"), ElementsAre(At(1).id, At(2).id));
  EXPECT_THAT(open(""), ElementsAre(At(1).id, At(2).id));
  EXPECT_THAT(open("daily"), IsEmpty());
  EXPECT_THAT(Ids(Read([](ReadTx& tx) {
                    return tx.OpenOccurrencesIn(OccurrenceState::kSubmitted);
                  }).value()),
              ElementsAre(At(2).id));
  const auto page = Read([](ReadTx& tx) {
                      return tx.ListOccurrences("nightly", PageRequest{2, ""});
                    }).value();
  EXPECT_THAT(Ids(page.items), ElementsAre(At(3).id, At(2).id)) << "newest first";
  EXPECT_FALSE(page.next_token.empty());
}

TEST_F(ScheduleRowsTest, JobsAreCountedAndListedByWhatTheirKeysBeginWith) {
  ASSERT_TRUE(Mutate([](WriteTx& tx) -> absl::Status {
                int n = 0;
                for (const char* key : {"s/a U-1/x", "s/a U-1/y", "s/a U-1/z", "s/a U-10/x",
                                        "s/a U-1", "s/b U-1/x", ""}) {
                  Job job = MakeJob(absl::StrCat("J", ++n));
                  job.request_key = key;
                  job.state = n == 2 ? JobState::kSucceeded : JobState::kReady;
                  RETURN_IF_ERROR(tx.InsertJob(&job));
                }
                return absl::OkStatus();
              }).ok());
  const auto tally = Read([](ReadTx& tx) { return tx.TallyJobs("s/a U-1/"); }).value();
  EXPECT_EQ(tally, (std::map<JobState, int64_t>{{JobState::kReady, 2}, {JobState::kSucceeded, 1}}));
  const auto keys = [&](absl::string_view after, int limit) {
    std::vector<std::string> found;
    const auto jobs =
        Read([&](ReadTx& tx) { return tx.JobsByKey("s/a U-1/", after, limit); }).value();
    for (const Job& job : jobs) found.push_back(job.request_key);
    return found;
  };
  EXPECT_THAT(keys("", 2), ElementsAre("s/a U-1/x", "s/a U-1/y"));
  EXPECT_THAT(keys("s/a U-1/y", 2), ElementsAre("s/a U-1/z"));
}

TEST_F(ScheduleRowsTest, OldOnesAreTakenAwayBehindTheNewest) {
  for (int n = 1; n <= 6; ++n) {
    Occurrence occurrence = At(n);
    if (n != 1) occurrence.end_time = T(n);
    ASSERT_TRUE(Insert(occurrence).ok());
  }
  const auto prune = [&](int keep, int limit) {
    absl::Time until;
    EXPECT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                  ASSIGN_OR_RETURN(until, tx.PruneOccurrences("nightly", keep, limit));
                  return absl::OkStatus();
                }).ok());
    return until;
  };
  EXPECT_EQ(prune(5, 10), absl::InfinitePast());
  EXPECT_EQ(prune(2, 1), T(4));
  EXPECT_EQ(prune(2, 10), T(3));
  EXPECT_THAT(Ids(Read([](ReadTx& tx) { return tx.ListOccurrences("nightly", {}); }).value().items),
              ElementsAre(At(6).id, At(5).id, At(1).id))
      << "an open one stays";
}

}  // namespace
}  // namespace dbfleet::controller
