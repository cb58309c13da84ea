#include "controller/store/sqlite/codec.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#include "controller/domain/names.h"

namespace dbfleet::controller::sqlite {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

// Texts that come from databases may hold bytes that are not UTF-8; JSON cannot.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What most rows hold, without the parser.
constexpr absl::string_view kNoItems = "[]";
constexpr absl::string_view kNoMembers = "{}";

// Appends the text as JSON, if it needs no escapes: nearly all do not.
bool AppendPlain(absl::string_view text, std::string* json) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; };
  if (!std::all_of(text.begin(), text.end(), plain)) return false;
  absl::StrAppend(json, "\"", text, "\"");
  return true;
}

bool ParseArray(absl::string_view text, Json* array) {
  *array = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  return array->is_array();
}

// Readers of one object's fields; the first missing or wrong one makes ok() false.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object), ok_(object.is_object()) {}
  bool ok() const { return ok_; }

  std::string Text(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || !field->is_string()) return Bad<std::string>();
    return field->get<std::string>();
  }
  int64_t Int(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || !field->is_number_integer()) return Bad<int64_t>();
    return field->get<int64_t>();
  }
  bool Bool(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || !field->is_boolean()) return Bad<bool>();
    return field->get<bool>();
  }
  // Absent in what earlier versions stored, which is an empty map.
  std::map<std::string, int64_t> Counts(const char* name) {
    std::map<std::string, int64_t> counts;
    const Json* field = ok_ && object_.contains(name) ? Find(name) : nullptr;
    if (field == nullptr) return counts;
    if (!field->is_object()) return Bad<std::map<std::string, int64_t>>();
    for (const auto& [key, value] : field->items()) {
      if (!value.is_number_integer()) return Bad<std::map<std::string, int64_t>>();
      counts[key] = value.get<int64_t>();
    }
    return counts;
  }

 private:
  const Json* Find(const char* name) {
    if (!ok_) return nullptr;
    const auto it = object_.find(name);
    return it == object_.end() ? nullptr : &*it;
  }
  template <typename T>
  T Bad() {
    ok_ = false;
    return T();
  }

  const Json& object_;
  bool ok_;
};

template <typename T>
std::string EncodeWords(const std::vector<T>& values) {
  std::vector<std::string> names;
  for (T value : values) names.emplace_back(NameOf(value));
  return Encode(names);
}

template <typename T>
bool DecodeWords(absl::string_view text, std::vector<T>* values) {
  std::vector<std::string> names;
  if (!Decode(text, &names)) return false;
  values->clear();
  for (const std::string& name : names) {
    const std::optional<T> value = FromName<T>(name);
    if (!value.has_value()) return false;
    values->push_back(*value);
  }
  return true;
}

}  // namespace

int64_t EncodeTime(absl::Time time) {
  if (time == absl::InfiniteFuture()) return kMax;
  if (time == absl::InfinitePast()) return kMin;
  return absl::ToInt64Nanoseconds(time - absl::UnixEpoch());
}

absl::Time DecodeTime(int64_t value) {
  if (value == kMax) return absl::InfiniteFuture();
  if (value == kMin) return absl::InfinitePast();
  return absl::FromUnixNanos(value);
}

