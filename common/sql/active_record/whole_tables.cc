#include "common/sql/active_record/whole_tables.h"

#include <algorithm>

#include "absl/strings/ascii.h"

#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/sql_blocks.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kKeepRows[] = {"addselect",
                                           "annotate",
                                           "distinct",
                                           "eager_load",
                                           "includes",
                                           "inrandomorder",
                                           "join",
                                           "joins",
                                           "latest",
                                           "left_joins",
                                           "leftjoin",
                                           "oldest",
                                           "optimizer_hints",
                                           "order",
                                           "orderby",
                                           "orderbydesc",
                                           "preload",
                                           "readonly",
                                           "references",
                                           "reorder",
                                           "reverse_order",
                                           "select",
                                           "selectraw",
                                           "orderbyraw",
                                           "strict_loading",
                                           "unscoped",
                                           "with",
                                           "withcount",
                                           "left_outer_joins",
                                           "leftjoinsub",
                                           "joinsub",
                                           "withtrashed",
                                           "withsum",
                                           "withmax",
                                           "withmin",
                                           "withavg",
                                           "withexists",
                                           "withonly",
                                           "withcasts",
                                           "withoutglobalscope",
                                           "withoutglobalscopes"};

// Of Enumerable, which a relation answers with all of its records.
constexpr absl::string_view kLoads[] = {"as_json",      "collect",         "drop_while",
                                        "each",         "each_cons",       "each_entry",
                                        "each_slice",   "each_with_index", "each_with_object",
                                        "entries",      "filter_map",      "find_index",
                                        "flat_map",     "group_by",        "in_groups",
                                        "in_groups_of", "index_by",        "index_with",
                                        "inject",       "length",          "load",
                                        "map",          "max_by",          "min_by",
                                        "partition",    "reduce",          "reject",
                                        "sort_by",      "take_while",      "tally",
                                        "to_a",         "to_ary",          "to_json",
                                        "zip"};

// These ask the server, unless they are given a block.
constexpr absl::string_view kLoadForBlock[] = {"all?", "any?",   "count", "detect", "filter",
                                               "find", "max",    "min",   "none?",  "one?",
                                               "sum",  "select", "uniq"};

// { |o| ... }, or &:name in its place.
bool TakesBlock(const HostProgram& program, const HostCall& call) {
  return call.block.has_value() ||
         std::any_of(call.arguments.begin(), call.arguments.end(),
                     [&](HostRange argument) { return program[argument.begin].Is("&"); });
}

}  // namespace

bool KeepsRows(const HostProgram& program, absl::string_view name) {
  // Ruby's with() names another query; PHP's all() has loaded them.
  if (program.php()) return name == "query" || IsOneOf(name, kKeepRows);
  return name == "all" || (name != "with" && IsOneOf(name, kKeepRows));
}

bool LoadsRows(const HostProgram& program, const HostChain& chain, const HostCall& call,
               const std::string& name) {
  if (program.php()) return name == "all" || name == "get";
  if (HoldsSql(program, chain, call)) return false;  // Sequel's.
  return IsOneOf(name, kLoads) || (IsOneOf(name, kLoadForBlock) && TakesBlock(program, call));
}

bool IsNamedAsModel(absl::string_view receiver) {
  const size_t space = receiver.find_last_of(":\\");
  if (space != absl::string_view::npos) receiver.remove_prefix(space + 1);
  return std::any_of(receiver.begin(), receiver.end(), absl::ascii_islower);
}

}  // namespace dbfleet::sql
