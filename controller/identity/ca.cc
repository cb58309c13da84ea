#include "controller/identity/ca.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/identity/ca_folder.h"

namespace dbfleet::controller {
namespace {

constexpr char kPinSetting[] = "ca.spki_sha256";

bool IsAddress(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

// "db.example:7443" -> "db.example", "[::1]:7443" -> "::1"; a bare IPv6 address stays.
std::string HostOf(absl::string_view text) {
  if (absl::StartsWith(text, "[")) {
    return std::string(text.substr(1, text.find(']') - 1));
  }
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || text.find(':', colon + 1) != absl::string_view::npos) {
    return std::string(text);
  }
  return std::string(text.substr(0, colon));
}

absl::Status CheckHostName(absl::string_view field, const std::string& host) {
  const bool good = !host.empty() && host.size() <= 253 &&
                    std::all_of(host.begin(), host.end(), [](unsigned char c) {
                      return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
                    });
  if (good) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "BAD_HOST_NAME",
               absl::StrCat("`", field, "` has \"", absl::CHexEscape(host),
                            "\", which is neither a host name nor an address"));
}

absl::Status Foreign(absl::string_view why) {
  return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_FOREIGN",
               absl::StrCat("the certificate ", why, "; enrol the agent with a join token"));
}

// Certificates count whole seconds; a life of two seconds shall not become one of one.
absl::Time CeilSecond(absl::Time time) {
  const absl::Time floor = absl::FromUnixSeconds(absl::ToUnixSeconds(time));
  return floor == time ? time : floor + absl::Seconds(1);
}

// A little earlier than now for clocks that differ, but not so much that half of the life, when
// agents renew, would be over at once.
absl::Duration BackDating(absl::Duration lifetime) {
  return std::min(lifetime / 10, absl::Minutes(1));
}

// `length` is the life with what it was dated back by. (Of a certificate that ends with the
// authority the life is not known; this takes it for shorter, and the issue for earlier.)
absl::Time IssueTime(absl::Time not_before, absl::Duration length) {
  return not_before + std::min(length / 11, absl::Minutes(1));
}

// The store's memory of the authority: "" before the first start has ended.
absl::StatusOr<std::string> RememberedPin(Store* store) {
  std::string pin;
  RETURN_IF_ERROR(store->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(pin, tx.GetSetting(kPinSetting));
    return absl::OkStatus();
  }));
  return pin;
}

