#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#include "common/audit/note_text.h"
#include "common/audit/witness.h"
#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

using Json = nlohmann::ordered_json;

constexpr AlarmKind kKinds[] = {AlarmKind::kSmaller,    AlarmKind::kInconsistent,
                                AlarmKind::kForked,     AlarmKind::kBadSignature,
                                AlarmKind::kUnknownKey, AlarmKind::kForeignLog};

absl::Status Bad(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_WITNESS_STATE",
               absl::StrCat("the witness's memory of the audit trail is damaged: ", why));
}

absl::Status Read(const Json& object, const char* name, std::string* out) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return Bad(absl::StrCat(name, " is missing"));
  *out = it->get<std::string>();
  return absl::OkStatus();
}

absl::Status Read(const Json& object, const char* name, uint64_t* out) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_number_unsigned()) {
    return Bad(absl::StrCat(name, " is missing"));
  }
  *out = it->get<uint64_t>();
  return absl::OkStatus();
}

absl::StatusOr<const Json*> List(const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_array()) return Bad(absl::StrCat(name, " is missing"));
  for (const Json& item : *it) {
    if (!item.is_object()) return Bad(absl::StrCat(name, " holds something else"));
  }
  return &*it;
}

Json ToJson(const Alarm& alarm) {
  Json json = Json::object();
  json["kind"] = std::string(AlarmName(alarm.kind));
  json["sentence"] = alarm.sentence;
  json["time"] = impl::WriteTime(alarm.time);
  // What came is kept as it was, and need not be UTF-8.
  json["text"] = absl::Base64Escape(alarm.text);
  json["times"] = alarm.times;
  return json;
}

absl::StatusOr<Alarm> ReadAlarm(const Json& json) {
  Alarm alarm;
  std::string kind;
  std::string time;
  std::string text;
  RETURN_IF_ERROR(Read(json, "kind", &kind));
  bool known = false;
  for (const AlarmKind candidate : kKinds) {
    if (AlarmName(candidate) != kind) continue;
    alarm.kind = candidate;
    known = true;
  }
  if (!known) return Bad("an alarm is of no known kind");
  RETURN_IF_ERROR(Read(json, "sentence", &alarm.sentence));
  RETURN_IF_ERROR(Read(json, "time", &time));
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, time, &alarm.time, &error)) {
    return Bad("an alarm has no time");
  }
  RETURN_IF_ERROR(Read(json, "text", &text));
  if (!absl::Base64Unescape(text, &alarm.text)) return Bad("an alarm's text is no base64");
  RETURN_IF_ERROR(Read(json, "times", &alarm.times));
  return alarm;
}

absl::Status ReadLists(const Json& json, WitnessState* state) {
  ASSIGN_OR_RETURN(const Json* accepted, List(json, "accepted"));
  for (const Json& item : *accepted) {
    std::string hash;
    std::string bytes;
    RETURN_IF_ERROR(Read(item, "sha256", &hash));
    if (!absl::Base64Unescape(hash, &bytes)) return Bad("a hash is no base64");
    state->accepted.push_back(bytes);
  }
  ASSIGN_OR_RETURN(const Json* retired, List(json, "retired"));
  for (const Json& item : *retired) {
    RetiredLog log;
    RETURN_IF_ERROR(Read(item, "log", &log.log_id));
    RETURN_IF_ERROR(Read(item, "size", &log.size));
    RETURN_IF_ERROR(Read(item, "adopted", &log.adopted));
    state->retired.push_back(log);
  }
  ASSIGN_OR_RETURN(const Json* alarms, List(json, "alarms"));
  for (const Json& item : *alarms) {
    ASSIGN_OR_RETURN(Alarm alarm, ReadAlarm(item));
    state->alarms.push_back(std::move(alarm));
  }
  return absl::OkStatus();
}

}  // namespace

std::string WriteWitnessState(const WitnessState& state) {
  Json json = Json::object();
  json["version"] = 1;
  json["checkpoint"] = state.text;
  json["alarm_count"] = state.alarm_count;
  json["proofs_asked"] = state.proofs_asked;
  json["accepted"] = Json::array();
  for (const std::string& hash : state.accepted) {
    json["accepted"].push_back({{"sha256", absl::Base64Escape(hash)}});
  }
  json["retired"] = Json::array();
  for (const RetiredLog& log : state.retired) {
    json["retired"].push_back({{"log", log.log_id}, {"size", log.size}, {"adopted", log.adopted}});
  }
  json["alarms"] = Json::array();
  for (const Alarm& alarm : state.alarms) json["alarms"].push_back(ToJson(alarm));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<WitnessState> ReadWitnessState(absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return Bad("it is not a JSON object");
  uint64_t version = 0;
  RETURN_IF_ERROR(Read(json, "version", &version));
  if (version != 1) return Bad("it was written by another version");
  WitnessState state;
  RETURN_IF_ERROR(Read(json, "checkpoint", &state.text));
  RETURN_IF_ERROR(Read(json, "alarm_count", &state.alarm_count));
  RETURN_IF_ERROR(Read(json, "proofs_asked", &state.proofs_asked));
  RETURN_IF_ERROR(ReadLists(json, &state));
  if (!state.text.empty()) {
    absl::StatusOr<SignedCheckpoint> parsed = ParseCheckpoint(state.text);
    if (!parsed.ok()) return Bad(parsed.status().message());
    state.highest = std::move(parsed->checkpoint);
  }
  if (WriteWitnessState(state) != text) return Bad("it is not in the form that it was written in");
  return state;
}

}  // namespace dbfleet::audit
