#include "controller/identity/enrollment.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/join_token.h"
#include "common/rpc/x509.h"
#include "controller/identity/adoption.h"
#include "controller/identity/request_keys.h"
#include "controller/identity/revocation.h"

namespace dbfleet::controller {
namespace {

constexpr absl::string_view kRecoveryDomain = "dbfleet-recover-v1";
constexpr absl::Duration kMinLifetime = absl::Seconds(2);
constexpr absl::Duration kMaxJoinTokenTtl = absl::Minutes(15);

absl::Status Refuse(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, reason, message);
}

std::string AgentName(const std::string& id) { return "agents/" + id; }

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

// The approval policy hangs on the environment, so a name that manages instances cannot take them
// from one to another by enrolling again.
absl::Status CheckEnvironment(ReadTx& tx, const std::string& agent_id,
                              const std::string& environment) {
  absl::StatusOr<Agent> agent = tx.GetAgent(agent_id);
  if (absl::IsNotFound(agent.status())) return absl::OkStatus();
  RETURN_IF_ERROR(agent.status());
  if (agent->environment == environment) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Instance> instances, tx.InstancesOfAgent(agent_id));
  for (const Instance& instance : instances) {
    if (instance.removed) continue;
    return Error(
        absl::StatusCode::kFailedPrecondition, "AGENT_ENVIRONMENT",
        absl::StrCat("agent \"", agent_id, "\" manages instance \"", instance.id,
                     "\" in environment \"", agent->environment, "\"; before it joins \"",
                     environment,
                     "\", each of its instances has to go to another agent there (dbfleet instance "
                     "move) or be forgotten (dbfleet instance remove). The server's name stays "
                     "with its environment: in another one it needs another"));
  }
  return absl::OkStatus();
}

// What the configuration leaves out arrives as zero.
Enrollment::Options WithinLimits(Enrollment::Options options) {
  const Enrollment::Options defaults;
  if (options.certificate_lifetime <= absl::ZeroDuration()) {
    options.certificate_lifetime = defaults.certificate_lifetime;
  }
  options.certificate_lifetime = std::max(options.certificate_lifetime, kMinLifetime);
  if (options.join_token_ttl <= absl::ZeroDuration()) {
    options.join_token_ttl = defaults.join_token_ttl;
  }
  options.join_token_ttl = std::min(options.join_token_ttl, kMaxJoinTokenTtl);
  return options;
}

absl::Status CheckTokenUsable(const JoinToken& token, absl::Time revoked_at, absl::Time now) {
  if (!token.used_key_sha256.empty()) {
    return Refuse("JOIN_TOKEN_USED", "the join token was used already; make another one");
  }
  if (token.expire_time == absl::InfinitePast()) {
    return Refuse("JOIN_TOKEN_REPLACED",
                  "the request that made the join token was repeated, and its later answer has "
                  "another one; use that, or make another one");
  }
  if (now >= token.expire_time) {
    return Refuse("JOIN_TOKEN_EXPIRED",
                  absl::StrCat("the join token expired at ", Rfc3339(token.expire_time),
                               "; make another one"));
  }
  if (token.create_time <= revoked_at) {
    return Refuse("JOIN_TOKEN_TOO_OLD",
                  "the agent was revoked after the join token was made; make another one");
  }
  return absl::OkStatus();
}

// The token takes the place of one that the same request made before.
absl::Status ReplaceJoinToken(WriteTx& tx, const std::string& former_hash, absl::Time now,
                              JoinToken* token) {
  ASSIGN_OR_RETURN(JoinToken former, tx.GetJoinToken(former_hash));
  const bool used = !former.used_key_sha256.empty();
  if (used || now >= former.expire_time) {
    return Error(absl::StatusCode::kAlreadyExists, "SECRET_DELIVERED",
                 absl::StrCat("this request made a join token that ",
                              used ? "an agent has used" : "has expired", "; make another one"));
  }
  token->create_time = former.create_time;
  token->expire_time = former.expire_time;
  // Whatever the clock does from now on.
  former.expire_time = absl::InfinitePast();
  return tx.UpdateJoinToken(&former);
}

}  // namespace

Enrollment::Enrollment(Store* store, const CertificateAuthority* ca,
                       AgentAuthenticator* authenticator, const Clock* clock, Options options)
    : store_(store),
      ca_(ca),
      authenticator_(authenticator),
      clock_(clock),
      options_(WithinLimits(options)),
      nonces_(clock) {}

