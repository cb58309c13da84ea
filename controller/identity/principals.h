#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/secret.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/domain/types.h"
#include "controller/identity/access_changes.h"
#include "controller/identity/rights.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Who calls the API.
struct Caller {
  std::string principal;  // "users/ada".
  std::string user_id;
  std::vector<Role> roles;  // The user's own, which count everywhere.
  std::string token_id;
  bool service = false;
  TokenScope scope;
  absl::Time expire_time = absl::InfiniteFuture();  // Of the token.
  bool short_lived = false;  // The token was given a shorter life than the default.
  // What the call may do where: from Authenticate by the own roles alone; from the gate by
  // RoleBindings too, and within the token's scope.
  Rights rights;
  // The environments of which a listing may show something; the gate sets it.
  EnvironmentFilter where = EnvironmentFilter::Only({});
};

// Users and their API tokens. A token is "dbft_" and 64 hexadecimal digits (256 random bits), shown
// once; the store holds its SHA-256. Users are never deleted: the audit trail names them.
//
// Every change commits together with its audit record. Answers to Authenticate come from memory and
// are forgotten with every change made here. Thread-safe; methods may block on the store.
class Principals {
 public:
  Principals(Store* store, const Clock* clock);

  // UNAUTHENTICATED: TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED, USER_DISABLED. From where it is
  // used, the gate looks at. `refused`, if it is given, becomes whose token it was, if it is known
  // and counts no more.
  absl::StatusOr<Caller> Authenticate(const Secret& token, Caller* refused = nullptr);

  bool HasExpired(const Caller& caller) const { return clock_->Now() >= caller.expire_time; }

  // Told of every change made here; whoever changes RoleBindings tells it, too.
  AccessChanges& changes() { return changes_; }

  // Ids: lower-case letters, digits, ".", "-", "_"; at most 63. INVALID_ARGUMENT: INVALID_NAME,
  // ROLE_CONFLICT (admin and approver in one hand, be the one by a RoleBinding somewhere; a service
  // account as approver). ALREADY_EXISTS. Without a role only RoleBindings count. A repetition of
  // the request id returns the user that the first one made.
  absl::StatusOr<User> CreateUser(const std::string& principal, const std::string& user_id,
                                  const std::vector<Role>& roles,
                                  const std::string& request_id = "", bool service = false);
  // FAILED_PRECONDITION (LAST_ADMIN) if nobody could manage users afterwards, here and below.
  absl::StatusOr<User> UpdateRoles(const std::string& principal, const std::string& user_id,
                                   const std::vector<Role>& roles);
  // Revokes all of the user's tokens as well. Disabling twice changes nothing.
  absl::StatusOr<User> Disable(const std::string& principal, const std::string& user_id,
                               const std::string& reason);
  // The roles count again; its tokens stay revoked. ROLE_CONFLICT if a RoleBinding of meanwhile
  // does not go with them. Who enables answers for the account as who sets its roles last does
  // (DependentPrincipals): nobody brings back an approver of the own work.
  absl::StatusOr<User> Enable(const std::string& principal, const std::string& user_id,
                              const std::string& reason);

  struct CreatedToken {
    ApiToken token;
    Secret secret;
  };
  // Zero ttl: 90 days; at most 366 (BAD_TTL). FAILED_PRECONDITION (USER_DISABLED). A repetition of
  // the request id returns the same token with a new secret and voids the first one, which nobody
  // has received then; ALREADY_EXISTS (SECRET_DELIVERED) once the token was used.
  absl::StatusOr<CreatedToken> CreateToken(const std::string& principal, const std::string& user_id,
                                           const std::string& description, absl::Duration ttl,
                                           const std::string& request_id = "") {
    return CreateToken({principal, user_id, description, ttl, request_id, {}, nullptr});
  }
  struct TokenRequest {
    std::string principal;  // Who makes it.
    std::string user_id;    // Whose it will be.
    std::string description;
    absl::Duration ttl = absl::ZeroDuration();
    std::string request_id;
    TokenScope scope;
    // By whose token it is asked for: PERMISSION_DENIED (TOKEN_SCOPE) unless the new one stays
    // within that one's limits (CheckWithin). May be nullptr: by none.
    const Caller* limits = nullptr;
  };
  // As above. INVALID_ARGUMENT: BAD_NETWORK, INVALID_NAME (an environment). UNAUTHENTICATED
  // (TOKEN_REVOKED) if the token by which it is asked for was revoked meanwhile.
  absl::StatusOr<CreatedToken> CreateToken(TokenRequest request);
  struct Revoked {
    ApiToken token;
    std::vector<ApiToken> with_it;  // Of those that it made.
    std::vector<ApiToken> left;     // That it made as well, and that still count.
    std::set<std::string>
        descendants;  // Ids of all that it made and that are revoked, now or before.
  };
  // Revoking twice changes nothing. Of the tokens that were made with it, directly or through
  // others, and that still count, it ends those for which `too` holds, each in a transaction of its
  // own. ABORTED (TOKENS_STILL_MADE): they make others faster than that.
  absl::StatusOr<Revoked> RevokeToken(const std::string& principal, const std::string& token_id,
                                      const std::function<bool(const ApiToken&)>& too);
  absl::StatusOr<ApiToken> RevokeToken(const std::string& principal, const std::string& token_id);

  // Called in every transaction that takes roles or the account from somebody, or gives them
  // (back), before it does, with whose doing that is. To be set before the first call.
  using BeforeChange = std::function<absl::Status(WriteTx&, const std::string& principal)>;
  void SetBeforeChange(BeforeChange before_change) { before_change_ = std::move(before_change); }

  // At every start, before the API listens: the very first one makes the user "admin" and writes a
  // token for it to data_dir/admin-token (0600, the token alone). A start that crashed between the
  // store and the file is made up for: the token that nobody has seen is revoked, another made.
  absl::Status EnsureAdmin(const std::string& data_dir);

 private:
  struct Cached {
    Caller caller;
    absl::Time expire_time;
  };

  absl::StatusOr<Cached> Load(const std::string& hash, Caller* refused);
  void Forget();
  absl::Status NoteFirstUse(const std::string& hash);
  absl::Status MutateUsers(const Store::Mutation& mutation);

  Store* const store_;
  const Clock* const clock_;
  BeforeChange before_change_;

  AccessChanges changes_;
  Mutex mutex_;
  std::map<std::string, Cached> cache_ ABSL_GUARDED_BY(mutex_);  // By the token's hash.
  // Grows with every change, so that what was read before one is not remembered after it.
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Users whose approval of the requester's work is not independent: the requester (or who depends on
// the requester) made their account, gave them a role that they still have, set their roles last,
// made a token of theirs (a revoked one
// counts too: it may have approved before), or made or changed a RoleBinding that makes them
// approver, auditor or admin, or gives a role by which an approval or break-glass policy of its
// environments chooses people. Sorted, "users/..."; without the requester.
absl::StatusOr<std::vector<std::string>> DependentPrincipals(ReadTx& tx,
                                                             const std::string& requester);

// The id of "users/ID" and of "users/ID/tokens/ID".
absl::Status ValidateUserId(absl::string_view user_id);
absl::Status ParseTokenName(absl::string_view name, std::string* user_id, std::string* token_id);

}  // namespace dbfleet::controller
