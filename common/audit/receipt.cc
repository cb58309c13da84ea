#include "common/audit/receipt.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/audit/certificate.h"
#include "common/audit/merkle.h"
#include "common/audit/note_text.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/ecdsa.h"

namespace dbfleet::audit {
namespace {

using impl::Certificate;
using impl::NoteReader;

constexpr char kReason[] = "BAD_RECEIPT";
constexpr char kFirstLine[] = "dbfleet audit receipt v1";
constexpr size_t kMaxBytes = 4096;

absl::Status BadReceipt(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, kReason, absl::StrCat("receipt: ", why));
}

absl::Status Refused(absl::string_view reason, absl::string_view why) {
  return Error(absl::StatusCode::kUnauthenticated, reason, absl::StrCat("receipt: ", why));
}

std::string Text(const Receipt& receipt, const std::string& certificate_sha256) {
  return absl::StrCat(kFirstLine, "\nagent ", receipt.agent_id, "\nlog ", receipt.log_id, "\nsize ",
                      receipt.size, "\nroot ", absl::Base64Escape(receipt.root), "\ntime ",
                      impl::WriteTime(receipt.time), "\ncertificate ",
                      absl::Base64Escape(certificate_sha256), "\n");
}

absl::StatusOr<Receipt> Read(absl::string_view text, std::string* certificate_sha256) {
  NoteReader reader(text, "receipt", kReason);
  if (text.size() > kMaxBytes) return reader.Bad("and the rest are too long");
  Receipt receipt;
  RETURN_IF_ERROR(reader.Literal(kFirstLine));
  ASSIGN_OR_RETURN(receipt.agent_id, reader.Id("agent "));
  ASSIGN_OR_RETURN(receipt.log_id, reader.Id("log "));
  ASSIGN_OR_RETURN(receipt.size, reader.Number("size "));
  ASSIGN_OR_RETURN(receipt.root, reader.Hash("root "));
  ASSIGN_OR_RETURN(receipt.time, reader.Time("time "));
  ASSIGN_OR_RETURN(*certificate_sha256, reader.Hash("certificate "));
  RETURN_IF_ERROR(reader.End());
  if (receipt.size > kMaxTreeSize) return BadReceipt("its size is more than a trail can have");
  return receipt;
}

bool NamesAgent(const Certificate& certificate, const std::string& agent_id) {
  return certificate.common_name == agent_id && certificate.uris.size() == 1 &&
         absl::EndsWith(certificate.uris[0], absl::StrCat("/agent/", agent_id));
}

absl::Status CheckIssued(const Certificate& certificate, const Receipt& receipt,
                         const std::string& ca_pem) {
  ASSIGN_OR_RETURN(const Certificate ca, impl::ReadCertificate(ca_pem));
  if (certificate.is_ca || !crypto::IsIssuedBy(certificate.x509.get(), ca.x509.get())) {
    return Refused("UNKNOWN_KEY", "its certificate was not issued by the trusted authority");
  }
  if (!NamesAgent(certificate, receipt.agent_id)) {
    return Refused("UNKNOWN_KEY",
                   absl::StrCat("its certificate is not that of the agent ", receipt.agent_id));
  }
  if (receipt.time < certificate.not_before || receipt.time > certificate.not_after) {
    return Refused("KEY_NOT_VALID", "its certificate was not valid at its time");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SignedReceipt> SignReceipt(Receipt receipt, const Secret& key_pem,
                                          const std::string& certificate_pem) {
  receipt.time = absl::FromUnixMicros(absl::ToUnixMicros(receipt.time));
  if (!impl::IsId(receipt.agent_id) || !impl::IsId(receipt.log_id)) {
    return BadReceipt("the agent's or the log's id is not one");
  }
  if (receipt.root.size() != 32 || receipt.size > kMaxTreeSize ||
      !impl::IsWritableTime(receipt.time)) {
    return BadReceipt("its size, root or time cannot be written");
  }
  ASSIGN_OR_RETURN(Certificate certificate, impl::ReadCertificate(certificate_pem));
  SignedReceipt made;
  made.text = Text(receipt, certificate.sha256);
  ASSIGN_OR_RETURN(made.signature, impl::SignP256(key_pem, made.text));
  if (!crypto::VerifySha256(certificate.key(), made.text, made.signature)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
                 "the certificate is not that of the key which signs the receipt");
  }
  made.certificate_pem = std::move(certificate.pem);
  return made;
}

absl::StatusOr<Receipt> ParseReceipt(absl::string_view text) {
  std::string certificate_sha256;
  return Read(text, &certificate_sha256);
}

absl::Status CheckAuthority(const std::string& ca_pem) {
  ASSIGN_OR_RETURN(const Certificate certificate, impl::ReadCertificate(ca_pem));
  if (certificate.is_ca) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
               "it is the certificate of somebody who may not issue any");
}

absl::StatusOr<Receipt> VerifyReceipt(const SignedReceipt& signed_receipt,
                                      const ReceiptTrust& trust) {
  std::string certificate_sha256;
  ASSIGN_OR_RETURN(Receipt receipt, Read(signed_receipt.text, &certificate_sha256));
  ASSIGN_OR_RETURN(const Certificate certificate,
                   impl::ReadCertificate(signed_receipt.certificate_pem));
  if (certificate.pem != signed_receipt.certificate_pem ||
      certificate.sha256 != certificate_sha256) {
    return BadReceipt("the certificate beside it is not the one that it was signed with");
  }
  const auto pinned = trust.keys.find(receipt.agent_id);
  if (pinned != trust.keys.end()) {
    const crypto::KeyPtr key = impl::ReadAgentKey(pinned->second);
    if (!key || EVP_PKEY_eq(key.get(), certificate.key()) != 1) {
      return Refused("UNKNOWN_KEY", absl::StrCat("it is signed with another key than the one "
                                                 "trusted for the agent ",
                                                 receipt.agent_id));
    }
  } else if (!trust.ca_pem.empty()) {
    RETURN_IF_ERROR(CheckIssued(certificate, receipt, trust.ca_pem));
  } else {
    return Refused("UNKNOWN_KEY",
                   absl::StrCat("no key of the agent ", receipt.agent_id, " is trusted"));
  }
  if (!crypto::VerifySha256(certificate.key(), signed_receipt.text, signed_receipt.signature)) {
    return Refused("BAD_SIGNATURE", "its signature was not made by its certificate's key");
  }
  return receipt;
}

}  // namespace dbfleet::audit
