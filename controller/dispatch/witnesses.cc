#include "controller/dispatch/witnesses.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/audit/receipt.h"
#include "common/audit/tiles.h"
#include "common/audit/witness.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "controller/audit/lost_logs.h"
#include "controller/audit/recovery.h"
#include "controller/audit/trail.h"

namespace dbfleet::controller {
namespace {

// Enough for a witness that missed several logs; an agent that asks on and on is not answered.
constexpr int kMaxPushes = 32;
constexpr size_t kMaxCached = 4096;
constexpr absl::Duration kPace = absl::Milliseconds(50);

// An alarm's kind becomes a metric's label, so nobody else chooses the words.
std::string KindOf(const std::string& reported) {
  for (const audit::AlarmKind kind :
       {audit::AlarmKind::kSmaller, audit::AlarmKind::kInconsistent, audit::AlarmKind::kForked,
        audit::AlarmKind::kBadSignature, audit::AlarmKind::kUnknownKey,
        audit::AlarmKind::kForeignLog}) {
    if (reported == audit::AlarmName(kind)) return reported;
  }
  return reported == "STATE_DAMAGED" ? reported : "OTHER";
}

metrics::Counter& AlarmCounter(metrics::Registry& metrics, const std::string& kind) {
  return metrics.GetCounter("dbfleet_audit_witness_alarms_total",
                            "Alarms that agents raised over the audit trail, by kind.",
                            {{"kind", kind}});
}

}  // namespace

Witnesses::Witnesses(Store& store, const AuditKeys& keys, std::string ca_pem, Clock& clock,
                     Executor& executor, metrics::Registry& metrics)
    : store_(store),
      keys_(keys),
      ca_pem_(std::move(ca_pem)),
      clock_(clock),
      executor_(executor),
      metrics_(metrics),
      receipts_total_(metrics.GetCounter("dbfleet_audit_receipts_total",
                                         "Agents' receipts for checkpoints that were stored.")),
      refused_total_(metrics.GetCounter("dbfleet_audit_receipts_refused_total",
                                        "Agents' receipts for checkpoints that do not verify.")),
      witnesses_gauge_(metrics.GetGauge("dbfleet_audit_witnesses",
                                        "Connected agents that keep the trail's checkpoints.")) {
  AlarmCounter(metrics_, std::string(audit::AlarmName(audit::AlarmKind::kSmaller)));
}

void Witnesses::Post(std::function<void()> fn) {
  if (!executor_.Add(std::move(fn)))
    return;  // It ends; agents hear of the trail at the next start.
}

std::optional<audit::Checkpoint> Witnesses::Read(const std::string& text) const {
  if (text.empty()) return std::nullopt;
  absl::StatusOr<audit::Checkpoint> checkpoint = audit::VerifyCheckpoint(text, keys_.trusted());
  if (!checkpoint.ok()) return std::nullopt;
  return *std::move(checkpoint);
}

void Witnesses::Join(ConnectionPtr connection, std::string witnessed) {
  Post([this, connection = std::move(connection), witnessed = std::move(witnessed)] {
    Peer& peer = peers_[connection.get()];
    peer = Peer();
    peer.connection = connection;
    peer.seen = Read(witnessed);
    witnesses_gauge_.Set(static_cast<double>(peers_.size()));
    Enqueue(peer);
    PushWaiting();
  });
}

void Witnesses::Leave(ConnectionPtr connection) {
  Post([this, connection = std::move(connection)] {
    peers_.erase(connection.get());
    witnesses_gauge_.Set(static_cast<double>(peers_.size()));
  });
}

void Witnesses::Answer(ConnectionPtr connection, agent::v1::CheckpointAnswer answer) {
  Post([this, connection = std::move(connection), answer = std::move(answer)] {
    if (Peer* peer = Find(connection)) Handle(*peer, answer);
  });
}

void Witnesses::Unsupported(ConnectionPtr connection) {
  Post([this, connection = std::move(connection)] {
    if (Peer* peer = Find(connection)) peer->left_alone = true;
  });
}

void Witnesses::Publish(std::shared_ptr<const IssuedCheckpoint> checkpoint) {
  Post([this, checkpoint = std::move(checkpoint)] {
    latest_ = checkpoint;
    proofs_.clear();
    for (auto& [key, peer] : peers_) {
      peer.pushes = 0;
      Enqueue(peer);
    }
    PushWaiting();
  });
}

void Witnesses::Enqueue(Peer& peer) {
  if (peer.left_alone || std::exchange(peer.waits, true)) return;
  waiting_.push_back(peer.connection);
}

void Witnesses::PushWaiting() {
  const absl::Duration now = clock_.Monotonic();
  tokens_ = std::min<double>(
      kPushesPerSecond, tokens_ + absl::ToDoubleSeconds(now - tokens_time_) * kPushesPerSecond);
  tokens_time_ = now;
  while (!waiting_.empty() && tokens_ >= 1) {
    const ConnectionPtr connection = waiting_.front().lock();
    waiting_.pop_front();
    Peer* peer = connection == nullptr ? nullptr : Find(connection);
    if (peer == nullptr) continue;  // It went away.
    peer->waits = false;
    if (Push(*peer, std::nullopt)) tokens_ -= 1;
  }
  if (waiting_.empty() || timer_ != nullptr) return;
  timer_ = clock_.After(kPace, [this] {
    Post([this] {
      timer_ = nullptr;
      PushWaiting();
    });
  });
}

Witnesses::Peer* Witnesses::Find(const ConnectionPtr& connection) {
  const auto it = peers_.find(connection.get());
  return it == peers_.end() ? nullptr : &it->second;
}

// The latest, or the last one of the store's log that followed the log which the agent knows, be
// that one the store's or a lost one.
absl::StatusOr<std::shared_ptr<const IssuedCheckpoint>> Witnesses::NextFor(const Peer& peer) {
  const std::string& ours = latest_->checkpoint.log_id;
  if (!peer.seen.has_value() || peer.seen->log_id == ours) return latest_;
  std::shared_ptr<const IssuedCheckpoint> next = latest_;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<std::string> logs, tx.AuditLogs());
    auto following = std::find(logs.begin(), logs.end(), peer.seen->log_id);
    if (following != logs.end()) {
      ++following;
    } else {
      ASSIGN_OR_RETURN(const TrailLineage known, ReadLineage(tx));
      following = std::find_if(logs.begin(), logs.end(), [&](const std::string& log) {
        return known.lineage.Follows(log, peer.seen->log_id);
      });
    }
    if (following == logs.end() || *following == ours) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<AuditCheckpoint> last, tx.LastCheckpoints(*following, 1));
    if (last.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(IssuedCheckpoint renewed, Renewed(tx, last[0].text));
    next = std::make_shared<const IssuedCheckpoint>(std::move(renewed));
    return absl::OkStatus();
  }));
  return next;
}

