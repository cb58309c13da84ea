#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/api/directory_services.h"
#include "controller/api/voided_approvals.h"
#include "controller/dispatch/wire.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/scope.h"
#include "controller/identity/user_rows.h"
#include "controller/resources/fillable.h"

namespace dbfleet::controller {
namespace {

// To a token that was revoked, or to a user that was disabled.
template <typename Message>
void AddVoided(const Voided& voided, Message* message) {
  message->mutable_voided_approvals()->Add(voided.approvals.begin(), voided.approvals.end());
  message->mutable_voided_waivers()->Add(voided.waivers.begin(), voided.waivers.end());
}

void AddNames(const std::vector<ApiToken>& tokens,
              google::protobuf::RepeatedPtrField<std::string>* names) {
  constexpr size_t kMostNamed = 100;
  for (size_t i = 0; i < std::min(tokens.size(), kMostNamed); ++i) {
    names->Add(TokenName(tokens[i]));
  }
}

}  // namespace

absl::Status UserServiceImpl::Show(const User& user, api::v1::User* response) {
  return store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
    *response = ToApi(user, *book);
    return absl::OkStatus();
  });
}

absl::Status UserServiceImpl::Take(const std::function<absl::StatusOr<User>()>& take,
                                   api::v1::User* response) {
  const std::set<std::string> before = FillableNow(store_);
  ASSIGN_OR_RETURN(const User user, take());
  RETURN_IF_ERROR(Show(user, response));
  const std::vector<std::string> warnings = WarningsOfLoss(store_, before);
  response->mutable_warnings()->Add(warnings.begin(), warnings.end());
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* UserServiceImpl::CreateUser(grpc::CallbackServerContext* context,
                                                      const api::v1::CreateUserRequest* in,
                                                      api::v1::User* out) {
  return gate_.Unary<api::v1::CreateUserRequest, api::v1::User>(
      "dbfleet.api.v1.UserService/CreateUser", context, in, out,
      [this](const Caller& caller, const api::v1::CreateUserRequest& request,
             api::v1::User* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        ASSIGN_OR_RETURN(const std::vector<Role> roles, RolesFromApi(request.roles()));
        ASSIGN_OR_RETURN(
            const User user,
            principals_.CreateUser(meta.principal, request.user_id(), roles, meta.request_id,
                                   request.kind() == api::v1::User::KIND_SERVICE));
        return Show(user, response);
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::GetUser(grpc::CallbackServerContext* context,
                                                   const api::v1::GetUserRequest* in,
                                                   api::v1::User* out) {
  return gate_.Unary<api::v1::GetUserRequest, api::v1::User>(
      "dbfleet.api.v1.UserService/GetUser", context, in, out,
      [this](const Caller&, const api::v1::GetUserRequest& request,
             api::v1::User* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("users", request.name(), &id));
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const User user, tx.GetUser(id));
          ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
          *response = ToApi(user, *book);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::ListUsers(grpc::CallbackServerContext* context,
                                                     const api::v1::ListUsersRequest* in,
                                                     api::v1::ListUsersResponse* out) {
  return gate_.Unary<api::v1::ListUsersRequest, api::v1::ListUsersResponse>(
      "dbfleet.api.v1.UserService/ListUsers", context, in, out,
      [this](const Caller&, const api::v1::ListUsersRequest& request,
             api::v1::ListUsersResponse* response) -> absl::Status {
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Page<User> page,
                           tx.ListUsers({request.page_size(), request.page_token()}));
          ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
          for (const User& user : page.items) *response->add_users() = ToApi(user, *book);
          response->set_next_page_token(page.next_token);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::UpdateUserRoles(
    grpc::CallbackServerContext* context, const api::v1::UpdateUserRolesRequest* in,
    api::v1::User* out) {
  return gate_.Unary<api::v1::UpdateUserRolesRequest, api::v1::User>(
      "dbfleet.api.v1.UserService/UpdateUserRoles", context, in, out,
      [this](const Caller& caller, const api::v1::UpdateUserRolesRequest& request,
             api::v1::User* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("users", request.name(), &id));
        ASSIGN_OR_RETURN(const std::vector<Role> roles, RolesFromApi(request.roles()));
        return Take([&] { return principals_.UpdateRoles(caller.principal, id, roles); }, response);
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::DisableUser(grpc::CallbackServerContext* context,
                                                       const api::v1::DisableUserRequest* in,
                                                       api::v1::User* out) {
  return gate_.Unary<api::v1::DisableUserRequest, api::v1::User>(
      "dbfleet.api.v1.UserService/DisableUser", context, in, out,
      [this](const Caller& caller, const api::v1::DisableUserRequest& request,
             api::v1::User* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("users", request.name(), &id));
        RETURN_IF_ERROR(Take(
            [&] { return principals_.Disable(caller.principal, id, request.reason()); }, response));
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Voided voided,
                           VoidedWithUser(tx, absl::StrCat("users/", id), clock_.Now()));
          AddVoided(voided, response);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::EnableUser(grpc::CallbackServerContext* context,
                                                      const api::v1::EnableUserRequest* in,
                                                      api::v1::User* out) {
  return gate_.Unary<api::v1::EnableUserRequest, api::v1::User>(
      "dbfleet.api.v1.UserService/EnableUser", context, in, out,
      [this](const Caller& caller, const api::v1::EnableUserRequest& request,
             api::v1::User* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("users", request.name(), &id));
        ASSIGN_OR_RETURN(const User user,
                         principals_.Enable(caller.principal, id, request.reason()));
        return Show(user, response);
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::CreateToken(grpc::CallbackServerContext* context,
                                                       const api::v1::CreateTokenRequest* in,
                                                       api::v1::CreateTokenResponse* out) {
  return gate_.Unary<api::v1::CreateTokenRequest, api::v1::CreateTokenResponse>(
      "dbfleet.api.v1.UserService/CreateToken", context, in, out,
      [this](const Caller& caller, const api::v1::CreateTokenRequest& request,
             api::v1::CreateTokenResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("users", request.user(), &id));
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.UserService/CreateToken",
                                      AuthoriseForUser(caller, id)));
        ASSIGN_OR_RETURN(const TokenScope scope, ScopeFromApi(request.scope(), request.roles()));
        const absl::StatusOr<Principals::CreatedToken> created =
            principals_.CreateToken({meta.principal, id, request.description(),
                                     FromProto(request.ttl()), meta.request_id, scope, &caller});
        RETURN_IF_ERROR(
            gate_.Audited(caller, "dbfleet.api.v1.UserService/CreateToken", created.status()));
        *response->mutable_token() = ToApi(created->token);
        response->set_secret(created->secret.Reveal());
        for (std::string& want : WantsOf(scope)) response->add_warnings(std::move(want));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::ListTokens(grpc::CallbackServerContext* context,
                                                      const api::v1::ListTokensRequest* in,
                                                      api::v1::ListTokensResponse* out) {
  return gate_.Unary<api::v1::ListTokensRequest, api::v1::ListTokensResponse>(
      "dbfleet.api.v1.UserService/ListTokens", context, in, out,
      [this](const Caller& caller, const api::v1::ListTokensRequest& request,
             api::v1::ListTokensResponse* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("users", request.user(), &id));
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.UserService/ListTokens",
                                      AuthoriseForUser(caller, id)));
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Page<ApiToken> page,
                           tx.ListTokens(id, {request.page_size(), request.page_token()}));
          for (const ApiToken& token : page.items) *response->add_tokens() = ToApi(token);
          response->set_next_page_token(page.next_token);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::RevokeToken(grpc::CallbackServerContext* context,
                                                       const api::v1::RevokeTokenRequest* in,
                                                       api::v1::Token* out) {
  return gate_.Unary<api::v1::RevokeTokenRequest, api::v1::Token>(
      "dbfleet.api.v1.UserService/RevokeToken", context, in, out,
      [this](const Caller& caller, const api::v1::RevokeTokenRequest& request,
             api::v1::Token* response) -> absl::Status {
        std::string user_id;
        std::string token_id;
        RETURN_IF_ERROR(ParseTokenName(request.name(), &user_id, &token_id));
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.UserService/RevokeToken",
                                      AuthoriseForUser(caller, user_id)));
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.UserService/RevokeToken",
                                      AuthoriseRevocation(caller, token_id)));
        RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const ApiToken token, tx.GetToken(token_id));
          // The name has two parts; both must be of one token, or the check above proved nothing.
          if (token.user_id == user_id) return absl::OkStatus();
          return Error(absl::StatusCode::kNotFound, "TOKEN_NOT_FOUND",
                       absl::StrCat("there is no token ", request.name()));
        }));
        // What the caller may not end, as a token of somebody else's or with a limited one, stays
        // and is named.
        const auto too = [&](const ApiToken& made) {
          return request.with_made_tokens() && AuthoriseForUser(caller, made.user_id).ok() &&
                 AuthoriseRevocation(caller, made.id).ok();
        };
        ASSIGN_OR_RETURN(const Principals::Revoked revoked,
                         principals_.RevokeToken(caller.principal, token_id, too));
        *response = ToApi(revoked.token);
        AddNames(revoked.with_it, response->mutable_revoked_tokens());
        AddNames(revoked.left, response->mutable_made_tokens());
        std::set<std::string> ended = {token_id};
        if (request.with_made_tokens()) {
          ended.insert(revoked.descendants.begin(), revoked.descendants.end());
        }
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Voided voided, VoidedWithTokens(tx, ended, clock_.Now()));
          AddVoided(voided, response);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* UserServiceImpl::WhoAmI(grpc::CallbackServerContext* context,
                                                  const api::v1::WhoAmIRequest* in,
                                                  api::v1::User* out) {
  return gate_.Unary<api::v1::WhoAmIRequest, api::v1::User>(
      "dbfleet.api.v1.UserService/WhoAmI", context, in, out,
      [this](const Caller& caller, const api::v1::WhoAmIRequest&,
             api::v1::User* response) -> absl::Status {
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const User user, tx.GetUser(caller.user_id));
          ASSIGN_OR_RETURN(const std::shared_ptr<const RoleBook> book, ReadRoleBook(tx));
          *response = ToApi(user, *book);
          ASSIGN_OR_RETURN(const ApiToken token, tx.GetToken(caller.token_id));
          *response->mutable_token() = ToApi(token);
          return absl::OkStatus();
        });
      });
}

}  // namespace dbfleet::controller
