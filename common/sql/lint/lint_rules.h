#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/model/finding.h"

namespace dbfleet::sql {

// The catalogue of lint rules: the one source for findings and for the documentation.
struct LintRule {
  absl::string_view id;
  Severity severity;  // Default; an environment's policy may set another.
  absl::string_view message;
  absl::string_view advice;  // The safe form.
};

enum class LintId {
  kNoWhere,
  kDropTable,
  kDropColumn,
  kTruncate,
  kIndexNotConcurrent,
  kNotNullWithoutDefault,
  kMoneyAsFloat,
  kNoPrimaryKey,
  kSelectStar,
  kRedisKeys,
  kRedisUnbounded,
};

// In the order of LintId.
absl::Span<const LintRule> LintRules();
const LintRule& RuleOf(LintId id);

}  // namespace dbfleet::sql
