#include "controller/api/live_feeds.h"

#include <map>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/dispatch/wire.h"

namespace dbfleet::controller {
namespace {

// Does the attempt belong to this agent and this job?
absl::StatusOr<bool> MayWrite(ReadTx& tx, const AgentPeer& peer, const agent::v1::LogLine& line) {
  absl::StatusOr<Attempt> attempt = tx.GetAttempt(line.attempt_id());
  if (absl::IsNotFound(attempt.status())) return false;
  RETURN_IF_ERROR(attempt.status());
  return attempt->agent_id == peer.agent_id && attempt->job_id == line.job_id();
}

}  // namespace

void LiveFeeds::StoreLogs(const AgentPeer& peer, const agent::v1::LogBatch& batch,
                          std::function<void(absl::Status)> done) {
  LogStore::Batch stored;
  stored.agent_id = peer.agent_id;
  stored.batch_seq = batch.batch_seq();
  int dropped = 0;
  absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
    std::map<std::pair<std::string, std::string>, bool> known;  // A batch is about few attempts.
    for (const agent::v1::LogLine& line : batch.lines()) {
      const auto key = std::make_pair(line.job_id(), line.attempt_id());
      auto it = known.find(key);
      if (it == known.end()) {
        ASSIGN_OR_RETURN(const bool may, MayWrite(tx, peer, line));
        it = known.emplace(key, may).first;
      }
      if (!it->second) {
        ++dropped;
        continue;
      }
      stored.lines.emplace_back(
          line.job_id(), LogLine{FromProto(line.log_time()), static_cast<int>(line.severity()),
                                 line.attempt_id(), line.text(), line.dropped_before()});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) {
    done(status);
    return;
  }
  if (dropped > 0) {
    log::Warn("log lines of foreign jobs were dropped",
              {{"agent", peer.agent_id}, {"lines", std::to_string(dropped)}});
  }
  logs_->Append(std::move(stored), std::move(done));
}

absl::Status LiveFeeds::TakeMetrics(const AgentPeer& peer, agent::v1::MetricsBatch batch) {
  absl::Status status = live_->PutMetrics(peer.agent_id, batch);
  // A refused batch was logged and its instance's samples dropped; the stream goes on with the
  // others.
  return absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status) ||
                 absl::IsResourceExhausted(status)
             ? absl::OkStatus()
             : status;
}

}  // namespace dbfleet::controller