absl::StatusOr<Enrollment::CreatedJoinToken> Enrollment::CreateJoinToken(
    const std::string& principal, const std::string& agent_id, const std::string& environment,
    absl::Duration ttl, const std::string& request_id) {
  RETURN_IF_ERROR(ValidateName("agent", agent_id));
  if (ttl == absl::ZeroDuration()) ttl = options_.join_token_ttl;
  if (ttl < absl::Seconds(1) || ttl > options_.join_token_ttl) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_TTL",
                 absl::StrCat("a join token lives between 1s and ",
                              DurationText(options_.join_token_ttl), ", not ", DurationText(ttl)));
  }
  rpc::JoinToken text = rpc::MakeJoinToken(ca_->spki_sha256());
  JoinToken token;
  token.hash = rpc::JoinTokenHash(text);
  token.agent_id = agent_id;
  token.environment = environment;
  token.creator = principal;
  const absl::Time now = clock_->Now();
  token.create_time = now;
  token.expire_time = now + ttl;
  const RequestKey request("join_token", principal, request_id,
                           {agent_id, environment, absl::FormatDuration(ttl)});
  RETURN_IF_ERROR(store_->MutateAndWait([&](WriteTx& tx) -> absl::Status {
    RETURN_IF_ERROR(tx.GetEnvironment(environment).status());
    RETURN_IF_ERROR(CheckEnvironment(tx, agent_id, environment));
    ASSIGN_OR_RETURN(const std::string made, request.FindMade(tx, now));
    if (!made.empty()) RETURN_IF_ERROR(ReplaceJoinToken(tx, made, now, &token));
    RETURN_IF_ERROR(tx.InsertJoinToken(&token));
    RETURN_IF_ERROR(request.Remember(tx, token.hash, now));
    return tx.AppendAudit({principal,
                           made.empty() ? "agent.join_token.create" : "agent.join_token.replace",
                           AgentName(agent_id),
                           environment,
                           {{"expire_time", Rfc3339(token.expire_time)}}});
  }));
  return CreatedJoinToken{std::move(text.secret_text), agent_id, environment, token.expire_time};
}

absl::StatusOr<Enrollment::Identity> Enrollment::Enroll(const std::string& join_token,
                                                        const std::string& csr_pem,
                                                        const std::string& agent_name,
                                                        const std::string& version) {
  ASSIGN_OR_RETURN(const rpc::JoinToken token, rpc::ParseJoinToken(join_token));
  if (token.ca_spki_sha256 != ca_->spki_sha256()) {
    return Refuse("JOIN_TOKEN_UNKNOWN", "the join token was made by another controller");
  }
  ASSIGN_OR_RETURN(const std::string key_sha256, rpc::RequestKeySha256(csr_pem));
  const std::string hash = rpc::JoinTokenHash(token);
  Identity identity;
  bool first_use = false;
  RETURN_IF_ERROR(store_->MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(identity,
                     UseToken(tx, hash, key_sha256, csr_pem, agent_name, version, &first_use));
    return absl::OkStatus();
  }));
  if (first_use) authenticator_->Changed(identity.agent_id, true);
  return identity;
}

absl::StatusOr<Enrollment::Identity> Enrollment::UseToken(
    WriteTx& tx, const std::string& hash, const std::string& key_sha256, const std::string& csr_pem,
    const std::string& agent_name, const std::string& version, bool* first_use) {
  absl::StatusOr<JoinToken> token = tx.GetJoinToken(hash);
  if (absl::IsNotFound(token.status())) {
    return Refuse("JOIN_TOKEN_UNKNOWN", "this controller did not make the join token");
  }
  RETURN_IF_ERROR(token.status());
  if (token->agent_id != agent_name) {
    return Refuse("JOIN_TOKEN_NAME_MISMATCH",
                  absl::StrCat("the join token is for another agent than \"",
                               SanitizeForDisplay(Truncate(agent_name, 63)), "\""));
  }
  if (token->used_key_sha256 == key_sha256) {
    // The reply was lost. The same certificate again, whatever has become of it since.
    ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(token->agent_id));
    if (agent.revoked) {
      return Refuse("AGENT_REVOKED", absl::StrCat("agent \"", agent.id,
                                                  "\" was revoked; a new join token lets it in"));
    }
    ASSIGN_OR_RETURN(const rpc::CertificateInfo info,
                     rpc::ParseCertificate(token->certificate_pem));
    return IdentityOf(token->agent_id, token->environment, token->certificate_pem, info.not_after);
  }
  ASSIGN_OR_RETURN(const absl::Time revoked_at, RevocationTime(tx, token->agent_id));
  RETURN_IF_ERROR(CheckTokenUsable(*token, revoked_at, clock_->Now()));
  RETURN_IF_ERROR(CheckEnvironment(tx, token->agent_id, token->environment));
  ASSIGN_OR_RETURN(const CertificateAuthority::AgentCertificate issued,
                   ca_->IssueAgent(csr_pem, token->agent_id, options_.certificate_lifetime));
  RETURN_IF_ERROR(EnrollAgent(tx, *token, issued, version));
  token->used_key_sha256 = key_sha256;
  token->certificate_pem = issued.pem;
  RETURN_IF_ERROR(tx.UpdateJoinToken(&*token));
  *first_use = true;
  return IdentityOf(token->agent_id, token->environment, issued.pem, issued.not_after);
}

