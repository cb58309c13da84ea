#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/model/facts.h"

namespace dbfleet::sql::pg {

// What input that broke out of its quotes leaves behind: a second statement, a comment alone
// between two words, a comment that cuts off the rest of the line with a quote in it. A tautology
// stands among the query's facts.
InjectionFacts FindInjection(absl::string_view text);

}  // namespace dbfleet::sql::pg
