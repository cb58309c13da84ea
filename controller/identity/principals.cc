#include "controller/identity/principals.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/identity/request_keys.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/scope.h"
#include "controller/identity/token_descent.h"
#include "controller/identity/user_rows.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kDefaultTtl = absl::Hours(24 * 90);
constexpr int kMostLooks = 20;  // At what was made with a token meanwhile.
constexpr absl::Duration kMaxTtl = absl::Hours(24 * 366);
constexpr size_t kMaxCached = 10'000;
constexpr size_t kMaxDescription = 200;

absl::Status Refuse(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, reason, message);
}

std::string RoleNames(const std::vector<Role>& roles) {
  return absl::StrJoin(roles, ",", [](std::string* out, Role role) {
    absl::StrAppend(out, absl::string_view(NameOf(role)));
  });
}

// Sorted and without repetition.
std::vector<Role> Sorted(const std::vector<Role>& roles) {
  const std::set<Role> set(roles.begin(), roles.end());
  return std::vector<Role>(set.begin(), set.end());
}

// By own roles and those of RoleBindings.
absl::Status CheckHands(ReadTx& tx, const User& user) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
  return CheckSeparateHands(user, *book);
}

}  // namespace

absl::Status ValidateUserId(absl::string_view user_id) {
  constexpr absl::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  const bool good = !user_id.empty() && user_id.size() <= 63 &&
                    user_id.find_first_not_of(kAllowed) == absl::string_view::npos &&
                    user_id.find_first_not_of('.') != absl::string_view::npos;
  if (good) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_NAME",
               absl::StrCat("user \"", absl::CHexEscape(user_id.substr(0, 63)),
                            "\" is not a valid id; use lower-case letters, digits, \".\", \"-\" "
                            "and \"_\", at most 63 characters"));
}

absl::Status ParseTokenName(absl::string_view name, std::string* user_id, std::string* token_id) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != "users" || parts[2] != "tokens" || parts[3].empty() ||
      !ValidateUserId(parts[1]).ok()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_RESOURCE_NAME",
                 absl::StrCat("\"", absl::CHexEscape(name.substr(0, 200)),
                              "\" is not of the form users/USER/tokens/TOKEN"));
  }
  *user_id = parts[1];
  *token_id = parts[3];
  return absl::OkStatus();
}

Principals::Principals(Store* store, const Clock* clock) : store_(store), clock_(clock) {}

absl::StatusOr<Caller> Principals::Authenticate(const Secret& token, Caller* refused) {
  const std::string hash = Sha256Hex(token.Reveal());
  ASSIGN_OR_RETURN(const Cached found, Load(hash, refused));
  if (clock_->Now() >= found.expire_time) {
    if (refused != nullptr) *refused = found.caller;
    return Refuse("TOKEN_EXPIRED", absl::StrCat("the token ", found.caller.token_id,
                                                " has expired; make another one"));
  }
  return found.caller;
}

absl::StatusOr<Principals::Cached> Principals::Load(const std::string& hash, Caller* refused) {
  uint64_t generation = 0;
  {
    MutexLock lock(&mutex_);
    if (const auto it = cache_.find(hash); it != cache_.end()) return it->second;
    generation = generation_;
  }
  ApiToken token;
  User user;
  bool first_use = false;
  absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(token, tx.FindToken(hash));
    ASSIGN_OR_RETURN(user, tx.GetUser(token.user_id));
    ASSIGN_OR_RETURN(first_use, IsMarkedUnused(tx, token));
    return absl::OkStatus();
  });
  if (status.ok() && first_use) status = NoteFirstUse(hash);
  if (absl::IsNotFound(status)) {
    return Refuse("TOKEN_UNKNOWN", "the token is not known to this controller; log in again");
  }
  RETURN_IF_ERROR(status);
  Caller caller{user.Principal(), user.id, user.roles, token.id};
  if (refused != nullptr && (token.revoked || user.disabled)) *refused = caller;
  if (user.disabled) {  // Which revoked its tokens.
    return Refuse("USER_DISABLED", absl::StrCat("the user \"", user.id, "\" is disabled"));
  }
  if (token.revoked) {
    return Refuse("TOKEN_REVOKED", absl::StrCat("the token ", token.id, " was revoked"));
  }
  caller.service = user.service;
  caller.scope = token.scope;
  caller.expire_time = token.expire_time;
  caller.short_lived = token.expire_time - token.create_time < kDefaultTtl;
  caller.rights = Rights::Of(user, RoleBook({}).GrantsOf(user));
  const Cached found{std::move(caller), token.expire_time};
  MutexLock lock(&mutex_);
  if (generation == generation_) {
    if (cache_.size() >= kMaxCached) cache_.clear();
    cache_[hash] = found;
  }
  return found;
}

