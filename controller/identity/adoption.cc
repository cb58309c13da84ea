#include "controller/identity/adoption.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/audit/lost_history.h"
#include "controller/identity/revocation.h"

namespace dbfleet::controller {
namespace {

using AgentName = CertificateAuthority::AgentName;

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

absl::Status Refuse(const AgentName& name, absl::string_view why) {
  return Error(
      absl::StatusCode::kUnauthenticated, "SERIAL_UNKNOWN",
      absl::StrCat("the certificate ", name.certificate.serial, " of agent \"", name.agent_id,
                   "\" is not one that counts: ", why, "; use the newest one, or enrol again"));
}

bool InSlot(const Agent& agent, const std::string& serial) {
  return serial == agent.current_serial || serial == agent.next_serial;
}

std::string Describe(const LostHistory& lost) {
  return absl::StrCat("issued in the time whose records were lost, ",
                      lost.from == absl::InfinitePast() ? "" : Rfc3339(lost.from) + " ", "to ",
                      Rfc3339(lost.to));
}

absl::StatusOr<LostHistory> Judge(ReadTx& tx, const Agent& agent, const AgentName& name) {
  if (agent.revoked) return Refuse(name, "the agent is revoked");
  if (agent.quarantined) return Refuse(name, "the agent is quarantined");
  ASSIGN_OR_RETURN(const std::vector<LostHistory> all, LostHistories(tx));
  if (all.empty()) return Refuse(name, "it has been replaced");
  // Certificates count whole seconds, so that `issued` may be one too early.
  const absl::Duration blur = absl::Seconds(1);
  const auto lost = std::find_if(all.begin(), all.end(), [&](const LostHistory& history) {
    return name.issued + blur >= history.from && name.issued <= history.to;
  });
  if (lost == all.end()) {
    return Refuse(name, "it was not issued in the time whose records were lost");
  }
  const absl::Time known_end = agent.next_serial.empty()
                                   ? agent.current_not_after
                                   : std::max(agent.current_not_after, agent.next_not_after);
  if (name.certificate.not_after <= known_end) {
    return Refuse(name, "the agent was given one that ends later");
  }
  // Both end all certificates from before them.
  ASSIGN_OR_RETURN(const absl::Time revoked, RevocationTime(tx, agent.id));
  if (name.issued <= std::max(agent.enroll_time, revoked)) {
    return Refuse(name, "the agent was enrolled anew after it was issued");
  }
  ASSIGN_OR_RETURN(const bool known,
                   tx.AuditMentions(absl::StrCat("agents/", agent.id), name.certificate.serial));
  if (known) return Refuse(name, "it has been replaced");
  return *lost;
}

}  // namespace

absl::Status JudgeLostCertificate(ReadTx& tx, const Agent& agent, const AgentName& name) {
  if (InSlot(agent, name.certificate.serial)) return absl::OkStatus();
  return Judge(tx, agent, name).status();
}

absl::StatusOr<bool> AdoptLostCertificate(WriteTx& tx, Agent* agent, const AgentName& name) {
  const std::string& serial = name.certificate.serial;
  if (InSlot(*agent, serial)) return false;
  ASSIGN_OR_RETURN(const LostHistory lost, Judge(tx, *agent, name));
  AuditEntry entry{"agents/" + agent->id,
                   "agent.certificate.adopt",
                   "agents/" + agent->id,
                   agent->environment,
                   {{"serial", serial},
                    {"former_serial", agent->current_serial},
                    {"key_sha256", name.certificate.spki_sha256},
                    {"issue_time", Rfc3339(name.issued)},
                    {"not_after", Rfc3339(name.certificate.not_after)},
                    {"why", Describe(lost)}}};
  if (!agent->next_serial.empty()) entry.details["unused_serial"] = agent->next_serial;
  agent->next_serial = serial;
  agent->next_not_after = name.certificate.not_after;
  RETURN_IF_ERROR(tx.UpdateAgent(agent));
  RETURN_IF_ERROR(tx.AppendAudit(entry));
  return true;
}

void LogAdoption(const AgentName& name) {
  log::Warn(
      "a certificate from the time whose records were lost is accepted; revoke its agent again "
      "if that was done since the backup",
      {{"agent", name.agent_id},
       {"serial", name.certificate.serial},
       {"issued", Rfc3339(name.issued)}});
}

}  // namespace dbfleet::controller
