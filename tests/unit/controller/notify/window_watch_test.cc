#include "controller/notify/window_watch.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WindowWatchTest : public StoreTest {
 protected:
  WindowWatchTest() {
    Open();
    Declare({});
    Restart();
    Tell();  // From here on somebody looks.
  }
  // As after a restart of the controller: nothing is left but the store.
  void Restart() {
    watch_ = std::make_unique<WindowWatch>(
        *store_,
        [this](ReadTx&) -> absl::StatusOr<std::shared_ptr<const WindowBook>> { return book_; });
  }
  void Declare(std::vector<DeclaredWindow> windows) {
    book_ = std::make_shared<const WindowBook>(std::move(windows));
  }
  // As declared now.
  DeclaredWindow Once(const std::string& name, absl::Time begin, absl::Time end,
                      const std::string& uid = "1") {
    DeclaredWindow declared;
    declared.window.name = name;
    declared.window.times.once = Span{begin, end};
    declared.uid = uid;
    declared.editor = "users/polly";
    declared.change_time = clock_.Now();
    return declared;
  }
  DeclaredWindow Recurring(const std::string& name, const std::string& cron,
                           absl::Duration duration) {
    DeclaredWindow declared = Once(name, clock_.Now(), clock_.Now());
    declared.window.times.once.reset();
    declared.window.times.recurring = CronExpression::Parse(cron).value();
    declared.window.times.zone = absl::UTCTimeZone();
    declared.window.times.duration = duration;
    return declared;
  }
  // Looks until there is nothing more. How often it looked.
  int Tell() {
    for (int looks = 1;; ++looks) {
      const absl::StatusOr<bool> more = watch_->Tell(clock_.Now());
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.ok() || !*more) return looks;
    }
  }
  // What was told since the last call: "open tonight".
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    const std::vector<AuditRow> trail = Trail();
    for (size_t i = seen_; i < trail.size(); ++i) {
      if (trail[i].entry.actor != "system/windows") continue;
      last_ = trail[i].entry;
      told.push_back(absl::StrCat(last_.action.substr(7), " ", last_.resource.substr(19)));
    }
    seen_ = trail.size();
    return told;
  }
  std::string Moment(absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
  }

  std::shared_ptr<const WindowBook> book_;
  std::unique_ptr<WindowWatch> watch_;
  AuditEntry last_;  // That Told saw.
  size_t seen_ = 0;
};

TEST_F(WindowWatchTest, BeginsAndEndsAreToldOnce) {
  const absl::Time begin = clock_.Now() + absl::Minutes(10) + absl::Milliseconds(700);
  Declare({Once("w", begin, begin + absl::Minutes(5))});
  std::vector<std::string> told;
  for (int i = 0; i < 80; ++i) {
    clock_.Advance(absl::Seconds(15));
    Tell();
    if (i % 7 == 0) Restart();
    for (const std::string& one : Told()) told.push_back(one);
  }
  EXPECT_THAT(told, ElementsAre("open w", "close w"));
  EXPECT_EQ(last_.details.at("end"), Moment(begin + absl::Minutes(5)));
  EXPECT_EQ(last_.details.count("cause"), 0u);
}

// "For two hours from now on" means from this second on, which has already begun.
TEST_F(WindowWatchTest, AWindowThatBeganBeforeItWasDeclaredIsTold) {
  clock_.Advance(absl::Milliseconds(400));
  Tell();
  clock_.Advance(absl::Milliseconds(300));
  const absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now()));
  Declare({Once("now", second, second + absl::Minutes(2)),
           Once("long-ago", second - absl::Hours(50), second + absl::Hours(50))});
  Tell();
  EXPECT_THAT(Told(), testing::UnorderedElementsAre("open now", "open long-ago"));
  clock_.Advance(absl::Minutes(2));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close now"));
}