int64_t EncodeDuration(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

absl::Duration DecodeDuration(int64_t value) {
  if (value == kMax) return absl::InfiniteDuration();
  if (value == kMin) return -absl::InfiniteDuration();
  return absl::Nanoseconds(value);
}

std::string Encode(const std::vector<std::string>& values) {
  return values.empty() ? std::string(kNoItems) : Dump(Json(values));
}

std::string Encode(const std::map<std::string, std::string>& values) {
  if (values.empty()) return std::string(kNoMembers);
  std::string json;
  bool plain = true;
  for (const auto& [key, value] : values) {
    json += json.empty() ? '{' : ',';
    plain = plain && AppendPlain(key, &json);
    json += ':';
    plain = plain && AppendPlain(value, &json);
    if (!plain) break;
  }
  if (plain) return json + '}';
  Json object = Json::object();
  for (const auto& [key, value] : values) object[key] = value;
  return Dump(object);
}

std::string Encode(const std::vector<Role>& values) { return EncodeWords(values); }
std::string Encode(const std::vector<Verb>& values) { return EncodeWords(values); }

std::string Encode(const std::vector<Approval>& values) {
  if (values.empty()) return std::string(kNoItems);
  Json array = Json::array();
  for (const Approval& value : values) {
    array.push_back({{"principal", value.principal},
                     {"approved", value.approved},
                     {"digest", value.digest},
                     {"reason", value.reason},
                     {"decide_time", EncodeTime(value.decide_time)},
                     {"expire_time", EncodeTime(value.expire_time)},
                     {"rows", value.rows},
                     {"token", value.token}});
  }
  return Dump(array);
}

std::string Encode(const std::vector<StepReport>& values) {
  if (values.empty()) return std::string(kNoItems);
  Json array = Json::array();
  for (const StepReport& value : values) {
    array.push_back({{"index", value.index},
                     {"rollback", value.rollback},
                     {"state", value.state},
                     {"rows_affected", value.rows_affected},
                     {"duration", EncodeDuration(value.duration)},
                     {"error", value.error},
                     {"migration_version", value.migration_version}});
  }
  return Dump(array);
}

bool Decode(absl::string_view text, std::vector<std::string>* values) {
  values->clear();
  if (text == kNoItems) return true;
  Json array;
  if (!ParseArray(text, &array)) return false;
  for (const Json& item : array) {
    if (!item.is_string()) return false;
    values->push_back(item.get<std::string>());
  }
  return true;
}

bool Decode(absl::string_view text, std::map<std::string, std::string>* values) {
  values->clear();
  if (text == kNoMembers) return true;
  const Json object = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return false;
  for (const auto& item : object.items()) {
    if (!item.value().is_string()) return false;
    (*values)[item.key()] = item.value().get<std::string>();
  }
  return true;
}

bool Decode(absl::string_view text, std::vector<Role>* values) { return DecodeWords(text, values); }
bool Decode(absl::string_view text, std::vector<Verb>* values) { return DecodeWords(text, values); }

bool Decode(absl::string_view text, std::vector<Approval>* values) {
  values->clear();
  if (text == kNoItems) return true;
  Json array;
  if (!ParseArray(text, &array)) return false;
  for (const Json& item : array) {
    Fields fields(item);
    Approval value;
    value.principal = fields.Text("principal");
    value.approved = fields.Bool("approved");
    value.digest = fields.Text("digest");
    value.reason = fields.Text("reason");
    value.decide_time = DecodeTime(fields.Int("decide_time"));
    value.expire_time = DecodeTime(fields.Int("expire_time"));
    value.rows = fields.Counts("rows");
    // Rows of former versions have none.
    if (item.contains("token")) value.token = fields.Text("token");
    if (!fields.ok()) return false;
    values->push_back(std::move(value));
  }
  return true;
}

bool Decode(absl::string_view text, std::vector<StepReport>* values) {
  values->clear();
  if (text == kNoItems) return true;
  Json array;
  if (!ParseArray(text, &array)) return false;
  for (const Json& item : array) {
    Fields fields(item);
    StepReport value;
    value.index = static_cast<int>(fields.Int("index"));
    value.rollback = fields.Bool("rollback");
    value.state = fields.Text("state");
    value.rows_affected = fields.Int("rows_affected");
    value.duration = DecodeDuration(fields.Int("duration"));
    value.error = fields.Text("error");
    value.migration_version = fields.Text("migration_version");
    if (!fields.ok()) return false;
    values->push_back(std::move(value));
  }
  return true;
}

}  // namespace dbfleet::controller::sqlite
