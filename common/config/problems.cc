#include "common/config/problems.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::config {
namespace {

struct Found {
  const YamlNode* key = nullptr;  // Where a person looks for it.
  const YamlNode* value = nullptr;
};

Found Member(const YamlNode& map, absl::string_view name) {
  const auto it = std::find_if(map.keys.begin(), map.keys.end(),
                               [&](const YamlNode& key) { return key.text == name; });
  if (it == map.keys.end()) return Found();
  return {&*it, &map.items[static_cast<size_t>(it - map.keys.begin())]};
}

Found Element(const YamlNode& sequence, absl::string_view index) {
  size_t i = 0;
  if (sequence.kind != YamlNode::Kind::kSequence || !absl::SimpleAtoi(index, &i) ||
      i >= sequence.items.size()) {
    return Found();
  }
  return {&sequence.items[i], &sequence.items[i]};
}

}  // namespace

Problems::Problems(absl::string_view path, absl::string_view text, int lines_before)
    : path_(SanitizeForDisplay(path)) {
  std::vector<YamlProblem> known;  // It parsed well, or there would be nothing to collect here.
  root_ = ReadYamlTree(text, &known, kMaxYamlNodes, lines_before);
}

std::string Problems::PlaceOf(absl::string_view field) const {
  if (path_.empty()) return "";
  std::string place = absl::StrCat(path_, ": ");
  const YamlNode* node = &root_;
  // "a[1].b" is the path a, 1, b.
  for (absl::string_view part : absl::StrSplit(field, absl::ByAnyChar(".[]"), absl::SkipEmpty())) {
    const Found found =
        node->kind == YamlNode::Kind::kMap ? Member(*node, part) : Element(*node, part);
    if (found.value == nullptr) break;
    place = absl::StrCat(path_, ":", found.key->line, ":", found.key->column, ": ");
    node = found.value;
  }
  return place;
}

void Problems::Add(absl::string_view field, absl::string_view problem) {
  all_.push_back(absl::StrCat(PlaceOf(field), field, ": ", problem));
}

absl::Status Problems::Together(const absl::Status& parsed) const {
  if (parsed.ok()) return ToStatus();
  if (all_.empty()) return parsed;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
               absl::StrCat(parsed.message(), "\n", absl::StrJoin(all_, "\n")));
}

absl::Status Problems::ToStatus() const {
  if (all_.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", absl::StrJoin(all_, "\n"));
}

}  // namespace dbfleet::config
