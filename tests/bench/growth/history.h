#pragma once

#include <string>
#include <vector>

#include "controller/domain/types.h"

// What a check leaves in the store, as the controller writes it (controller/jobs, controller/
// dispatch): the values of one job that is over, and of its eight audit records.
namespace dbfleet::bench {

inline constexpr int kAgents = 1000;
// The first jobs of a history are the only ones of their kind, state or environment: what a listing
// that asks for those has to find behind everything that came later.
inline constexpr int64_t kRareJobs = 40;

controller::Agent MakeAgent(int number, absl::Time now);
controller::Instance MakeInstance(int number, absl::Time now);

struct Check {
  controller::Job job;
  controller::Task task;
  controller::Attempt attempt;
};

// The check with this number on the agent `number % kAgents`, as it is when it has just been
// submitted. Ids are made from `time` and `number`, so they ascend like the real ones.
Check MakeCheck(int64_t number, absl::Time time);
// The same when it has ended.
Check MakeEndedCheck(int64_t number, absl::Time time);

// The audit records of its life, in their order.
enum class CheckRecord { kSubmit, kQueue, kOffer, kAccept, kGrant, kStart, kEnd, kJobEnd };
inline constexpr int kRecordsPerCheck = 8;
controller::AuditEntry MakeRecord(CheckRecord record, const Check& check);

// What an agent's coming and going leaves.
controller::AuditEntry MakeConnectRecord(const std::string& agent_id, bool connect);

}  // namespace dbfleet::bench