TEST_F(WindowWatchTest, WhatWasOverBeforeItWasDeclaredIsNotTold) {
  const absl::Time now = clock_.Now();
  Declare({Once("past", now - absl::Minutes(9), now - absl::Minutes(5)),
           Recurring("hourly",
                     absl::FormatTime("%M * * * *", now - absl::Minutes(9), absl::UTCTimeZone()),
                     absl::Minutes(5))});
  Tell();
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(WindowWatchTest, ADeletedWindowIsToldClosedWithWhoDidIt) {
  const absl::Time now = clock_.Now();
  DeclaredWindow freeze = Once("f", now, now + absl::Hours(2));
  freeze.window.effect = WindowEffect::kDeny;
  freeze.environments = {"qa"};
  Declare({freeze});
  Tell();
  EXPECT_THAT(Told(), ElementsAre("open f"));
  clock_.Advance(absl::Minutes(30));
  ASSERT_TRUE(
      Mutate([](WriteTx& tx) {
        return tx.AppendAudit({"users/bob", "resource.delete", "maintenancewindows/f", "", {}});
      }).ok());
  Declare({});
  Restart();
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close f"));
  EXPECT_EQ(last_.environment, "qa");
  EXPECT_EQ(last_.details.at("effect"), "freeze");
  EXPECT_EQ(last_.details.at("by"), "users/bob");
  EXPECT_EQ(last_.details.at("end"), Moment(now + absl::Minutes(30)));
  EXPECT_THAT(last_.details.at("reason"), HasSubstr("deleted by users/bob"));
  // Nothing is kept of it.
  Tell();
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_THAT(Read([](ReadTx& tx) { return ToldWindows(tx); }).value(), IsEmpty());
}

TEST_F(WindowWatchTest, AWindowThatIsEndedEarlyIsToldClosedThenAndByWhom) {
  const absl::Time now = clock_.Now();
  Declare({Once("w", now, now + absl::Hours(2))});
  Tell();
  clock_.Advance(absl::Minutes(30));
  Declare({Once("w", now, clock_.Now())});
  clock_.Advance(absl::Seconds(5));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("open w", "close w"));
  EXPECT_THAT(last_.details.at("reason"), HasSubstr("changed by users/polly"));
  // Opened again for an hour: told anew.
  Declare({Once("w", now, clock_.Now() + absl::Hours(1))});
  Tell();
  EXPECT_THAT(Told(), ElementsAre("open w"));
}

TEST_F(WindowWatchTest, AMovedEndOfAnOpenWindowIsNoNewOpening) {
  const absl::Time now = clock_.Now();
  Declare({Once("w", now, now + absl::Hours(2))});
  Tell();
  Told();
  Declare({Once("w", now, now + absl::Hours(3))});
  Tell();
  EXPECT_THAT(Told(), ElementsAre("extend w"));
  EXPECT_EQ(last_.details.at("end"), Moment(now + absl::Hours(3)));
  EXPECT_EQ(last_.details.at("by"), "users/polly");
  Declare({Once("w", now - absl::Hours(1), now + absl::Hours(1))});
  Tell();
  EXPECT_THAT(Told(), ElementsAre("shorten w"));
  clock_.Advance(absl::Hours(2));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close w"));
  EXPECT_EQ(last_.details.at("end"), Moment(now + absl::Hours(1)));
}

// In the last moment, between two looks.
TEST_F(WindowWatchTest, AWindowThatIsExtendedWhenItIsAboutToEndDoesNotClose) {
  const absl::Time now = clock_.Now();
  Declare({Once("w", now, now + absl::Minutes(2))});
  Tell();
  Told();
  clock_.Advance(absl::Minutes(2) - absl::Seconds(1));
  Declare({Once("w", now, now + absl::Minutes(9))});
  clock_.Advance(absl::Seconds(4));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("extend w"));
}

TEST_F(WindowWatchTest, AWindowThatSelectsSomethingElseClosesAndOpens) {
  const absl::Time now = clock_.Now();
  DeclaredWindow window = Once("w", now, now + absl::Hours(2));
  window.environments = {"qa"};
  Declare({window});
  Tell();
  Told();
  window.environments = {"production"};
  window.change_time = clock_.Now();
  Declare({window});
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close w", "open w"));
  EXPECT_EQ(last_.environment, "production");
  // So does one that was deleted and declared again.
  window.uid = "2";
  Declare({window});
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close w", "open w"));
}

