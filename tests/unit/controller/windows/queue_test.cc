#include "controller/windows/queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

using State = QueueEntry::State;
using Kind = QueueTurn::Kind;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const absl::Time kEnd = kNow + absl::Hours(2);

// Made so many minutes ago, that needs so many.
QueueEntry Entry(const std::string& job, int priority, int age, int needs,
                 State state = State::kReady) {
  return {job, priority, kNow - absl::Minutes(age), absl::Minutes(needs), state};
}

std::string Turn(const QueueEntry& mine, const std::vector<QueueEntry>& others, int parallel = 1) {
  const QueueTurn turn = TurnOf(mine, others, kEnd, parallel, kNow);
  const std::string names = absl::StrJoin(
      turn.others, ",",
      [](std::string* out, const QueueEntry* entry) { absl::StrAppend(out, entry->job); });
  switch (turn.kind) {
    case Kind::kNow:
      return "now";
    case Kind::kTooLong:
      return "too long";
    case Kind::kTaken:
      return "taken by " + names;
    case Kind::kBehind:
      break;
  }
  return "behind " + names;
}

TEST(QueueTest, AHigherPriorityComesFirstAndOfTheSameTheOlder) {
  EXPECT_TRUE(ComesBefore(Entry("b", 51, 0, 1), Entry("a", 50, 9, 1)));
  EXPECT_FALSE(ComesBefore(Entry("a", 50, 9, 1), Entry("b", 51, 0, 1)));
  EXPECT_TRUE(ComesBefore(Entry("b", 50, 2, 1), Entry("a", 50, 1, 1)));
  EXPECT_TRUE(ComesBefore(Entry("a", 50, 1, 1), Entry("b", 50, 1, 1)));
  EXPECT_FALSE(ComesBefore(Entry("a", 50, 1, 1), Entry("a", 50, 1, 1)));
}

TEST(QueueTest, WhoseTurnItIs) {
  const QueueEntry mine = Entry("mine", 50, 5, 30);
  const struct {
    const char* what;
    std::vector<QueueEntry> others;
    int parallel;
    const char* turn;
  } cases[] = {
      {"it is alone", {}, 1, "now"},
      {"a lower one", {Entry("a", 49, 9, 30)}, 1, "now"},
      {"a younger one of the same", {Entry("a", 50, 4, 30)}, 1, "now"},
      {"an older one of the same", {Entry("a", 50, 6, 30)}, 1, "behind a"},
      {"a higher one", {Entry("a", 51, 0, 30)}, 1, "behind a"},
      {"a higher one that waits for its approval",
       {Entry("a", 90, 9, 30, State::kWaits)},
       1,
       "now"},
      {"a higher one that does not fit any more", {Entry("a", 90, 9, 120)}, 1, "now"},
      {"one runs", {Entry("a", 1, 0, 30, State::kRuns)}, 1, "taken by a"},
      {"one of two places is taken", {Entry("a", 90, 0, 30, State::kRuns)}, 2, "now"},
      {"one place is free, and there is a higher one",
       {Entry("a", 1, 0, 30, State::kRuns), Entry("b", 60, 0, 30)},
       2,
       "behind b"},
      {"two places are free, and there is a higher one", {Entry("b", 60, 0, 30)}, 2, "now"},
      {"more run than may, since that was made less",
       {Entry("a", 1, 0, 30, State::kRuns), Entry("b", 1, 0, 30, State::kRuns)},
       1,
       "taken by a,b"},
  };
  for (const auto& c : cases) EXPECT_EQ(Turn(mine, c.others, c.parallel), c.turn) << c.what;
}

TEST(QueueTest, ItBeginsIfItIsOverBeforeTheLastOfWhatIsOpen) {
  const absl::Duration most = kEnd - kNow - kLeastOpen;
  QueueEntry entry = Entry("mine", 50, 0, 0);
  entry.needs = most;
  EXPECT_EQ(Turn(entry, {}), "now");
  entry.needs = most + absl::Nanoseconds(1);
  EXPECT_EQ(Turn(entry, {}), "too long");
}

TEST(QueueTest, WhatClosesEarlierOnItsTargetsCountsForItAlone) {
  QueueEntry frozen = Entry("frozen", 90, 0, 30);
  frozen.closes = kNow + absl::Minutes(20);
  EXPECT_EQ(Turn(frozen, {}), "too long");
  EXPECT_EQ(Turn(Entry("mine", 50, 0, 30), {frozen}), "now");
}

