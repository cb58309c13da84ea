#include "controller/identity/user_rows.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/identity/scope.h"
#include "controller/identity/token_descent.h"
#include "controller/store/compiled_once.h"

namespace dbfleet::controller {
namespace {

template <typename T, typename List>
absl::StatusOr<std::vector<T>> AllPages(const List& list) {
  std::vector<T> all;
  PageRequest request;
  request.size = 1000;
  do {
    ASSIGN_OR_RETURN(Page<T> page, list(request));
    for (T& item : page.items) all.push_back(std::move(item));
    request.token = std::move(page.next_token);
  } while (!request.token.empty());
  return all;
}

// Of a user: who ever made a token for it, one a line. Tokens are kept for ever, and a pipeline's
// account may have tens of thousands.
std::string MakersKey(const std::string& user_id) {
  return absl::StrCat("user.", user_id, ".token_makers");
}

// Of a user: who gave it which of the roles that it has, "role principal" a line.
std::string RoleMakersKey(const std::string& user_id) {
  return absl::StrCat("user.", user_id, ".role_makers");
}

constexpr char kGeneration[] = "users.generation";

std::string UnusedKey(const ApiToken& token) { return absl::StrCat("token.", token.id, ".unused"); }

}  // namespace

absl::StatusOr<std::vector<User>> AllUsers(ReadTx& tx) {
  return AllPages<User>([&](const PageRequest& page) { return tx.ListUsers(page); });
}

absl::StatusOr<std::vector<ApiToken>> TokensOf(ReadTx& tx, const std::string& user_id) {
  return AllPages<ApiToken>([&](const PageRequest& page) { return tx.ListTokens(user_id, page); });
}

absl::Status NoteUserChange(WriteTx& tx, absl::Time now) {
  return NameGeneration(tx, kGeneration, now);
}

absl::StatusOr<std::string> UsersGeneration(ReadTx& tx) { return tx.GetSetting(kGeneration); }

absl::Status RequireAnAdmin(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::vector<User> users, AllUsers(tx));
  for (const User& user : users) {
    if (!user.disabled && user.Has(Role::kAdmin)) return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "LAST_ADMIN",
               "this is the last admin; make another one first");
}

absl::StatusOr<std::set<std::string>> TokenMakersOf(ReadTx& tx, const std::string& user_id) {
  ASSIGN_OR_RETURN(const std::string kept, tx.GetSetting(MakersKey(user_id)));
  std::set<std::string> makers = absl::StrSplit(kept, '\n', absl::SkipEmpty());
  if (!makers.empty()) return makers;
  // Whose last token is older than this list.
  ASSIGN_OR_RETURN(const std::vector<ApiToken> tokens, TokensOf(tx, user_id));
  for (const ApiToken& token : tokens) makers.insert(token.creator);
  return makers;
}

absl::StatusOr<std::set<std::string>> RoleMakersOf(ReadTx& tx, const User& user) {
  ASSIGN_OR_RETURN(const std::string kept, tx.GetSetting(RoleMakersKey(user.id)));
  std::set<std::string> makers = {user.roles_editor};
  for (absl::string_view line : absl::StrSplit(kept, '\n', absl::SkipEmpty())) {
    makers.emplace(line.substr(line.find(' ') + 1));
  }
  makers.erase("");
  return makers;
}

absl::Status NoteRoleMaker(WriteTx& tx, const User& former, const std::vector<Role>& roles,
                           const std::string& editor) {
  ASSIGN_OR_RETURN(const std::string kept, tx.GetSetting(RoleMakersKey(former.id)));
  const std::vector<std::string> lines = absl::StrSplit(kept, '\n', absl::SkipEmpty());
  std::set<std::string> now;
  for (const Role role : roles) {
    const std::string prefix = absl::StrCat(NameOf(role), " ");
    if (!former.Has(role)) {
      now.insert(absl::StrCat(prefix, editor));
      continue;
    }
    bool known = false;
    for (const std::string& line : lines) {
      if (!absl::StartsWith(line, prefix)) continue;
      now.insert(line);
      known = true;
    }
    // It was given before this list was kept.
    const std::string& maker = former.roles_editor.empty() ? former.creator : former.roles_editor;
    if (!known) now.insert(absl::StrCat(prefix, maker));
  }
  return tx.PutSetting(RoleMakersKey(former.id), absl::StrJoin(now, "\n"));
}

