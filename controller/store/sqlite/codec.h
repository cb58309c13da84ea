#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"

// How values that SQLite has no type for are stored: times and durations as nanoseconds, lists and
// maps as JSON. Decode* are false for what Encode* does not write.
namespace dbfleet::controller::sqlite {

// Infinities are the ends of the range; finite times outside of it (years 1678 to 2262) become
// them.
int64_t EncodeTime(absl::Time time);
absl::Time DecodeTime(int64_t value);
int64_t EncodeDuration(absl::Duration duration);
absl::Duration DecodeDuration(int64_t value);

std::string Encode(const std::vector<std::string>& values);
std::string Encode(const std::map<std::string, std::string>& values);
std::string Encode(const std::vector<Role>& values);
std::string Encode(const std::vector<Verb>& values);
std::string Encode(const std::vector<Approval>& values);
std::string Encode(const std::vector<StepReport>& values);

bool Decode(absl::string_view text, std::vector<std::string>* values);
bool Decode(absl::string_view text, std::map<std::string, std::string>* values);
bool Decode(absl::string_view text, std::vector<Role>* values);
bool Decode(absl::string_view text, std::vector<Verb>* values);
bool Decode(absl::string_view text, std::vector<Approval>* values);
bool Decode(absl::string_view text, std::vector<StepReport>* values);

}  // namespace dbfleet::controller::sqlite
