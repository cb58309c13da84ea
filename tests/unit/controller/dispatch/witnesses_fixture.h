#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/audit/witness.h"
#include "common/base/status.h"
#include "common/rpc/x509.h"
#include "controller/audit/recovery.h"
#include "controller/audit/trail.h"
#include "controller/dispatch/witnesses.h"
#include "tests/unit/controller/audit/trail_test_util.h"
#include "tests/unit/controller/dispatch/witness_agent.h"

namespace dbfleet::controller {

// A trail that is signed, and two agents that witness it.
class WitnessesTest : public TrailTest {
 protected:
  using CheckpointAnswer = agent::v1::CheckpointAnswer;
  using CheckpointPush = agent::v1::CheckpointPush;

  WitnessesTest() {
    OpenWitnesses();
    OpenCheckpointer();
    checkpointer_->SetListener([this](std::shared_ptr<const IssuedCheckpoint> checkpoint) {
      witnesses_->Publish(std::move(checkpoint));
    });
  }

  void OpenWitnesses() {
    witnesses_ = std::make_unique<Witnesses>(store_, *keys_, ca_.certificate_pem, clock_,
                                             *executor_, metrics_);
  }
  // As a restart of the controller: nothing of the witnesses is remembered.
  void Restart() {
    executor_->RunAll();
    checkpointer_.reset();
    OpenWitnesses();
    OpenCheckpointer();
    checkpointer_->SetListener([this](std::shared_ptr<const IssuedCheckpoint> checkpoint) {
      witnesses_->Publish(std::move(checkpoint));
    });
    StartSigning();
  }
  void StartSigning() {
    ASSERT_TRUE(checkpointer_->Start().ok());
    executor_->RunAll();
  }
  void Checkpoint(int records) {
    Append(records);
    clock_.Advance(absl::Seconds(61));
    executor_->RunAll();
  }
  const audit::Checkpoint& Latest() { return checkpointer_->Latest()->checkpoint; }

  void Join(WitnessAgent& agent) {
    agent.connection = std::make_shared<WitnessConnection>(agent.connection->agent_id());
    witnesses_->Join(agent.connection, agent.state.text);
    executor_->RunAll();
  }
  void Leave(WitnessAgent& agent) {
    witnesses_->Leave(agent.connection);
    executor_->RunAll();
  }
  void Say(WitnessAgent& agent, const CheckpointAnswer& answer) {
    witnesses_->Answer(agent.connection, answer);
    executor_->RunAll();
  }
  // The agent takes what it was sent, until nothing more comes. True: it has the latest.
  bool Follow(WitnessAgent& agent) {
    size_t& taken = taken_[agent.connection.get()];
    for (; taken < agent.connection->pushes.size(); ++taken) {
      Say(agent, agent.Judge(agent.connection->pushes[taken]));
    }
    return agent.state.highest.has_value() && agent.state.highest->log_id == Latest().log_id &&
           agent.state.highest->size == Latest().size && agent.state.highest->root == Latest().root;
  }

  std::vector<AuditReceipt> Receipts() {
    return ReadFrom(store_, [](ReadTx& tx) { return tx.AuditReceipts(0, uint64_t{1} << 40); })
        .value();
  }
  int Audited(const std::string& action) {
    const std::vector<AuditRow> rows = store_.Audit();
    return static_cast<int>(std::count_if(
        rows.begin(), rows.end(), [&](const AuditRow& row) { return row.entry.action == action; }));
  }
  bool Demanded() { return ReadFrom(store_, InRecovery).value(); }
  // A restore on purpose: a successor log begins, which has all records.
  void BeginSuccessorLog() {
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      MemoryVerdict verdict;
                      ASSIGN_OR_RETURN(verdict.shared_size, TrailSize(tx));
                      return DemandRecovery(tx, verdict, "db9", "users/ada", clock_.Now(), 0);
                    })
                    .ok());
    ASSERT_TRUE(Recover(store_, *keys_, clock_.Now(), "host/x", "on purpose").ok());
  }
  void RotateKey() {
    ASSERT_TRUE(AuditKeys::Rotate(folder_.path(), clock_.Now()).ok());
    keys_ = AuditKeys::Open(folder_.path(), "x/audit", false, clock_.Now()).value();
  }
  // A checkpoint of a life that this store lost, in the witness's memory.
  void ShowMore(WitnessAgent& agent, int more) {
    audit::Checkpoint lost = Latest();
    lost.size += more;
    lost.root = std::string(32, 'x');
    const std::string text = audit::SignCheckpoint(lost, keys_->signing_key()).value();
    agent.state = audit::WitnessState();
    CheckpointPush push;
    push.set_text(text);
    push.set_trusted_keys(keys_->trusted_text());
    ASSERT_EQ(agent.Judge(push).outcome(), CheckpointAnswer::OUTCOME_ACCEPTED);
  }

  rpc::CaMaterial ca_ = rpc::MakeCa("test", clock_.Now(), absl::Hours(24 * 400)).value();
  std::unique_ptr<Witnesses> witnesses_;
  WitnessAgent a_{"db1", ca_, clock_};
  WitnessAgent b_{"db2", ca_, clock_};
  std::map<const WitnessConnection*, size_t> taken_;
};

}  // namespace dbfleet::controller
