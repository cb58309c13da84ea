#include "controller/cli/context_file.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::cli {
namespace {

using nlohmann::json;

// nlohmann's own messages quote the input, which holds tokens.
absl::Status Damaged(const std::string& path) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CONTEXT_FILE",
               absl::StrCat(path, " is not a context file; move it away and log in again"));
}

std::string TextOf(const json& object, const char* key) {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

absl::StatusOr<Context> ContextFile::Find(const std::string& name) const {
  for (const Context& context : contexts) {
    if (context.name == name) return context;
  }
  return Error(
      absl::StatusCode::kNotFound, "CONTEXT_NOT_FOUND",
      absl::StrCat("there is no context \"", name, "\"; known: ",
                   contexts.empty() ? std::string("none")
                                    : absl::StrJoin(contexts, ", ",
                                                    [](std::string* out, const Context& context) {
                                                      out->append(context.name);
                                                    })));
}

void ContextFile::Put(Context context) {
  current = context.name;
  auto it = std::find_if(contexts.begin(), contexts.end(),
                         [&](const Context& other) { return other.name == context.name; });
  if (it != contexts.end()) {
    *it = std::move(context);
  } else {
    contexts.push_back(std::move(context));
  }
}

absl::StatusOr<std::string> ContextFilePath(const Env& env) {
  const auto set = [&](const char* name) { return env(name).value_or(""); };
  if (const std::string path = set("DBFLEET_CONFIG"); !path.empty()) return path;
  if (const std::string base = set("XDG_CONFIG_HOME"); !base.empty()) {
    return base + "/dbfleet/config.json";
  }
  if (const std::string home = set("HOME"); !home.empty()) {
    return home + "/.config/dbfleet/config.json";
  }
  return Error(absl::StatusCode::kFailedPrecondition, "NO_CONTEXT_FILE",
               "cannot tell where the context file is: set HOME or DBFLEET_CONFIG");
}

absl::StatusOr<ContextFile> LoadContexts(const std::string& path) {
  auto text = ReadSecretFile(path);
  if (absl::IsNotFound(text.status())) return ContextFile();
  RETURN_IF_ERROR(text.status());
  const json root = json::parse(text->Reveal(), nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Damaged(path);
  ContextFile file;
  file.current = TextOf(root, "current");
  const auto contexts = root.find("contexts");
  if (contexts == root.end() || !contexts->is_array()) return Damaged(path);
  for (const json& entry : *contexts) {
    if (!entry.is_object()) return Damaged(path);
    file.contexts.push_back({TextOf(entry, "name"), TextOf(entry, "server"), TextOf(entry, "caPem"),
                             Secret(TextOf(entry, "token"))});
  }
  return file;
}

absl::Status SaveContexts(const std::string& path, const ContextFile& file) {
  json root = {{"current", file.current}, {"contexts", json::array()}};
  for (const Context& context : file.contexts) {
    root["contexts"].push_back({{"name", context.name},
                                {"server", context.server},
                                {"caPem", context.ca_pem},
                                {"token", context.token.Reveal()}});
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::error_code ignored;
  // A folder that is there already keeps its mode: it may be anybody's.
  if (!folder.empty() && !std::filesystem::exists(folder, ignored)) {
    RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  }
  // "replace" because the name came from argv, which need not be UTF-8.
  const std::string text = root.dump(2, ' ', true, json::error_handler_t::replace);
  return WriteFileAtomically(path, text + "\n", 0600);
}

absl::Status CheckToken(const Secret& token) {
  const std::string& text = token.Reveal();
  if (!text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isgraph)) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_TOKEN",
               "the token is empty or has characters that no token has; give the file that holds "
               "nothing but the token");
}

}  // namespace dbfleet::cli
