#include "common/audit/export.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::audit {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kTimeFormat[] = "%E4Y-%m-%dT%H:%M:%E6SZ";

absl::Status Bad(absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_AUDIT_LINE", message);
}

absl::StatusOr<std::string> TextField(const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) {
    return Bad(absl::StrCat("\"", name, "\" is missing or no text"));
  }
  return it->get<std::string>();
}

absl::StatusOr<std::string> HashField(const Json& object, const char* name) {
  ASSIGN_OR_RETURN(const std::string text, TextField(object, name));
  if (text.size() != 64) return Bad(absl::StrCat("\"", name, "\" is not 64 hexadecimal digits"));
  for (char c : text) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      return Bad(absl::StrCat("\"", name, "\" is not 64 hexadecimal digits"));
    }
  }
  return absl::HexStringToBytes(text);
}

absl::Status ReadDetails(const Json& object, Record* record) {
  const auto it = object.find("details");
  if (it == object.end() || !it->is_object()) return Bad("\"details\" is missing or no object");
  for (const auto& item : it->items()) {
    if (!item.value().is_string()) return Bad("a value in \"details\" is no text");
    record->details[item.key()] = item.value().get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status ReadRecord(const Json& object, ExportedRecord* out) {
  const auto seq = object.find("seq");
  if (seq == object.end() || !seq->is_number_unsigned())
    return Bad("\"seq\" is missing or no number");
  out->record.seq = seq->get<uint64_t>();
  ASSIGN_OR_RETURN(const std::string time, TextField(object, "time"));
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, time, &out->record.time, &error)) {
    return Bad("\"time\" is no RFC 3339 time");
  }
  ASSIGN_OR_RETURN(out->record.actor, TextField(object, "actor"));
  ASSIGN_OR_RETURN(out->record.action, TextField(object, "action"));
  ASSIGN_OR_RETURN(out->record.resource, TextField(object, "resource"));
  ASSIGN_OR_RETURN(out->record.environment, TextField(object, "environment"));
  RETURN_IF_ERROR(ReadDetails(object, &out->record));
  ASSIGN_OR_RETURN(out->record.previous_hash, HashField(object, "previous_hash"));
  ASSIGN_OR_RETURN(out->hash, HashField(object, "hash"));
  ASSIGN_OR_RETURN(const std::string canonical, TextField(object, "canonical"));
  if (!absl::Base64Unescape(canonical, &out->canonical)) return Bad("\"canonical\" is no base64");
  return absl::OkStatus();
}

}  // namespace

std::string WriteJsonLine(const ExportedRecord& exported) {
  const Record& record = exported.record;
  Json details = Json::object();
  for (const auto& [key, value] : record.details) details[key] = value;
  Json line = Json::object();
  line["type"] = "record";
  line["seq"] = record.seq;
  line["time"] = absl::FormatTime(kTimeFormat, record.time, absl::UTCTimeZone());
  line["actor"] = record.actor;
  line["action"] = record.action;
  line["resource"] = record.resource;
  line["environment"] = record.environment;
  line["details"] = std::move(details);
  line["previous_hash"] = HexEncode(record.previous_hash);
  line["hash"] = HexEncode(exported.hash);
  line["canonical"] = absl::Base64Escape(exported.canonical);
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<ExportedRecord> ReadJsonLine(absl::string_view line) {
  const Json object = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded() || !object.is_object()) return Bad("it is not a JSON object");
  ASSIGN_OR_RETURN(const std::string type, TextField(object, "type"));
  if (type != "record") {
    return Bad(absl::StrCat("its type \"", SanitizeForDisplay(Truncate(type, 40)),
                            "\" is not known to this version"));
  }
  ExportedRecord exported;
  RETURN_IF_ERROR(ReadRecord(object, &exported));
  // Escapes, spaces, the order of fields, doubled and unknown fields: one comparison finds them
  // all.
  if (WriteJsonLine(exported) != line) return Bad("it is not in the form that exports have");
  return exported;
}

}  // namespace dbfleet::audit
