#include "controller/identity/revocation.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

std::string RevocationKey(const std::string& agent_id) {
  return absl::StrCat("agent.", agent_id, ".revoke_time");
}

}  // namespace

absl::StatusOr<absl::Time> RevocationTime(ReadTx& tx, const std::string& agent_id) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(RevocationKey(agent_id)));
  if (text.empty()) return absl::InfinitePast();
  int64_t nanos = 0;
  if (!absl::SimpleAtoi(text, &nanos)) {
    return Error(absl::StatusCode::kDataLoss, "STORE_DAMAGED",
                 absl::StrCat("the setting ", RevocationKey(agent_id), " is not a number"));
  }
  return absl::FromUnixNanos(nanos);
}

absl::Status PutRevocationTime(WriteTx& tx, const std::string& agent_id, absl::Time time) {
  return tx.PutSetting(RevocationKey(agent_id), absl::StrCat(absl::ToUnixNanos(time)));
}

}  // namespace dbfleet::controller
