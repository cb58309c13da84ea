#include "tests/bench/fleet/sim_metrics.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "grpcpp/support/client_callback.h"

#include "agent/metrics/collector.h"
#include "common/time/clock.h"

namespace dbfleet::bench {

namespace v1 = agent::v1;

namespace {

constexpr std::chrono::milliseconds kTick{10};

absl::Time Now() {
  static Clock* clock = MakeSystemClock().release();
  return clock->Now();
}

// Of 300 series of the MySQL engine 85 are families of their own and the others share four
// families; made by the function that makes the agents' batches.
v1::MetricsBatch MakeShape(int series) {
  std::vector<agent::Sample> samples;
  for (int i = 0; i < series; ++i) {
    agent::Sample sample;
    sample.value = 1'000'000.0 + i * 7919.0;
    if (i % 7 < 2) {
      sample.name = absl::StrFormat("mysql_global_status_innodb_row_waits_%04d", i);
      sample.help = "Generic metric from SHOW GLOBAL STATUS.";
      sample.untyped = true;
    } else if (i % 7 < 6) {
      sample.name = "mysql_global_status_commands_total";
      sample.help = "Total number of executed MySQL commands.";
      sample.labels = {{"command", absl::StrFormat("show_procedure_%04d", i)}};
      sample.counter = true;
    } else {
      sample.name = "mysql_global_status_handlers_total";
      sample.help = "Total number of executed MySQL handlers.";
      sample.labels = {{"handler", absl::StrFormat("read_rnd_%04d", i)}};
      sample.counter = true;
    }
    samples.push_back(std::move(sample));
  }
  return agent::MakeBatch("", Now(), samples);
}

}  // namespace

// The batches of a round go one after the other: the next one is made when the former is written.
class SimMetrics::Stream : public grpc::ClientWriteReactor<v1::MetricsBatch> {
 public:
  Stream(SimMetrics* owner, Slot* slot, std::shared_ptr<grpc::Channel> channel)
      : owner_(*owner),
        slot_(*slot),
        channel_(std::move(channel)),
        stub_(v1::AgentLink::NewStub(channel_)) {
    owner_.streams_.fetch_add(1);
    if (owner_.options_.compress) context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    stub_->async()->PushMetrics(&context_, &response_, this);
    AddHold();  // Writes are started from outside of the reactions.
    StartCall();
  }

  // False: the former round is still under way.
  bool BeginRound() {
    MutexLock lock(&mutex_);
    if (over_ || next_ < slot_.agent->instances().size()) return false;
    next_ = 0;
    ++round_;
    WriteNext();
    return true;
  }

  void End() {
    context_.TryCancel();
    {
      MutexLock lock(&mutex_);
      if (std::exchange(over_, true)) return;
    }
    RemoveHold();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End();
    owner_.batches_.fetch_add(1, std::memory_order_relaxed);
    MutexLock lock(&mutex_);
    if (!over_ && ++next_ < slot_.agent->instances().size()) WriteNext();
  }

  void OnDone(const grpc::Status&) override {
    SimMetrics& owner = owner_;
    {
      MutexLock lock(&slot_.mutex);
      slot_.stream = nullptr;
    }
    if (!owner.over_) owner.failures_.fetch_add(1);
    delete this;
    owner.streams_.fetch_sub(1);
  }

 private:
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    batch_ = owner_.MakeBatch(slot_.agent->instances()[next_], round_);
    StartWrite(&batch_);
  }

  SimMetrics& owner_;
  Slot& slot_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::AgentLink::Stub> stub_;
  grpc::ClientContext context_;
  v1::PushMetricsResponse response_;
  Mutex mutex_;
  v1::MetricsBatch batch_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = SIZE_MAX;  // The instance whose batch is being written.
  int64_t round_ ABSL_GUARDED_BY(mutex_) = 0;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

SimMetrics::SimMetrics(const Options& options, const std::vector<std::unique_ptr<SimAgent>>& agents)
    : options_(options), shape_(MakeShape(options.series)) {
  for (const auto& agent : agents) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->agent = agent.get();
  }
  thread_ = std::thread([this] { Run(); });
}

SimMetrics::~SimMetrics() {
  over_ = true;
  thread_.join();
  for (auto& slot : slots_) {
    MutexLock lock(&slot->mutex);  // OnDone waits for it, so the stream is still there.
    if (slot->stream != nullptr) slot->stream->End();
  }
  while (streams_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void SimMetrics::Run() {
  size_t next = 0;
  double due = 0;
  const double per_tick = static_cast<double>(slots_.size()) *
                          std::chrono::duration<double>(kTick).count() / options_.interval_seconds;
  while (!over_) {
    std::this_thread::sleep_for(kTick);
    for (due += per_tick; due >= 1; due -= 1) Push(slots_[next++ % slots_.size()].get());
  }
}

void SimMetrics::Push(Slot* slot) {
  MutexLock lock(&slot->mutex);
  if (slot->stream == nullptr) {
    std::shared_ptr<grpc::Channel> channel = slot->agent->channel();
    if (channel == nullptr) return;
    slot->stream = new Stream(this, slot, std::move(channel));
  }
  if (!slot->stream->BeginRound()) late_.fetch_add(1);
}

v1::MetricsBatch SimMetrics::MakeBatch(const std::string& instance, int64_t round) const {
  v1::MetricsBatch batch = shape_;
  batch.set_instance(instance);
  batch.mutable_sample_time()->set_seconds(absl::ToUnixSeconds(Now()));
  for (v1::MetricFamily& family : *batch.mutable_families()) {
    for (v1::MetricSample& sample : *family.mutable_samples()) {
      sample.set_value(sample.value() + static_cast<double>(round * 17));
    }
  }
  return batch;
}

std::string SimMetrics::Figures() const {
  return absl::StrFormat(R"({"batches":%d,"samples":%d,"streams":%d,"late":%d,"failures":%d})",
                         batches_.load(), batches_.load() * options_.series, streams_.load(),
                         late_.load(), failures_.load());
}

}  // namespace dbfleet::bench
