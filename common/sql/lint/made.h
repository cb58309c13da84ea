#pragma once

#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/facts.h"

namespace dbfleet::sql {

// What the way there of a migration made or renamed, which its way back takes away again. What it
// makes IF NOT EXISTS counts: the version says that it is its own. Not thread-safe. Beyond a bound
// nothing more is kept, so that rules hold for it.
class Made {
 public:
  enum class What {
    kTable,
    kRenamedTable,
    kColumn,
    kRenamedColumn,
    kNotNull,
    kIndex,
    kSchema,
    kValue
  };

  // `place`: where a name without a schema is looked for.
  void Add(What what, absl::string_view place, absl::string_view name, absl::string_view part = "");
  bool Has(What what, absl::string_view place, absl::string_view name,
           absl::string_view part = "") const;

 private:
  std::set<std::string> keys_;
};

}  // namespace dbfleet::sql
