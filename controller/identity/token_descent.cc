#include "controller/identity/token_descent.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/user_rows.h"

namespace dbfleet::controller {
namespace {

std::string Key(const std::string& token_id) { return absl::StrCat("token.", token_id, ".by"); }

absl::StatusOr<bool> IsMadeWith(ReadTx& tx, std::string token_id, const std::string& ancestor) {
  std::set<std::string> seen;  // A repeated request may have turned the order around.
  while (!token_id.empty() && seen.insert(token_id).second) {
    ASSIGN_OR_RETURN(token_id, tx.GetSetting(Key(token_id)));
    if (token_id == ancestor) return true;
  }
  return false;
}

}  // namespace

absl::Status NoteMadeWith(WriteTx& tx, const std::string& token_id, const std::string& by_token) {
  return tx.PutSetting(Key(token_id), by_token);
}

absl::StatusOr<std::vector<ApiToken>> CountingMadeWith(ReadTx& tx, const std::string& token_id,
                                                       absl::Time now) {
  std::vector<ApiToken> found;
  ASSIGN_OR_RETURN(const std::vector<User> users, AllUsers(tx));
  for (const User& user : users) {
    if (user.disabled) continue;
    ASSIGN_OR_RETURN(std::vector<ApiToken> tokens, TokensOf(tx, user.id));
    for (ApiToken& token : tokens) {
      if (token.revoked || now >= token.expire_time || token.id == token_id) continue;
      ASSIGN_OR_RETURN(const bool made, IsMadeWith(tx, token.id, token_id));
      if (made) found.push_back(std::move(token));
    }
  }
  return found;
}

}  // namespace dbfleet::controller