// NOT_FOUND if the secret was replaced since it was looked up: from here on one of the two holds.
absl::Status Principals::NoteFirstUse(const std::string& hash) {
  return store_->MutateEssentialAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const ApiToken token, tx.FindToken(hash));
    return MarkUsed(tx, token);
  });
}

absl::Status Principals::MutateUsers(const Store::Mutation& mutation) {
  // Essential: a full disk shall not keep a stolen token alive.
  absl::Status status = store_->MutateEssentialAndWait([&](WriteTx& tx) -> absl::Status {
    // Before as well: what is read half-way is kept under a name that nobody else ever sees.
    RETURN_IF_ERROR(NoteUserChange(tx, clock_->Now()));
    RETURN_IF_ERROR(mutation(tx));
    return NoteUserChange(tx, clock_->Now());
  });
  Forget();
  return status;
}

void Principals::Forget() {
  {
    MutexLock lock(&mutex_);
    ++generation_;
    cache_.clear();
  }
  changes_.Tell();
}

absl::StatusOr<User> Principals::CreateUser(const std::string& principal,
                                            const std::string& user_id,
                                            const std::vector<Role>& roles,
                                            const std::string& request_id, bool service) {
  RETURN_IF_ERROR(ValidateUserId(user_id));
  User user;
  user.roles = Sorted(roles);
  user.id = user_id;
  user.service = service;
  user.creator = principal;
  user.roles_editor = principal;
  const absl::Time now = clock_->Now();
  user.create_time = now;
  // As versions without service accounts remember it.
  std::vector<std::string> what = {user_id, RoleNames(user.roles)};
  if (service) what.push_back("service");
  const RequestKey request("user", principal, request_id, what);
  RETURN_IF_ERROR(MutateUsers([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string made, request.FindMade(tx, now));
    if (!made.empty()) {
      ASSIGN_OR_RETURN(user, tx.GetUser(made));
      return absl::OkStatus();
    }
    if (tx.GetUser(user_id).ok()) {
      return Error(absl::StatusCode::kAlreadyExists, "USER_EXISTS",
                   absl::StrCat("there is a user \"", user_id, "\" already"));
    }
    RETURN_IF_ERROR(CheckHands(tx, user));
    RETURN_IF_ERROR(tx.InsertUser(&user));
    RETURN_IF_ERROR(request.Remember(tx, user.id, now));
    std::map<std::string, std::string> details = {{"roles", RoleNames(user.roles)}};
    if (service) details["kind"] = "service";
    return tx.AppendAudit({principal, "user.create", user.Principal(), "", std::move(details)});
  }));
  return user;
}