absl::Status RememberPin(Store* store, const std::string& pin) {
  return store->MutateAndWait([pin](WriteTx& tx) -> absl::Status {
    RETURN_IF_ERROR(tx.PutSetting(kPinSetting, pin));
    return tx.AppendAudit({"system/controller", "ca.create", "ca", "", {{"spki_sha256", pin}}});
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<CertificateAuthority>> CertificateAuthority::Open(
    const Options& options, Store* store, const Clock* clock) {
  RETURN_IF_ERROR(CheckHostName("trust_domain", options.trust_domain));
  ASSIGN_OR_RETURN(const std::string pin, RememberedPin(store));
  const CaFolder folder(options.data_dir);
  ASSIGN_OR_RETURN(const bool exists, folder.Exists());
  if (!exists) {
    if (!pin.empty()) {
      return Error(absl::StatusCode::kFailedPrecondition, "CA_MISSING",
                   absl::StrCat(folder.path(), " is missing, but agents trust it (fingerprint ",
                                pin, "); restore it from the backup"));
    }
    RETURN_IF_ERROR(folder.Create(absl::StrCat("dbfleet CA ", options.trust_domain), clock->Now(),
                                  options.lifetime));
  }
  ASSIGN_OR_RETURN(rpc::CaMaterial material, folder.Load());
  ASSIGN_OR_RETURN(rpc::CertificateInfo info, rpc::ParseCertificate(material.certificate_pem));
  if (!pin.empty() && pin != info.spki_sha256) {
    return Error(absl::StatusCode::kFailedPrecondition, "CA_REPLACED",
                 absl::StrCat(folder.path(), " holds another certificate authority (fingerprint ",
                              info.spki_sha256, ") than agents trust (", pin,
                              "); restore the former one from the backup"));
  }
  if (pin.empty()) RETURN_IF_ERROR(RememberPin(store, info.spki_sha256));
  return std::unique_ptr<CertificateAuthority>(
      new CertificateAuthority(std::move(material), std::move(info), options.trust_domain, clock));
}

CertificateAuthority::CertificateAuthority(rpc::CaMaterial material, rpc::CertificateInfo info,
                                           std::string trust_domain, const Clock* clock)
    : material_(std::move(material)),
      info_(std::move(info)),
      trust_domain_(std::move(trust_domain)),
      clock_(clock) {}

absl::StatusOr<CertificateAuthority::ServerMaterial> CertificateAuthority::IssueServer(
    const std::vector<std::string>& advertise) const {
  std::set<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  for (const std::string& entry : advertise) hosts.insert(HostOf(entry));
  rpc::IssueRequest request;
  for (const std::string& host : hosts) {
    if (IsAddress(host)) {
      request.ip_addresses.push_back(host);
    } else {
      RETURN_IF_ERROR(CheckHostName("advertise", host));
      request.dns_names.push_back(host);
    }
  }
  ASSIGN_OR_RETURN(rpc::KeyAndRequest key, rpc::MakeKeyAndRequest("dbfleet-controller"));
  request.csr_pem = std::move(key.csr_pem);
  request.common_name = "dbfleet-controller";
  request.not_before = clock_->Now() - absl::Hours(1);
  request.not_after = info_.not_after;
  request.server = true;
  ASSIGN_OR_RETURN(const std::string leaf, rpc::Issue(material_, request));
  return ServerMaterial{absl::StrCat(leaf, material_.certificate_pem), std::move(key.key_pem)};
}

absl::StatusOr<CertificateAuthority::AgentCertificate> CertificateAuthority::IssueAgent(
    const std::string& csr_pem, const std::string& agent_id, absl::Duration lifetime) const {
  RETURN_IF_ERROR(ValidateName("agent", agent_id));
  const absl::Time now = clock_->Now();
  if (now >= info_.not_after) {
    return Error(absl::StatusCode::kFailedPrecondition, "CA_EXPIRED",
                 "the controller's certificate authority has expired");
  }
  rpc::IssueRequest request;
  request.csr_pem = csr_pem;
  request.common_name = agent_id;
  request.uris = {UriPrefix() + agent_id};
  request.not_before = now - BackDating(lifetime);
  request.not_after = std::min(CeilSecond(now + lifetime), info_.not_after);
  AgentCertificate issued;
  ASSIGN_OR_RETURN(issued.pem, rpc::Issue(material_, request));
  ASSIGN_OR_RETURN(const rpc::CertificateInfo info, rpc::ParseCertificate(issued.pem));
  issued.serial = info.serial;
  issued.key_sha256 = info.spki_sha256;
  issued.not_after = info.not_after;
  return issued;
}

absl::StatusOr<CertificateAuthority::AgentName> CertificateAuthority::NameOf(
    const std::string& certificate_pem) const {
  absl::StatusOr<rpc::CertificateInfo> info = rpc::ParseCertificate(certificate_pem);
  if (!info.ok()) return Foreign("is not readable");
  if (!rpc::VerifySignedBy(certificate_pem, material_.certificate_pem).ok()) {
    return Foreign("was not issued by this controller");
  }
  const std::string prefix = UriPrefix();
  if (info->is_ca || info->uris.size() != 1 || !absl::StartsWith(info->uris[0], prefix)) {
    return Foreign("does not name an agent of this trust domain");
  }
  AgentName name;
  name.agent_id = info->uris[0].substr(prefix.size());
  if (!ValidateName("agent", name.agent_id).ok()) return Foreign("names an impossible agent");
  name.issued = IssueTime(info->not_before, info->not_after - info->not_before);
  name.certificate = *std::move(info);
  return name;
}

std::string CertificateAuthority::UriPrefix() const {
  return absl::StrCat("spiffe://", trust_domain_, "/agent/");
}

}  // namespace dbfleet::controller
