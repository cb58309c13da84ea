#include "common/audit/key_change.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

constexpr absl::string_view kTitle = "dbfleet audit keys v1\n";
constexpr absl::string_view kSigned = "\n\xE2\x80\x94 ";  // Empty line, em dash, space.
constexpr size_t kSignatureBytes = 64;

struct Change {
  std::string keys;
  std::string body;
  std::string signer;
  std::string key_id;
  std::string signature;
};

absl::Status Bad(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY_CHANGE",
               absl::StrCat("this is no change of trusted keys: ", why));
}

absl::StatusOr<Change> Parse(absl::string_view text) {
  if (text.size() > kMaxKeyChangeBytes) return Bad("it is too long");
  const size_t end = text.rfind(kSigned);
  if (!absl::StartsWith(text, kTitle) || end == absl::string_view::npos || end < kTitle.size()) {
    return Bad("it has not the form of one");
  }
  Change change;
  change.body = std::string(text.substr(0, end));
  change.keys = change.body.substr(kTitle.size());
  absl::string_view line = text.substr(end + kSigned.size());
  const size_t space = line.find(' ');
  if (!absl::ConsumeSuffix(&line, "\n") || space == absl::string_view::npos) {
    return Bad("its signature is incomplete");
  }
  change.signer = std::string(line.substr(0, space));
  const absl::string_view written = line.substr(space + 1);
  std::string blob;
  // Base64 has bits that its reader passes over; of every change there is one text only.
  if (!absl::Base64Unescape(written, &blob) || blob.size() != kKeyIdBytes + kSignatureBytes ||
      absl::Base64Escape(blob) != written) {
    return Bad("its signature cannot be read");
  }
  change.key_id = blob.substr(0, kKeyIdBytes);
  change.signature = blob.substr(kKeyIdBytes);
  RETURN_IF_ERROR(TrustedKeys::Parse(change.keys).status());
  return change;
}

}  // namespace

absl::StatusOr<std::string> SignKeyChange(const std::string& keys_text, const SigningKey& key) {
  RETURN_IF_ERROR(TrustedKeys::Parse(keys_text).status());
  const std::string body = absl::StrCat(kTitle, keys_text);
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(body));
  const VerifyingKey& signer = key.verifying_key();
  return absl::StrCat(body, kSigned, signer.name, " ",
                      absl::Base64Escape(absl::StrCat(signer.id(), signature)), "\n");
}

absl::StatusOr<std::string> KeysOfChange(absl::string_view text) {
  ASSIGN_OR_RETURN(Change change, Parse(text));
  return std::move(change.keys);
}

std::string FollowKeyChanges(const std::string& current, const std::vector<std::string>& changes,
                             absl::Time now) {
  std::string trusted = current;
  for (const std::string& text : changes) {
    const absl::StatusOr<TrustedKeys> keys = TrustedKeys::Parse(trusted);
    const absl::StatusOr<Change> change = Parse(text);
    if (!keys.ok() || !change.ok() || change->keys == trusted) continue;
    const absl::StatusOr<TrustedKey> signer =
        keys->Signer(change->signer, change->key_id, change->body, change->signature);
    if (signer.ok() && signer->ValidAt(now)) trusted = change->keys;
  }
  return trusted;
}

}  // namespace dbfleet::audit
