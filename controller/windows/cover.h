#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"

#include "controller/windows/book.h"

namespace dbfleet::controller {

// The freezes over an opening, by their names.
struct FreezeCover {
  // Together they lie over all of its time, each over all that it is for: no change starts in it.
  std::vector<std::string> wholly;
  // Over a part of its time, or of what it is for.
  std::vector<std::string> partly;
};

// Of the window `opened` while `span`, looked at in these environments (none: in all that it is
// for). What selects by labels is compared by its labels, not by the instances that there are.
// Pure. Microseconds for each freeze, however often it begins anew in the span; twenty times that
// where freezes follow each other without a gap. More than twenty in turn are told as over a part.
FreezeCover CoverOf(const DeclaredWindow& opened, const Span& span,
                    absl::Span<const std::string> environments,
                    absl::Span<const DeclaredWindow> windows);

}  // namespace dbfleet::controller
