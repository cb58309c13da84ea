#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// Methods of objects of which nobody knows the class, that write nothing but memory, output and
// logs. What is called for its effect on such an object, and is not among them, may write to a
// database, and is not understood.
namespace dbfleet::sql {

struct HarmlessMethods {
  absl::string_view why;
  absl::Span<const absl::string_view> names;  // In lower case.
  // What they have to be called on by its last name ("$this", "output"); empty: on whatever.
  absl::Span<const absl::string_view> holders;
};

absl::Span<const HarmlessMethods> HarmlessMethodGroups();

// `holder`: what it is called on, as written: "$this", "output", "@logger".
bool IsHarmlessMethod(absl::string_view holder, absl::string_view method);

}  // namespace dbfleet::sql