absl::Status Enrollment::EnrollAgent(WriteTx& tx, const JoinToken& token,
                                     const CertificateAuthority::AgentCertificate& issued,
                                     const std::string& version) {
  absl::StatusOr<Agent> former = tx.GetAgent(token.agent_id);
  const bool exists = former.ok();
  if (!exists && !absl::IsNotFound(former.status())) return former.status();

  Agent agent = exists ? *former : Agent();
  AuditEntry entry{AgentName(token.agent_id),
                   "agent.enroll",
                   AgentName(token.agent_id),
                   token.environment,
                   {{"serial", issued.serial},
                    {"key_sha256", issued.key_sha256},
                    {"token_creator", token.creator},
                    {"version", Truncate(SanitizeForDisplay(version), 64)}}};
  if (exists) {
    entry.details["replaced_serials"] =
        absl::StrCat(agent.current_serial, agent.next_serial.empty() ? "" : ",", agent.next_serial);
    if (agent.revoked) entry.details["was_revoked"] = "true";
    if (agent.environment != token.environment) {
      entry.details["former_environment"] = agent.environment;
    }
  }
  agent.id = token.agent_id;
  agent.environment = token.environment;
  agent.creator = token.creator;
  agent.enroll_time = clock_->Now();
  agent.agent_version = Truncate(SanitizeForDisplay(version), 64);
  agent.revoked = false;
  agent.quarantined = false;
  agent.state_reason.clear();
  agent.current_serial = issued.serial;
  agent.current_not_after = issued.not_after;
  agent.next_serial.clear();
  agent.next_not_after = absl::Time();
  agent.public_key_sha256 = issued.key_sha256;
  RETURN_IF_ERROR(exists ? tx.UpdateAgent(&agent) : tx.InsertAgent(&agent));
  return tx.AppendAudit(entry);
}

absl::StatusOr<Enrollment::Identity> Enrollment::Renew(const AgentPeer& peer,
                                                       const std::string& csr_pem) {
  return FillNextSlot("agent.renew", peer, nullptr, csr_pem);
}

absl::StatusOr<Enrollment::Identity> Enrollment::FillNextSlot(
    absl::string_view action, const AgentPeer& peer,
    const CertificateAuthority::AgentName* maybe_lost, const std::string& csr_pem) {
  ASSIGN_OR_RETURN(const CertificateAuthority::AgentCertificate issued,
                   ca_->IssueAgent(csr_pem, peer.agent_id, options_.certificate_lifetime));
  std::string environment;
  bool adopted = false;
  RETURN_IF_ERROR(store_->MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(peer.agent_id));
    if (maybe_lost != nullptr && !agent.revoked) {
      ASSIGN_OR_RETURN(adopted, AdoptLostCertificate(tx, &agent, *maybe_lost));
    }
    // The caller was authenticated in another transaction; a revocation may have come between.
    RETURN_IF_ERROR(
        CheckSerial(agent.id, agent.revoked, agent.current_serial, agent.next_serial, peer.serial));
    PromoteSerial(&agent, peer.serial, peer.key_sha256);
    agent.next_serial = issued.serial;
    agent.next_not_after = issued.not_after;
    environment = agent.environment;
    RETURN_IF_ERROR(tx.UpdateAgent(&agent));
    return tx.AppendAudit({AgentName(agent.id),
                           std::string(action),
                           AgentName(agent.id),
                           agent.environment,
                           {{"serial", issued.serial},
                            {"former_serial", peer.serial},
                            {"key_sha256", issued.key_sha256},
                            {"not_after", Rfc3339(issued.not_after)}}});
  }));
  authenticator_->Changed(peer.agent_id, false);
  if (adopted) LogAdoption(*maybe_lost);
  return IdentityOf(peer.agent_id, environment, issued.pem, issued.not_after);
}

