#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"

#include "controller/routes/alert_matcher.h"

namespace dbfleet::controller {

// One silence out of those that one subject needs.
struct SilencePart {
  std::string where;  // "", if it is the only one; else as in {env="qa"}: never that of another.
  std::vector<AlertMatcher::Rendered> matchers;
};

// The silences that cover the targets, and no combination of their values that none of them has:
// a silence's matchers are independent of each other, so that environment=~"production|qa" and
// cluster=~"c1|c2" would cover the production of c2, too. Targets without what the matchers name
// are left out; nothing comes of no targets.
std::vector<SilencePart> SilencePartsOf(absl::Span<const AlertMatcher> matchers,
                                        const std::vector<SilenceTarget>& targets);

}  // namespace dbfleet::controller
