#include "controller/identity/recovery_nonces.h"

#include "common/base/hash.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kLifetime = absl::Seconds(60);
constexpr size_t kMaxPerAgent = 16;

}  // namespace

std::string RecoveryNonces::Make(const std::string& agent_id, const std::string& serial) {
  std::string nonce = RandomBytes(32);
  MutexLock lock(&mutex_);
  std::deque<Entry>& entries = entries_[agent_id];
  if (entries.size() == kMaxPerAgent) entries.pop_front();
  entries.push_back({nonce, serial, clock_->Monotonic() + kLifetime});
  return nonce;
}

bool RecoveryNonces::Take(const std::string& agent_id, const std::string& serial,
                          const std::string& nonce) {
  MutexLock lock(&mutex_);
  const auto found = entries_.find(agent_id);
  if (found == entries_.end()) return false;
  std::deque<Entry>& entries = found->second;
  while (!entries.empty() && entries.front().expire < clock_->Monotonic()) entries.pop_front();
  bool taken = false;
  for (auto it = entries.begin(); it != entries.end(); ++it) {
    if (it->serial == serial && ConstantTimeEquals(it->nonce, nonce)) {
      entries.erase(it);
      taken = true;
      break;
    }
  }
  if (entries.empty()) entries_.erase(found);
  return taken;
}

}  // namespace dbfleet::controller
