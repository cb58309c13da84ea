// Random nights of a window that carries work: whatever is submitted, approved, cancelled, raised
// or ends, never do more run than may, nothing begins that does not fit, nothing begins before what
// comes before it and could begin as well, and in the end everything gets its turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/queue_fixture.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kLasts = absl::Hours(3);
constexpr const char* kInstances[] = {"orders-db", "users-db", "a-db", "b-db"};

class RandomQueueTest : public QueueFixture, public ::testing::WithParamInterface<int> {
 protected:
  int Roll(int n) { return static_cast<int>(random_() % n); }

  void DeclareNightly(bool frozen) {
    DeclaredWindow nightly;
    nightly.window.name = "nightly";
    nightly.window.times.recurring = *CronExpression::Parse("0 2 * * *");
    nightly.window.times.zone = absl::UTCTimeZone();
    nightly.window.times.duration = kLasts;
    nightly.parallel = parallel_;
    times_ = nightly.window.times;
    std::vector<DeclaredWindow> windows = {nightly};
    if (frozen) windows.push_back(Freeze("frozen", -absl::Hours(1), absl::Hours(24 * 30)));
    frozen_ = frozen;
    Declare(std::move(windows));
  }

  void Submit() {
    const QueueAsk ask = For("nightly", 1 + Roll(5) * 20, absl::Minutes(5 + Roll(170)));
    if (Roll(3) == 0) {
      for (const char* instance : kInstances) AddVerifiedBackup(instance);
      ChangeRequest request = MakeChange();
      request.queue = ask;
      request.instances = {kInstances[Roll(4)]};
      request.expire_after = absl::Hours(24 * 80);
      jobs_seen_.push_back(Must(jobs_.SubmitChange({"users/ada", ""}, request)).id);
    } else {
      jobs_seen_.push_back(Backup(kInstances[Roll(4)], ask).id);
    }
  }

  void Approve(const std::string& id) {
    const Job job = JobOf(id);
    if (job.state == JobState::kAwaitingApproval) {
      Must(jobs_.Approve({"users/bob", ""}, id, job.digest, "fine"));
    }
  }

  bool Busy(const std::string& instance) {
    for (const auto& [attempt, offer] : running_now_) {
      if (offer.instance() == instance) return true;
    }
    return false;
  }
  int Running() {
    int running = 0;
    for (const std::string& id : jobs_seen_) {
      const JobState state = JobOf(id).state;
      running += state == JobState::kRolling || state == JobState::kCancelling ? 1 : 0;
    }
    return running;
  }
  bool FitsNow(const Job& job, absl::Time now) {
    const std::optional<Span> night = NextOccurrence(times_, now);
    return night.has_value() && night->Contains(now) &&
           now + job.queue.estimate + absl::Seconds(30) <= night->end;
  }
  // Those that could begin instead of it, and come first.
  std::vector<std::string> Before(const Job& mine) {
    std::vector<std::string> before;
    for (const std::string& id : jobs_seen_) {
      const Job other = JobOf(id);
      if (id == mine.id || other.state != JobState::kReady || !FitsNow(other, clock_.Now())) {
        continue;
      }
      const std::string instance =
          ReadFrom(store_, [&](ReadTx& tx) { return tx.TasksOfJob(id); }).value()[0].instance_id;
      if (Busy(instance)) continue;
      const bool first =
          other.queue.priority != mine.queue.priority
              ? other.queue.priority > mine.queue.priority
              : std::tie(other.create_time, other.id) < std::tie(mine.create_time, mine.id);
      if (first) before.push_back(id);
    }
    return before;
  }