Principals::CreatedToken NewToken(const std::string& principal, const std::string& user_id,
                                  const std::string& description, absl::Time now,
                                  absl::Duration ttl) {
  Principals::CreatedToken created;
  created.secret = Secret(absl::StrCat("dbft_", RandomHex(32)));
  created.token.id = NewUlid(now);
  created.token.user_id = user_id;
  created.token.hash = Sha256Hex(created.secret.Reveal());
  created.token.description = description;
  created.token.creator = principal;
  created.token.create_time = now;
  created.token.expire_time = now + ttl;
  return created;
}

absl::Status StoreToken(WriteTx& tx, ApiToken* token, const std::string& by_token) {
  ASSIGN_OR_RETURN(std::set<std::string> makers, TokenMakersOf(tx, token->user_id));
  RETURN_IF_ERROR(tx.InsertToken(token));
  makers.insert(token->creator);
  RETURN_IF_ERROR(tx.PutSetting(MakersKey(token->user_id), absl::StrJoin(makers, "\n")));
  RETURN_IF_ERROR(NoteMadeWith(tx, token->id, by_token));
  std::map<std::string, std::string> details = {
      {"expire_time",
       absl::FormatTime(absl::RFC3339_sec, token->expire_time, absl::UTCTimeZone())}};
  if (!token->scope.empty()) details["scope"] = ScopeText(token->scope);
  if (!by_token.empty()) details["token"] = by_token;
  return tx.AppendAudit(
      {token->creator, "token.create", TokenName(*token), "", std::move(details)});
}

absl::Status MarkUnused(WriteTx& tx, const ApiToken& token) {
  return tx.PutSetting(UnusedKey(token), "1");
}

absl::StatusOr<bool> IsRevoked(ReadTx& tx, const std::string& token_id) {
  if (token_id.empty()) return false;
  const absl::StatusOr<ApiToken> token = tx.GetToken(token_id);
  if (absl::IsNotFound(token.status())) return true;
  RETURN_IF_ERROR(token.status());
  return token->revoked;
}

absl::StatusOr<bool> IsMarkedUnused(ReadTx& tx, const ApiToken& token) {
  ASSIGN_OR_RETURN(const std::string mark, tx.GetSetting(UnusedKey(token)));
  return !mark.empty();
}

absl::Status MarkUsed(WriteTx& tx, const ApiToken& token) {
  return tx.PutSetting(UnusedKey(token), "");
}

absl::Status ReplaceSecret(WriteTx& tx, const std::string& token_id, absl::Time now,
                           const std::string& by_token, Principals::CreatedToken* created) {
  ASSIGN_OR_RETURN(ApiToken token, tx.GetToken(token_id));
  ASSIGN_OR_RETURN(const bool unused, IsMarkedUnused(tx, token));
  if (!unused || token.revoked || now >= token.expire_time) {
    return Error(absl::StatusCode::kAlreadyExists, "SECRET_DELIVERED",
                 absl::StrCat("this request made ", TokenName(token), ", which ",
                              token.revoked ? "is revoked"
                              : !unused     ? "is in use"
                                            : "has expired",
                              "; its secret is not shown again, make another token"));
  }
  token.hash = Sha256Hex(created->secret.Reveal());
  RETURN_IF_ERROR(tx.UpdateToken(&token));
  created->token = token;
  RETURN_IF_ERROR(NoteMadeWith(tx, token.id, by_token));
  std::map<std::string, std::string> details;
  if (!by_token.empty()) details["token"] = by_token;
  return tx.AppendAudit(
      {token.creator, "token.replace_secret", TokenName(token), "", std::move(details)});
}

std::string TokenName(const ApiToken& token) {
  return absl::StrCat("users/", token.user_id, "/tokens/", token.id);
}

}  // namespace dbfleet::controller
