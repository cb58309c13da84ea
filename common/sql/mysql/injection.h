#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/model/facts.h"
#include "common/sql/mysql/tokens.h"

namespace dbfleet::sql::mysql {

// Traces of input that broke out of its quotes: for rules, never for the class.
void FindInjection(const Lexed& lexed, absl::string_view text, InjectionFacts* facts);

}  // namespace dbfleet::sql::mysql