absl::StatusOr<User> Principals::UpdateRoles(const std::string& principal,
                                             const std::string& user_id,
                                             const std::vector<Role>& roles) {
  const std::vector<Role> checked = Sorted(roles);
  User user;
  RETURN_IF_ERROR(MutateUsers([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(user, tx.GetUser(user_id));
    if (before_change_ != nullptr) RETURN_IF_ERROR(before_change_(tx, principal));
    if (user.roles == checked) return absl::OkStatus();
    RETURN_IF_ERROR(NoteRoleMaker(tx, user, checked, principal));
    const std::vector<Role> former = std::exchange(user.roles, checked);
    RETURN_IF_ERROR(CheckHands(tx, user));
    user.roles_editor = principal;
    RETURN_IF_ERROR(tx.UpdateUser(&user));
    RETURN_IF_ERROR(RequireAnAdmin(tx));
    return tx.AppendAudit({principal,
                           "user.update_roles",
                           user.Principal(),
                           "",
                           {{"roles", RoleNames(checked)}, {"former_roles", RoleNames(former)}}});
  }));
  return user;
}

absl::StatusOr<User> Principals::Disable(const std::string& principal, const std::string& user_id,
                                         const std::string& reason) {
  User user;
  RETURN_IF_ERROR(MutateUsers([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(user, tx.GetUser(user_id));
    if (user.disabled) return absl::OkStatus();
    if (before_change_ != nullptr) RETURN_IF_ERROR(before_change_(tx, principal));
    user.disabled = true;
    RETURN_IF_ERROR(tx.UpdateUser(&user));
    RETURN_IF_ERROR(RequireAnAdmin(tx));
    ASSIGN_OR_RETURN(std::vector<ApiToken> tokens, TokensOf(tx, user_id));
    int revoked = 0;
    for (ApiToken& token : tokens) {
      if (token.revoked) continue;
      token.revoked = true;
      RETURN_IF_ERROR(tx.UpdateToken(&token));
      ++revoked;
    }
    return tx.AppendAudit({principal,
                           "user.disable",
                           user.Principal(),
                           "",
                           {{"reason", reason}, {"revoked_tokens", absl::StrCat(revoked)}}});
  }));
  return user;
}

absl::StatusOr<User> Principals::Enable(const std::string& principal, const std::string& user_id,
                                        const std::string& reason) {
  User user;
  RETURN_IF_ERROR(MutateUsers([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(user, tx.GetUser(user_id));
    if (!user.disabled) return absl::OkStatus();
    if (before_change_ != nullptr) RETURN_IF_ERROR(before_change_(tx, principal));
    user.disabled = false;
    RETURN_IF_ERROR(NoteRoleMaker(tx, user, user.roles, principal));
    user.roles_editor = principal;
    RETURN_IF_ERROR(CheckHands(tx, user));
    RETURN_IF_ERROR(tx.UpdateUser(&user));
    std::map<std::string, std::string> details = {{"roles", RoleNames(user.roles)}};
    if (!reason.empty()) details["reason"] = reason;
    return tx.AppendAudit({principal, "user.enable", user.Principal(), "", std::move(details)});
  }));
  return user;
}

