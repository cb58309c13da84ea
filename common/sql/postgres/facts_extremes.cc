#include "common/sql/postgres/facts.h"

namespace dbfleet::sql::pg {

std::vector<std::string> ExtremesOf(Node query) {
  std::vector<std::string> columns;
  if (query["groupClause"]) return columns;
  for (Node target : query["targetList"]) {
    const Node call = target["val"];
    const absl::string_view name = call["funcname"].last().text();
    const Node fields = call["args"].first()["fields"];
    const bool plain = call.Is("FuncCall") && call["funcname"].count() == 1 && !call["over"] &&
                       !call["agg_filter"] && call["args"].count() == 1 &&
                       call["args"].first().Is("ColumnRef");
    if (!plain || (name != "min" && name != "max") || fields.last().Is("A_Star")) return {};
    columns.emplace_back(fields.last().text());
  }
  return columns;
}

}  // namespace dbfleet::sql::pg
