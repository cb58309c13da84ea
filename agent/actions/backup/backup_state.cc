#include "agent/actions/backup/backup_state.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using Json = nlohmann::json;

constexpr char kItemStartFile[] = "/item.json";

absl::Status Broken(absl::string_view why) {
  return Error(absl::StatusCode::kDataLoss, "BROKEN_CHECKPOINT",
               absl::StrCat("the backup's checkpoint is not readable: ", why));
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json ItemToJson(const DumpItem& item) {
  Json commands = Json::array();
  for (const PipelineSpec::Command& command : item.commands) commands.push_back(command.argv);
  return Json{{"database", item.database},
              {"file_name", item.file_name},
              {"format", std::string(FormatName(item.format))},
              {"commands", std::move(commands)}};
}

absl::StatusOr<DumpItem> ItemFromJson(const Json& json) {
  DumpItem item;
  item.database = json.at("database").get<std::string>();
  item.file_name = json.at("file_name").get<std::string>();
  ASSIGN_OR_RETURN(item.format, ParseFormat(json.at("format").get<std::string>()));
  // Only for the manifest; they are never run again.
  for (const Json& argv : json.at("commands")) {
    item.commands.push_back({argv.get<std::vector<std::string>>(), {}});
  }
  return item;
}

absl::StatusOr<BackupState> FromJson(const Json& json) {
  BackupState state;
  state.folder = json.at("folder").get<std::string>();
  state.start_time = absl::FromUnixNanos(json.at("start_time").get<int64_t>());
  state.record_folders = json.at("record_folders").get<std::vector<std::string>>();
  state.plan.tool = json.at("tool").get<std::string>();
  state.plan.tool_version = json.at("tool_version").get<std::string>();
  state.plan.databases = json.at("databases").get<std::vector<std::string>>();
  state.plan.warnings = json.at("warnings").get<std::vector<std::string>>();
  for (const Json& item : json.at("items")) {
    ASSIGN_OR_RETURN(DumpItem parsed, ItemFromJson(item));
    state.plan.items.push_back(std::move(parsed));
  }
  if (state.plan.items.empty() || state.plan.items.size() != state.record_folders.size()) {
    return Broken("items and folders do not agree");
  }
  return state;
}

}  // namespace

std::string StatePath(const std::string& scratch) { return scratch + "/backup.json"; }

std::string StateToJson(const BackupState& state) {
  Json items = Json::array();
  for (const DumpItem& item : state.plan.items) items.push_back(ItemToJson(item));
  return Dump(Json{{"folder", state.folder},
                   {"start_time", absl::ToUnixNanos(state.start_time)},
                   {"tool", state.plan.tool},
                   {"tool_version", state.plan.tool_version},
                   {"databases", state.plan.databases},
                   {"warnings", state.plan.warnings},
                   {"record_folders", state.record_folders},
                   {"items", std::move(items)}});
}

absl::StatusOr<BackupState> StateFromJson(absl::string_view text) {
  try {
    return FromJson(Json::parse(text.begin(), text.end()));
  } catch (const Json::exception& e) {
    return Broken(e.what());
  }
}

std::string CheckpointToJson(const BackupCheckpoint& checkpoint) {
  return Dump(Json{{"state_path", checkpoint.state_path}, {"current", checkpoint.current}});
}

absl::StatusOr<BackupCheckpoint> CheckpointFromJson(absl::string_view text) {
  try {
    const Json json = Json::parse(text.begin(), text.end());
    return BackupCheckpoint{json.at("state_path").get<std::string>(),
                            json.at("current").get<int>()};
  } catch (const Json::exception& e) {
    return Broken(e.what());
  }
}

absl::Status WriteItemStart(const std::string& record_folder, const ItemStart& start) {
  return WriteFileAtomically(
      record_folder + kItemStartFile,
      Dump(Json{{"time", absl::ToUnixNanos(start.time)}, {"position", start.position}}), 0600);
}

absl::StatusOr<ItemStart> ReadItemStart(const std::string& record_folder) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(record_folder + kItemStartFile));
  try {
    const Json json = Json::parse(text);
    return ItemStart{absl::FromUnixNanos(json.at("time").get<int64_t>()),
                     json.at("position").get<std::string>()};
  } catch (const Json::exception& e) {
    return Broken(e.what());
  }
}

}  // namespace dbfleet::agent
