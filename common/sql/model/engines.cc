#include "common/sql/model/engines.h"

#include <algorithm>
#include <iterator>

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kKeepRows[] = {
    "archive",    "aria",   "blackhole", "columnstore", "csv",    "default",
    "heap",       "innodb", "maria",     "memory",      "myisam", "myrocks",
    "ndbcluster", "ndb",    "rocksdb",   "sequence",    "tokudb"};

constexpr absl::string_view kMerge[] = {"merge", "mrg_myisam"};

}  // namespace

bool ReadsItsOwnRows(absl::string_view engine) {
  return KeepsItsOwnRows(engine) ||
         std::find(std::begin(kMerge), std::end(kMerge), engine) != std::end(kMerge);
}

bool KeepsAllRows(absl::string_view engine) {
  return KeepsItsOwnRows(engine) && !LosesAllRows(engine) && engine != "memory" &&
         engine != "heap" && engine != "sequence";
}

bool LosesAllRows(absl::string_view engine) {
  return engine == "blackhole" ||
         std::find(std::begin(kMerge), std::end(kMerge), engine) != std::end(kMerge);
}

bool KeepsItsOwnRows(absl::string_view engine) {
  return std::find(std::begin(kKeepRows), std::end(kKeepRows), engine) != std::end(kKeepRows);
}

}  // namespace dbfleet::sql
