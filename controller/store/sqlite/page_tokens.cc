#include "controller/store/sqlite/page_tokens.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::controller::sqlite {
namespace {

constexpr size_t kTagBytes = 16;
constexpr size_t kHmacBlock = 64;
constexpr int kDefaultPage = 50;
constexpr int kLargestPage = 1000;

// RFC 2104 over SHA-256; keys here are shorter than its block.
std::string HmacSha256(absl::string_view key, absl::string_view data) {
  std::string inner(kHmacBlock, '\x36');
  std::string outer(kHmacBlock, '\x5c');
  for (size_t i = 0; i < std::min(key.size(), kHmacBlock); ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  return Sha256(absl::StrCat(outer, Sha256(absl::StrCat(inner, data))));
}

}  // namespace

std::string PageTokens::Tag(absl::string_view listing, absl::string_view key) const {
  CanonicalWriter writer("dbfleet.page.v1");
  writer.Text(listing).Text(key);
  return HmacSha256(secret_, writer.bytes()).substr(0, kTagBytes);
}

std::string PageTokens::Make(absl::string_view listing, absl::string_view key) const {
  return absl::WebSafeBase64Escape(absl::StrCat(Tag(listing, key), key));
}

absl::StatusOr<std::string> PageTokens::Open(absl::string_view listing,
                                             absl::string_view token) const {
  std::string bytes;
  if (absl::WebSafeBase64Unescape(token, &bytes) && bytes.size() >= kTagBytes) {
    std::string key = bytes.substr(kTagBytes);
    if (ConstantTimeEquals(bytes.substr(0, kTagBytes), Tag(listing, key))) return key;
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN",
               "the page token does not belong to this listing; start again without one");
}

absl::StatusOr<int> PageSize(const PageRequest& page) {
  if (page.size < 0) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_PAGE_SIZE",
                 absl::StrCat("the page size ", page.size, " is negative"));
  }
  return page.size == 0 ? kDefaultPage : std::min(page.size, kLargestPage);
}

}  // namespace dbfleet::controller::sqlite
