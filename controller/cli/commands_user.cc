#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/secret_output.h"
#include "controller/cli/user_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Role;
using api::v1::Token;
using api::v1::User;
using api::v1::UserService;

// The user's own, then those by RoleBindings with their environments: "viewer operator@qa,staging".
std::string Roles(const User& user) {
  std::vector<std::string> own;
  for (const int role : user.roles()) own.push_back(Word(static_cast<Role>(role)));
  std::vector<std::string> words;
  if (!own.empty()) words.push_back(absl::StrJoin(own, ","));
  for (const api::v1::RoleGrant& grant : user.grants()) {
    const std::string where =
        grant.environments().empty() ? "*" : absl::StrJoin(grant.environments(), ",");
    words.push_back(absl::StrCat(Word(grant.role()), "@", where));
  }
  return absl::StrJoin(words, " ");
}

Listing TokenListing(const std::vector<const Token*>& tokens) {
  Listing listing;
  listing.columns = {
      IdentityColumn("NAME"),    {"EXPIRES"},       {"REVOKED"},      TextColumn("LIMITS"),
      TextColumn("DESCRIPTION"), {"CREATED", true}, {"CREATOR", true}};
  for (const Token* token : tokens) {
    listing.items.push_back({token,
                             token->name(),
                             {token->name(), Show(token->expire_time()),
                              token->revoked() ? "yes" : "", TokenLimits(*token),
                              token->description(), Show(token->create_time()), token->creator()}});
  }
  return listing;
}

template <typename T>
absl::Status AddRoles(const std::vector<std::string>& words, T* request) {
  for (const std::string& word : words) {
    ASSIGN_OR_RETURN(const int role,
                     ParseEnumWord(google::protobuf::GetEnumDescriptor<Role>(), word));
    request->add_roles(static_cast<Role>(role));
  }
  return absl::OkStatus();
}

// What ended with a token or an account.
template <typename Message>
void NoteVoided(Shell& shell, const Message& message, absl::string_view with,
                absl::string_view again) {
  if (!message.voided_approvals().empty()) {
    shell.Note(absl::StrCat("approvals that were given with ", with, " count no more: ",
                            SanitizeForDisplay(absl::StrJoin(message.voided_approvals(), ", ")),
                            again));
  }
  if (message.voided_waivers().empty()) return;
  shell.Note(absl::StrCat("the glass was broken with ", with,
                          ", and nothing is waived any more, for ",
                          SanitizeForDisplay(absl::StrJoin(message.voided_waivers(), ", ")),
                          "; somebody has to review it: dbfleet change reviews"));
}

int ShowUser(Shell& shell, const absl::StatusOr<User>& user) {
  if (!user.ok()) return shell.Fail(user.status());
  for (const std::string& warning : user->warnings()) {
    shell.Note(absl::StrCat("dbfleet: warning: ", SanitizeForDisplay(warning)));
  }
  shell.PrintOne(UserListing({&*user}));
  NoteVoided(shell, *user, "the account", "");
  return kExitOk;
}

absl::StatusOr<User> CreateUser(Shell& shell, const std::string& name,
                                const std::vector<std::string>& roles, bool service) {
  api::v1::CreateUserRequest request;
  request.set_kind(service ? User::KIND_SERVICE : User::KIND_PERSON);
  request.set_user_id(absl::StartsWith(name, "users/") ? ShortName(name) : name);
  RETURN_IF_ERROR(AddRoles(roles, &request));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<UserService>(&UserService::Stub::CreateUser, request);
}

absl::StatusOr<User> SetRoles(Shell& shell, const std::string& name,
                              const std::vector<std::string>& roles) {
  api::v1::UpdateUserRolesRequest request;
  request.set_name(FullName("users", name));
  RETURN_IF_ERROR(AddRoles(roles, &request));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<UserService>(&UserService::Stub::UpdateUserRoles, request);
}

