#include "controller/cli/words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"

#include "common/base/duration_text.h"
#include "common/base/status.h"
#include "common/config/scalars.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::cli {
namespace {

// "STATE_" of "STATE_UNSPECIFIED".
std::string PrefixOf(const google::protobuf::EnumDescriptor* type) {
  const auto* zero = type->FindValueByNumber(0);
  if (zero == nullptr) return "";
  return std::string(absl::StripSuffix(zero->name(), "UNSPECIFIED"));
}

}  // namespace

std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value) {
  if (value == 0) return "";
  const auto* found = type->FindValueByNumber(value);
  if (found == nullptr) return absl::StrCat("unknown_", value);  // A newer controller's.
  return absl::AsciiStrToLower(absl::StripPrefix(found->name(), PrefixOf(type)));
}

absl::StatusOr<int> ParseEnumWord(const google::protobuf::EnumDescriptor* type,
                                  absl::string_view word) {
  const std::string wanted =
      absl::AsciiStrToLower(absl::StrReplaceAll(word, {{"-", "_"}, {" ", "_"}}));
  std::vector<std::string> words;
  config::NearestName nearest(wanted);
  for (int i = 0; i < type->value_count(); ++i) {
    const int number = type->value(i)->number();
    if (number == 0) continue;
    words.push_back(EnumWord(type, number));
    if (words.back() == wanted) return number;
    nearest.Consider(words.back());
  }
  return Error(
      absl::StatusCode::kInvalidArgument, "UNKNOWN_WORD",
      absl::StrCat("\"", word, "\" is none of ", absl::StrJoin(words, ", "), nearest.Hint()));
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) { return FromProto(timestamp); }

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return FromProto(duration);
}

google::protobuf::Duration FromDuration(absl::Duration duration) { return ToProto(duration); }

std::string Show(const google::protobuf::Timestamp& timestamp) {
  if (timestamp.seconds() == 0 && timestamp.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", ToTime(timestamp), absl::UTCTimeZone());
}

std::string Show(const google::protobuf::Duration& duration) { return Show(ToDuration(duration)); }

std::string Show(absl::Duration value) {
  const absl::Duration length = absl::AbsDuration(value);
  if (length == absl::InfiniteDuration()) return DurationText(value);
  return DurationText(absl::Trunc(value, length >= absl::Hours(24)    ? absl::Hours(1)
                                         : length >= absl::Seconds(1) ? absl::Milliseconds(1)
                                                                      : absl::Microseconds(1)));
}

std::string ShowBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FullName(absl::string_view collection, absl::string_view name) {
  if (name.empty() || absl::StartsWith(name, absl::StrCat(collection, "/"))) {
    return std::string(name);
  }
  return absl::StrCat(collection, "/", name);
}

std::string ShortName(absl::string_view name) {
  const size_t slash = name.find('/');
  return std::string(slash == absl::string_view::npos ? name : name.substr(slash + 1));
}

std::string ActorName(absl::string_view principal) {
  return std::string(absl::StripPrefix(principal, "users/"));
}

std::string JoinShort(const std::vector<std::string>& names) {
  return absl::StrJoin(
      names, ",", [](std::string* out, const std::string& name) { out->append(ShortName(name)); });
}

std::string LastPart(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return std::string(slash == absl::string_view::npos ? name : name.substr(slash + 1));
}

std::string ToolText(const std::string& tool, const std::string& version) {
  if (version.empty() || tool.empty()) return absl::StrCat(tool, version);
  return absl::StartsWith(version, tool) ? version : absl::StrCat(tool, " ", version);
}

}  // namespace dbfleet::cli
