#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace dbfleet::controller {

// Who may be sent to just now. Each route has a lane of its own: how many of it are under way, and
// a circuit that opens when its receiver keeps failing, so that a broken or slow receiver costs the
// others nothing. All times are of a clock that is never set (SteadyTime::Passed). Not thread-safe.
class Lanes {
 public:
  static constexpr int kMostOfRoute = 4;
  static constexpr int kMost = 256;
  // Of those, routes whose last attempt failed may together have so many.
  static constexpr int kMostTroubled = 128;
  static constexpr int kFailuresToOpen = 5;
  static constexpr absl::Duration kFirstPause = absl::Seconds(5);
  static constexpr absl::Duration kLongestPause = absl::Minutes(5);
  static constexpr absl::Duration kLongestRetryAfter = absl::Hours(1);
  static constexpr size_t kMostHosts = 1000;

  // `random` gives values in [0, 1).
  explicit Lanes(double (*random)()) : random_(random) {}

  // How many more of the route may begin now. A route in trouble has one at a time: the next tells
  // whether its receiver is well again.
  int Room(const std::string& route, absl::Duration now) const;
  // How long the host has still asked to be left alone; zero: not any more.
  absl::Duration HostWait(const std::string& host, absl::Duration now) const;

  void Begin(const std::string& route);
  // `alive`: the receiver answered, whatever it said; the circuit is about receivers that do not,
  // or that say themselves that they cannot.
  void End(const std::string& route, bool alive, absl::Duration now);
  // The host has asked for time: the route keeps off from now on, other routes when they notice.
  void AskedForTime(const std::string& host, absl::Duration wait, absl::Duration now);
  void Pause(const std::string& route, absl::Duration wait, absl::Duration now);
  // A person wants it tried at once.
  void Reset(const std::string& route);
  // Forgets routes that are no more, but for what is under way.
  void Forget(const std::string& route);

  bool IsOpen(const std::string& route, absl::Duration now) const;
  int open_circuits(absl::Duration now) const;
  int under_way() const { return under_way_; }

 private:
  struct Lane {
    int under_way = 0;
    int failures = 0;
    absl::Duration open_until;    // The circuit's.
    absl::Duration paused_until;  // As the host asked for.
    absl::Duration Until() const { return std::max(open_until, paused_until); }
  };

  double (*const random_)();
  std::map<std::string, Lane> lanes_;
  std::map<std::string, absl::Duration> hosts_;
  int under_way_ = 0;
};

// How long until the next attempt, after `attempts` of them: full jitter
// (common/concurrency/backoff.h).
absl::Duration NextDelay(int attempts, double random);
inline constexpr absl::Duration kFirstDelay = absl::Seconds(2);
inline constexpr absl::Duration kLongestDelay = absl::Minutes(15);

}  // namespace dbfleet::controller