TEST_F(WindowWatchTest, WhatHappenedDuringARestartIsToldAndWhatIsLongAgoIsNot) {
  const absl::Time now = clock_.Now();
  Declare({Once("old", now + absl::Minutes(1), now + absl::Minutes(2)),
           Once("new", now + absl::Minutes(100), now + absl::Minutes(110)),
           Once("long", now + absl::Minutes(3), now + absl::Minutes(90)),
           Once("open", now + absl::Minutes(3), now + absl::Minutes(190))});
  Tell();
  clock_.Advance(absl::Minutes(120));
  Restart();
  Tell();
  EXPECT_THAT(Told(), ElementsAre("open long", "open open", "close long", "open new", "close new"));
}

// However long ago: what was told open is told closed.
TEST_F(WindowWatchTest, WhatWasToldOpenIsToldClosedAfterALongAbsence) {
  const absl::Time now = clock_.Now();
  Declare({Once("w", now, now + absl::Hours(2))});
  Tell();
  Told();
  clock_.Advance(absl::Hours(24 * 30));
  Restart();
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close w"));
  EXPECT_EQ(last_.details.at("end"), Moment(now + absl::Hours(2)));
}

TEST_F(WindowWatchTest, OccurrencesThatOverlapAreOneOpening) {
  Declare({Recurring("night", "*/30 0-4 * * *", absl::Minutes(90))});
  for (int minutes = 0; minutes < 24 * 60; ++minutes) {
    clock_.Advance(absl::Minutes(1));
    Tell();
  }
  EXPECT_THAT(Told(), testing::UnorderedElementsAre("open night", "close night"));
  EXPECT_THAT(last_.details.at("end"), testing::EndsWith("T06:00:00Z"));
}

TEST_F(WindowWatchTest, AClockThatWasSetBackTellsFromThenOn) {
  const absl::Time now = clock_.Now();
  clock_.JumpWallClock(-absl::Hours(10));
  Declare({Once("w", now - absl::Hours(9), now - absl::Hours(8))});
  Tell();
  EXPECT_THAT(Told(), IsEmpty());
  clock_.Advance(absl::Minutes(61));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("open w"));
  // Far behind the begin it is not open, and opens again when its time comes; a correction by a
  // second is none.
  clock_.JumpWallClock(-absl::Hours(1));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close w"));
  EXPECT_EQ(last_.details.at("cause"), "the clock was set back");
  clock_.Advance(absl::Hours(1) + absl::Minutes(59) - absl::Milliseconds(100));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("open w"));
  clock_.Advance(absl::Milliseconds(200));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close w"));
  clock_.JumpWallClock(-absl::Seconds(1));
  Restart();
  Tell();
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(WindowWatchTest, ManyAreToldInSeveralTransactions) {
  const absl::Time now = clock_.Now();
  std::vector<DeclaredWindow> windows;
  for (size_t i = 0; i < 2 * WindowWatch::kMostEdges + 1; ++i) {
    windows.push_back(Once(absl::StrCat("w", i), now + absl::Minutes(1), now + absl::Minutes(3)));
  }
  Declare(windows);
  Tell();
  clock_.Advance(absl::Minutes(10));
  EXPECT_GE(Tell(), 5);
  EXPECT_EQ(Told().size(), 2 * windows.size());
  // Nor is what is deleted together forgotten in one.
  Declare({});
  EXPECT_GE(Tell(), 3);
  EXPECT_THAT(Read([](ReadTx& tx) { return ToldWindows(tx); }).value(), IsEmpty());
}

TEST_F(WindowWatchTest, ABurstOfOneWindowIsToldInItsOrder) {
  Declare({Recurring("minutes", "*/2 * * * *", absl::Minutes(1))});
  Tell();
  Told();
  clock_.Advance(absl::Hours(20));
  Tell();
  const std::vector<std::string> told = Told();
  EXPECT_GE(told.size(), 58u);
  EXPECT_LE(told.size(), 62u);
  for (size_t i = 1; i < told.size(); ++i) EXPECT_NE(told[i], told[i - 1]);
}

TEST_F(WindowWatchTest, WithoutAChangeNothingIsWritten) {
  const absl::Time now = clock_.Now();
  Declare({Once("w", now, now + absl::Hours(40)), Recurring("daily", "0 0 1 1 *", absl::Hours(1))});
  Tell();
  const auto rows = [&] {
    return Read([](ReadTx& tx) {
             return tx.ListResources(kToldWindowKind, {100, ""});
           })
        .value()
        .items;
  };
  const std::vector<Resource> before = rows();
  for (int i = 0; i < 300; ++i) {
    clock_.Advance(absl::Minutes(2));
    EXPECT_EQ(Tell(), 1);
    if (i % 50 == 0) Restart();
  }
  EXPECT_EQ(rows(), before);
}

