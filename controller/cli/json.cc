#include "controller/cli/json.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace dbfleet::cli {
namespace {

using Json = nlohmann::ordered_json;  // Keeps the order of the proto's fields.

// Hashes are compared with what others print, which is hex; proto's JSON has base64 for bytes.
void HashesInHex(const google::protobuf::Message& message, Json* value) {
  const google::protobuf::Descriptor* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = type->field(i);
    const bool hash = field->type() == google::protobuf::FieldDescriptor::TYPE_BYTES &&
                      !field->is_repeated() && absl::EndsWith(field->name(), "hash");
    if (!hash || !value->contains(field->json_name())) continue;
    (*value)[field->json_name()] =
        absl::BytesToHexString(message.GetReflection()->GetString(message, field));
  }
}

Json ToValue(const google::protobuf::Message& message) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return Json();
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_object()) HashesInHex(message, &value);
  return value;
}

std::string Dump(const Json& value, int indent) {
  return value.dump(indent, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

bool IsPlainKey(const std::string& key) {
  if (key.empty() || !absl::ascii_isalpha(key[0])) return false;
  for (const char c : key) {
    if (!absl::ascii_isalnum(c) && c != '_') return false;
  }
  // YAML 1.1 readers take these for booleans and null.
  for (const char* word : {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}) {
    if (absl::AsciiStrToLower(key) == word) return false;
  }
  return true;
}

// Strings are written in JSON's quotes, which YAML understands and cannot mistake for anything
// else.
void AppendYaml(const Json& value, const std::string& indent, bool after_dash, std::string* out) {
  if (!value.is_structured() || value.empty()) {
    absl::StrAppend(out, after_dash || indent.empty() ? "" : " ", Dump(value, -1), "\n");
    return;
  }
  bool on_new_line = !after_dash;
  if (on_new_line && !indent.empty()) out->push_back('\n');
  if (value.is_array()) {
    for (const Json& item : value) {
      absl::StrAppend(out, on_new_line ? indent : "", "- ");
      AppendYaml(item, indent + "  ", true, out);
      on_new_line = true;
    }
    return;
  }
  for (const auto& [key, item] : value.items()) {
    absl::StrAppend(out, on_new_line ? indent : "", IsPlainKey(key) ? key : Dump(Json(key), -1),
                    ":");
    AppendYaml(item, indent + "  ", false, out);
    on_new_line = true;
  }
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message, bool indented) {
  return Dump(ToValue(message), indented ? 2 : -1);
}

std::string ToJsonArray(const std::vector<const google::protobuf::Message*>& messages) {
  Json array = Json::array();
  for (const auto* message : messages) array.push_back(ToValue(*message));
  return Dump(array, 2);
}

std::string ToYaml(const google::protobuf::Message& message) {
  std::string out;
  AppendYaml(ToValue(message), "", false, &out);
  return out;
}

std::string ToYamlList(const std::vector<const google::protobuf::Message*>& messages) {
  Json array = Json::array();
  for (const auto* message : messages) array.push_back(ToValue(*message));
  std::string out;
  AppendYaml(array, "", false, &out);
  return out;
}

}  // namespace dbfleet::cli