absl::StatusOr<User> GetUser(Shell& shell, const std::string& name) {
  api::v1::GetUserRequest request;
  request.set_name(FullName("users", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<UserService>(&UserService::Stub::GetUser, request);
}

absl::StatusOr<User> DisableUser(Shell& shell, const std::string& name, const std::string& reason) {
  api::v1::DisableUserRequest request;
  request.set_name(FullName("users", name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<UserService>(&UserService::Stub::DisableUser, request);
}

absl::StatusOr<User> EnableUser(Shell& shell, const std::string& name, const std::string& reason) {
  api::v1::EnableUserRequest request;
  request.set_name(FullName("users", name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<UserService>(&UserService::Stub::EnableUser, request);
}

absl::Status ListUsers(Shell& shell) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto users,
                   (ListAll<UserService, User>(client, &UserService::Stub::ListUsers,
                                               api::v1::ListUsersRequest(),
                                               &api::v1::ListUsersResponse::users, 0)));
  std::vector<const User*> pointers;
  for (const User& user : users) pointers.push_back(&user);
  shell.PrintList(UserListing(pointers));
  return absl::OkStatus();
}

// The user whose tokens are meant: oneself, unless another is named.
absl::StatusOr<std::string> UserOrSelf(ApiClient* client, const std::string& user) {
  if (!user.empty()) return FullName("users", user);
  ASSIGN_OR_RETURN(const User self,
                   client->Call<UserService>(&UserService::Stub::WhoAmI, api::v1::WhoAmIRequest()));
  return self.name();
}

struct TokenOptions {
  std::string user;
  std::string description;
  absl::Duration ttl;
  SecretOut out;
  std::vector<std::string> environments;
  std::vector<std::string> roles;
  std::vector<std::string> verbs;
  std::vector<std::string> sources;
};

absl::Status CreateToken(Shell& shell, const TokenOptions& options) {
  SecretFile file;
  RETURN_IF_ERROR(file.Reserve(options.out));
  api::v1::CreateTokenRequest request;
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(*request.mutable_user(), UserOrSelf(client, options.user));
  request.set_description(options.description);
  if (options.ttl > absl::ZeroDuration()) *request.mutable_ttl() = FromDuration(options.ttl);
  RETURN_IF_ERROR(AddRoles(options.roles, &request));
  for (const std::string& name : options.environments) {
    request.mutable_scope()->add_environments(FullName("environments", name));
  }
  for (const std::string& word : options.verbs) {
    ASSIGN_OR_RETURN(const int verb,
                     ParseEnumWord(google::protobuf::GetEnumDescriptor<api::v1::Verb>(), word));
    request.mutable_scope()->add_verbs(static_cast<api::v1::Verb>(verb));
  }
  for (const std::string& network : options.sources) request.mutable_scope()->add_sources(network);
  ASSIGN_OR_RETURN(auto response,
                   client->Call<UserService>(&UserService::Stub::CreateToken, request));
  for (const std::string& warning : response.warnings()) {
    shell.Note(absl::StrCat("dbfleet: warning: ", SanitizeForDisplay(warning)));
  }
  RETURN_IF_ERROR(file.Keep(shell, response.mutable_secret()));
  Listing listing;
  listing.columns = {{"NAME"}, {"EXPIRES"}, {"TOKEN"}, TextColumn("LIMITS")};
  listing.items.push_back({&response,
                           response.token().name(),
                           {response.token().name(), Show(response.token().expire_time()),
                            response.secret(), TokenLimits(response.token())}});
  shell.PrintOne(listing);
  return absl::OkStatus();
}

absl::Status ListTokens(Shell& shell, const std::string& user) {
  api::v1::ListTokensRequest request;
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(*request.mutable_user(), UserOrSelf(client, user));
  ASSIGN_OR_RETURN(const auto tokens,
                   (ListAll<UserService, Token>(client, &UserService::Stub::ListTokens, request,
                                                &api::v1::ListTokensResponse::tokens, 0)));
  std::vector<const Token*> pointers;
  for (const Token& token : tokens) pointers.push_back(&token);
  shell.PrintList(TokenListing(pointers));
  return absl::OkStatus();
}

// The full name of the token `id`, if the user has it; else "".
absl::StatusOr<std::string> TokenOf(ApiClient* client, const std::string& user,
                                    const std::string& id) {
  api::v1::ListTokensRequest request;
  request.set_user(user);
  ASSIGN_OR_RETURN(const auto tokens,
                   (ListAll<UserService, Token>(client, &UserService::Stub::ListTokens, request,
                                                &api::v1::ListTokensResponse::tokens, 0)));
  for (const Token& token : tokens) {
    if (LastPart(token.name()) == id) return token.name();
  }
  return std::string();
}

// An id alone is looked for among one's own tokens, then, if that is allowed, among all.
absl::StatusOr<std::string> TokenName(ApiClient* client, const std::string& given) {
  if (absl::StrContains(given, '/')) return given;
  const std::string id = absl::AsciiStrToUpper(given);
  ASSIGN_OR_RETURN(const std::string self, UserOrSelf(client, ""));
  ASSIGN_OR_RETURN(std::string name, TokenOf(client, self, id));
  if (!name.empty()) return name;
  const auto users =
      ListAll<UserService, User>(client, &UserService::Stub::ListUsers, api::v1::ListUsersRequest(),
                                 &api::v1::ListUsersResponse::users, 0);
  if (users.ok()) {
    for (const User& user : *users) {
      ASSIGN_OR_RETURN(name, TokenOf(client, user.name(), id));
      if (!name.empty()) return name;
    }
  }
  return Error(absl::StatusCode::kNotFound, "TOKEN_NOT_FOUND",
               absl::StrCat("there is no token \"", id,
                            "\" that you may see; see: dbfleet token "
                            "list"));
}

// What was made with a token, which may not have been its owner's doing.
void NoteMade(Shell& shell, const Token& token, bool with_made) {
  if (!token.revoked_tokens().empty()) {
    shell.Note(absl::StrCat("revoked with it, as they were made with it: ",
                            SanitizeForDisplay(absl::StrJoin(token.revoked_tokens(), ", "))));
  }
  if (token.made_tokens().empty()) return;
  shell.Note(absl::StrCat(
      "tokens that were made with it still count: ",
      SanitizeForDisplay(absl::StrJoin(token.made_tokens(), ", ")),
      with_made ? "; it takes an admin to end those of others, or to do it with a limited token"
                : absl::StrCat("; end them as well: dbfleet token revoke ",
                               SanitizeForDisplay(LastPart(token.name())), " --with-made")));
}

absl::StatusOr<int> RevokeToken(Shell& shell, const std::string& name, bool with_made) {
  api::v1::RevokeTokenRequest request;
  request.set_with_made_tokens(with_made);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(*request.mutable_name(), TokenName(client, name));
  ASSIGN_OR_RETURN(const Token token,
                   client->Call<UserService>(&UserService::Stub::RevokeToken, request));
  shell.PrintOne(TokenListing({&token}));
  NoteVoided(shell, token, "it", "; who gave them rightly can approve again, with another token");
  NoteMade(shell, token, with_made);
  // Whoever does it after a theft is not through yet.
  return with_made && !token.made_tokens().empty() ? kExitFailed : kExitOk;
}

int Done(Shell& shell, const absl::Status& status) {
  return status.ok() ? kExitOk : shell.Fail(status);
}

void AddTokenCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "token", "API tokens");
  auto options = std::make_shared<TokenOptions>();
  CLI::App* create =
      AddVerb(*noun, "create", "Make a token; it is shown once", shell,
              [&shell, options] { return Done(shell, CreateToken(shell, *options)); });
  create->add_option("--user", options->user, "Whose token; default: yours");
  create->add_option("--description", options->description, "What it is for");
  AddLifetime(create, "--ttl", &options->ttl, "Its lifetime; default 90d, at most 366d");
  create
      ->add_option("-e,--environment", options->environments,
                   "Counts in this environment only; may repeat")
      ->delimiter(',');
  create
      ->add_option("--role", options->roles,
                   "May do only what this role is for; may repeat. It gives no role that the "
                   "user has not")
      ->delimiter(',');
  create
      ->add_option("--verbs", options->verbs,
                   "May only: read, operate, approve, declare, administer, audit; may repeat")
      ->delimiter(',');
  create
      ->add_option("--source", options->sources,
                   "Counts only from this network, as in 10.0.0.0/8; may repeat")
      ->delimiter(',');
  AddSecretOut(create, &options->out);

  auto user = std::make_shared<std::string>();
  AddVerb(*noun, "list", "List tokens", shell, [&shell, user] {
    return Done(shell, ListTokens(shell, *user));
  })->add_option("--user", *user, "Whose tokens; default: yours");
  auto name = std::make_shared<std::string>();
  auto with_made = std::make_shared<bool>(false);
  CLI::App* revoke = AddVerb(*noun, "revoke", "End a token at once", shell, [=, &shell] {
    const absl::StatusOr<int> code = RevokeToken(shell, *name, *with_made);
    return code.ok() ? *code : shell.Fail(code.status());
  });
  revoke->add_option("NAME", *name, "The token: its ID, or users/USER/tokens/ID")->required();
  revoke->add_flag("--with-made", *with_made,
                   "End the tokens that were made with it, too, directly or through others");
}

}  // namespace

std::string TokenLimits(const Token& token) {
  const api::v1::TokenScope& scope = token.scope();
  std::vector<std::string> words;
  if (!scope.environments().empty()) words.push_back(absl::StrJoin(scope.environments(), ","));
  std::vector<std::string> verbs;
  for (const int verb : scope.verbs()) verbs.push_back(Word(static_cast<api::v1::Verb>(verb)));
  if (!verbs.empty()) words.push_back(absl::StrJoin(verbs, ","));
  if (!scope.sources().empty()) {
    words.push_back(absl::StrCat("from ", absl::StrJoin(scope.sources(), ",")));
  }
  return absl::StrJoin(words, " ");
}

Listing UserListing(const std::vector<const User*>& users) {
  Listing listing;
  listing.columns = {IdentityColumn("NAME"), {"KIND"},    TextColumn("ROLES"),
                     {"DISABLED"},           {"CREATED"}, {"CREATOR", true}};
  for (const User* user : users) {
    listing.items.push_back(
        {user,
         user->name(),
         {ShortName(user->name()), Word(user->kind()), Roles(*user), user->disabled() ? "yes" : "",
          Show(user->create_time()), user->creator()}});
  }
  return listing;
}

void AddUserCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "user", "Users and their roles");
  AddVerb(*noun, "list", "List users", shell, [&shell] { return Done(shell, ListUsers(shell)); });

  auto name = std::make_shared<std::string>();
  AddVerb(*noun, "get", "Show a user", shell,
          [&shell, name] { return ShowUser(shell, GetUser(shell, *name)); })
      ->add_option("NAME", *name, "The user")
      ->required();

  auto roles = std::make_shared<std::vector<std::string>>();
  auto service = std::make_shared<bool>(false);
  CLI::App* create = AddVerb(*noun, "create", "Make a user", shell, [&shell, name, roles, service] {
    return ShowUser(shell, CreateUser(shell, *name, *roles, *service));
  });
  create->add_option("NAME", *name, "The user's name")->required();
  create
      ->add_option("--role", *roles,
                   "viewer, operator, approver, policy_admin, auditor or admin, everywhere; may "
                   "repeat. Without one only RoleBindings count")
      ->delimiter(',');
  create->add_flag("--service", *service, "An account of a program, which never approves");

  auto none = std::make_shared<bool>(false);
  CLI::App* set =
      AddVerb(*noun, "roles", "Replace a user's roles", shell, [&shell, name, roles, none] {
        return ShowUser(shell, SetRoles(shell, *name, *none ? std::vector<std::string>() : *roles));
      });
  set->add_option("NAME", *name, "The user")->required();
  auto* some = set->add_option_group("roles");
  some->add_option("--role", *roles, "The roles from now on; may repeat")->delimiter(',');
  some->add_flag("--none", *none, "No role of the user's own: only RoleBindings count");
  some->require_option(1);

  auto reason = std::make_shared<std::string>();
  CLI::App* disable = AddVerb(
      *noun, "disable", "Disable a user and end all of the user's tokens", shell,
      [&shell, name, reason] { return ShowUser(shell, DisableUser(shell, *name, *reason)); });
  disable->add_option("NAME", *name, "The user")->required();
  AddReason(disable, reason.get(), true);
  CLI::App* enable = AddVerb(
      *noun, "enable", "Enable a disabled user again; it needs a new token", shell,
      [&shell, name, reason] { return ShowUser(shell, EnableUser(shell, *name, *reason)); });
  enable->add_option("NAME", *name, "The user")->required();
  AddReason(enable, reason.get(), false);
  AddTokenCommands(app, shell);
}

}  // namespace dbfleet::cli
