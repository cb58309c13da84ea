#pragma once

#include <algorithm>
#include <iterator>
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

// The first `limit` rows of a listing behind the key `after`, if that is not "".
template <typename T>
absl::StatusOr<std::vector<T>> SelectListed(Connection& connection,
                                            const std::vector<Filter>& filters,
                                            const char* condition, Order order,
                                            const std::string& after, int limit,
                                            absl::string_view index) {
  std::vector<std::string> where;
  std::vector<std::string> values;
  if (*condition != '\0') where.push_back(condition);
  for (const Filter& filter : filters) {
    if (filter.value.empty()) continue;
    values.push_back(filter.value);
    where.push_back(absl::StrCat(filter.column, " = ?", values.size()));
  }
  if (!after.empty()) {
    values.push_back(after);
    where.push_back(
        absl::StrCat(Table<T>::kKey, order == Order::kAscending ? " > ?" : " < ?", values.size()));
  }
  return SelectRows<T>(
      connection,
      absl::StrCat(index.empty() ? "" : "INDEXED BY ", index, index.empty() ? "" : " ",
                   where.empty() ? "" : "WHERE ", absl::StrJoin(where, " AND "), " ORDER BY ",
                   Table<T>::kKey, order == Order::kAscending ? " ASC" : " DESC", " LIMIT ", limit),
      values);
}

// One page of T in the order of their keys. Pages continue behind the last key that was seen, so
// rows that come or change in between neither repeat nor hide others. `condition` is SQL without
// parameters that always holds; "" for none. `index` is the one to use; "" leaves it to SQLite.
//
// Of several environments each is asked for a page, through the index that serves one of them, and
// the pages are merged: the cost does not grow with the rows of other environments.
template <typename T>
absl::StatusOr<Page<T>> ListRowsOf(Connection& connection, const PageTokens& tokens,
                                   const EnvironmentFilter& environments,
                                   std::vector<Filter> filters, const char* condition, Order order,
                                   const PageRequest& request, absl::string_view index = "") {
  ASSIGN_OR_RETURN(const int size, PageSize(request));
  // A token is for this very listing, and so for no other set of environments.
  CanonicalWriter listing(Table<T>::kName);
  listing.Text(environments.all() ? "all" : "only");
  for (const std::string& name : environments.names()) listing.Text(name);
  listing.Text("");
  for (const Filter& filter : filters) listing.Text(filter.value);
  std::string after;
  if (!request.token.empty()) {
    ASSIGN_OR_RETURN(after, tokens.Open(listing.bytes(), request.token));
  }
  // One row more than the page holds tells whether there is a next page.
  Page<T> page;
  if (environments.all()) {
    ASSIGN_OR_RETURN(
        page.items, SelectListed<T>(connection, filters, condition, order, after, size + 1, index));
  }
  filters.push_back({"environment", ""});
  for (const std::string& name : environments.names()) {
    filters.back().value = name;
    ASSIGN_OR_RETURN(std::vector<T> some, SelectListed<T>(connection, filters, condition, order,
                                                          after, size + 1, index));
    std::vector<T> merged;
    std::merge(std::make_move_iterator(page.items.begin()),
               std::make_move_iterator(page.items.end()), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()), std::back_inserter(merged),
               [order](const T& a, const T& b) {
                 return order == Order::kAscending ? Table<T>::Key(a) < Table<T>::Key(b)
                                                   : Table<T>::Key(b) < Table<T>::Key(a);
               });
    if (static_cast<int>(merged.size()) > size + 1) merged.resize(size + 1);
    page.items = std::move(merged);
  }
  if (static_cast<int>(page.items.size()) > size) {
    page.items.pop_back();
    page.next_token = tokens.Make(listing.bytes(), Table<T>::Key(page.items.back()));
  }
  return page;
}

// The same of what belongs to no environment.
template <typename T>
absl::StatusOr<Page<T>> ListRows(Connection& connection, const PageTokens& tokens,
                                 const std::vector<Filter>& filters, const char* condition,
                                 Order order, const PageRequest& request,
                                 absl::string_view index = "") {
  return ListRowsOf<T>(connection, tokens, EnvironmentFilter(), filters, condition, order, request,
                       index);
}

}  // namespace dbfleet::controller::sqlite
