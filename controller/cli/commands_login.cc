#include <algorithm>
#include <istream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/tls.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/user_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::MetaService;
using api::v1::UserService;

struct LoginOptions {
  std::string server;
  std::string token_file;
  std::string ca_file;
  std::string ca_fingerprint;
  std::string name = "default";
};

absl::StatusOr<Secret> ReadToken(Shell& shell, const std::string& file) {
  if (file != "-") return ReadSecretFile(file);
  std::string line;
  std::getline(*shell.world().in, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return Secret(std::move(line));
}

absl::StatusOr<std::string> FindCa(const LoginOptions& options) {
  if (!options.ca_file.empty()) return ReadFile(options.ca_file, 1 << 20);
  constexpr size_t kDigits = 64;
  const std::string& hex = options.ca_fingerprint;
  if (hex.size() != kDigits || !std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_FINGERPRINT",
                 absl::StrCat("--ca-fingerprint wants ", kDigits,
                              " hexadecimal digits, as the controller prints it at its start"));
  }
  return rpc::FetchPinnedCa(options.server, options.ca_fingerprint, absl::Seconds(15));
}

absl::StatusOr<api::v1::User> WhoAmI(ApiClient& client) {
  return client.Call<UserService>(&UserService::Stub::WhoAmI, api::v1::WhoAmIRequest());
}

absl::Status Login(Shell& shell, const LoginOptions& options) {
  Context context;
  context.name = options.name;
  context.server = options.server;
  ASSIGN_OR_RETURN(context.token, ReadToken(shell, options.token_file));
  RETURN_IF_ERROR(CheckToken(context.token));
  ASSIGN_OR_RETURN(context.ca_pem, FindCa(options));
  // The token is tried before it is kept, so that a context that exists is one that worked.
  ASSIGN_OR_RETURN(const api::v1::User user, WhoAmI(*shell.ClientFor(context)));
  ASSIGN_OR_RETURN(const std::string path, ContextFilePath(shell.world().env));
  ASSIGN_OR_RETURN(ContextFile file, LoadContexts(path));
  const std::string former = file.current;
  file.Put(std::move(context));
  RETURN_IF_ERROR(SaveContexts(path, file));
  shell.Note(absl::StrCat("Logged in to ", options.server, " as ", user.name(), "; context \"",
                          options.name, "\""));
  // Whoever logs in to production beside development should know where the next command goes.
  if (!former.empty() && former != file.current) {
    shell.Note(absl::StrCat("Commands go there from now on, and no longer to the context \"",
                            former, "\"; to go back: dbfleet context use ", former));
  }
  return absl::OkStatus();
}

absl::Status ListContexts(Shell& shell) {
  ASSIGN_OR_RETURN(const std::string path, ContextFilePath(shell.world().env));
  ASSIGN_OR_RETURN(const ContextFile file, LoadContexts(path));
  std::vector<google::protobuf::Struct> messages;
  for (const Context& context : file.contexts) {
    auto& fields = *messages.emplace_back().mutable_fields();
    fields["name"].set_string_value(context.name);
    fields["server"].set_string_value(context.server);
    fields["current"].set_bool_value(context.name == file.current);
  }
  Listing listing;
  listing.columns = {{"CURRENT"}, IdentityColumn("NAME"), {"SERVER"}};
  for (size_t i = 0; i < messages.size(); ++i) {
    const Context& context = file.contexts[i];
    listing.items.push_back(
        {&messages[i],
         context.name,
         {context.name == file.current ? "*" : "", context.name, context.server}});
  }
  shell.PrintList(listing);
  return absl::OkStatus();
}

absl::Status UseContext(Shell& shell, const std::string& name) {
  ASSIGN_OR_RETURN(const std::string path, ContextFilePath(shell.world().env));
  ASSIGN_OR_RETURN(ContextFile file, LoadContexts(path));
  RETURN_IF_ERROR(file.Find(name).status());
  file.current = name;
  return SaveContexts(path, file);
}

absl::Status ShowContext(Shell& shell) {
  ASSIGN_OR_RETURN(const Context context, shell.LoadContext());
  google::protobuf::Struct message;
  (*message.mutable_fields())["name"].set_string_value(context.name);
  (*message.mutable_fields())["server"].set_string_value(context.server);
  Listing listing;
  listing.columns = {{"NAME"}, {"SERVER"}};
  listing.items.push_back({&message, context.name, {context.name, context.server}});
  shell.PrintOne(listing);
  return absl::OkStatus();
}

