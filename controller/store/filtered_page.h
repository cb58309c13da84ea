#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/status/statusor.h"

#include "common/base/status.h"
#include "controller/store/queries.h"

namespace dbfleet::controller {

// A page of those items of a listing that are to be kept: full unless it is the last one, so that
// its size does not tell what was left out. Reads on behind what it has until then; for listings
// that are short as a whole.
template <typename T>
absl::StatusOr<Page<T>> FilteredPage(
    const std::function<absl::StatusOr<Page<T>>(const PageRequest&)>& list,
    const std::function<absl::StatusOr<bool>(const T&)>& keep, PageRequest request) {
  constexpr int kDefaultSize = 50;
  constexpr int kMostSize = 1000;
  const int wanted = request.size == 0 ? kDefaultSize : std::min(request.size, kMostSize);
  Page<T> page;
  do {
    // No more than there is room for, so that the listing's own token says where to go on.
    if (request.size >= 0) request.size = wanted - static_cast<int>(page.items.size());
    ASSIGN_OR_RETURN(Page<T> some, list(request));
    for (T& item : some.items) {
      ASSIGN_OR_RETURN(const bool kept, keep(item));
      if (kept) page.items.push_back(std::move(item));
    }
    page.next_token = request.token = std::move(some.next_token);
  } while (!page.next_token.empty() && static_cast<int>(page.items.size()) < wanted);
  return page;
}

}  // namespace dbfleet::controller
