// Whatever comes as join token, certificate request, certificate, nonce and signature: an identity
// is given out only for a token that was made, not used by another key and not over, under the
// token's name; a certificate counts only if it was issued, to the agent that it names, and neither
// revoked nor replaced, not even where the store was restored and lost something; and everything
// told or recorded is readable text.
//
// The input is a list of calls. Their arguments are the real ones, changed ones (inside the DER of
// what is PEM), or raw bytes.
#include <fuzzer/FuzzedDataProvider.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/rpc/x509.h"
#include "controller/audit/recovery.h"
#include "controller/identity/enrollment.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/wire_text.h"

namespace dbfleet::controller {
namespace {

constexpr int kMaxCalls = 24;
constexpr int kKeys = 3;
const char* const kAgents[] = {"db1", "db2"};

// The authority's folder, made once.
const std::string& Folder() {
  static const std::string& folder = *new std::string([] {
    std::string pattern = (std::filesystem::temp_directory_path() / "fuzz-ca-XXXXXX").string();
    Require(mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }());
  return folder;
}
const rpc::KeyAndRequest& Key(int i) {
  static const std::vector<rpc::KeyAndRequest>& keys = *new std::vector<rpc::KeyAndRequest>([] {
    std::vector<rpc::KeyAndRequest> made;
    for (int k = 0; k < kKeys; ++k) made.push_back(rpc::MakeKeyAndRequest("db1").value());
    return made;
  }());
  return keys[i];
}

class Life {
 public:
  explicit Life(FuzzedDataProvider& input) : input_(input) {
    CertificateAuthority::Options options;
    options.data_dir = Folder();
    ca_ = CertificateAuthority::Open(options, &store_, &clock_).value();
    authenticator_ = std::make_unique<AgentAuthenticator>(&store_, ca_.get(), &clock_);
    authenticator_->SetRevocationListener([](const std::string&) {});
    enrollment_ = std::make_unique<Enrollment>(&store_, ca_.get(), authenticator_.get(), &clock_,
                                               Enrollment::Options());
    // The store says that it lost any time. It knows all that is issued here: nothing is adopted.
    const RecoveryDemand demand = {"lost", clock_.Now() + absl::Hours(24 * 3650), std::nullopt};
    Require(store_
                .MutateAndWait([&](WriteTx& tx) {
                  return tx.PutSetting(RecoverySetting(), RecoverySettingValue(demand));
                })
                .ok());
    Environment environment;
    environment.name = "qa";
    Require(
        store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); }).ok());
  }

  void Run() {
    MakeToken();
    for (int i = 0; i < kMaxCalls && input_.remaining_bytes() > 0; ++i) Call();
    for (const AuditRow& row : store_.Audit()) {
      Require(row.entry.action != "agent.certificate.adopt");
      Require(IsValidUtf8(row.entry.actor) && IsValidUtf8(row.entry.resource));
      for (const auto& [key, value] : row.entry.details) Require(IsValidUtf8(value));
    }
  }

 private:
  struct Token {
    std::string text;
    std::string agent_id;
    absl::Time expire_time;
    std::string user;  // The public key that used it.
    bool before_revocation = false;
  };
  struct Issued {
    std::string agent_id;
    std::string pem;
    int key = 0;
  };

  int Roll(int n) { return input_.ConsumeIntegralInRange<int>(0, n - 1); }
  std::string WireText() { return fuzz::WireText(input_, 120); }
  std::string AnyAgent() { return Roll(8) == 0 ? WireText() : kAgents[Roll(2)]; }

  // Bytes of the DER changed, or of the text.
  std::string Changed(std::string text) {
    const int how = Roll(4);
    if (how == 0) return WireText();
    if (how == 1) return Edited(std::move(text));
    const std::vector<std::string> lines = absl::StrSplit(text, '\n');
    std::string base64;
    size_t end = 1;
    while (end < lines.size() && lines[end].rfind("-----", 0) != 0) base64 += lines[end++];
    std::string der;
    if (end >= lines.size() || !absl::Base64Unescape(base64, &der)) return Edited(std::move(text));
    return absl::StrCat(lines[0], "\n", absl::Base64Escape(Edited(std::move(der))), "\n",
                        lines[end], "\n");
  }
  std::string Edited(std::string text) {
    for (int i = 1 + Roll(3); i > 0 && !text.empty(); --i) {
      text[input_.ConsumeIntegralInRange<uint16_t>(0, static_cast<uint16_t>(text.size() - 1))] =
          input_.ConsumeIntegral<char>();
    }
    return text;
  }

  void Told(const absl::Status& status) { Require(IsValidUtf8(status.message())); }

  void Call() {
    switch (Roll(10)) {
      case 0:
        return MakeToken();
      case 1:
      case 2:
      case 3:
        return Enroll();
      case 4:
        return Authenticate();
      case 5:
        return Renew();
      case 6:
        return Recover();
      case 7:
        return Revoke();
      case 8:
        return Told(enrollment_->Drain("users/root", AnyAgent(), Roll(2) == 0).status());
      default:
        clock_.Advance(absl::Minutes(input_.ConsumeIntegral<uint16_t>()));
    }
  }

  void MakeToken() {
    const std::string agent_id = AnyAgent();
    const auto made =
        enrollment_->CreateJoinToken("users/root", agent_id, "qa", absl::Seconds(Roll(1000)), "");
    Told(made.status());
    if (!made.ok()) return;
    Require(made->agent_id == agent_id);
    tokens_.push_back({made->token.Reveal(), agent_id, made->expire_time, "", false});
  }

