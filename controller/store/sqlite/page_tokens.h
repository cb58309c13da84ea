#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/store/store.h"

namespace dbfleet::controller::sqlite {

// Makes and checks page tokens: the last key of a page under an HMAC of the listing that it belongs
// to, so that clients can neither make one up nor use one with another listing or filter.
// Immutable.
class PageTokens {
 public:
  // `secret` is kept in the store, so that tokens outlive a restart.
  explicit PageTokens(std::string secret) : secret_(std::move(secret)) {}

  std::string Make(absl::string_view listing, absl::string_view key) const;
  // INVALID_ARGUMENT (BAD_PAGE_TOKEN) for a token that Make did not make for this listing.
  absl::StatusOr<std::string> Open(absl::string_view listing, absl::string_view token) const;

 private:
  std::string Tag(absl::string_view listing, absl::string_view key) const;

  const std::string secret_;
};

// The number of items that a page may hold. INVALID_ARGUMENT (BAD_PAGE_SIZE) if it is negative.
absl::StatusOr<int> PageSize(const PageRequest& page);

}  // namespace dbfleet::controller::sqlite
