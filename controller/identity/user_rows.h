#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/identity/principals.h"
#include "controller/store/store.h"

// What the files around principals.h share about users and tokens inside a transaction.
namespace dbfleet::controller {

absl::StatusOr<std::vector<User>> AllUsers(ReadTx& tx);
absl::StatusOr<std::vector<ApiToken>> TokensOf(ReadTx& tx, const std::string& user_id);

// Part of every transaction that writes users, tokens, or who made or gave them (all are
// Principals' own): what is kept of them (DependentPrincipals) is read anew. "" of a store in which
// nobody has.
absl::Status NoteUserChange(WriteTx& tx, absl::Time now);
absl::StatusOr<std::string> UsersGeneration(ReadTx& tx);

// The principals that ever made a token for the user, also for one that has ended.
absl::StatusOr<std::set<std::string>> TokenMakersOf(ReadTx& tx, const std::string& user_id);

// The principals that gave the user a role that it still has, and who set its roles last.
absl::StatusOr<std::set<std::string>> RoleMakersOf(ReadTx& tx, const User& user);

// Notes that `editor` gives the user those of `roles` that it does not have (`former`: as it is
// until then). Who gave the others is not forgotten: else a requester could hide behind another
// admin's later edit.
absl::Status NoteRoleMaker(WriteTx& tx, const User& former, const std::vector<Role>& roles,
                           const std::string& editor);

// FAILED_PRECONDITION (LAST_ADMIN) unless an enabled user with the role admin is left.
absl::Status RequireAnAdmin(ReadTx& tx);

// A token with its secret, not stored yet.
Principals::CreatedToken NewToken(const std::string& principal, const std::string& user_id,
                                  const std::string& description, absl::Time now,
                                  absl::Duration ttl);
// Inserts the token, notes who made it and with which token ("": with none), and appends the audit
// record: the only way to a token.
absl::Status StoreToken(WriteTx& tx, ApiToken* token, const std::string& by_token = "");

// Was the token with this id revoked? Not if no id was written down; one that is not there is as
// good as revoked.
absl::StatusOr<bool> IsRevoked(ReadTx& tx, const std::string& token_id);

// A token that was made with a request id can be asked for again until it is used: the answer that
// held its secret may have been lost. The mark says that it was not used yet.
absl::Status MarkUnused(WriteTx& tx, const ApiToken& token);
absl::StatusOr<bool> IsMarkedUnused(ReadTx& tx, const ApiToken& token);
absl::Status MarkUsed(WriteTx& tx, const ApiToken& token);

// Gives the token `token_id` the secret of `created`, whose token becomes that one; the secret of
// before is void. ALREADY_EXISTS (SECRET_DELIVERED) if the token was used, is revoked or expired.
// It counts as made with `by_token` from then on.
absl::Status ReplaceSecret(WriteTx& tx, const std::string& token_id, absl::Time now,
                           const std::string& by_token, Principals::CreatedToken* created);

// "users/ada/tokens/01J...".
std::string TokenName(const ApiToken& token);

}  // namespace dbfleet::controller