absl::StatusOr<Principals::CreatedToken> Principals::CreateToken(TokenRequest wanted) {
  if (wanted.ttl == absl::ZeroDuration()) wanted.ttl = kDefaultTtl;
  if (wanted.ttl < absl::Seconds(1) || wanted.ttl > kMaxTtl) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_TTL",
                 "a token lives between one second and 366 days");
  }
  if (wanted.description.size() > kMaxDescription) {
    return Error(absl::StatusCode::kInvalidArgument, "DESCRIPTION_TOO_LONG",
                 absl::StrCat("a description has at most ", kMaxDescription, " bytes"));
  }
  ASSIGN_OR_RETURN(wanted.scope, CheckScope(wanted.scope));
  const absl::Time now = clock_->Now();
  if (wanted.limits != nullptr) {
    RETURN_IF_ERROR(CheckWithin(*wanted.limits, wanted.scope, now + wanted.ttl));
  }
  CreatedToken created =
      NewToken(wanted.principal, wanted.user_id, wanted.description, now, wanted.ttl);
  created.token.scope = wanted.scope;
  // As versions without scopes remember it.
  std::vector<std::string> what = {wanted.user_id, wanted.description,
                                   absl::FormatDuration(wanted.ttl)};
  if (!wanted.scope.empty()) what.push_back(ScopeText(wanted.scope));
  const RequestKey request("token", wanted.principal, wanted.request_id, what);
  const std::string by_token = wanted.limits == nullptr ? "" : wanted.limits->token_id;
  RETURN_IF_ERROR(MutateUsers([&](WriteTx& tx) -> absl::Status {
    // Else it would not be among those that were made with it.
    ASSIGN_OR_RETURN(const bool revoked, IsRevoked(tx, by_token));
    if (revoked) {
      return Refuse("TOKEN_REVOKED", absl::StrCat("the token ", by_token, " was revoked"));
    }
    for (const std::string& name : wanted.scope.environments) {
      if (tx.GetEnvironment(name).ok()) continue;
      return Error(
          absl::StatusCode::kInvalidArgument, "UNKNOWN_ENVIRONMENT",
          absl::StrCat("a token for the environment \"", SanitizeForDisplay(Truncate(name, 100)),
                       "\" is no use: there is none; see: dbfleet environment list"));
    }
    ASSIGN_OR_RETURN(const User user, tx.GetUser(wanted.user_id));
    if (user.disabled) {
      return Error(absl::StatusCode::kFailedPrecondition, "USER_DISABLED",
                   absl::StrCat("the user \"", wanted.user_id, "\" is disabled"));
    }
    ASSIGN_OR_RETURN(const std::string made, request.FindMade(tx, now));
    if (!made.empty()) return ReplaceSecret(tx, made, now, by_token, &created);
    RETURN_IF_ERROR(StoreToken(tx, &created.token, by_token));
    if (request.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(MarkUnused(tx, created.token));
    return request.Remember(tx, created.token.id, now);
  }));
  return created;
}

absl::StatusOr<Principals::Revoked> Principals::RevokeToken(
    const std::string& principal, const std::string& token_id,
    const std::function<bool(const ApiToken&)>& too) {
  const auto revoke = [&](const std::string& id, const std::string& made_with) {
    ApiToken token;
    const absl::Status status = MutateUsers([&](WriteTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(token, tx.GetToken(id));
      if (token.revoked) return absl::OkStatus();
      token.revoked = true;
      RETURN_IF_ERROR(tx.UpdateToken(&token));
      std::map<std::string, std::string> details;
      if (!made_with.empty()) details["made_with"] = made_with;
      return tx.AppendAudit({principal, "token.revoke", TokenName(token), "", std::move(details)});
    });
    return status.ok() ? absl::StatusOr<ApiToken>(std::move(token)) : status;
  };
  Revoked revoked;
  ASSIGN_OR_RETURN(revoked.token, revoke(token_id, ""));
  // All tokens are read for it, which the writer has no time for. One that is not revoked yet may
  // make another meanwhile: looked at until there is no new one.
  for (int looks = 0; looks < kMostLooks; ++looks) {
    Descent made;
    RETURN_IF_ERROR(store_->Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(made, MadeWith(tx, token_id, clock_->Now()));
      return absl::OkStatus();
    }));
    revoked.left.clear();
    revoked.descendants = std::move(made.revoked);
    bool new_one = false;
    for (ApiToken& token : made.counting) {
      if (!too(token)) {
        revoked.left.push_back(std::move(token));
        continue;
      }
      new_one = true;
      ASSIGN_OR_RETURN(ApiToken ended, revoke(token.id, token_id));
      revoked.with_it.push_back(std::move(ended));
    }
    if (!new_one) return revoked;
  }
  return Error(absl::StatusCode::kAborted, "TOKENS_STILL_MADE",
               absl::StrCat("tokens were made with ", token_id, " as fast as they were revoked; ",
                            "disable the account: dbfleet user disable"));
}

absl::StatusOr<ApiToken> Principals::RevokeToken(const std::string& principal,
                                                 const std::string& token_id) {
  ASSIGN_OR_RETURN(Revoked revoked,
                   RevokeToken(principal, token_id, [](const ApiToken&) { return false; }));
  return std::move(revoked.token);
}

}  // namespace dbfleet::controller
