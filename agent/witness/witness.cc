#include "agent/witness/witness.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/audit/checkpoint.h"
#include "common/audit/key_change.h"
#include "common/audit/receipt.h"
#include "common/audit/trusted_keys.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {
namespace {

using Answer = v1::CheckpointAnswer;

constexpr char kStateFile[] = "/state";
constexpr char kKeysFile[] = "/trusted-keys";
constexpr char kDamaged[] = "STATE_DAMAGED";

Answer AnswerTo(const v1::CheckpointPush& push, Answer::Outcome outcome) {
  Answer answer;
  answer.set_outcome(outcome);
  answer.set_checkpoint_sha256(Sha256Hex(push.text()));
  return answer;
}

audit::CheckpointPush FromProto(const v1::CheckpointPush& push) {
  audit::CheckpointPush out;
  out.text = push.text();
  out.proof_from = push.proof_from();
  out.proof.assign(push.proof().begin(), push.proof().end());
  out.former_logs.assign(push.former_logs().begin(), push.former_logs().end());
  return out;
}

Answer::Outcome OutcomeOf(audit::WitnessOutcome outcome) {
  switch (outcome) {
    case audit::WitnessOutcome::kAccepted:
      return Answer::OUTCOME_ACCEPTED;
    case audit::WitnessOutcome::kSame:
      return Answer::OUTCOME_SAME;
    case audit::WitnessOutcome::kRepeat:
      return Answer::OUTCOME_REPEAT;
    case audit::WitnessOutcome::kNeedsProof:
      return Answer::OUTCOME_NEEDS_PROOF;
    case audit::WitnessOutcome::kAlarm:
      break;
  }
  return Answer::OUTCOME_ALARM;
}

void SayAlarm(absl::string_view kind, absl::string_view sentence) {
  log::Error("ALARM: the controller's audit trail is not the one that this agent has seen",
             {{"kind", std::string(kind)}, {"what", std::string(sentence)}});
}

}  // namespace

bool IsCurrent(const audit::Alarm& alarm, const audit::WitnessState& state) {
  const absl::StatusOr<audit::SignedCheckpoint> parsed = audit::ParseCheckpoint(alarm.text);
  if (!parsed.ok()) return true;
  const bool unsigned_or_strange =
      alarm.kind == audit::AlarmKind::kBadSignature || alarm.kind == audit::AlarmKind::kUnknownKey;
  if (unsigned_or_strange) return true;
  for (const audit::RetiredLog& retired : state.retired) {
    if (retired.log_id == parsed->checkpoint.log_id) return false;
  }
  // A log that was a stranger, and was adopted since.
  const bool ours = state.highest.has_value() && state.highest->log_id == parsed->checkpoint.log_id;
  return !(alarm.kind == audit::AlarmKind::kForeignLog && ours);
}

absl::StatusOr<std::unique_ptr<Witness>> Witness::Open(Options options, SignerSource signer,
                                                       Clock& clock) {
  std::unique_ptr<Witness> witness(new Witness(std::move(options), std::move(signer), clock));
  RETURN_IF_ERROR(MakeDirectories(witness->options_.folder, 0700));
  RETURN_IF_ERROR(witness->Load());
  return witness;
}

absl::Status Witness::Load() {
  MutexLock lock(&mutex_);
  const bool pinned = !options_.keys_file.empty();
  const absl::StatusOr<std::string> keys =
      ReadFile(pinned ? options_.keys_file : options_.folder + kKeysFile, 1 << 20);
  if (keys.ok()) {
    const absl::Status readable = audit::TrustedKeys::Parse(*keys).status();
    if (pinned) RETURN_IF_ERROR(Annotate(readable, options_.keys_file));
    if (readable.ok()) keys_text_ = *keys;
    if (!readable.ok()) damage_ = std::string(readable.message());
  } else if (pinned || !absl::IsNotFound(keys.status())) {
    return keys.status();
  }
  absl::StatusOr<audit::WitnessState> state = ReadState(options_.folder);
  if (state.ok()) {
    state_ = *std::move(state);
  } else if (!absl::IsNotFound(state.status())) {
    damage_ = std::string(state.status().message());
  }
  if (state_.highest.has_value() && keys_text_.empty()) {
    damage_ = "its trusted keys are gone, although checkpoints were seen";
  }
  if (!damage_.empty()) SayAlarm(kDamaged, damage_);
  return absl::OkStatus();
}

absl::StatusOr<audit::WitnessState> Witness::ReadState(const std::string& folder) {
  const absl::StatusOr<std::string> text = ReadFile(folder + kStateFile, 16 << 20);
  if (absl::IsNotFound(text.status())) {
    return Error(absl::StatusCode::kNotFound, "NO_WITNESS",
                 absl::StrCat("no checkpoint of the audit trail was seen yet (", folder, ")"));
  }
  if (!text.ok()) return text.status();
  return audit::ReadWitnessState(*text);
}

std::string Witness::Highest() const {
  MutexLock lock(&mutex_);
  return state_.text;
}

absl::Status Witness::LearnKeys(const v1::CheckpointPush& push) {
  if (!options_.keys_file.empty()) return absl::OkStatus();
  std::string text = keys_text_;
  if (text.empty()) {
    text = push.trusted_keys();
    RETURN_IF_ERROR(audit::TrustedKeys::Parse(text).status());
  }
  text = audit::FollowKeyChanges(text, {push.key_changes().begin(), push.key_changes().end()},
                                 clock_.Now());
  if (text == keys_text_) return absl::OkStatus();
  RETURN_IF_ERROR(WriteFileAtomically(options_.folder + kKeysFile, text, 0600));
  keys_text_ = text;
  return absl::OkStatus();
}

