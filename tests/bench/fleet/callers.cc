#include "tests/bench/fleet/callers.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace dbfleet::bench {

struct Callers::Call {
  size_t caller = 0;
  grpc::ClientContext context;
  api::v1::CheckInstanceRequest request;
  api::v1::Job job;
};

Callers::Callers(const Channels& channels, std::string token, Target target)
    : authorization_(absl::StrCat("Bearer ", token)), target_(std::move(target)) {
  for (const auto& channel : channels) {
    stubs_.push_back(api::v1::InstanceService::NewStub(channel));
  }
}

Callers::~Callers() = default;

int Callers::Run(int count, int callers) {
  {
    MutexLock lock(&mutex_);
    left_ = count;
    under_way_ = callers;
  }
  for (int i = 0; i < callers; ++i) Next(i);
  MutexLock lock(&mutex_);
  while (under_way_ > 0) changed_.Wait(&mutex_);
  return failed_;
}

void Callers::Next(size_t caller) {
  auto call = std::make_unique<Call>();
  {
    MutexLock lock(&mutex_);
    if (left_ == 0) {
      --under_way_;
      changed_.Signal();
      return;
    }
    --left_;
    call->request.set_name(target_(number_++));
  }
  call->caller = caller;
  call->context.AddMetadata("authorization", authorization_);
  Call* const c = call.release();  // gRPC's, until its end.
  stubs_[caller % stubs_.size()]->async()->CheckInstance(
      &c->context, &c->request, &c->job,
      [this, c](grpc::Status status) { Ended(std::unique_ptr<Call>(c), status); });
}

void Callers::Ended(std::unique_ptr<Call> call, const grpc::Status& status) {
  if (!status.ok() || call->job.name().empty()) {
    MutexLock lock(&mutex_);
    ++failed_;
  }
  const size_t caller = call->caller;
  call.reset();
  Next(caller);
}

}  // namespace dbfleet::bench