// A witness believes no key that was replaced since, so the last checkpoint of a log that ended
// before the replacement says the same again under the present key. Nothing is signed here that
// was not signed before, and that the store does not still hold.
absl::StatusOr<IssuedCheckpoint> Witnesses::Renewed(ReadTx& tx, const std::string& text) const {
  IssuedCheckpoint issued;
  issued.text = text;
  ASSIGN_OR_RETURN(issued.checkpoint, audit::VerifyCheckpoint(text, keys_.trusted()));
  if (audit::VerifyFreshCheckpoint(text, keys_.trusted(), clock_.Now()).ok()) return issued;
  StoredTiles tiles(&tx);
  ASSIGN_OR_RETURN(const std::string root, audit::TreeRoot(tiles, issued.checkpoint.size));
  if (root != issued.checkpoint.root) {
    return absl::DataLossError(absl::StrCat("the last checkpoint of the log ",
                                            issued.checkpoint.log_id,
                                            " is for other records than the store's"));
  }
  ASSIGN_OR_RETURN(issued.text, keys_.Sign(clock_.Now(), &issued.checkpoint));
  return issued;
}

// A log that followed the agent's may be lost, so that it cannot be sent in its turn.
absl::Status Witnesses::AddFormerLogs(const Peer& peer, const audit::Checkpoint& next,
                                      agent::v1::CheckpointPush* push) {
  if (!peer.seen.has_value() || peer.seen->log_id == next.log_id || !next.predecessor.has_value() ||
      next.predecessor->Names(peer.seen->log_id)) {
    return absl::OkStatus();
  }
  return store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<LostLog> lost, ReadLostLogs(tx));
    for (LostLog& log : LostBefore(lost, next.predecessor->LogIds())) {
      // As above: it says the same again under the present key. That it was signed by one of ours
      // was seen before it was kept.
      if (!audit::VerifyFreshCheckpoint(log.text, keys_.trusted(), clock_.Now()).ok()) {
        ASSIGN_OR_RETURN(audit::Checkpoint verified,
                         audit::VerifyCheckpoint(log.text, keys_.trusted()));
        ASSIGN_OR_RETURN(log.text, keys_.Sign(clock_.Now(), &verified));
      }
      push->add_former_logs(std::move(log.text));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<std::string>> Witnesses::Proof(uint64_t from, uint64_t to) {
  const auto it = proofs_.find({from, to});
  if (it != proofs_.end()) return it->second;
  std::vector<std::string> proof;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    StoredTiles tiles(&tx);
    ASSIGN_OR_RETURN(proof, audit::ConsistencyProof(tiles, from, to));
    return absl::OkStatus();
  }));
  if (proofs_.size() >= kMaxCached) proofs_.clear();
  proofs_[{from, to}] = proof;
  return proof;
}

