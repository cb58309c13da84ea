#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/jobs/requests.h"
#include "controller/store/store.h"

// Whether a job is what a request asks for, or its request id was used for something else. A retry
// brings the very request again; words of people (reasons), and what others may change of a job
// that waits (its priority), are not compared.
namespace dbfleet::controller {

// `wave_sizes` are the request's.
absl::StatusOr<bool> IsWhatIsAsked(ReadTx& tx, const Job& job, const ChangeRequest& request,
                                   const std::vector<int>& wave_sizes);

bool IsWhatIsAsked(const Job& job, const RollbackRequest& request);

// A backup of one instance.
absl::StatusOr<bool> IsWhatIsAsked(ReadTx& tx, const Job& job, const std::string& instance_id,
                                   const std::vector<std::string>& databases, bool verify,
                                   const QueueAsk& queue);

// A check, an inspection or a verification. `window`: the one that it is to be queued for.
absl::StatusOr<bool> IsWhatIsAsked(ReadTx& tx, const Job& job, const std::string& instance_id,
                                   const work::v1::JobSpec& spec, const std::string& window);

}  // namespace dbfleet::controller
