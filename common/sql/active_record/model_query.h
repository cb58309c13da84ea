#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/method_table.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// The SQL statement that a chain of calls on a model becomes, as far as the chain tells: values
// are "1". It is read by the reader of the server's dialect, so that what a fragment of SQL in a
// condition does is judged where such things are known.
struct ModelQuery {
  std::string table;
  std::string select;
  std::vector<std::string> expressions;  // Wherever they stand: DB::raw("...") as a value.
  std::string from;
  std::vector<std::string> joins;
  std::vector<std::string> where;
  std::string group;
  std::string having;
  std::string order;
  std::string set;                   // Of an update.
  std::vector<std::string> columns;  // Of an insert or update.
  bool limit = false;
  bool offset = false;
  bool counts = false;

  // Whether it has SQL of its own, so that it is read even if it names no table.
  bool HoldsSql() const { return !expressions.empty(); }
  std::string ToSql(const Target& embedded, MethodRole role) const;
};

// "users" for User, "order_items" for Shop::OrderItem: what the libraries take unless they are told
// otherwise, which a statement does not show.
std::string TableOf(absl::string_view model);

// A name in the quotes of the dialect; "" for what is no plain name.
std::string QuoteName(const Target& embedded, absl::string_view name);

// Of a fragment of SQL: "?" and ":name" outside of quotes become 1.
std::string FillPlaceholders(absl::string_view fragment);

// Whether values are handed to SQL beside its text: "?", ":name", and PostgreSQL's "$1", which its
// readers know, so that it is not filled.
bool HasPlaceholders(absl::string_view sql);

}  // namespace dbfleet::sql