bool Witnesses::Push(Peer& peer, std::optional<uint64_t> prove_from) {
  if (latest_ == nullptr || peer.left_alone || peer.pushes >= kMaxPushes) return false;
  const absl::StatusOr<std::shared_ptr<const IssuedCheckpoint>> next = NextFor(peer);
  if (!next.ok()) {
    log::Error("a checkpoint for an agent could not be read",
               {{"error", std::string(next.status().message())}});
    return false;
  }
  const audit::Checkpoint& checkpoint = (*next)->checkpoint;
  if (peer.seen.has_value() && !prove_from.has_value() && peer.seen->log_id == checkpoint.log_id &&
      peer.seen->size == checkpoint.size && peer.seen->root == checkpoint.root && peer.knows_keys) {
    return false;
  }
  ++peer.pushes;
  agent::v1::ControllerMsg message;
  agent::v1::CheckpointPush& push = *message.mutable_checkpoint_push();
  push.set_text((*next)->text);
  const uint64_t from = prove_from.value_or(audit::ProofStart(peer.seen, checkpoint));
  // A witness that has seen more than there is gets no proof: that is its alarm's business.
  if (from > 0 && from <= checkpoint.size) {
    absl::StatusOr<std::vector<std::string>> proof = Proof(from, checkpoint.size);
    if (!proof.ok()) {
      log::Error("a proof for an agent could not be made",
                 {{"error", std::string(proof.status().message())}});
      return false;
    }
    push.set_proof_from(from);
    for (std::string& hash : *proof) push.add_proof(std::move(hash));
  }
  if (const absl::Status status = AddFormerLogs(peer, checkpoint, &push); !status.ok()) {
    log::Error("the logs before a checkpoint could not be read",
               {{"error", std::string(status.message())}});
    return false;
  }
  if (!peer.knows_keys) {
    push.set_trusted_keys(keys_.trusted_text());
    for (const std::string& change : keys_.changes()) push.add_key_changes(change);
    peer.knows_keys = true;
  }
  peer.connection->Send(message);
  return true;
}

void Witnesses::Handle(Peer& peer, const agent::v1::CheckpointAnswer& answer) {
  if (peer.left_alone) return;
  const std::optional<audit::Checkpoint> before = peer.seen;
  if (std::optional<audit::Checkpoint> highest = Read(answer.highest_checkpoint())) {
    peer.seen = std::move(highest);
  }
  switch (answer.outcome()) {
    case agent::v1::CheckpointAnswer::OUTCOME_ACCEPTED:
    case agent::v1::CheckpointAnswer::OUTCOME_SAME:
      if (answer.has_receipt()) TakeReceipt(peer, answer.receipt());
      // There may be a newer one by now, or one of a later log.
      if (peer.seen != before) {
        Enqueue(peer);
        PushWaiting();
      }
      return;
    case agent::v1::CheckpointAnswer::OUTCOME_NEEDS_PROOF:
      Push(peer, answer.prove_from());
      return;
    case agent::v1::CheckpointAnswer::OUTCOME_ALARM:
      return TakeAlarm(peer, answer);
    case agent::v1::CheckpointAnswer::OUTCOME_FAILED:
      log::Warn("an agent could not keep a checkpoint of the audit trail",
                {{"agent", peer.connection->agent_id()},
                 {"why", SanitizeForDisplay(Truncate(answer.message(), 500))}});
      return;
    default:
      return;
  }
}

// Receipts are kept by log, and every export holds them: one for an invented log would take room
// and make the export contradict itself.
absl::StatusOr<bool> Witnesses::IsOurLog(const std::string& log_id) {
  if (latest_ != nullptr && latest_->checkpoint.log_id == log_id) return true;
  bool known = false;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<std::string> logs, tx.AuditLogs());
    known = std::find(logs.begin(), logs.end(), log_id) != logs.end();
    return absl::OkStatus();
  }));
  return known;
}