int ShowWhoAmI(Shell& shell) {
  auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  auto user = WhoAmI(**client);
  if (!user.ok()) return shell.Fail(user.status());
  Listing listing = UserListing({&*user});
  listing.columns.push_back({"TOKEN EXPIRES"});
  listing.columns.push_back(TextColumn("TOKEN LIMITS"));
  const std::string limits = TokenLimits(user->token());
  listing.items.front().cells.push_back(user->has_token() ? Show(user->token().expire_time()) : "");
  listing.items.front().cells.push_back(limits.empty() && user->has_token() ? "none" : limits);
  shell.PrintOne(listing);
  return kExitOk;
}

int Done(Shell& shell, const absl::Status& status) {
  return status.ok() ? kExitOk : shell.Fail(status);
}

}  // namespace

int ShowVersion(Shell& shell, bool client_only) {
  google::protobuf::Struct message;
  auto& fields = *message.mutable_fields();
  fields["client"].set_string_value(DBFLEET_VERSION);
  std::string controller;
  int code = kExitOk;
  if (!client_only) {
    auto client = shell.Client();
    absl::StatusOr<api::v1::Version> version = api::v1::Version();
    if (!client.ok()) {
      version = client.status();
    } else {
      version = (*client)->Call<MetaService>(&MetaService::Stub::GetVersion,
                                             api::v1::GetVersionRequest());
    }
    // Without a login there is no controller to ask, which is no failure.
    if (version.ok()) {
      controller = version->version();
      fields["controller"].set_string_value(controller);
      if (!version->recovery().empty()) {
        fields["recovery"].set_string_value(version->recovery());
        shell.Note(
            absl::StrCat("RECOVERY: the controller hands out no work until a person runs "
                         "`dbfleet-controller recover`: ",
                         SanitizeForDisplay(version->recovery())));
      }
    } else if (ReasonOf(version.status()) != "NOT_LOGGED_IN") {
      code = shell.Fail(version.status());
    }
  }
  Listing listing;
  listing.columns = {{"CLIENT"}, {"CONTROLLER"}};
  listing.items.push_back({&message, DBFLEET_VERSION, {DBFLEET_VERSION, controller}});
  shell.PrintOne(listing);
  return code;
}

void AddLoginCommands(CLI::App& app, Shell& shell) {
  auto options = std::make_shared<LoginOptions>();
  CLI::App* login = AddVerb(app, "login", "Log in to a controller and remember it", shell,
                            [&shell, options] { return Done(shell, Login(shell, *options)); });
  login->add_option("--server", options->server, "The controller, HOST:PORT")->required();
  login
      ->add_option("--token-file", options->token_file,
                   "The file with the API token (mode 0600), or - for stdin")
      ->required();
  CLI::Option_group* ca = login->add_option_group("CA", "How the controller proves itself");
  ca->add_option("--ca-file", options->ca_file, "The controller's CA certificate");
  ca->add_option("--ca-fingerprint", options->ca_fingerprint,
                 "SHA-256 (hex) of the CA's public key, as the controller prints it");
  ca->require_option(1);
  login->add_option("--name", options->name, "The context's name")->capture_default_str();

  CLI::App* context = AddNoun(app, "context", "Choose between controllers");
  AddVerb(*context, "list", "List the contexts", shell,
          [&shell] { return Done(shell, ListContexts(shell)); });
  auto name = std::make_shared<std::string>();
  AddVerb(*context, "use", "Make a context the current one", shell,
          [&shell, name] { return Done(shell, UseContext(shell, *name)); })
      ->add_option("NAME", *name, "The context")
      ->required();
  AddVerb(*context, "show", "Show the chosen context", shell,
          [&shell] { return Done(shell, ShowContext(shell)); });

  AddVerb(app, "whoami", "Show who you are to the controller", shell,
          [&shell] { return ShowWhoAmI(shell); });
  auto client_only = std::make_shared<bool>(false);
  AddVerb(app, "version", "Show the versions of this command and of the controller", shell,
          [&shell, client_only] { return ShowVersion(shell, *client_only); })
      ->add_flag("--client", *client_only, "Do not ask the controller");
}

}  // namespace dbfleet::cli
