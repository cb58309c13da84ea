#include "controller/scheduler/run_tokens.h"

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/user_rows.h"

namespace dbfleet::controller {
namespace {

// Longer than any run waits (its schedule's start_within, of at most 31 days).
constexpr absl::Duration kKept = absl::Hours(24 * 40);

std::string Key(const Occurrence& occurrence) {
  return absl::StrCat("schedule.run_token.", occurrence.id);
}

}  // namespace

absl::Status NoteRunToken(WriteTx& tx, const Occurrence& occurrence, const std::string& token_id) {
  if (token_id.empty()) return absl::OkStatus();
  return tx.PutRequestKey(Key(occurrence), token_id, occurrence.nominal + kKept);
}

absl::StatusOr<std::string> WhyRunTokenEnded(ReadTx& tx, const Occurrence& occurrence,
                                             absl::Time now) {
  if (occurrence.requester.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string token, tx.GetRequestKey(Key(occurrence), now));
  ASSIGN_OR_RETURN(const bool revoked, IsRevoked(tx, token));
  if (!revoked) return std::string();
  return absl::StrCat("the token ", token, ", with which ", occurrence.requester,
                      " asked for it, was revoked");
}

}  // namespace dbfleet::controller
