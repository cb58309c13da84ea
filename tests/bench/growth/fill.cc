#include "tests/bench/growth/fill.h"

#include <algorithm>
#include <iostream>

#include "common/base/status.h"
#include "tests/bench/growth/history.h"

namespace dbfleet::bench {
namespace {

using controller::WriteTx;

constexpr int64_t kChecksPerMutation = 8000;
constexpr int64_t kProgressEvery = 50'000;

absl::Status AddFleet(WriteTx& tx, absl::Time now) {
  for (int i = 0; i < kAgents; ++i) {
    controller::Agent agent = MakeAgent(i, now);
    RETURN_IF_ERROR(tx.InsertAgent(&agent));
    controller::Instance instance = MakeInstance(i, now);
    RETURN_IF_ERROR(tx.InsertInstance(&instance));
  }
  return absl::OkStatus();
}

absl::Status AddEndedCheck(WriteTx& tx, int64_t number, absl::Time time) {
  Check check = MakeEndedCheck(number, time);
  RETURN_IF_ERROR(tx.InsertJob(&check.job));
  RETURN_IF_ERROR(tx.InsertTask(&check.task));
  RETURN_IF_ERROR(tx.InsertAttempt(&check.attempt));
  for (int record = 0; record < kRecordsPerCheck; ++record) {
    RETURN_IF_ERROR(tx.AppendAudit(MakeRecord(static_cast<CheckRecord>(record), check)));
  }
  for (const bool connect : {true, false}) {
    RETURN_IF_ERROR(tx.AppendAudit(MakeConnectRecord(check.attempt.agent_id, connect)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FillHistory(controller::Store& store, Clock& clock, int64_t checks) {
  const absl::Time now = clock.Now();
  RETURN_IF_ERROR(store.MutateAndWait([&](WriteTx& tx) { return AddFleet(tx, now); }));
  const absl::Time begin = now - absl::Seconds(checks);
  for (int64_t first = 0; first < checks; first += kChecksPerMutation) {
    const int64_t last = std::min(first + kChecksPerMutation, checks);
    RETURN_IF_ERROR(store.MutateAndWait([&](WriteTx& tx) -> absl::Status {
      for (int64_t i = first; i < last; ++i) {
        RETURN_IF_ERROR(AddEndedCheck(tx, i, begin + absl::Seconds(i)));
      }
      return absl::OkStatus();
    }));
    if (last % kProgressEvery == 0) std::cerr << last << " of " << checks << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::bench