absl::StatusOr<CertificateAuthority::AgentName> Enrollment::RecoverableName(
    const std::string& certificate_pem) {
  ASSIGN_OR_RETURN(CertificateAuthority::AgentName name, ca_->NameOf(certificate_pem));
  RETURN_IF_ERROR(authenticator_->MayRecover(name));
  if (clock_->Now() > name.certificate.not_after + options_.recovery_window) {
    return Refuse("RECOVERY_TOO_LATE",
                  absl::StrCat("the certificate of agent \"", name.agent_id, "\" expired at ",
                               Rfc3339(name.certificate.not_after),
                               ", too long ago; enrol it with a join token"));
  }
  return name;
}

absl::StatusOr<std::string> Enrollment::BeginRecovery(const std::string& certificate_pem) {
  ASSIGN_OR_RETURN(const CertificateAuthority::AgentName name, RecoverableName(certificate_pem));
  return nonces_.Make(name.agent_id, name.certificate.serial);
}

absl::StatusOr<Enrollment::Identity> Enrollment::FinishRecovery(const std::string& certificate_pem,
                                                                const std::string& nonce,
                                                                const std::string& csr_pem,
                                                                const std::string& signature) {
  ASSIGN_OR_RETURN(const CertificateAuthority::AgentName name, RecoverableName(certificate_pem));
  AgentPeer peer;
  peer.agent_id = name.agent_id;
  peer.serial = name.certificate.serial;
  peer.key_sha256 = name.certificate.spki_sha256;
  if (!nonces_.Take(peer.agent_id, peer.serial, nonce)) {
    return Refuse("NONCE_UNKNOWN", "the nonce is not ours, too old or used; begin again");
  }
  RETURN_IF_ERROR(rpc::VerifySignature(
      certificate_pem, absl::StrCat(kRecoveryDomain, nonce, Sha256(csr_pem)), signature));
  return FillNextSlot("agent.recover", peer, &name, csr_pem);
}

absl::StatusOr<Agent> Enrollment::Revoke(const std::string& principal, const std::string& agent_id,
                                         const std::string& reason) {
  if (reason.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "REASON_MISSING",
                 "revoking an agent needs a reason, for the audit trail");
  }
  Agent agent;
  // Essential: a full disk shall not keep a stolen identity alive.
  RETURN_IF_ERROR(store_->MutateEssentialAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(agent, tx.GetAgent(agent_id));
    if (agent.revoked) return absl::OkStatus();
    agent.revoked = true;
    agent.state_reason = reason;
    RETURN_IF_ERROR(tx.UpdateAgent(&agent));
    RETURN_IF_ERROR(PutRevocationTime(tx, agent_id, clock_->Now()));
    return tx.AppendAudit({principal,
                           "agent.revoke",
                           AgentName(agent_id),
                           agent.environment,
                           {{"reason", reason}, {"serial", agent.current_serial}}});
  }));
  authenticator_->Changed(agent_id, true);
  return agent;
}

absl::StatusOr<Agent> Enrollment::Drain(const std::string& principal, const std::string& agent_id,
                                        bool undo) {
  Agent agent;
  RETURN_IF_ERROR(store_->MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(agent, tx.GetAgent(agent_id));
    if (agent.draining == !undo) return absl::OkStatus();
    agent.draining = !undo;
    RETURN_IF_ERROR(tx.UpdateAgent(&agent));
    return tx.AppendAudit({principal,
                           undo ? "agent.undrain" : "agent.drain",
                           AgentName(agent_id),
                           agent.environment,
                           {}});
  }));
  return agent;
}

Enrollment::Identity Enrollment::IdentityOf(const std::string& agent_id,
                                            const std::string& environment,
                                            const std::string& leaf_pem,
                                            absl::Time not_after) const {
  return Identity{agent_id, environment, absl::StrCat(leaf_pem, ca_->certificate_pem()),
                  ca_->certificate_pem(), not_after};
}

}  // namespace dbfleet::controller
