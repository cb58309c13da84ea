#include "controller/api/job_log_stream.h"

#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/dispatch/wire.h"
#include "controller/domain/transitions.h"

namespace dbfleet::controller {
namespace {

constexpr int kBatch = 256;

class JobLogStream : public rpc::StreamProducer<api::v1::JobLogLine> {
 public:
  JobLogStream(Store& store, LogStore& logs, JobHub& hub, const std::string& job_id, bool follow,
               const rpc::Wake& wake)
      : store_(store), logs_(logs), job_id_(job_id), follow_(follow) {
    if (!follow) return;
    lines_hint_ = logs.Follow(job_id, [wake] { wake(); });
    job_hint_ = hub.Subscribe(job_id, [wake](const JobChanges&) { wake(); });
  }

  absl::StatusOr<Next> Produce(api::v1::JobLogLine* out) override {
    if (lines_.empty()) {
      // Asked before reading: what was stored when the job was over is read after the answer.
      bool over = true;
      if (follow_) {
        ASSIGN_OR_RETURN(over, JobIsOver());
      }
      ASSIGN_OR_RETURN(LogStore::Slice slice, logs_.Read(job_id_, next_, kBatch));
      next_ = slice.next;
      lines_.assign(std::make_move_iterator(slice.lines.begin()),
                    std::make_move_iterator(slice.lines.end()));
      if (lines_.empty()) return over ? Next::kDone : Next::kWait;
    }
    const LogLine& line = lines_.front();
    *out->mutable_log_time() = ToProto(line.time);
    out->set_severity(static_cast<work::v1::Severity>(line.severity));
    out->set_attempt(line.attempt_id);
    out->set_text(line.text);
    out->set_dropped_before(line.dropped_before);
    lines_.pop_front();
    return Next::kMessage;
  }

 private:
  absl::StatusOr<bool> JobIsOver() {
    bool over = false;
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const Job job, tx.GetJob(job_id_));
      over = IsTerminal(job.state);
      return absl::OkStatus();
    }));
    return over;
  }

  Store& store_;
  LogStore& logs_;
  const std::string job_id_;
  const bool follow_;
  uint64_t next_ = 0;
  std::deque<LogLine> lines_;
  std::unique_ptr<LogStore::Subscription> lines_hint_;
  std::unique_ptr<JobHub::Subscription> job_hint_;
};

}  // namespace

std::unique_ptr<rpc::StreamProducer<api::v1::JobLogLine>> MakeJobLogStream(
    Store& store, LogStore& logs, JobHub& hub, const std::string& job_id, bool follow,
    const rpc::Wake& wake) {
  return std::make_unique<JobLogStream>(store, logs, hub, job_id, follow, wake);
}

}  // namespace dbfleet::controller
