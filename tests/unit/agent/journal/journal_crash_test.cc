#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>
#include <string>

#include "gtest/gtest.h"

#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/journal/journal_test_util.h"

namespace dbfleet::agent {
namespace {

// What the child told before it died: each of these was durable by the journal's word.
enum class Told : char { kAccepted, kGranted, kStarted, kFinished };

struct Message {
  Told told;
  int attempt;
};

void Tell(int fd, Told told, int attempt) {
  const Message message{told, attempt};
  if (write(fd, &message, sizeof message) != sizeof message) _exit(3);
}

// Works through attempts until it is killed.
[[noreturn]] void Work(const std::string& folder, int fd, int first) {
  FakeClock clock;
  auto journal = Journal::Open(folder, 64 << 20, clock);
  if (!journal.ok()) _exit(2);
  for (int i = first;; ++i) {
    const v1::Offer offer = MakeOffer(absl::StrCat("a", i), i + 1);
    if (!(*journal)->Accept(offer, absl::ZeroDuration(), "b").ok()) _exit(4);
    Tell(fd, Told::kAccepted, i);
    if (!(*journal)->Grant(MakeGrant(offer)).ok()) _exit(5);
    Tell(fd, Told::kGranted, i);
    if (!(*journal)->Start(offer.attempt_id()).ok()) _exit(6);
    Tell(fd, Told::kStarted, i);
    if (!(*journal)->Finish(offer.attempt_id(), MakeFinished()).ok()) _exit(7);
    Tell(fd, Told::kFinished, i);
    if (i % 7 == 0 && !(*journal)->Acknowledge((*journal)->LastEventSeq()).ok()) _exit(8);
  }
}

// Lets a child work, kills it after `messages` messages, and returns what it had told.
std::map<int, Told> RunAndKill(const std::string& folder, int first, int messages) {
  int fds[2];
  if (pipe(fds) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    close(fds[0]);
    Work(folder, fds[1], first);
  }
  close(fds[1]);
  std::map<int, Told> told;
  Message message;
  for (int n = 0; read(fds[0], &message, sizeof message) == sizeof message; ++n) {
    told[message.attempt] = message.told;
    if (n == messages) kill(child, SIGKILL);
  }
  close(fds[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  return told;
}

v1::AttemptPhase AtLeast(Told told) {
  switch (told) {
    case Told::kAccepted:
      return v1::ATTEMPT_PHASE_ACCEPTED;
    case Told::kGranted:
      return v1::ATTEMPT_PHASE_GRANTED;
    case Told::kStarted:
      return v1::ATTEMPT_PHASE_RUNNING;
    case Told::kFinished:
      return v1::ATTEMPT_PHASE_FINISHED;
  }
  return v1::ATTEMPT_PHASE_UNSPECIFIED;
}

TEST(JournalCrashTest, WhatWasToldIsThereAfterAKillAtAnyPoint) {
  std::mt19937 random(20260102);
  TempFolder folder;
  const std::string path = folder.path() + "/journal";
  int next = 0;
  uint64_t last_seq = 0;
  for (int round = 0; round < 25; ++round) {
    const int messages = std::uniform_int_distribution<int>(0, 60)(random);
    const std::map<int, Told> told = RunAndKill(path, next, messages);
    ASSERT_FALSE(told.empty());
    FakeClock clock;
    auto journal = Journal::Open(path, 64 << 20, clock);
    ASSERT_TRUE(journal.ok()) << journal.status();
    for (const auto& [attempt, phase] : told) {
      const std::string id = absl::StrCat("a", attempt);
      auto found = (*journal)->Find(id);
      ASSERT_TRUE(found.ok() && found->has_value()) << id << " is lost";
      EXPECT_GE((*found)->phase, AtLeast(phase)) << id;
      if (phase >= Told::kStarted) {
        EXPECT_FALSE((*journal)->Start(id).ok()) << id;
      }
    }
    EXPECT_GT((*journal)->LastEventSeq(), last_seq);
    last_seq = (*journal)->LastEventSeq();
    EXPECT_EQ((*journal)->boot_sequence(), static_cast<uint64_t>(2 * round + 2));
    // The child may have gone one attempt further than it could tell.
    next = static_cast<int>((*journal)->HighestFence("orders"));
  }
}

}  // namespace
}  // namespace dbfleet::agent
