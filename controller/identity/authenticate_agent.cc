#include "controller/identity/authenticate_agent.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/adoption.h"

namespace dbfleet::controller {
namespace {

absl::Status Refuse(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, reason, message);
}

absl::Status UnknownAgent(absl::string_view agent_id) {
  return Refuse("AGENT_UNKNOWN", absl::StrCat("agent \"", agent_id,
                                              "\" is not known to this controller; enrol it "
                                              "with a join token"));
}

}  // namespace

absl::Status CheckSerial(absl::string_view agent_id, bool revoked, absl::string_view current,
                         absl::string_view next, absl::string_view serial) {
  if (revoked) {
    return Refuse("AGENT_REVOKED", absl::StrCat("agent \"", agent_id,
                                                "\" was revoked; a new join token lets it in"));
  }
  if (!serial.empty() && (serial == current || serial == next)) return absl::OkStatus();
  return Refuse("SERIAL_UNKNOWN",
                absl::StrCat("the certificate ", serial, " of agent \"", agent_id,
                             "\" has been replaced; use the newest one, or enrol again"));
}

bool PromoteSerial(Agent* agent, absl::string_view serial, absl::string_view key_sha256) {
  if (serial.empty() || serial != agent->next_serial) return false;
  agent->current_serial = std::exchange(agent->next_serial, "");
  agent->current_not_after = agent->next_not_after;
  agent->public_key_sha256 = std::string(key_sha256);
  return true;
}

AgentAuthenticator::AgentAuthenticator(Store* store, const CertificateAuthority* ca,
                                       const Clock* clock)
    : store_(store), ca_(ca), clock_(clock) {}

void AgentAuthenticator::SetRevocationListener(std::function<void(const std::string&)> listener) {
  listener_ = std::move(listener);
}

absl::StatusOr<AgentPeer> AgentAuthenticator::Authenticate(const std::string& certificate_pem) {
  if (certificate_pem.empty()) {
    return Refuse("CERTIFICATE_MISSING", "this call needs an agent's certificate");
  }
  ASSIGN_OR_RETURN(const CertificateAuthority::AgentName name, ca_->NameOf(certificate_pem));
  // The handshake has checked it, but a connection lives longer than that.
  if (clock_->Now() > name.certificate.not_after) {
    return Refuse("CERTIFICATE_EXPIRED", absl::StrCat("the certificate of agent \"", name.agent_id,
                                                      "\" has expired; recover it"));
  }
  const std::string& serial = name.certificate.serial;
  ASSIGN_OR_RETURN(Slots slots, SlotsOf(name.agent_id));
  absl::Status known = CheckSerial(name.agent_id, slots.revoked, slots.current, slots.next, serial);
  if (ReasonOf(known) == "SERIAL_UNKNOWN") {
    RETURN_IF_ERROR(Adopt(name));
    ASSIGN_OR_RETURN(slots, SlotsOf(name.agent_id));
    known = CheckSerial(name.agent_id, slots.revoked, slots.current, slots.next, serial);
  }
  RETURN_IF_ERROR(known);
  AgentPeer peer;
  peer.agent_id = name.agent_id;
  peer.environment = slots.environment;
  peer.serial = serial;
  peer.key_sha256 = name.certificate.spki_sha256;
  if (peer.serial == slots.next) RETURN_IF_ERROR(Promote(peer, name.certificate.not_after));
  return peer;
}

absl::Status AgentAuthenticator::MayRecover(const CertificateAuthority::AgentName& name) {
  const absl::Status known = StillValid(name.agent_id, name.certificate.serial);
  if (ReasonOf(known) != "SERIAL_UNKNOWN") return known;
  return store_->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(name.agent_id));
    return JudgeLostCertificate(tx, agent, name);
  });
}

absl::Status AgentAuthenticator::StillValid(const std::string& agent_id, absl::string_view serial) {
  ASSIGN_OR_RETURN(const Slots slots, SlotsOf(agent_id));
  return CheckSerial(agent_id, slots.revoked, slots.current, slots.next, serial);
}

absl::StatusOr<AgentAuthenticator::Slots> AgentAuthenticator::SlotsOf(const std::string& agent_id) {
  uint64_t generation = 0;
  {
    MutexLock lock(&mutex_);
    if (const auto it = cache_.find(agent_id); it != cache_.end()) return it->second;
    generation = generation_;
  }
  Slots slots;
  const absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(agent_id));
    slots = {agent.environment, agent.current_serial, agent.next_serial, agent.revoked};
    return absl::OkStatus();
  });
  if (absl::IsNotFound(status)) return UnknownAgent(agent_id);
  RETURN_IF_ERROR(status);
  MutexLock lock(&mutex_);
  if (generation == generation_) cache_[agent_id] = slots;
  return slots;
}

absl::Status AgentAuthenticator::Adopt(const CertificateAuthority::AgentName& name) {
  // Whoever comes with a certificate that was replaced does not keep the store's writer busy.
  RETURN_IF_ERROR(MayRecover(name));
  bool adopted = false;
  RETURN_IF_ERROR(store_->MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(name.agent_id));
    ASSIGN_OR_RETURN(adopted, AdoptLostCertificate(tx, &agent, name));
    return absl::OkStatus();
  }));
  Changed(name.agent_id, false);
  if (adopted) LogAdoption(name);
  return absl::OkStatus();
}

absl::Status AgentAuthenticator::Promote(const AgentPeer& peer, absl::Time not_after) {
  const absl::Status status = store_->MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(peer.agent_id));
    RETURN_IF_ERROR(
        CheckSerial(agent.id, agent.revoked, agent.current_serial, agent.next_serial, peer.serial));
    const std::string former = agent.current_serial;
    if (!PromoteSerial(&agent, peer.serial, peer.key_sha256)) return absl::OkStatus();
    RETURN_IF_ERROR(tx.UpdateAgent(&agent));
    return tx.AppendAudit(
        {"agents/" + agent.id,
         "agent.certificate.use",
         "agents/" + agent.id,
         agent.environment,
         {{"serial", peer.serial},
          {"former_serial", former},
          {"not_after", absl::FormatTime(absl::RFC3339_sec, not_after, absl::UTCTimeZone())}}});
  });
  // Without `ended`: the agent moves its streams over itself, and closing this one would be wrong.
  Changed(peer.agent_id, false);
  return status;
}

void AgentAuthenticator::Changed(const std::string& agent_id, bool ended) {
  {
    MutexLock lock(&mutex_);
    ++generation_;
    cache_.erase(agent_id);
  }
  if (ended && listener_) listener_(agent_id);
}

}  // namespace dbfleet::controller