absl::Status Witnesses::CheckReceipt(const std::string& agent_id,
                                     const agent::v1::AuditReceipt& message, AuditReceipt* row) {
  audit::ReceiptTrust trust;
  trust.ca_pem = ca_pem_;
  const audit::SignedReceipt signed_receipt{message.text(), message.signature(),
                                            message.certificate_pem()};
  ASSIGN_OR_RETURN(const audit::Receipt receipt, audit::VerifyReceipt(signed_receipt, trust));
  if (receipt.agent_id != agent_id) return absl::PermissionDeniedError("it is another agent's");
  ASSIGN_OR_RETURN(const bool known, IsOurLog(receipt.log_id));
  if (!known) return absl::NotFoundError("it is for a log that this trail never was");
  std::string& root = roots_[receipt.size];
  if (root.empty()) {
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const uint64_t size, TrailSize(tx));
      if (receipt.size > size) return absl::OutOfRangeError("it is for records that are not there");
      StoredTiles tiles(&tx);
      ASSIGN_OR_RETURN(root, audit::TreeRoot(tiles, receipt.size));
      return absl::OkStatus();
    }));
  }
  const std::string expected = root;
  if (expected.empty() || roots_.size() > kMaxCached) roots_.clear();
  if (receipt.root != expected) return absl::DataLossError("it is for other records");
  *row = {agent_id,       receipt.log_id,      receipt.size,
          message.text(), message.signature(), message.certificate_pem()};
  return absl::OkStatus();
}

void Witnesses::TakeReceipt(const Peer& peer, const agent::v1::AuditReceipt& receipt) {
  const std::string& agent_id = peer.connection->agent_id();
  AuditReceipt row;
  if (const absl::Status status = CheckReceipt(agent_id, receipt, &row); !status.ok()) {
    refused_total_.Increment();
    log::Warn("an agent's receipt for the audit trail does not verify",
              {{"agent", agent_id}, {"why", std::string(status.message())}});
    return;
  }
  store_.Mutate([row](WriteTx& tx) { return tx.PutAuditReceipt(row); },
                [this](absl::Status status) {
                  if (status.ok()) receipts_total_.Increment();
                });
}

void Witnesses::TakeAlarm(Peer& peer, const agent::v1::CheckpointAnswer& answer) {
  peer.left_alone = true;
  const std::string agent_id = peer.connection->agent_id();
  const std::string kind = KindOf(answer.alarm_kind());
  const std::string message = SanitizeForDisplay(Truncate(answer.message(), 2000));
  AlarmCounter(metrics_, kind).Increment();
  log::Error("an agent raised an alarm over the audit trail",
             {{"agent", agent_id}, {"kind", kind}, {"message", message}});
  const std::string log_id = latest_ == nullptr ? "" : latest_->checkpoint.log_id;
  if (!audited_.insert(absl::StrCat(agent_id, " ", kind, " ", log_id)).second) return;
  const std::string text =
      Read(answer.highest_checkpoint()) == peer.seen ? answer.highest_checkpoint() : "";
  store_.MutateEssential(
      [this, agent_id, kind, message, seen = peer.seen, text](WriteTx& tx) -> absl::Status {
        std::map<std::string, std::string> details = {{"kind", kind}, {"message", message}};
        if (seen.has_value()) {
          details["witnessed_log"] = seen->log_id;
          details["witnessed_records"] = absl::StrCat(seen->size);
          details["witnessed_root"] = absl::BytesToHexString(seen->root);
        }
        RETURN_IF_ERROR(tx.AppendAudit({absl::StrCat("agents/", agent_id), "audit.witness_alarm",
                                        "audit", "", std::move(details)}));
        // Only what our own key signed counts as a reason to stop all work.
        ASSIGN_OR_RETURN(const MemoryVerdict verdict,
                         JudgeMemory(tx, {0, "", seen, text}, store_.epoch()));
        if (!verdict.lost_life || verdict.acknowledged) return absl::OkStatus();
        ASSIGN_OR_RETURN(const bool demanded, InRecovery(tx));
        // The agent's Hello, which told its epoch, has said what it shares.
        if (demanded) return absl::OkStatus();
        return DemandRecovery(tx, verdict, agent_id, absl::StrCat("agents/", agent_id),
                              clock_.Now(), 0);
      },
      [](absl::Status status) {
        if (status.ok()) return;
        log::Error("an agent's alarm over the audit trail could not be recorded",
                   {{"error", std::string(status.message())}});
      });
}

}  // namespace dbfleet::controller
