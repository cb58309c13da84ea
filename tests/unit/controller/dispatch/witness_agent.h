#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/audit/key_change.h"
#include "common/audit/receipt.h"
#include "common/audit/trusted_keys.h"
#include "common/audit/witness.h"
#include "common/base/secret.h"
#include "common/rpc/x509.h"
#include "controller/dispatch/session.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet::controller {

// An agent's stream, in memory: it keeps the checkpoints that it was sent.
class WitnessConnection : public AgentConnection {
 public:
  explicit WitnessConnection(std::string agent_id) : agent_id_(std::move(agent_id)) {}
  bool SendAll(std::vector<agent::v1::ControllerMsg> messages) override {
    for (const auto& message : messages) pushes.push_back(message.checkpoint_push());
    return !full;
  }
  void AllowBatches() override {}
  void MessageTaken() override {}
  void Close(const absl::Status&) override {}
  const std::string& agent_id() const override { return agent_id_; }
  const std::string& serial() const override { return serial_; }

  std::vector<agent::v1::CheckpointPush> pushes;
  bool full = false;

 private:
  const std::string agent_id_;
  const std::string serial_ = "01";
};

// An agent with a certificate that judges as real ones do.
class WitnessAgent {
 public:
  WitnessAgent(const std::string& id, const rpc::CaMaterial& ca, FakeClock& clock)
      : id_(id), clock_(clock) {
    const rpc::KeyAndRequest made = rpc::MakeKeyAndRequest(id).value();
    rpc::IssueRequest request;
    request.csr_pem = made.csr_pem;
    request.common_name = id;
    request.uris = {"spiffe://x/agent/" + id};
    request.not_before = clock.Now() - absl::Hours(1);
    request.not_after = clock.Now() + absl::Hours(24 * 365);
    key_pem_ = made.key_pem;
    certificate_pem_ = rpc::Issue(ca, request).value();
    connection = std::make_shared<WitnessConnection>(id);
  }

  agent::v1::CheckpointAnswer Judge(const agent::v1::CheckpointPush& push) {
    if (trusted_.empty()) trusted_ = push.trusted_keys();
    trusted_ = audit::FollowKeyChanges(
        trusted_, {push.key_changes().begin(), push.key_changes().end()}, clock_.Now());
    const audit::WitnessAnswer verdict = audit::UpdateWitness(
        state, {push.text(), push.proof_from(), {push.proof().begin(), push.proof().end()}},
        audit::TrustedKeys::Parse(trusted_).value(), clock_.Now());
    using agent::v1::CheckpointAnswer;
    CheckpointAnswer answer;
    answer.set_highest_checkpoint(state.text);
    switch (verdict.outcome) {
      case audit::WitnessOutcome::kAccepted:
      case audit::WitnessOutcome::kSame:
        answer.set_outcome(CheckpointAnswer::OUTCOME_ACCEPTED);
        *answer.mutable_receipt() = Sign(Seen());
        break;
      case audit::WitnessOutcome::kRepeat:
        answer.set_outcome(CheckpointAnswer::OUTCOME_REPEAT);
        break;
      case audit::WitnessOutcome::kNeedsProof:
        answer.set_outcome(CheckpointAnswer::OUTCOME_NEEDS_PROOF);
        answer.set_prove_from(verdict.prove_from);
        break;
      case audit::WitnessOutcome::kAlarm:
        answer.set_outcome(CheckpointAnswer::OUTCOME_ALARM);
        answer.set_alarm_kind(std::string(audit::AlarmName(verdict.alarm.kind)));
        answer.set_message(verdict.alarm.sentence);
        break;
    }
    return answer;
  }

  audit::Receipt Seen() const {
    return {id_, state.highest->log_id, state.highest->size, state.highest->root, clock_.Now()};
  }
  agent::v1::AuditReceipt Sign(const audit::Receipt& receipt) const {
    const audit::SignedReceipt made =
        audit::SignReceipt(receipt, Secret(key_pem_), certificate_pem_).value();
    agent::v1::AuditReceipt out;
    out.set_text(made.text);
    out.set_signature(made.signature);
    out.set_certificate_pem(made.certificate_pem);
    return out;
  }

  std::shared_ptr<WitnessConnection> connection;
  audit::WitnessState state;

 private:
  const std::string id_;
  FakeClock& clock_;
  std::string key_pem_;
  std::string certificate_pem_;
  std::string trusted_;
};

}  // namespace dbfleet::controller