// Whatever is queued: of all that could begin now exactly the first ones do, as many as there are
// places, whoever of them asks first.
TEST(QueueTest, ExactlyThoseThatComeFirstBegin) {
  std::mt19937 random(7);
  const auto roll = [&](int n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 20'000; ++round) {
    std::vector<QueueEntry> queue;
    for (int i = 0, n = 1 + roll(8); i < n; ++i) {
      queue.push_back(Entry(absl::StrCat("j", i), 1 + roll(4), roll(4), roll(150),
                            roll(4) == 0   ? State::kWaits
                            : roll(5) == 0 ? State::kRuns
                                           : State::kReady));
    }
    const int parallel = 1 + roll(3);
    std::set<std::string> begin;
    for (const QueueEntry& mine : queue) {
      if (mine.state != State::kReady) continue;
      std::vector<QueueEntry> others = queue;
      std::erase_if(others, [&](const QueueEntry& other) { return other.job == mine.job; });
      if (TurnOf(mine, others, kEnd, parallel, kNow).kind == Kind::kNow) begin.insert(mine.job);
    }
    // Told the plain way: those that could, in their order, cut off where the places are.
    std::vector<QueueEntry> able;
    int runs = 0;
    for (const QueueEntry& entry : queue) {
      runs += entry.state == State::kRuns ? 1 : 0;
      if (entry.state == State::kReady && kNow + entry.needs <= kEnd - kLeastOpen) {
        able.push_back(entry);
      }
    }
    std::stable_sort(able.begin(), able.end(), [](const QueueEntry& a, const QueueEntry& b) {
      if (a.priority != b.priority) return a.priority > b.priority;
      if (a.create_time != b.create_time) return a.create_time < b.create_time;
      return a.job < b.job;
    });
    able.resize(std::min<size_t>(able.size(), std::max(0, parallel - runs)));
    std::set<std::string> expected;
    for (const QueueEntry& entry : able) expected.insert(entry.job);
    ASSERT_EQ(begin, expected) << "round " << round;
  }
}

class ForecastTest : public ::testing::Test {
 protected:
  ForecastTest() {
    times_.recurring = *CronExpression::Parse("0 2 * * *");
    times_.zone = absl::UTCTimeZone();
    times_.duration = absl::Hours(2);
  }
  // At which minute of which night each begins: "a 0+0", "b 1+30"; "-": in none.
  std::string Forecast(const std::vector<QueueMember>& queue, int parallel = 1) {
    const absl::Time first = NextOccurrence(times_, now_)->begin;
    std::vector<std::string> words;
    for (const QueueForecast& told : ForecastQueue(queue, times_, parallel, now_)) {
      if (told.begin == absl::InfiniteFuture()) {
        words.push_back(told.job + " -");
        continue;
      }
      words.push_back(absl::StrCat(told.job, " ", (told.occurrence.begin - first) / absl::Hours(24),
                                   "+", absl::ToInt64Minutes(told.begin - told.occurrence.begin)));
    }
    return absl::StrJoin(words, ", ");
  }
  static QueueMember Member(const std::string& job, int needs, State state = State::kWaits) {
    return {{job, 50, kNow, absl::Minutes(needs), state}, {}};
  }

  WindowTimes times_;
  absl::Time now_ = absl::FromCivil(absl::CivilSecond(2026, 5, 4, 12, 0, 0), absl::UTCTimeZone());
};

TEST_F(ForecastTest, WhatDoesNotFitComesInTheNextOneAndHoldsUpNothingSmaller) {
  EXPECT_EQ(Forecast({Member("a", 60), Member("b", 90), Member("c", 45), Member("d", 20)}),
            "a 0+0, b 1+0, c 0+60, d 1+90");
}

TEST_F(ForecastTest, PlacesAreFilledAsTheyBecomeFree) {
  EXPECT_EQ(Forecast({Member("a", 60), Member("b", 30), Member("c", 45)}, 2),
            "a 0+0, b 0+0, c 0+30");
}

TEST_F(ForecastTest, WhatRunsHasItsPlaceUntilItIsOver) {
  now_ += absl::Hours(14);  // The window has just opened.
  EXPECT_EQ(Forecast({Member("a", 60, State::kRuns), Member("b", 30)}), "a -, b 0+60");
}

TEST_F(ForecastTest, AFreezeOfItsTargetsPutsOffThatOneAlone) {
  QueueMember frozen = Member("a", 60);
  Window freeze;
  freeze.effect = WindowEffect::kDeny;
  const absl::Time night = NextOccurrence(times_, now_)->begin;
  freeze.times.once = Span{night - absl::Hours(1), night + absl::Hours(30)};
  frozen.freezes.push_back(freeze);
  EXPECT_EQ(Forecast({frozen, Member("b", 60)}), "a 2+0, b 0+0");
}

TEST_F(ForecastTest, WhatNeverFitsAndWhatHasNoWindowAreNotForetold) {
  EXPECT_EQ(Forecast({Member("a", 120), Member("b", 10)}), "a -, b 0+0");
  times_.recurring.reset();
  times_.once = Span{now_ - absl::Hours(1), now_ + absl::Hours(1)};
  now_ += absl::Minutes(45);
  const std::vector<QueueMember> one = {Member("a", 20)};
  EXPECT_EQ(ForecastQueue(one, times_, 1, now_)[0].begin, absl::InfiniteFuture());
}

}  // namespace
}  // namespace dbfleet::controller
