#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "common/base/canonical.h"
#include "common/base/status.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/sqlite/table.h"
#include "controller/store/store.h"

namespace dbfleet::controller::sqlite {

enum class Order { kAscending, kDescending };

// What narrows a listing: "column = value" for each; empty values narrow nothing.
struct Filter {
  const char* column;
  std::string value;
};

// One page of T in the order of their keys. Pages continue behind the last key that was seen, so
// rows that come or change in between neither repeat nor hide others. `condition` is SQL without
// parameters that always holds; "" for none. `index` is the one to use; "" leaves it to SQLite.
template <typename T>
absl::StatusOr<Page<T>> ListRows(Connection& connection, const PageTokens& tokens,
                                 const std::vector<Filter>& filters, const char* condition,
                                 Order order, const PageRequest& request,
                                 absl::string_view index = "") {
  ASSIGN_OR_RETURN(const int size, PageSize(request));
  CanonicalWriter listing(Table<T>::kName);
  std::vector<std::string> where;
  std::vector<std::string> values;
  if (*condition != '\0') where.push_back(condition);
  for (const Filter& filter : filters) {
    listing.Text(filter.value);
    if (filter.value.empty()) continue;
    values.push_back(filter.value);
    where.push_back(absl::StrCat(filter.column, " = ?", values.size()));
  }
  if (!request.token.empty()) {
    ASSIGN_OR_RETURN(std::string after, tokens.Open(listing.bytes(), request.token));
    values.push_back(std::move(after));
    where.push_back(
        absl::StrCat(Table<T>::kKey, order == Order::kAscending ? " > ?" : " < ?", values.size()));
  }
  // One row more than the page holds tells whether there is a next page.
  const std::string tail = absl::StrCat(
      index.empty() ? "" : "INDEXED BY ", index, index.empty() ? "" : " ",
      where.empty() ? "" : "WHERE ", absl::StrJoin(where, " AND "), " ORDER BY ", Table<T>::kKey,
      order == Order::kAscending ? " ASC" : " DESC", " LIMIT ", size + 1);
  Page<T> page;
  ASSIGN_OR_RETURN(page.items, SelectRows<T>(connection, tail, values));
  if (static_cast<int>(page.items.size()) > size) {
    page.items.pop_back();
    page.next_token = tokens.Make(listing.bytes(), Table<T>::Key(page.items.back()));
  }
  return page;
}

}  // namespace dbfleet::controller::sqlite