// A former version told windows by time, and kept until when.
TEST_F(WindowWatchTest, WhatAFormerVersionToldIsNotToldAgain) {
  const absl::Time told_until = clock_.Now();
  Declare({Once("over", told_until - absl::Hours(1), told_until + absl::Minutes(1)),
           Once("stays", told_until - absl::Hours(1), told_until + absl::Hours(1)),
           Once("new", told_until + absl::Minutes(1), told_until + absl::Hours(1)),
           Once("short", told_until + absl::Minutes(1), told_until + absl::Minutes(2))});
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.PutSetting("windows.watched_since", ""));
                return tx.PutSetting("windows.told_until",
                                     absl::StrCat(absl::ToUnixNanos(told_until)));
              }).ok());
  Restart();
  clock_.Advance(absl::Minutes(5));
  Tell();
  EXPECT_THAT(Told(),
              testing::UnorderedElementsAre("close over", "open new", "open short", "close short"));
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.GetSetting("windows.told_until"); }).value(), "");
  clock_.Advance(absl::Hours(2));
  Tell();
  EXPECT_THAT(Told(), testing::UnorderedElementsAre("close stays", "close new"));
}

// It counts as never told; the others are told as ever.
TEST_F(WindowWatchTest, ARowThatCannotBeReadHoldsUpNothing) {
  const absl::Time now = clock_.Now();
  Declare({Once("bad", now, now + absl::Hours(2)), Once("good", now, now + absl::Hours(1)),
           Once("gone", now, now + absl::Hours(2))});
  Tell();
  Told();
  for (const char* const name : {"bad", "gone"}) {
    const std::string id = absl::StrCat("toldwindows/", name);
    Resource row = Read([&](ReadTx& tx) { return tx.GetResource(id); }).value();
    row.blob = "\xff";
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateResource(&row); }).ok());
  }
  Restart();
  Declare({Once("bad", now, now + absl::Hours(2)), Once("good", now, now + absl::Hours(1))});
  clock_.Advance(absl::Minutes(90));
  EXPECT_EQ(Read([](ReadTx& tx) { return ToldWindows(tx); }).value().size(), 1u);
  Tell();
  EXPECT_THAT(Told(), testing::UnorderedElementsAre("close good", "open bad"));
  clock_.Advance(absl::Hours(1));
  Tell();
  EXPECT_THAT(Told(), ElementsAre("close bad"));
}

// The trail lists by prefix.
TEST_F(WindowWatchTest, WhoDeletedAWindowIsFoundBehindTheRecordsOfItsNamesakes) {
  const absl::Time now = clock_.Now();
  Declare({Once("f", now, now + absl::Hours(2))});
  Tell();
  ASSERT_TRUE(Mutate([](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.AppendAudit(
                    {"users/bob", "resource.delete", "maintenancewindows/f", "", {}}));
                for (int i = 0; i < 300; ++i) {
                  RETURN_IF_ERROR(tx.AppendAudit(
                      {"users/eve", "resource.delete", "maintenancewindows/f-override", "", {}}));
                }
                return absl::OkStatus();
              }).ok());
  Declare({});
  Tell();
  EXPECT_THAT(Told(), ElementsAre("open f", "close f"));
  EXPECT_EQ(last_.details.at("by"), "users/bob");
}

// The windows that a look rests on are those of the transaction that tells.
TEST_F(WindowWatchTest, AChangeBetweenLookAndRecordIsLookedAtAnew) {
  const absl::Time now = clock_.Now();
  Declare({Once("w", now, now + absl::Hours(2))});
  int calls = 0;
  watch_ = std::make_unique<WindowWatch>(
      *store_, [&](ReadTx&) -> absl::StatusOr<std::shared_ptr<const WindowBook>> {
        if (++calls == 2) Declare({});  // As the writer comes to it.
        return book_;
      });
  Tell();
  EXPECT_THAT(Told(), IsEmpty());
}

}  // namespace
}  // namespace dbfleet::controller
