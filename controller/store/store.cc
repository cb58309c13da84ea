#include "controller/store/store.h"

#include <memory>

#include "common/concurrency/mutex.h"

namespace dbfleet::controller {
namespace {

// Shared with `done`, which may still be on its way out when the waiter goes on.
struct Outcome {
  Mutex mutex;
  CondVar changed;
  std::optional<absl::Status> status ABSL_GUARDED_BY(mutex);
};

absl::Status WaitFor(const std::function<void(Store::Done)>& start) {
  auto outcome = std::make_shared<Outcome>();
  start([outcome](absl::Status status) {
    MutexLock lock(&outcome->mutex);
    outcome->status = std::move(status);
    outcome->changed.SignalAll();
  });
  MutexLock lock(&outcome->mutex);
  while (!outcome->status.has_value()) outcome->changed.Wait(&outcome->mutex);
  return *std::move(outcome->status);
}

}  // namespace

absl::Status Store::MutateAndWait(Mutation mutation) {
  return WaitFor([&](Done done) { Mutate(std::move(mutation), std::move(done)); });
}

absl::Status Store::MutateEssentialAndWait(Mutation mutation) {
  return WaitFor([&](Done done) { MutateEssential(std::move(mutation), std::move(done)); });
}

absl::Status Store::MutateRepeatableAndWait(Mutation mutation) {
  return WaitFor([&](Done done) { MutateRepeatable(std::move(mutation), std::move(done)); });
}

}  // namespace dbfleet::controller
