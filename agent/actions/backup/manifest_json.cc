#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/actions/backup/repository.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

using Json = nlohmann::json;

constexpr int kSchemaVersion = 1;

absl::Status Bad(absl::string_view why) {
  return Error(absl::StatusCode::kDataLoss, "BAD_MANIFEST",
               absl::StrCat("the manifest is not valid: ", SanitizeForDisplay(Truncate(why, 300))));
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime(absl::RFC3339_full, FromProto(time), absl::UTCTimeZone());
}

bool ParseTimeText(const std::string& text, google::protobuf::Timestamp* time) {
  absl::Time parsed;
  if (!absl::ParseTime(absl::RFC3339_full, text, &parsed, nullptr)) return false;
  *time = ToProto(parsed);
  return true;
}

Json Texts(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  Json json = Json::array();
  for (const std::string& text : texts) json.push_back(text);
  return json;
}

Json FileToJson(const ManifestFile& file) {
  Json processes = Json::array();
  for (const ProcessStatus& process : file.processes) {
    processes.push_back(Json{{"program", process.program},
                             {"exit_code", process.exit_code},
                             {"signal", process.signal}});
  }
  return Json{{"name", file.facts.name()},
              {"size_bytes", file.facts.size_bytes()},
              {"sha256", file.facts.sha256()},
              {"source_bytes", file.facts.source_bytes()},
              {"source_sha256", file.facts.source_sha256()},
              {"database", file.facts.database()},
              {"compressor", file.facts.compressor()},
              {"format", std::string(FormatName(file.format))},
              {"trailer_ok", file.trailer_ok},
              {"consistency_point", file.consistency_point},
              {"processes", std::move(processes)},
              {"commands", file.commands}};
}

absl::StatusOr<ManifestFile> FileFromJson(const Json& json) {
  ManifestFile file;
  file.facts.set_name(json.at("name").get<std::string>());
  file.facts.set_size_bytes(json.at("size_bytes").get<int64_t>());
  file.facts.set_sha256(json.at("sha256").get<std::string>());
  file.facts.set_source_bytes(json.at("source_bytes").get<int64_t>());
  file.facts.set_source_sha256(json.at("source_sha256").get<std::string>());
  file.facts.set_database(json.at("database").get<std::string>());
  file.facts.set_compressor(json.at("compressor").get<std::string>());
  ASSIGN_OR_RETURN(file.format, ParseFormat(json.at("format").get<std::string>()));
  file.trailer_ok = json.at("trailer_ok").get<bool>();
  file.consistency_point = json.at("consistency_point").get<std::string>();
  for (const Json& process : json.at("processes")) {
    ProcessStatus status;
    status.program = process.at("program").get<std::string>();
    status.exit_code = process.at("exit_code").get<int>();
    status.signal = process.at("signal").get<int>();
    file.processes.push_back(std::move(status));
  }
  file.commands = json.at("commands").get<std::vector<std::vector<std::string>>>();
  const std::string& name = file.facts.name();
  if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos) {
    return Bad(absl::StrCat("\"", name, "\" is not a file of the backup's folder"));
  }
  return file;
}

absl::StatusOr<Manifest> FromJson(const Json& json) {
  if (json.at("schema_version").get<int>() != kSchemaVersion) {
    return Bad(absl::StrCat("schema_version is not ", kSchemaVersion));
  }
  Manifest manifest;
  manifest.instance = json.at("instance").get<std::string>();
  if (!work::v1::Engine_Parse(json.at("engine").get<std::string>(), &manifest.engine)) {
    return Bad("unknown engine");
  }
  work::v1::BackupResult& backup = manifest.backup;
  backup.set_backup_id(json.at("backup_id").get<std::string>());
  backup.set_tool(json.at("tool").get<std::string>());
  backup.set_tool_version(json.at("tool_version").get<std::string>());
  backup.set_source_bytes(json.at("source_bytes").get<int64_t>());
  backup.set_stored_bytes(json.at("stored_bytes").get<int64_t>());
  backup.set_consistency_point(json.at("consistency_point").get<std::string>());
  backup.set_repository_path(json.at("repository_path").get<std::string>());
  backup.set_schema_fingerprint(json.at("schema_fingerprint").get<std::string>());
  for (const Json& text : json.at("warnings")) backup.add_warnings(text.get<std::string>());
  for (const Json& text : json.at("databases")) backup.add_databases(text.get<std::string>());
  *backup.mutable_duration() = ToProto(absl::Milliseconds(json.at("duration_ms").get<int64_t>()));
  if (!ParseTimeText(json.at("snapshot_time").get<std::string>(), backup.mutable_snapshot_time())) {
    return Bad("snapshot_time is not a time");
  }
  for (const Json& file : json.at("files")) {
    ASSIGN_OR_RETURN(ManifestFile parsed, FileFromJson(file));
    manifest.files.push_back(std::move(parsed));
  }
  if (manifest.files.empty()) return Bad("it names no file");
  return manifest;
}

}  // namespace

std::string ManifestToJson(const Manifest& manifest) {
  const work::v1::BackupResult& backup = manifest.backup;
  Json files = Json::array();
  for (const ManifestFile& file : manifest.files) files.push_back(FileToJson(file));
  const Json json{
      {"schema_version", kSchemaVersion},
      {"kind", "logical"},
      {"backup_id", backup.backup_id()},
      {"instance", manifest.instance},
      {"engine", work::v1::Engine_Name(manifest.engine)},
      {"tool", backup.tool()},
      {"tool_version", backup.tool_version()},
      {"source_bytes", backup.source_bytes()},
      {"stored_bytes", backup.stored_bytes()},
      {"snapshot_time", TimeText(backup.snapshot_time())},
      {"duration_ms", backup.duration().seconds() * 1000 + backup.duration().nanos() / 1'000'000},
      {"consistency_point", backup.consistency_point()},
      {"warnings", Texts(backup.warnings())},
      {"databases", Texts(backup.databases())},
      {"repository_path", backup.repository_path()},
      {"schema_fingerprint", backup.schema_fingerprint()},
      {"files", std::move(files)}};
  // What is not UTF-8 was refused or made printable before; if ever not, it is replaced, not
  // thrown.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<Manifest> ManifestFromJson(absl::string_view text) {
  try {
    return FromJson(Json::parse(text.begin(), text.end()));
  } catch (const Json::exception& e) {
    return Bad(e.what());
  }
}

}  // namespace dbfleet::agent
