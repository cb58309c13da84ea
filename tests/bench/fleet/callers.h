#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"

#include "common/concurrency/mutex.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"

namespace dbfleet::bench {

// Submits checks as a program would that has many to submit: `callers` calls are under way at any
// time, each followed by the next once it is answered, on as many connections as channels are
// given. Each call is one of its own, with the token, and its answer is read.
//
// Run once; it returns when every call has ended.
class Callers {
 public:
  using Channels = std::vector<std::shared_ptr<grpc::Channel>>;
  // The instance that the call of this number is about.
  using Target = std::function<std::string(int number)>;

  Callers(const Channels& channels, std::string token, Target target);
  ~Callers();

  // How many of `count` calls failed.
  int Run(int count, int callers);

 private:
  struct Call;
  void Next(size_t caller);
  void Ended(std::unique_ptr<Call> call, const grpc::Status& status);

  const std::string authorization_;
  const Target target_;
  std::vector<std::unique_ptr<api::v1::InstanceService::Stub>> stubs_;

  Mutex mutex_;
  CondVar changed_;
  int left_ ABSL_GUARDED_BY(mutex_) = 0;
  int number_ ABSL_GUARDED_BY(mutex_) = 0;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  int failed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace dbfleet::bench
