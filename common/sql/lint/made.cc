#include "common/sql/lint/made.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kMost = 100'000;

// No name holds a NUL.
std::string Key(Made::What what, absl::string_view place, absl::string_view name,
                absl::string_view part) {
  const absl::string_view between("\0", 1);
  return absl::StrCat(static_cast<int>(what), between, place, between, name, between,
                      absl::AsciiStrToLower(part));
}

}  // namespace

void Made::Add(What what, absl::string_view place, absl::string_view name, absl::string_view part) {
  if (keys_.size() < kMost) keys_.insert(Key(what, place, name, part));
}

bool Made::Has(What what, absl::string_view place, absl::string_view name,
               absl::string_view part) const {
  return keys_.count(Key(what, place, name, part)) > 0;
}

}  // namespace dbfleet::sql
