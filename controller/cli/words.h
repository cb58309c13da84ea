#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/generated_enum_reflection.h"
#include "google/protobuf/timestamp.pb.h"

// Values of the API as people read and write them.
namespace dbfleet::cli {

// STATE_AWAITING_APPROVAL -> "awaiting_approval"; the zero value -> "".
std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value);

// The reverse; "-" counts as "_". INVALID_ARGUMENT naming the words that exist.
absl::StatusOr<int> ParseEnumWord(const google::protobuf::EnumDescriptor* type,
                                  absl::string_view word);

template <typename E>
std::string Word(E value) {
  return EnumWord(google::protobuf::GetEnumDescriptor<E>(), value);
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp);
absl::Duration ToDuration(const google::protobuf::Duration& duration);
google::protobuf::Duration FromDuration(absl::Duration duration);

// UTC, to the second; "" for the zero timestamp.
std::string Show(const google::protobuf::Timestamp& timestamp);
// "127d 5h", "1h30m", "1m30s", "250ms": of a day and more the days and hours alone. For people;
// what programs read has the exact value.
std::string Show(absl::Duration duration);
std::string Show(const google::protobuf::Duration& duration);
// "1.5 GiB"
std::string ShowBytes(int64_t bytes);

// ("agents", "db1") and ("agents", "agents/db1") -> "agents/db1".
std::string FullName(absl::string_view collection, absl::string_view name);
// "agents/db1" -> "db1".
std::string ShortName(absl::string_view name);

// Who did something, for a column: "users/ada" -> "ada"; of schedules and rules the whole name,
// which would be taken for a user's otherwise.
std::string ActorName(absl::string_view principal);

std::string JoinShort(const std::vector<std::string>& names);

// The last part of a name: "users/ada/tokens/01J" -> "01J".
std::string LastPart(absl::string_view name);

// A tool and its version, which most tools begin with their own name.
std::string ToolText(const std::string& tool, const std::string& version);

}  // namespace dbfleet::cli
