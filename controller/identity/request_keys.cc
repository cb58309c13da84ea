#include "controller/identity/request_keys.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr int kPruned = 100;

// Hashed, so that what a client chose neither grows nor shapes a key of the store.
std::string HashOf(const std::vector<std::string>& parts) {
  return Sha256Hex(absl::StrJoin(parts, "", [](std::string* out, const std::string& part) {
    absl::StrAppend(out, part.size(), ":", part);
  }));
}

}  // namespace

RequestKey::RequestKey(absl::string_view kind, absl::string_view principal,
                       absl::string_view request_id, const std::vector<std::string>& arguments) {
  if (request_id.empty()) return;
  key_ = absl::StrCat(kind, ".", HashOf({std::string(principal), std::string(request_id)}));
  fingerprint_ = HashOf(arguments);
}

absl::StatusOr<std::string> RequestKey::FindMade(ReadTx& tx, absl::Time now) const {
  if (empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string value, tx.GetRequestKey(key_, now));
  if (value.empty()) return std::string();
  const std::pair<std::string, std::string> parts = absl::StrSplit(value, absl::MaxSplits(' ', 1));
  if (parts.first == fingerprint_) return parts.second;
  return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
               "an earlier request with this request id asked for something else; use a new one");
}

absl::Status RequestKey::Remember(WriteTx& tx, absl::string_view object, absl::Time now) const {
  if (empty()) return absl::OkStatus();
  RETURN_IF_ERROR(tx.PruneRequestKeys(now, kPruned));
  return tx.PutRequestKey(key_, absl::StrCat(fingerprint_, " ", object), now + kLifetime);
}

}  // namespace dbfleet::controller