  void Enroll() {
    if (tokens_.empty()) return;
    Token& token = tokens_[Roll(static_cast<int>(tokens_.size()))];
    const int key = Roll(kKeys);
    const std::string text = Roll(4) == 0 ? Changed(token.text) : token.text;
    const std::string csr = Roll(4) == 0 ? Changed(Key(key).csr_pem) : Key(key).csr_pem;
    const std::string name = Roll(4) == 0 ? AnyAgent() : token.agent_id;
    const auto identity = enrollment_->Enroll(text, csr, name, WireText());
    Told(identity.status());
    if (!identity.ok()) return;
    // (An edit may have changed nothing, or only white space around the token.)
    Require(text.find(token.text) != std::string::npos && name == token.agent_id);
    const auto hash = rpc::RequestKeySha256(csr);
    Require(hash.ok() && (token.user == *hash || token.user.empty()));
    Require(!token.user.empty() || clock_.Now() < token.expire_time);
    const bool again = !token.user.empty();
    Require(again || !token.before_revocation);
    token.user = *hash;
    Took(*identity, token.agent_id, csr, key, again);
  }

  // A certificate that was given out.
  void Took(const Enrollment::Identity& identity, const std::string& agent_id,
            const std::string& csr, int key, bool again) {
    Require(identity.agent_id == agent_id);
    const auto name = ca_->NameOf(identity.certificate_pem);
    Require(name.ok() && name->agent_id == agent_id);
    Require(name->certificate.spki_sha256 == rpc::RequestKeySha256(csr).value());
    Require(issued_.count(name->certificate.serial) == (again ? 1 : 0));
    issued_[name->certificate.serial] = {agent_id, identity.certificate_pem, key};
  }

  const Issued* AnyIssued() {
    if (issued_.empty()) return nullptr;
    return &std::next(issued_.begin(), Roll(static_cast<int>(issued_.size())))->second;
  }

  void Authenticate() {
    const Issued* issued = AnyIssued();
    const std::string pem = issued == nullptr || Roll(2) == 0
                                ? Changed(issued == nullptr ? ca_->certificate_pem() : issued->pem)
                                : issued->pem;
    const auto peer = authenticator_->Authenticate(pem);
    Told(peer.status());
    if (!peer.ok()) return;
    const auto known = issued_.find(peer->serial);
    Require(known != issued_.end() && known->second.agent_id == peer->agent_id);
    Require(revoked_serials_.count(peer->serial) == 0);
  }

  void Renew() {
    const Issued* issued = AnyIssued();
    if (issued == nullptr) return;
    const auto peer = authenticator_->Authenticate(issued->pem);
    if (!peer.ok()) return;
    const int key = Roll(kKeys);
    const std::string csr = Roll(4) == 0 ? Changed(Key(key).csr_pem) : Key(key).csr_pem;
    const auto identity = enrollment_->Renew(*peer, csr);
    Told(identity.status());
    if (identity.ok()) Took(*identity, peer->agent_id, csr, key, false);
  }

  void Recover() {
    const Issued* issued = AnyIssued();
    if (issued == nullptr) return;
    const std::string agent_id = issued->agent_id;
    const int old_key = issued->key;
    const std::string pem = Roll(4) == 0 ? Changed(issued->pem) : issued->pem;
    const auto nonce = enrollment_->BeginRecovery(pem);
    Told(nonce.status());
    if (!nonce.ok()) return;
    const int key = Roll(kKeys);
    const std::string& csr = Key(key).csr_pem;
    const std::string signed_text = absl::StrCat("dbfleet-recover-v1", *nonce, Sha256(csr));
    const std::string good = rpc::Sign(Key(old_key).key_pem, signed_text).value();
    const bool change_signature = Roll(3) == 0;
    const std::string sent_nonce = Roll(4) == 0 ? Edited(*nonce) : *nonce;
    const auto identity =
        enrollment_->FinishRecovery(pem, sent_nonce, csr, change_signature ? Edited(good) : good);
    Told(identity.status());
    if (!identity.ok()) return;
    Require(sent_nonce == *nonce);
    Took(*identity, agent_id, csr, key, false);
    Require(!enrollment_->FinishRecovery(pem, *nonce, csr, good).ok());
  }

  void Revoke() {
    const std::string agent_id = AnyAgent();
    const auto agent = enrollment_->Revoke("users/root", agent_id, Roll(4) == 0 ? "" : WireText());
    Told(agent.status());
    if (!agent.ok()) return;
    for (Token& token : tokens_) {
      if (token.agent_id == agent_id) token.before_revocation = true;
    }
    for (const auto& [serial, issued] : issued_) {
      if (issued.agent_id == agent_id) revoked_serials_.insert(serial);
    }
  }

  FuzzedDataProvider& input_;
  FakeClock clock_;
  MemoryStore store_{&clock_};
  std::unique_ptr<CertificateAuthority> ca_;
  std::unique_ptr<AgentAuthenticator> authenticator_;
  std::unique_ptr<Enrollment> enrollment_;
  std::vector<Token> tokens_;
  std::map<std::string, Issued> issued_;  // By serial.
  std::set<std::string> revoked_serials_;
};

}  // namespace
}  // namespace dbfleet::controller

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  dbfleet::log::Init(dbfleet::log::Level::kError, dbfleet::log::Format::kText);
  atexit([] { std::filesystem::remove_all(dbfleet::controller::Folder()); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  dbfleet::controller::Life(input).Run();
  return 0;
}
