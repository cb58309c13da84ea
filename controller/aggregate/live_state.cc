#include "controller/aggregate/live_state.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"
#include "controller/aggregate/sample_set.h"

namespace dbfleet::controller {
namespace {

absl::Status NoMetrics(absl::string_view reason, const std::string& instance_id,
                       absl::string_view why) {
  return Error(absl::StatusCode::kUnavailable, reason,
               absl::StrCat("no metrics of instance \"", instance_id, "\": ", why));
}

absl::Time SampleTime(const agent::v1::MetricsBatch& batch) {
  return FromProto(batch.sample_time());
}

}  // namespace

void LiveState::SetConnected(const std::string& agent_id, const std::string& session_id,
                             const std::vector<std::string>& instances) {
  MutexLock lock(&mutex_);
  sessions_[agent_id] = session_id;
  // What the former session reported on and this one does not is nobody's now.
  for (auto& [id, entry] : instances_) {
    if (entry.agent_id == agent_id) entry.agent_id.clear();
  }
  for (const std::string& id : instances) instances_[id].agent_id = agent_id;
}

void LiveState::SetDisconnected(const std::string& agent_id, const std::string& session_id) {
  MutexLock lock(&mutex_);
  const auto it = sessions_.find(agent_id);
  if (it != sessions_.end() && it->second == session_id) it->second.clear();
}

bool LiveState::ConnectedLocked(const std::string& agent_id) const {
  const auto it = sessions_.find(agent_id);
  return it != sessions_.end() && !it->second.empty();
}

bool LiveState::IsConnected(const std::string& agent_id) const {
  MutexLock lock(&mutex_);
  return ConnectedLocked(agent_id);
}

absl::StatusOr<LiveState::Entry*> LiveState::OwnEntry(const std::string& agent_id,
                                                      const std::string& instance_id) {
  const auto it = instances_.find(instance_id);
  if (it == instances_.end() || it->second.agent_id != agent_id || !ConnectedLocked(agent_id)) {
    return Error(absl::StatusCode::kPermissionDenied, "NOT_YOUR_INSTANCE",
                 absl::StrCat("agent \"", agent_id, "\" does not manage instance \"",
                              instance_id.substr(0, 63), "\" in its current session"));
  }
  return &it->second;
}

absl::Status LiveState::PutMetrics(const std::string& agent_id,
                                   const agent::v1::MetricsBatch& batch) {
  // Rendered and packed outside the lock: a batch may have thousands of series.
  absl::StatusOr<SampleSet> set = RenderSamples(batch);
  std::shared_ptr<const PackedText> page;
  if (set.ok()) page = std::make_shared<const PackedText>(packer_.Pack(set->body));
  {
    MutexLock lock(&mutex_);
    ASSIGN_OR_RETURN(Entry * entry, OwnEntry(agent_id, batch.instance()));
    entry->page.swap(page);  // The former one is freed after the lock.
    entry->series = set.ok() ? set->series : 0;
    entry->sample_time = set.ok() ? SampleTime(batch) : absl::InfinitePast();
    entry->receive_time = clock_->Monotonic();
  }
  if (!set.ok()) {
    log::Warn("refused an instance's metrics", {{"agent", agent_id},
                                                {"instance", batch.instance()},
                                                {"reason", ReasonOf(set.status())},
                                                {"error", std::string(set.status().message())}});
  }
  return set.status();
}

absl::Status LiveState::PutHealth(const std::string& agent_id,
                                  const work::v1::InstanceHealth& health) {
  MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(Entry * entry, OwnEntry(agent_id, health.instance()));
  entry->health = health;
  return absl::OkStatus();
}

std::optional<work::v1::InstanceHealth> LiveState::HealthLocked(const Entry& entry) const {
  if (!entry.health.has_value() || ConnectedLocked(entry.agent_id)) return entry.health;
  work::v1::InstanceHealth health = *entry.health;
  health.set_status(work::v1::HEALTH_STATUS_UNKNOWN);
  health.set_reachable(false);
  health.clear_reasons();
  health.add_reasons("its agent is not connected; this is the last report");
  return health;
}

std::optional<work::v1::InstanceHealth> LiveState::Health(const std::string& instance_id) const {
  MutexLock lock(&mutex_);
  const auto it = instances_.find(instance_id);
  if (it == instances_.end()) return std::nullopt;
  return HealthLocked(it->second);
}

std::optional<work::v1::InstanceHealth> LiveState::HealthFrom(
    const std::string& agent_id, const std::string& instance_id) const {
  MutexLock lock(&mutex_);
  const auto it = instances_.find(instance_id);
  if (it == instances_.end() || it->second.agent_id != agent_id) return std::nullopt;
  return HealthLocked(it->second);
}

absl::StatusOr<std::string> LiveState::Metrics(const std::string& instance_id) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const PackedText> page, Page(instance_id));
  return packer_.Unpack(*page);
}

absl::StatusOr<std::shared_ptr<const PackedText>> LiveState::Page(
    const std::string& instance_id) const {
  MutexLock lock(&mutex_);
  const auto it = instances_.find(instance_id);
  if (it == instances_.end()) {
    return Error(absl::StatusCode::kNotFound, "INSTANCE_NOT_FOUND",
                 absl::StrCat("there is no instance \"", instance_id.substr(0, 63), "\""));
  }
  const Entry& entry = it->second;
  if (!ConnectedLocked(entry.agent_id)) {
    return NoMetrics("AGENT_DISCONNECTED", instance_id, "its agent is not connected");
  }
  if (entry.page == nullptr) {
    return NoMetrics("NO_SAMPLES", instance_id, "its agent has not sent any that are usable");
  }
  if (clock_->Monotonic() - entry.receive_time > options_.stale_after) {
    return NoMetrics("SAMPLES_STALE", instance_id, "the last ones are too old");
  }
  return entry.page;
}

std::map<std::string, LiveState::InstanceView> LiveState::Instances() const {
  std::map<std::string, InstanceView> views;
  MutexLock lock(&mutex_);
  for (const auto& [id, entry] : instances_) {
    InstanceView& view = views[id];
    view.agent_id = entry.agent_id;
    view.connected = ConnectedLocked(entry.agent_id);
    view.health = HealthLocked(entry);
    view.series = entry.series;
    view.sample_time = entry.sample_time;
  }
  return views;
}

std::map<std::string, bool> LiveState::Agents() const {
  std::map<std::string, bool> agents;
  MutexLock lock(&mutex_);
  for (const auto& [id, session] : sessions_) agents[id] = !session.empty();
  return agents;
}

void LiveState::Move(const std::string& instance_id, const std::string& agent_id) {
  MutexLock lock(&mutex_);
  Entry& entry = instances_[instance_id];
  if (entry.agent_id == agent_id) return;
  entry = Entry();
  entry.agent_id = agent_id;
}

void LiveState::Remove(const std::string& instance_id) {
  MutexLock lock(&mutex_);
  instances_.erase(instance_id);
}

}  // namespace dbfleet::controller
