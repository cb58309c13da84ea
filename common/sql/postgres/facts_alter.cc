#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/source.h"
#include "common/sql/postgres/written.h"

namespace dbfleet::sql::pg {
namespace {

struct Row {
  absl::string_view subtype;
  AlterationKind kind;
};

// Source: AlterTableType of PostgreSQL 15. What is not here is kOther.
constexpr Row kRows[] = {
    {"AT_AddColumn", AlterationKind::kAddColumn},
    {"AT_DropColumn", AlterationKind::kDropColumn},
    {"AT_AlterColumnType", AlterationKind::kChangeType},
    {"AT_SetNotNull", AlterationKind::kSetNotNull},
    {"AT_DropNotNull", AlterationKind::kDropNotNull},
    {"AT_ValidateConstraint", AlterationKind::kValidateConstraint},
    {"AT_DropConstraint", AlterationKind::kDropConstraint},
    {"AT_AttachPartition", AlterationKind::kAttachPartition},
    {"AT_DetachPartition", AlterationKind::kDetachPartition},
    {"AT_DetachPartitionFinalize", AlterationKind::kDetachPartition},
    {"AT_AddInherit", AlterationKind::kInherit},
    {"AT_SetTableSpace", AlterationKind::kSetTablespace},
    {"AT_SetLogged", AlterationKind::kSetLogged},
    {"AT_SetUnLogged", AlterationKind::kSetLogged},
    {"AT_SetAccessMethod", AlterationKind::kSetStorage},
    {"AT_SetRelOptions", AlterationKind::kSetStorage},
    {"AT_ResetRelOptions", AlterationKind::kSetStorage},
    {"AT_ChangeOwner", AlterationKind::kOwner},
    {"AT_AddIdentity", AlterationKind::kSetDefault},
    {"AT_DropIdentity", AlterationKind::kDropDefault},
    {"AT_DropExpression", AlterationKind::kDropDefault},
};

void FillConstraint(Node constraint, const Name& table, Alteration* alteration) {
  const absl::string_view type = constraint["contype"].text();
  alteration->name = std::string(constraint["conname"].text());
  alteration->not_valid = constraint["skip_validation"].flag();
  if (type == "CONSTR_FOREIGN") {
    alteration->kind = AlterationKind::kAddForeignKey;
    alteration->foreign_key = ForeignKeyOf(constraint);
  } else if (type == "CONSTR_CHECK") {
    alteration->kind = AlterationKind::kAddCheck;
    alteration->terms = TermsOf(constraint["raw_expr"]);
    alteration->check_columns = ColumnsOfCheck(constraint["raw_expr"]);
  } else if (type == "CONSTR_EXCLUSION") {
    alteration->kind = AlterationKind::kAddExclusion;
  } else if (type == "CONSTR_PRIMARY" || type == "CONSTR_UNIQUE") {
    alteration->kind = AlterationKind::kAddIndex;
    alteration->index = IndexOfConstraint(constraint, table);
  }
}

Alteration AlterationOf(const Source& source, Node command, const Name& table) {
  Alteration alteration;
  const absl::string_view subtype = command["subtype"].text();
  for (const Row& row : kRows) {
    if (row.subtype == subtype) alteration.kind = row.kind;
  }
  alteration.name = std::string(command["name"].text());
  alteration.if_exists = command["missing_ok"].flag();
  alteration.cascade = command["behavior"].text() == "DROP_CASCADE";
  const Node definition = command["def"];
  if (subtype == "AT_ColumnDefault") {
    alteration.kind = definition ? AlterationKind::kSetDefault : AlterationKind::kDropDefault;
  }
  if (definition.Is("ColumnDef")) {
    alteration.column = ColumnOf(source, definition);
    if (alteration.name.empty()) alteration.name = alteration.column->name;
  } else if (definition.Is("Constraint")) {
    FillConstraint(definition, table, &alteration);
  } else if (definition.Is("PartitionCmd")) {
    const Name partition = NameIn(definition["name"]);
    alteration.name = partition.name;
    alteration.schema = partition.schema;
    alteration.default_partition = definition["bound"]["is_default"].flag();
    alteration.concurrently = definition["concurrent"].flag();
    alteration.finalize = subtype == "AT_DetachPartitionFinalize";
    alteration.bound = BoundOf(definition["bound"]);
  } else if (definition.Is("RangeVar")) {
    const Name parent = NameIn(definition);
    alteration.name = parent.name;
    alteration.schema = parent.schema;
  }
  return alteration;
}

// What the constraint says, for who has to say it again in another way.
void FillDefinition(absl::string_view part, Node relation, absl::string_view table,
                    Alteration* alteration) {
  alteration->only = relation && !relation["inh"].flag();
  const bool constraint = alteration->kind == AlterationKind::kAddForeignKey ||
                          alteration->kind == AlterationKind::kAddCheck ||
                          alteration->kind == AlterationKind::kAddIndex;
  if (!constraint) return;
  alteration->definition = DefinitionOf(part);
  if (!alteration->index.has_value() || alteration->index->using_index) return;
  FillWrittenKey(alteration->definition, table, &*alteration->index);
}

}  // namespace

void FillAlterTable(const Source& source, Node alter, Facts* facts) {
  const Node relation = alter["relation"];
  const Name table = NameIn(relation);
  for (Node command : alter["cmds"]) {
    facts->alterations.push_back(AlterationOf(source, command, table));
  }
  // What is written stands between the commas behind the table's name.
  const int64_t location = relation["location"].number();
  const std::string name = Written(source.text, relation);
  if (location < 0) return;
  std::vector<std::string> parts = Parts(source.text, static_cast<size_t>(location) + name.size());
  if (parts.size() != facts->alterations.size()) return;
  constexpr size_t kShown = 200;
  for (size_t i = 0; i < parts.size(); ++i) {
    FillDefinition(parts[i], relation, name, &facts->alterations[i]);
    if (parts[i].size() > kShown) parts[i].resize(kShown);
    facts->alterations[i].text = std::move(parts[i]);
  }
}

void FillRename(Node rename, Facts* facts) {
  const absl::string_view type = rename["renameType"].text();
  Alteration alteration;
  alteration.name = std::string(rename["subname"].text());
  alteration.new_name = std::string(rename["newname"].text());
  if (type == "OBJECT_TABLE" || type == "OBJECT_FOREIGN_TABLE") {
    facts->verb = Verb::kRenameTable;
    alteration.kind = AlterationKind::kRenameTable;
    alteration.name = facts->objects.empty() ? "" : facts->objects[0].name;
    facts->objects.push_back(
        {facts->objects.empty() ? "" : facts->objects[0].schema, alteration.new_name});
  } else if (type == "OBJECT_COLUMN") {
    alteration.kind = AlterationKind::kRenameColumn;
  } else if (type == "OBJECT_TABCONSTRAINT") {
    alteration.kind = AlterationKind::kRenameConstraint;
  } else if (type == "OBJECT_INDEX") {
    alteration.kind = AlterationKind::kRenameIndex;
    alteration.name = facts->objects.empty() ? "" : facts->objects[0].name;
  }
  // A schema's own name stands where the name of a column does.
  if (facts->objects.empty() && !alteration.name.empty()) {
    facts->objects.push_back({"", alteration.name});
  }
  facts->alterations.push_back(std::move(alteration));
}

void FillAlterEnum(Node alter, Facts* facts) {
  Alteration alteration;
  const bool renames = static_cast<bool>(alter["oldVal"]);
  alteration.kind = renames ? AlterationKind::kEnumRenameValue : AlterationKind::kEnumAddValue;
  alteration.name = std::string(alter[renames ? "oldVal" : "newVal"].text());
  if (renames) alteration.new_name = std::string(alter["newVal"].text());
  alteration.if_exists = alter["skipIfNewValExists"].flag();
  if (alter["newValNeighbor"]) alteration.text = "in the middle";
  facts->alterations.push_back(std::move(alteration));
}

}  // namespace dbfleet::sql::pg
