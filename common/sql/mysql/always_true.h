#pragma once

#include <utility>

#include "absl/strings/string_view.h"

#include "common/sql/mysql/tokens.h"

// Conditions that hold for every row: facts for rules, never for the class.
namespace dbfleet::sql::mysql {

bool IsLiteral(const Tok& token);

// Whether `a op b` holds for two literals.
bool HoldsForLiterals(const Tok& a, absl::string_view op, const Tok& b);

// Whether a literal counts as true by itself: TRUE, 1, '1'.
bool IsTruth(const Tok& token);

// Whether the condition [from, to) is true whatever the rows hold: expressions of constants,
// comparisons of a column with itself, joined by AND, OR and NOT. What it does not know may be
// false. The whole of it, or else the first part of an OR in it that is so; {-1, -1} if there is
// none.
std::pair<ptrdiff_t, ptrdiff_t> AlwaysTruePart(const Toks& tokens, ptrdiff_t from, ptrdiff_t to);
bool IsAlwaysTrue(const Toks& tokens, ptrdiff_t from, ptrdiff_t to);

}  // namespace dbfleet::sql::mysql
