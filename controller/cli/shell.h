#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

#include "common/time/clock.h"
#include "controller/cli/client.h"
#include "controller/cli/context_file.h"
#include "controller/cli/table.h"

namespace dbfleet::cli {

// What a command may touch of the world outside; tests give their own.
struct World {
  std::istream* in = nullptr;
  std::ostream* out = nullptr;  // Data.
  std::ostream* err = nullptr;  // Progress, questions, errors.
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  int width = 0;  // Of the terminal; 0: not known. $COLUMNS goes before it.
  Env env;
  Clock* clock = nullptr;
  std::function<std::shared_ptr<grpc::Channel>(const Context&)> connect;
  ApiClient::Options client_options;
};

enum class Format { kTable, kWide, kJson, kJsonLines, kYaml, kName, kSarif };

// Some resources, ready to be shown in any format. The messages are not owned.
struct Listing {
  struct Item {
    const google::protobuf::Message* message;
    std::string name;
    std::vector<std::string> cells;  // One per column.
  };
  std::vector<Column> columns;
  std::vector<Item> items;
};

// One run of the command: the global options, the connection, and the output. Not thread-safe.
class Shell {
 public:
  explicit Shell(World world);

  // Global options, set by the parser.
  Format format = Format::kTable;
  std::string context_name;
  // How long a controller that restarts is waited for (ApiClient::Options::patience).
  absl::Duration patience;
  // --timeout: no longer than that, a controller that is away or silent is waited for.
  absl::Duration time_limit = absl::InfiniteDuration();

  // What the parsed command line asks for; returns the exit code.
  std::function<int()> action;

  World& world() { return world_; }
  std::ostream& out() { return *world_.out; }
  std::ostream& err() { return *world_.err; }
  bool for_people() const { return format == Format::kTable || format == Format::kWide; }

  // The chosen context: --context, $DBFLEET_CONTEXT, or the current one; $DBFLEET_TOKEN_FILE
  // replaces its token.
  absl::StatusOr<Context> LoadContext();
  // The connection to its controller, made on first use.
  absl::StatusOr<ApiClient*> Client();
  std::unique_ptr<ApiClient> ClientFor(const Context& context);

  // Prints a list: a table, a JSON array, a JSON object per line, a YAML list, or names.
  void PrintList(const Listing& listing);
  // Prints one resource; for people as "TITLE  value" lines, or as `text` when that is not empty.
  void PrintOne(const Listing& listing, absl::string_view text = "");

  // A remark on stderr.
  void Note(absl::string_view text);
  // Explains the error on stderr and returns its exit code.
  int Fail(const absl::Status& status);

 private:
  World world_;
  std::unique_ptr<ApiClient> client_;
};

// All pages of a listing: `fetch` fills in a page's items and its next token.
absl::Status ForEachPage(
    const std::function<absl::Status(const std::string& token, std::string* next)>& fetch);

// Calls a list method until its last page, or until there are `limit` items (0: all).
template <typename Service, typename Item, typename Request, typename Response>
absl::StatusOr<std::vector<Item>> ListAll(
    ApiClient* client,
    grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    Request request, const google::protobuf::RepeatedPtrField<Item>& (Response::*items_of)() const,
    size_t limit) {
  constexpr int kPageSize = 500;
  std::vector<Item> items;
  request.set_page_size(limit > 0 && limit < kPageSize ? static_cast<int>(limit) : kPageSize);
  absl::Status status = ForEachPage([&](const std::string& token, std::string* next) {
    request.set_page_token(token);
    auto page = client->template Call<Service, Request, Response>(method, request);
    if (!page.ok()) return page.status();
    for (const Item& item : ((*page).*items_of)()) {
      if (limit == 0 || items.size() < limit) items.push_back(item);
    }
    const bool enough = limit > 0 && items.size() >= limit;
    *next = enough ? "" : page->next_page_token();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return items;
}

}  // namespace dbfleet::cli
