#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using State = Notification::State;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OutboxTest : public StoreTest {
 protected:
  OutboxTest() { Open(); }

  Notification Row(const std::string& id, const std::string& route, uint64_t seq,
                   const std::string& subject = "jobs/J", const std::string& recipient = "") {
    Notification row;
    row.id = id;
    row.route = route;
    row.recipient = recipient;
    row.subject = subject;
    row.seq = seq;
    row.trigger = "failed";
    row.fields = {{"summary", "it failed"}};
    row.create_time = row.next_time = clock_.Now();
    return row;
  }
  void Put(Notification row) {
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.outbox().Insert(&row); }).ok());
  }
  void Change(const std::string& id, const std::function<void(Notification*)>& change) {
    const absl::Status status = Mutate([&](WriteTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(Notification row, tx.outbox().Get(id));
      change(&row);
      return tx.outbox().Update(&row);
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  template <typename F>
  auto Value(F get) {
    return Read(std::move(get)).value();
  }
  std::vector<std::string> Due(const std::string& route) {
    const DueTimes times{clock_.Now(), clock_.Now() + absl::Hours(1)};
    std::vector<std::string> ids;
    for (const Notification& row :
         Value([&](ReadTx& tx) { return tx.outbox_reader().Due(route, times, 100); })) {
      ids.push_back(row.id);
    }
    return ids;
  }
};

TEST_F(OutboxTest, WhatIsWrittenIsRead) {
  Notification row = Row("a", "oncall", 7, "jobs/J", "x@example.com");
  row.error = "no";
  row.attempts = 3;
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.outbox().Insert(&row); }).ok());
  EXPECT_EQ(Value([](ReadTx& tx) { return tx.outbox_reader().Get("a"); }), row);
}

TEST_F(OutboxTest, OfOneRecordARecipientOfARouteHasOneRow) {
  Put(Row("a", "oncall", 7));
  Notification twice = Row("b", "oncall", 7);
  EXPECT_EQ(Mutate([&](WriteTx& tx) { return tx.outbox().Insert(&twice); }).code(),
            absl::StatusCode::kAlreadyExists);
  Put(Row("c", "oncall", 7, "jobs/J", "x@example.com"));
  Put(Row("d", "other", 7));
}

TEST_F(OutboxTest, OfOneSubjectTheFirstIsDueAndTheOthersWait) {
  Put(Row("a", "oncall", 1));
  Put(Row("b", "oncall", 2));
  Put(Row("c", "oncall", 3, "jobs/K"));
  Put(Row("d", "oncall", 4, "jobs/J", "x@example.com"));
  EXPECT_THAT(Due("oncall"), ElementsAre("a", "c", "d"));
  // Also while the first waits for its next attempt.
  Change("a", [&](Notification* row) { row->next_time = clock_.Now() + absl::Seconds(5); });
  EXPECT_THAT(Due("oncall"), ElementsAre("c", "d"));
  Change("a", [](Notification* row) { row->state = State::kSent; });
  EXPECT_THAT(Due("oncall"), ElementsAre("b", "c", "d"));
}

TEST_F(OutboxTest, ATimeFarAheadWasWrittenByAClockThatWasAhead) {
  Put(Row("a", "oncall", 1));
  Change("a", [&](Notification* row) { row->next_time = clock_.Now() + absl::Hours(5); });
  EXPECT_THAT(Due("oncall"), ElementsAre("a"));
}

TEST_F(OutboxTest, RoutesWithWaitingRowsAreKnownAndCounted) {
  Put(Row("a", "x", 1));
  Put(Row("b", "x", 2));
  Put(Row("c", "y", 3));
  Put(Row("d", "z", 4));
  Change("d", [](Notification* row) { row->state = State::kDead; });
  EXPECT_THAT(Value([](ReadTx& tx) { return tx.outbox_reader().WaitingRoutes(); }),
              ElementsAre("x", "y"));
  EXPECT_EQ(Value([](ReadTx& tx) { return tx.outbox_reader().CountWaiting("x", 10); }), 2);
  EXPECT_EQ(Value([](ReadTx& tx) { return tx.outbox_reader().CountWaiting("x", 1); }), 1);
  const NotificationCounts counts = Value([](ReadTx& tx) { return tx.outbox_reader().Count(); });
  EXPECT_EQ(counts.waiting, 3);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.oldest_waiting, clock_.Now());
}

TEST_F(OutboxTest, TheLastOfASubjectIsFound) {
  Put(Row("a", "x", 1));
  Put(Row("b", "x", 5));
  Put(Row("c", "x", 9, "jobs/K"));
  EXPECT_EQ(Value([](ReadTx& tx) { return tx.outbox_reader().Last("x", "jobs/J"); })->id, "b");
  EXPECT_FALSE(
      Value([](ReadTx& tx) { return tx.outbox_reader().Last("y", "jobs/J"); }).has_value());
}

TEST_F(OutboxTest, ListsAreNarrowedAndPaged) {
  for (int i = 0; i < 5; ++i) {
    Put(Row(absl::StrCat("n", i), i % 2 == 0 ? "even" : "odd", i + 1));
  }
  Change("n2", [](Notification* row) { row->state = State::kDead; });
  const auto list = [&](const NotificationFilter& filter, const PageRequest& page) {
    return Value([&](ReadTx& tx) { return tx.outbox_reader().List(filter, page); });
  };
  const Page<Notification> first = list({}, {3, ""});
  ASSERT_EQ(first.items.size(), 3u);
  EXPECT_EQ(first.items[0].id, "n4");
  EXPECT_EQ(list({}, {3, first.next_token}).items.size(), 2u);
  EXPECT_EQ(list({State::kDead, ""}, {}).items[0].id, "n2");
  EXPECT_EQ(list({State::kWaiting, "even"}, {}).items.size(), 2u);
}

TEST_F(OutboxTest, OldRowsAndTooManyAreDeletedInBoundedParts) {
  for (int i = 0; i < 10; ++i) {
    Put(Row(absl::StrCat("n", i), "x", i + 1));
    Change(absl::StrCat("n", i), [&](Notification* row) {
      row->state = State::kSent;
      row->end_time = clock_.Now();
    });
    clock_.Advance(absl::Seconds(1));
  }
  Put(Row("waits", "x", 99));
  const auto prune = [&](absl::Time before, int keep, int limit) {
    int count = -1;
    EXPECT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                  ASSIGN_OR_RETURN(count, tx.outbox().Prune(State::kSent, before, keep, limit));
                  return absl::OkStatus();
                }).ok());
    return count;
  };
  const absl::Time begin = clock_.Now() - absl::Seconds(10);
  EXPECT_EQ(prune(begin + absl::Seconds(4), 100, 3), 3);
  EXPECT_EQ(prune(begin + absl::Seconds(4), 100, 3), 1);
  EXPECT_EQ(prune(begin + absl::Seconds(4), 100, 3), 0);
  EXPECT_EQ(prune(begin, 2, 100), 3);  // Of six all but the newest, and the two behind it.
  EXPECT_THAT(Due("x"), ElementsAre("waits"));
}

}  // namespace
}  // namespace dbfleet::controller
