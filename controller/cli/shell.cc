#include "controller/cli/shell.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/json.h"

namespace dbfleet::cli {

Shell::Shell(World world) : world_(std::move(world)) {
  // What a person sets goes before what the terminal says.
  int columns = 0;
  if (const auto text = world_.env("COLUMNS"); text && absl::SimpleAtoi(*text, &columns)) {
    if (columns > 0) world_.width = columns;
  }
}

absl::StatusOr<Context> Shell::LoadContext() {
  ASSIGN_OR_RETURN(const std::string path, ContextFilePath(world_.env));
  ASSIGN_OR_RETURN(const ContextFile file, LoadContexts(path));
  std::string name = context_name;
  if (name.empty()) name = world_.env("DBFLEET_CONTEXT").value_or("");
  if (name.empty()) name = file.current;
  if (name.empty()) {
    return Error(absl::StatusCode::kUnauthenticated, "NOT_LOGGED_IN",
                 "there is no controller to talk to; log in first: dbfleet login --server "
                 "HOST:PORT --token-file FILE --ca-file FILE");
  }
  ASSIGN_OR_RETURN(Context context, file.Find(name));
  if (const auto token_file = world_.env("DBFLEET_TOKEN_FILE");
      token_file && !token_file->empty()) {
    ASSIGN_OR_RETURN(context.token, ReadSecretFile(*token_file));
  }
  RETURN_IF_ERROR(CheckToken(context.token));
  return context;
}

std::unique_ptr<ApiClient> Shell::ClientFor(const Context& context) {
  ApiClient::Options options = world_.client_options;
  options.server = context.server;
  options.time_limit = time_limit;
  return std::make_unique<ApiClient>(world_.connect(context), context.token, world_.clock,
                                     std::move(options));
}

absl::StatusOr<ApiClient*> Shell::Client() {
  if (client_ == nullptr) {
    ASSIGN_OR_RETURN(const Context context, LoadContext());
    client_ = ClientFor(context);
    client_->set_patience(patience);
  }
  return client_.get();
}

void Shell::PrintList(const Listing& listing) {
  std::vector<const google::protobuf::Message*> messages;
  for (const auto& item : listing.items) messages.push_back(item.message);
  switch (format) {
    case Format::kJson:
      out() << ToJsonArray(messages) << "\n";
      return;
    case Format::kJsonLines:
      for (const auto* message : messages) out() << ToJson(*message, false) << "\n";
      return;
    case Format::kYaml:
      out() << ToYamlList(messages);
      return;
    case Format::kName:
      for (const auto& item : listing.items) out() << SanitizeForDisplay(item.name) << "\n";
      return;
    case Format::kSarif:  // Of no resource.
    case Format::kTable:
    case Format::kWide:
      break;
  }
  Table table(listing.columns);
  for (const auto& item : listing.items) table.AddRow(item.cells);
  out() << table.Render(format == Format::kWide, world_.out_is_terminal ? world_.width : 0);
}

void Shell::PrintOne(const Listing& listing, absl::string_view text) {
  const Listing::Item& item = listing.items.front();
  switch (format) {
    case Format::kJson:
      out() << ToJson(*item.message, true) << "\n";
      return;
    case Format::kYaml:
      out() << ToYaml(*item.message);
      return;
    case Format::kJsonLines:
    case Format::kName:
      return PrintList(listing);
    case Format::kSarif:  // Of no resource.
    case Format::kTable:
    case Format::kWide:
      break;
  }
  if (!text.empty()) {
    out() << text;
    return;
  }
  size_t width = 0;
  for (const Column& column : listing.columns) width = std::max(width, column.title.size());
  for (size_t i = 0; i < listing.columns.size(); ++i) {
    if (item.cells[i].empty()) continue;
    const std::string& title = listing.columns[i].title;
    out() << title << std::string(width - title.size() + 2, ' ')
          << SanitizeForDisplay(item.cells[i]) << "\n";
  }
}

void Shell::Note(absl::string_view text) {
  err() << SanitizeForDisplay(text, /*keep_newlines=*/true) << "\n";
  err().flush();
}

int Shell::Fail(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  Note(absl::StrCat("dbfleet: ", status.message(), reason.empty() ? "" : " [", reason,
                    reason.empty() ? "" : "]"));
  return ExitCodeOf(status);
}

absl::Status ForEachPage(
    const std::function<absl::Status(const std::string& token, std::string* next)>& fetch) {
  std::string token;
  for (;;) {
    std::string next;
    RETURN_IF_ERROR(fetch(token, &next));
    if (next.empty()) return absl::OkStatus();
    if (next == token) {
      return Error(absl::StatusCode::kInternal, "BAD_PAGE_TOKEN",
                   "the controller's listing does not come to an end");
    }
    token = std::move(next);
  }
}

}  // namespace dbfleet::cli