  // The agent accepts what it was offered, and begins what it was granted.
  void Listen() {
    while (answered_ < agent_.Offers().size()) {
      const agent::v1::Offer offer = agent_.Offers()[answered_++];
      if (offer.purpose() == agent::v1::PURPOSE_PLAN) {
        Run(offer, MakePlan());
        continue;
      }
      const Job job = JobOf(offer.job_id());
      const int running = Running();
      const std::vector<std::string> before = Before(job);
      const int grants = agent_.Grants();
      agent_.Accept(offer);
      if (agent_.Grants() == grants) continue;
      ++begun_;
      EXPECT_TRUE(once_.insert(job.id).second) << "it begins once";
      EXPECT_LT(running, parallel_) << "a place was free";
      EXPECT_FALSE(frozen_) << "nothing begins in a freeze";
      EXPECT_TRUE(FitsNow(job, clock_.Now())) << "needs " << job.queue.estimate;
      EXPECT_LT(static_cast<int>(before.size()), parallel_ - running)
          << "of priority " << job.queue.priority
          << ", and these come before it: " << absl::StrJoin(before, ", ");
      agent_.Start(offer);
      running_now_.emplace_back(offer.attempt_id(), offer);
    }
  }
  void EndOne(size_t which) {
    const agent::v1::Offer offer = running_now_[which].second;
    running_now_.erase(running_now_.begin() + static_cast<int64_t>(which));
    agent_.Finish(offer,
                  JobOf(offer.job_id()).cancel_requested ? agent::v1::OUTCOME_CANCELLED
                                                         : agent::v1::OUTCOME_SUCCEEDED,
                  ResultOf(offer));
  }

  std::string Any() { return jobs_seen_[static_cast<size_t>(Roll(jobs_seen_.size()))]; }
  void Act() {
    const int what = Roll(12);
    if (what < 3 || jobs_seen_.empty()) return Submit();
    if (what < 5) return Approve(Any());
    if (what == 5) {
      (void)jobs_.Cancel({"users/eve", ""}, Any(), "");
      executor_.RunAll();
    } else if (what == 6) {
      (void)jobs_.Reprioritize({"users/eve", ""}, Any(), 1 + Roll(100), std::nullopt, "");
      executor_.RunAll();
    } else if (what == 7) {
      if (Roll(3) == 0) DeclareNightly(!frozen_);
    } else if (what < 10) {
      if (!running_now_.empty()) EndOne(static_cast<size_t>(Roll(running_now_.size())));
    } else {
      clock_.JumpWallClock(absl::Minutes(Roll(5) == 0 ? Roll(600) : Roll(60)));
      Pass(absl::Seconds(6));
    }
  }

  std::mt19937 random_;
  int parallel_ = 1;
  bool frozen_ = false;
  WindowTimes times_;
  std::vector<std::string> jobs_seen_;
  std::set<std::string> once_;
  std::vector<std::pair<std::string, agent::v1::Offer>> running_now_;
  int begun_ = 0;
};

TEST_P(RandomQueueTest, TheOrderHoldsAndNobodyStarves) {
  random_.seed(static_cast<unsigned>(GetParam()));
  parallel_ = 1 + Roll(3);
  ChangePolicy([](EnvironmentPolicy* policy) {
    policy->verified_backup_max_age = absl::Hours(24 * 60);
    policy->approval_ttl = absl::Hours(24 * 60);
  });
  DeclareNightly(false);
  for (int step = 0; step < 150; ++step) {
    Act();
    Listen();
    ASSERT_LE(Running(), parallel_) << "step " << step;
    if (HasFailure()) return;
  }
  // It heals: what is missing comes, and the nights pass.
  DeclareNightly(false);
  for (const char* instance : kInstances) AddVerifiedBackup(instance);
  for (const std::string& id : jobs_seen_) Approve(id);
  for (int looked = 0; looked < 2000; ++looked) {
    Listen();
    if (HasFailure()) return;
    while (!running_now_.empty()) {
      EndOne(0);
      Listen();
    }
    const bool all = std::all_of(jobs_seen_.begin(), jobs_seen_.end(), [&](const std::string& id) {
      return IsTerminal(JobOf(id).state);
    });
    if (all) break;
    // To the next opening at most: a night that is missed is no test of anything.
    const std::optional<Span> night = NextOccurrence(times_, clock_.Now());
    clock_.JumpWallClock(night->Contains(clock_.Now()) ? night->end - clock_.Now()
                                                       : night->begin - clock_.Now());
    Pass(absl::Seconds(6));
  }
  for (const std::string& id : jobs_seen_) {
    const Job job = JobOf(id);
    EXPECT_TRUE(job.state == JobState::kSucceeded || job.state == JobState::kCancelled)
        << "seed " << GetParam() << ": " << StateOf(id) << " " << job.error_message << " "
        << WhyOf(id);
  }
  EXPECT_GT(begun_, 5);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomQueueTest, ::testing::Range(1, 41));

}  // namespace
}  // namespace dbfleet::controller
