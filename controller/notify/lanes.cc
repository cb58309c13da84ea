#include "controller/notify/lanes.h"

#include <algorithm>
#include <cmath>

namespace dbfleet::controller {

int Lanes::Room(const std::string& route, absl::Duration now) const {
  const int free = kMost - under_way_;
  if (free <= 0) return 0;
  const auto lane = lanes_.find(route);
  if (lane == lanes_.end()) return std::min(free, kMostOfRoute);
  if (now < lane->second.Until()) return 0;
  if (lane->second.failures == 0) {
    return std::clamp(kMostOfRoute - lane->second.under_way, 0, free);
  }
  if (lane->second.under_way > 0) return 0;
  int troubled = 0;
  for (const auto& [name, other] : lanes_) {
    if (other.failures > 0) troubled += other.under_way;
  }
  return troubled < kMostTroubled ? 1 : 0;
}

absl::Duration Lanes::HostWait(const std::string& host, absl::Duration now) const {
  const auto until = hosts_.find(host);
  return until == hosts_.end() ? absl::ZeroDuration()
                               : std::max(absl::ZeroDuration(), until->second - now);
}

void Lanes::Pause(const std::string& route, absl::Duration wait, absl::Duration now) {
  absl::Duration& until = lanes_[route].paused_until;
  until = std::max(until, now + std::min(wait, kLongestRetryAfter));
}

void Lanes::Begin(const std::string& route) {
  ++lanes_[route].under_way;
  ++under_way_;
}

void Lanes::End(const std::string& route, bool alive, absl::Duration now) {
  Lane& lane = lanes_[route];
  --lane.under_way;
  --under_way_;
  if (alive) {
    lane.failures = 0;
    lane.open_until = absl::ZeroDuration();
    return;
  }
  ++lane.failures;
  if (lane.failures < kFailuresToOpen) return;
  const int doublings = std::min(lane.failures - kFailuresToOpen, 20);
  const absl::Duration most = std::min(kLongestPause, kFirstPause * std::exp2(doublings));
  // Half of it is sure, so that a circuit that opens is open.
  lane.open_until = now + most / 2 + random_() * (most / 2);
}

void Lanes::AskedForTime(const std::string& host, absl::Duration wait, absl::Duration now) {
  if (hosts_.size() >= kMostHosts) {
    std::erase_if(hosts_, [&](const auto& entry) { return now >= entry.second; });
    if (hosts_.size() >= kMostHosts) return;
  }
  absl::Duration& until = hosts_[host];
  until = std::max(until, now + std::min(wait, kLongestRetryAfter));
}

void Lanes::Reset(const std::string& route) {
  const auto lane = lanes_.find(route);
  if (lane == lanes_.end()) return;
  lane->second.failures = 0;
  lane->second.open_until = lane->second.paused_until = absl::ZeroDuration();
}

void Lanes::Forget(const std::string& route) {
  const auto lane = lanes_.find(route);
  if (lane != lanes_.end() && lane->second.under_way == 0) lanes_.erase(lane);
}

bool Lanes::IsOpen(const std::string& route, absl::Duration now) const {
  const auto lane = lanes_.find(route);
  return lane != lanes_.end() && now < lane->second.Until();
}

int Lanes::open_circuits(absl::Duration now) const {
  return static_cast<int>(std::count_if(
      lanes_.begin(), lanes_.end(), [&](const auto& entry) { return now < entry.second.Until(); }));
}

absl::Duration NextDelay(int attempts, double random) {
  const int doublings = std::clamp(attempts - 1, 0, 20);
  return random * std::min(kLongestDelay, kFirstDelay * std::exp2(doublings));
}

}  // namespace dbfleet::controller
