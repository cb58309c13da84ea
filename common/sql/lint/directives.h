#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

namespace dbfleet::sql {

// "-- dbfleet:ignore RULE REASON"
struct IgnoreDirective {
  std::string rule_id;
  std::string reason;
};

enum class SectionMark { kNone, kUp, kDown };

// What the comments of one statement tell dbfleet.
struct Directives {
  std::vector<IgnoreDirective> ignores;
  std::vector<std::string> unknown;          // Heads of what looks like one, and is none.
  SectionMark section = SectionMark::kNone;  // "-- dbfleet:up", "-- dbfleet:down".
  bool irreversible = false;                 // "-- dbfleet:irreversible REASON".
};

// `text`: a statement with the comments before it. Only real comments count: not what stands in
// quotes, nor executable comments. Linear in the text.
Directives ReadDirectives(const Target& target, absl::string_view text);

}  // namespace dbfleet::sql