v1::CheckpointAnswer Witness::Handle(const v1::CheckpointPush& push) {
  MutexLock lock(&mutex_);
  if (!damage_.empty()) {
    Answer answer = AnswerTo(push, Answer::OUTCOME_ALARM);
    answer.set_alarm_kind(kDamaged);
    answer.set_message(absl::StrCat("what this agent has seen of the trail cannot be read (",
                                    damage_, "); look at ", options_.folder,
                                    ", then move it away and start the agent again"));
    SayAlarm(kDamaged, damage_);
    return answer;
  }
  const absl::Status keys = LearnKeys(push);
  Answer answer = keys.ok() ? Judge(push) : AnswerTo(push, Answer::OUTCOME_FAILED);
  if (!keys.ok()) answer.set_message(std::string(keys.message()));
  answer.set_highest_checkpoint(state_.text);
  return answer;
}

v1::CheckpointAnswer Witness::Judge(const v1::CheckpointPush& push) {
  const absl::StatusOr<audit::TrustedKeys> keys = audit::TrustedKeys::Parse(keys_text_);
  if (!keys.ok()) {
    Answer answer = AnswerTo(push, Answer::OUTCOME_FAILED);
    answer.set_message(std::string(keys.status().message()));
    return answer;
  }
  audit::WitnessState next = state_;
  const audit::WitnessAnswer verdict =
      audit::UpdateWitness(next, FromProto(push), *keys, clock_.Now());
  Answer answer = AnswerTo(push, OutcomeOf(verdict.outcome));
  answer.set_prove_from(verdict.prove_from);
  if (verdict.outcome == audit::WitnessOutcome::kAlarm) {
    answer.set_alarm_kind(std::string(audit::AlarmName(verdict.alarm.kind)));
    answer.set_message(verdict.alarm.sentence);
    SayAlarm(answer.alarm_kind(), verdict.alarm.sentence);
  }
  absl::Status status;
  if (!(next == state_)) {
    status =
        WriteFileAtomically(options_.folder + kStateFile, audit::WriteWitnessState(next), 0600);
  }
  // An alarm is one, whether it could be kept or not.
  if (status.ok() || verdict.outcome == audit::WitnessOutcome::kAlarm) state_ = std::move(next);
  const bool counts = verdict.outcome == audit::WitnessOutcome::kAccepted ||
                      verdict.outcome == audit::WitnessOutcome::kSame;
  if (status.ok() && counts) status = AddReceipt(&answer);
  if (!status.ok() && verdict.outcome != audit::WitnessOutcome::kAlarm) {
    answer.set_outcome(Answer::OUTCOME_FAILED);
    answer.set_message(std::string(status.message()));
  }
  return answer;
}

absl::Status Witness::AddReceipt(v1::CheckpointAnswer* answer) const {
  audit::Receipt receipt;
  receipt.agent_id = options_.agent_id;
  receipt.log_id = state_.highest->log_id;
  receipt.size = state_.highest->size;
  receipt.root = state_.highest->root;
  receipt.time = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));
  ASSIGN_OR_RETURN(const Signer signer, signer_());
  ASSIGN_OR_RETURN(const audit::SignedReceipt made,
                   audit::SignReceipt(receipt, signer.key_pem, signer.chain_pem));
  answer->mutable_receipt()->set_text(made.text);
  answer->mutable_receipt()->set_signature(made.signature);
  answer->mutable_receipt()->set_certificate_pem(made.certificate_pem);
  return absl::OkStatus();
}

std::string Witness::Expose() const {
  MutexLock lock(&mutex_);
  std::set<std::string> kinds;
  for (const audit::Alarm& alarm : state_.alarms) {
    if (IsCurrent(alarm, state_)) kinds.insert(std::string(audit::AlarmName(alarm.kind)));
  }
  if (!damage_.empty()) kinds.insert(kDamaged);
  std::string text =
      "# HELP dbfleet_agent_audit_witness_alarm 1 for each kind of alarm over the controller's "
      "audit trail.\n"
      "# TYPE dbfleet_agent_audit_witness_alarm gauge\n";
  for (const std::string& kind : kinds) {
    absl::StrAppend(&text, "dbfleet_agent_audit_witness_alarm{kind=\"", kind, "\"} 1\n");
  }
  absl::StrAppend(&text,
                  "# HELP dbfleet_agent_audit_witness_alarms_total Alarms over the controller's "
                  "audit trail, ever.\n"
                  "# TYPE dbfleet_agent_audit_witness_alarms_total counter\n"
                  "dbfleet_agent_audit_witness_alarms_total ",
                  state_.alarm_count, "\n");
  if (!state_.highest.has_value()) return text;
  absl::StrAppend(&text,
                  "# HELP dbfleet_agent_audit_witness_records Records under the highest "
                  "checkpoint.\n"
                  "# TYPE dbfleet_agent_audit_witness_records gauge\n"
                  "dbfleet_agent_audit_witness_records ",
                  state_.highest->size,
                  "\n# HELP dbfleet_agent_audit_witness_checkpoint_seconds When the highest "
                  "checkpoint was signed, in unix seconds.\n"
                  "# TYPE dbfleet_agent_audit_witness_checkpoint_seconds gauge\n"
                  "dbfleet_agent_audit_witness_checkpoint_seconds ",
                  absl::ToUnixSeconds(state_.highest->time), "\n");
  return text;
}

}  // namespace dbfleet::agent
