#include "controller/identity/token_descent.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/user_rows.h"

namespace dbfleet::controller {
namespace {

std::string Key(const std::string& token_id) { return absl::StrCat("token.", token_id, ".by"); }

// Whether tokens were made with one of them. Each token is looked up once, however long the chains
// are in which they were made: who makes each with the one before has thousands in one.
class Lineage {
 public:
  Lineage(ReadTx& tx, const std::string& ancestor) : tx_(tx) { known_ = {{ancestor, true}}; }

  absl::StatusOr<bool> Descends(const std::string& token_id) {
    std::vector<std::string> unknown;
    std::string id = token_id;
    while (!id.empty() && known_.emplace(id, false).second) {
      unknown.push_back(id);
      ASSIGN_OR_RETURN(id, tx_.GetSetting(Key(id)));
    }
    const bool descends = !id.empty() && known_[id];
    for (const std::string& one : unknown) known_[one] = descends;
    return descends;
  }

 private:
  ReadTx& tx_;
  std::map<std::string, bool> known_;
};

}  // namespace

absl::Status NoteMadeWith(WriteTx& tx, const std::string& token_id, const std::string& by_token) {
  return tx.PutSetting(Key(token_id), by_token);
}

absl::StatusOr<Descent> MadeWith(ReadTx& tx, const std::string& token_id, absl::Time now) {
  Descent descent;
  Lineage lineage(tx, token_id);
  ASSIGN_OR_RETURN(const std::vector<User> users, AllUsers(tx));
  for (const User& user : users) {
    ASSIGN_OR_RETURN(std::vector<ApiToken> tokens, TokensOf(tx, user.id));
    for (ApiToken& token : tokens) {
      if (token.id == token_id) continue;
      const bool counts = !token.revoked && now < token.expire_time && !user.disabled;
      if (!counts && !token.revoked) continue;
      ASSIGN_OR_RETURN(const bool descends, lineage.Descends(token.id));
      if (!descends) continue;
      if (token.revoked) {
        descent.revoked.insert(token.id);
      } else {
        descent.counting.push_back(std::move(token));
      }
    }
  }
  return descent;
}

}  // namespace dbfleet::controller
