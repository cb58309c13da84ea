#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// Functions of PHP and Ruby that were reviewed: they compute, show, or declare, and write nothing
// but what the program holds in memory, its output and its logs. A function that is neither here
// nor among host_functions.h, and that the program does not define, is not understood.
namespace dbfleet::sql {

// PHP's names in lower case; in order.
absl::Span<const absl::string_view> HarmlessPhpFunctions();
absl::Span<const absl::string_view> HarmlessRubyFunctions();
absl::Span<const absl::string_view> HarmlessOfClasses();  // "File.read"

// Called by its bare name.
bool IsHarmlessFunction(bool php, absl::string_view name);

// Of classes by which a program reaches something outside of it (File, Storage, Sequel) some
// methods were reviewed; the others are not known. Most classes are not among them.
enum class OfClass { kNotReviewed, kHarmless, kUnknown };
OfClass ReviewOfClass(absl::string_view receiver, absl::string_view method);
// The first name of a class, of Laravel's facades the last one: "Net" of Net::HTTP.
absl::string_view FamilyOf(absl::string_view receiver);

}  // namespace dbfleet::sql
