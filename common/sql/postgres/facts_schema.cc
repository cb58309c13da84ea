#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/postgres/effects.h"
#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/source.h"
#include "common/sql/postgres/written.h"

namespace dbfleet::sql::pg {
namespace {

constexpr char kCascade = 'c';

std::string Constant(Node node) {
  if (node["ival"]) return std::string(node["ival"]["ival"].text());
  return std::string(node["sval"] ? node["sval"].text() : node["fval"]["fval"].text());
}

DefaultKind KindOf(const Source& source, Node expression) {
  bool calls = false;
  for (const Slot* at = expression.subtree_begin(); at != expression.subtree_end(); ++at) {
    if (!at->tagged) continue;
    const Node node(at);
    if (node.Is("FuncCall") || node.Is("SQLValueFunction")) calls = true;
  }
  if (!calls) return DefaultKind::kConstant;
  return IsVolatile(source.target.version, expression) ? DefaultKind::kVolatile
                                                       : DefaultKind::kStable;
}

void FillType(Node type, ColumnFacts* column) {
  const Node names = type["names"];
  const bool catalog = names.count() == 2 && names.first().text() == "pg_catalog";
  column->type = catalog ? std::string(names.last().text()) : Dotted(names);
  if (type["arrayBounds"]) column->type += "[]";
  for (Node argument : type["typmods"]) column->arguments.push_back(Constant(argument));
  const absl::string_view name = names.last().text();
  column->auto_increment = name == "serial" || name == "bigserial" || name == "smallserial" ||
                           name == "serial4" || name == "serial8" || name == "serial2";
  // A serial column has nextval() as its default.
  if (!column->auto_increment) return;
  column->default_kind = DefaultKind::kVolatile;
  column->not_null = true;
}

void FillColumnConstraint(const Source& source, Node constraint, ColumnFacts* column) {
  const absl::string_view type = constraint["contype"].text();
  if (type == "CONSTR_NOTNULL") {
    column->not_null = true;
  } else if (type == "CONSTR_DEFAULT") {
    column->default_kind = KindOf(source, constraint["raw_expr"]);
    column->default_text = ExpressionAt(source.text, FirstLocation(constraint["raw_expr"]));
  } else if (type == "CONSTR_IDENTITY") {
    column->auto_increment = column->not_null = true;
  } else if (type == "CONSTR_GENERATED") {
    column->generated_stored = true;
  } else if (type == "CONSTR_CHECK") {
    column->check = true;
    column->check_name = std::string(constraint["conname"].text());
  } else if (type == "CONSTR_PRIMARY" || type == "CONSTR_UNIQUE") {
    const bool primary = type == "CONSTR_PRIMARY";
    column->primary_key = column->primary_key || primary;
    column->not_null = column->not_null || primary;
    column->unique = column->unique || !primary;
    column->key_name = std::string(constraint["conname"].text());
    column->key_has_more = column->key_has_more || constraint["options"] ||
                           constraint["including"] || constraint["nulls_not_distinct"].flag() ||
                           !constraint["indexspace"].text().empty();
  } else if (type == "CONSTR_FOREIGN") {
    column->references = ForeignKeyOf(constraint);
    column->references->is_inline = true;
    column->references->columns = {column->name};
  }
}

}  // namespace

std::vector<std::string> Strings(Node list) {
  std::vector<std::string> strings;
  for (Node item : list) strings.emplace_back(item.text());
  return strings;
}

ColumnFacts ColumnOf(const Source& source, Node column) {
  ColumnFacts facts;
  facts.name = std::string(column["colname"].text());
  FillType(column["typeName"], &facts);
  facts.type_text = WrittenType(source.text, column["typeName"]["location"].number(0));
  // ALTER COLUMN ... TYPE has its USING where a default stands.
  facts.has_more = column["collClause"] || column["raw_default"] || column["fdwoptions"] ||
                   !column["compression"].text().empty();
  for (Node constraint : column["constraints"]) {
    const absl::string_view type = constraint["contype"].text();
    if (type != "CONSTR_DEFAULT" && type != "CONSTR_NOTNULL") facts.has_more = true;
    if (absl::StartsWith(type, "CONSTR_ATTR_")) facts.key_has_more = true;
  }
  facts.collation = Dotted(column["collClause"]["collname"]);
  if (column["raw_default"]) facts.default_kind = KindOf(source, column["raw_default"]);
  for (Node constraint : column["constraints"]) FillColumnConstraint(source, constraint, &facts);
  return facts;
}

ForeignKeyFacts ForeignKeyOf(Node constraint) {
  ForeignKeyFacts key;
  key.name = std::string(constraint["conname"].text());
  key.columns = Strings(constraint["fk_attrs"]);
  key.parent = NameIn(constraint["pktable"]);
  key.parent_columns = Strings(constraint["pk_attrs"]);
  const absl::string_view action = constraint["fk_del_action"].text();
  key.cascades_delete = !action.empty() && action[0] == kCascade;
  key.not_valid = constraint["skip_validation"].flag();
  return key;
}

IndexFacts IndexOfConstraint(Node constraint, Name table) {
  IndexFacts index;
  index.name = std::string(constraint["conname"].text());
  index.table = std::move(table);
  index.columns = Strings(constraint["keys"]);
  index.primary = constraint["contype"].text() == "CONSTR_PRIMARY";
  index.unique = true;
  index.is_constraint = true;
  index.using_index = static_cast<bool>(constraint["indexname"]);
  index.nulls_not_distinct = constraint["nulls_not_distinct"].flag();
  if (index.name.empty()) index.name = std::string(constraint["indexname"].text());
  return index;
}

void FillCreateTable(const Source& source, Node create, Facts* facts) {
  facts->as_query = create["inhRelations"] || create["ofTypename"];
  for (Node parent : create["inhRelations"]) facts->parents.push_back(NameIn(parent));
  facts->partition_of = static_cast<bool>(create["partbound"]);
  facts->default_partition = create["partbound"]["is_default"].flag();
  for (Node part : create["partspec"]["partParams"]) {
    facts->partition_key.emplace_back(part["name"].text());
  }
  const Name table = NameIn(create["relation"]);
  // PARTITION OF and OF a type keep their constraints apart.
  for (absl::string_view field : {"tableElts", "constraints"}) {
    for (Node element : create[field]) {
      const absl::string_view type = element["contype"].text();
      if (element.Is("ColumnDef")) {
        facts->columns.push_back(ColumnOf(source, element));
        facts->has_check = facts->has_check || facts->columns.back().check;
      } else if (element.Is("TableLikeClause")) {
        facts->as_query = true;
      } else if (type == "CONSTR_PRIMARY" || type == "CONSTR_UNIQUE") {
        facts->indexes.push_back(IndexOfConstraint(element, table));
      } else if (type == "CONSTR_FOREIGN") {
        facts->foreign_keys.push_back(ForeignKeyOf(element));
      } else if (type == "CONSTR_CHECK") {
        facts->has_check = true;
      }
    }
  }
  facts->engine = std::string(create["accessMethod"].text());
}

void FillCreateIndex(const Source& source, Node statement, Facts* facts) {
  IndexFacts index;
  index.name = std::string(statement["idxname"].text());
  index.table = NameIn(statement["relation"]);
  FillWrittenIndex(source.text, &index);
  const Node parts = statement["indexParams"];
  if (index.keys.size() != parts.count()) index.keys.clear();
  size_t part = 0;
  for (Node element : parts) {
    const absl::string_view nulls = element["nulls_ordering"].text();
    // An operator class, a collation: another order than the column's own.
    if (element["opclass"] || element["collation"] ||
        (!nulls.empty() && nulls != "SORTBY_NULLS_DEFAULT")) {
      index.special = true;
    }
    if (element["name"]) {
      index.columns.emplace_back(element["name"].text());
    } else {
      const std::string text = index.keys.empty()
                                   ? ExpressionAt(source.text, FirstLocation(element["expr"]))
                                   : index.keys[part];
      const bool enclosed = absl::StartsWith(text, "(") && absl::EndsWith(text, ")");
      index.columns.push_back(enclosed ? text : absl::StrCat("(", text, ")"));
    }
    if (element["ordering"].text() == "SORTBY_DESC") {
      index.descending.push_back(index.columns.back());
    }
    ++part;
  }
  index.unique = statement["unique"].flag();
  index.nulls_not_distinct = statement["nulls_not_distinct"].flag();
  index.concurrently = statement["concurrent"].flag();
  index.only = !statement["relation"]["inh"].flag();
  index.partial = static_cast<bool>(statement["whereClause"]);
  const absl::string_view method = statement["accessMethod"].text();
  if (!method.empty() && method != "btree") index.special = true;
  if (statement["indexIncludingParams"]) index.special = true;
  facts->indexes.push_back(std::move(index));
}

}  // namespace dbfleet::sql::pg
