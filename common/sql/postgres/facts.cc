#include "common/sql/postgres/facts.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "common/sql/postgres/effects.h"
#include "common/sql/postgres/head.h"
#include "common/sql/postgres/source.h"
#include "common/sql/postgres/written.h"

namespace dbfleet::sql::pg {
namespace {

struct VerbRow {
  absl::string_view tag;
  Verb verb;
  absl::string_view object_type;
};

// Of statements that are one verb each. A test holds that every statement node stands here or is
// decided by VerbByNode.
constexpr VerbRow kVerbs[] = {
    {"SelectStmt", Verb::kSelect, ""},
    {"InsertStmt", Verb::kInsert, "table"},
    {"UpdateStmt", Verb::kUpdate, "table"},
    {"DeleteStmt", Verb::kDelete, "table"},
    {"MergeStmt", Verb::kMerge, "table"},
    {"TruncateStmt", Verb::kTruncate, "table"},
    {"CopyStmt", Verb::kCopy, "table"},
    {"CreateStmt", Verb::kCreateTable, "table"},
    {"CreateForeignTableStmt", Verb::kCreateTable, "foreign table"},
    {"IndexStmt", Verb::kCreateIndex, "index"},
    {"ViewStmt", Verb::kCreateView, "view"},
    {"CreateSchemaStmt", Verb::kCreateSchema, "schema"},
    {"CreatedbStmt", Verb::kCreateSchema, "database"},
    {"DropdbStmt", Verb::kDropSchema, "database"},
    {"DropOwnedStmt", Verb::kDropSchema, "owned"},
    {"AlterDatabaseStmt", Verb::kAlterSchema, "database"},
    {"AlterDatabaseSetStmt", Verb::kAlterSchema, "database"},
    {"AlterDatabaseRefreshCollStmt", Verb::kAlterSchema, "database"},
    {"CreateTrigStmt", Verb::kCreateRoutine, "trigger"},
    {"CreateEventTrigStmt", Verb::kCreateRoutine, "event trigger"},
    {"AlterEventTrigStmt", Verb::kAlterRoutine, "event trigger"},
    {"RuleStmt", Verb::kCreateRoutine, "rule"},
    {"CompositeTypeStmt", Verb::kCreateType, "type"},
    {"CreateEnumStmt", Verb::kCreateType, "enum"},
    {"CreateRangeStmt", Verb::kCreateType, "range"},
    {"AlterTypeStmt", Verb::kAlterType, "type"},
    {"AlterEnumStmt", Verb::kAlterType, "enum"},
    {"CreateDomainStmt", Verb::kCreateDomain, "domain"},
    {"AlterDomainStmt", Verb::kAlterDomain, "domain"},
    {"CreateSeqStmt", Verb::kCreateSequence, "sequence"},
    {"AlterSeqStmt", Verb::kAlterSequence, "sequence"},
    {"ClusterStmt", Verb::kCluster, "table"},
    {"LockStmt", Verb::kLock, "table"},
    {"VariableSetStmt", Verb::kSet, ""},
    {"GrantStmt", Verb::kGrant, ""},
    {"GrantRoleStmt", Verb::kGrant, "role"},
    {"AlterDefaultPrivilegesStmt", Verb::kGrant, ""},
    {"DoStmt", Verb::kExecutesText, ""},
    {"CallStmt", Verb::kExecutesText, "procedure"},
    {"ExecuteStmt", Verb::kExecutesText, ""},
    {"PrepareStmt", Verb::kExecutesText, ""},
};

std::string ObjectType(absl::string_view object) {
  return absl::AsciiStrToLower(ObjectWords(object));
}

struct DropRow {
  absl::string_view object;
  Verb drop;
  Verb alter;
};

// What DROP and ALTER of an object are. Of every other object: kOther.
constexpr DropRow kObjects[] = {
    {"OBJECT_TABLE", Verb::kDropTable, Verb::kAlterTable},
    {"OBJECT_FOREIGN_TABLE", Verb::kDropTable, Verb::kAlterTable},
    {"OBJECT_TABCONSTRAINT", Verb::kOther, Verb::kAlterTable},
    {"OBJECT_COLUMN", Verb::kOther, Verb::kAlterTable},
    {"OBJECT_MATVIEW", Verb::kDropView, Verb::kOther},
    {"OBJECT_VIEW", Verb::kDropView, Verb::kOther},
    {"OBJECT_INDEX", Verb::kDropIndex, Verb::kOther},
    {"OBJECT_SCHEMA", Verb::kDropSchema, Verb::kAlterSchema},
    {"OBJECT_DATABASE", Verb::kDropSchema, Verb::kAlterSchema},
    {"OBJECT_FUNCTION", Verb::kDropRoutine, Verb::kAlterRoutine},
    {"OBJECT_PROCEDURE", Verb::kDropRoutine, Verb::kAlterRoutine},
    {"OBJECT_ROUTINE", Verb::kDropRoutine, Verb::kAlterRoutine},
    {"OBJECT_AGGREGATE", Verb::kDropRoutine, Verb::kAlterRoutine},
    {"OBJECT_TRIGGER", Verb::kDropRoutine, Verb::kAlterRoutine},
    {"OBJECT_EVENT_TRIGGER", Verb::kDropRoutine, Verb::kAlterRoutine},
    {"OBJECT_RULE", Verb::kDropRoutine, Verb::kAlterRoutine},
    {"OBJECT_TYPE", Verb::kDropType, Verb::kAlterType},
    {"OBJECT_ATTRIBUTE", Verb::kOther, Verb::kAlterType},
    {"OBJECT_DOMAIN", Verb::kDropType, Verb::kAlterDomain},
    {"OBJECT_DOMCONSTRAINT", Verb::kOther, Verb::kAlterDomain},
    {"OBJECT_SEQUENCE", Verb::kDropSequence, Verb::kAlterSequence},
};

Verb VerbOf(absl::string_view object, bool drop) {
  for (const DropRow& row : kObjects) {
    if (row.object == object) return drop ? row.drop : row.alter;
  }
  return Verb::kOther;
}

Verb OfTransaction(Node statement) {
  const absl::string_view kind = statement["kind"].text();
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") return Verb::kBegin;
  if (absl::StrContains(kind, "COMMIT") || kind == "TRANS_STMT_PREPARE") return Verb::kCommit;
  if (kind == "TRANS_STMT_ROLLBACK" || kind == "TRANS_STMT_ROLLBACK_PREPARED") {
    return Verb::kRollback;
  }
  return Verb::kOther;  // Savepoints.
}

void FillAltered(const Source& source, Node statement, absl::string_view type, Facts* facts) {
  facts->verb = VerbOf(type, /*drop=*/false);
  facts->object_type = ObjectType(type);
  if (statement["relation"]) {
    facts->objects.push_back(NameIn(statement["relation"]));
  } else if (statement["object"]) {
    const Node object = statement["object"];
    facts->objects.push_back(NameIn(object.Is("ObjectWithArgs") ? object["objname"] : object));
  }
  if (statement.Is("AlterTableStmt")) FillAlterTable(source, statement, facts);
  if (statement.Is("RenameStmt")) FillRename(statement, facts);
  const bool table = facts->verb == Verb::kAlterTable;
  if (table && (statement.Is("AlterObjectSchemaStmt") || statement.Is("AlterOwnerStmt"))) {
    Alteration alteration;
    alteration.kind =
        statement.Is("AlterOwnerStmt") ? AlterationKind::kOwner : AlterationKind::kSetSchema;
    alteration.new_name = std::string(statement["newschema"].text());
    facts->alterations.push_back(std::move(alteration));
  }
}

void FillDropped(Node drop, Facts* facts) {
  const absl::string_view type = drop["removeType"].text();
  facts->verb = VerbOf(type, /*drop=*/true);
  facts->object_type = ObjectType(type);
  for (Node object : drop["objects"]) {
    const Node names = object.Is("ObjectWithArgs") ? object["objname"]
                       : object.Is("TypeName")     ? object["names"]
                       : object.Is("String")       ? Node()
                                                   : object;
    Name name = object.Is("String") ? Name{"", std::string(object.text())} : NameIn(names);
    if (facts->verb == Verb::kDropIndex) {
      IndexFacts index;
      index.name = name.name;
      index.concurrently = drop["concurrent"].flag();
      facts->indexes.push_back(std::move(index));
    }
    facts->objects.push_back(std::move(name));
  }
}

void FillRoutine(Node routine, Facts* facts) {
  const bool creates = routine.Is("CreateFunctionStmt");
  facts->verb = creates ? Verb::kCreateRoutine : Verb::kAlterRoutine;
  if (creates) {
    facts->object_type = routine["is_procedure"].flag() ? "procedure" : "function";
    facts->objects.push_back(NameIn(routine["funcname"]));
  } else {
    facts->object_type = ObjectType(routine["objtype"].text());
    facts->objects.push_back(NameIn(routine["func"]["objname"]));
  }
  for (Node option : routine[creates ? "options" : "actions"]) {
    if (option["defname"].text() != "security") continue;
    facts->security_definer = option["arg"]["boolval"].flag();
  }
}

void FillObjects(Node statement, Facts* facts) {
  for (absl::string_view field : {"relation", "view", "sequence", "typevar"}) {
    if (statement[field].Is("RangeVar")) facts->objects.push_back(NameIn(statement[field]));
  }
  for (absl::string_view field : {"domainname", "typeName"}) {
    if (statement[field].is_list()) facts->objects.push_back(NameIn(statement[field]));
  }
  for (absl::string_view field : {"schemaname", "dbname", "extname"}) {
    const absl::string_view name = statement[field].text();
    if (!name.empty()) facts->objects.push_back({"", std::string(name)});
  }
  for (Node relation : statement["relations"]) {
    if (relation.Is("RangeVar")) facts->objects.push_back(NameIn(relation));
  }
}

// DROP OWNED BY joe, CURRENT_USER
void FillOwners(Node drop, Facts* facts) {
  for (Node role : drop["roles"]) {
    const absl::string_view name = role["rolename"].text();
    facts->objects.push_back(
        {"", name.empty() ? std::string(absl::StripPrefix(role["roletype"].text(), "ROLESPEC_"))
                          : std::string(name)});
  }
}

void FillVacuum(Node vacuum, Facts* facts) {
  facts->verb = vacuum["is_vacuumcmd"].flag() ? Verb::kVacuum : Verb::kAnalyze;
  facts->object_type = "table";
  facts->full = OptionIsOn(vacuum["options"], "full");
  for (Node table : vacuum["rels"]) facts->objects.push_back(NameIn(table["relation"]));
}

void FillCreateAs(Node create, Facts* facts) {
  const bool view = create["objtype"].text() == "OBJECT_MATVIEW";
  facts->verb = view ? Verb::kCreateView : Verb::kCreateTable;
  facts->object_type = view ? "materialized view" : "table";
  facts->objects.push_back(NameIn(create["into"]["rel"]));
  facts->as_query = true;
}

// The table of a trigger, a rule or a policy that is made, changed or dropped.
Name WholeOf(Node statement) {
  const absl::string_view tag = statement.tag();
  if (tag == "CreatePolicyStmt" || tag == "AlterPolicyStmt") return NameIn(statement["table"]);
  if (tag == "CreateTrigStmt" || tag == "RuleStmt") return NameIn(statement["relation"]);
  const absl::string_view type = statement[tag == "DropStmt" ? "removeType" : "renameType"].text();
  if (type != "OBJECT_TRIGGER" && type != "OBJECT_RULE" && type != "OBJECT_POLICY") return {};
  if (tag == "RenameStmt") return NameIn(statement["relation"]);
  const Node names = statement["objects"].first();
  Name name;
  Name whole;  // All but the last.
  for (Node part : names.Is("List") ? names["items"] : names) {
    whole = name;
    name = {std::move(name.name), std::string(part.text())};
  }
  return whole;
}

// Statements that one node does not decide.
bool VerbByNode(const Source& source, Node statement, Facts* facts) {
  const absl::string_view tag = statement.tag();
  if (tag == "DropStmt") {
    FillDropped(statement, facts);
  } else if (tag == "AlterTableStmt") {
    FillAltered(source, statement, statement["objtype"].text(), facts);
  } else if (tag == "RenameStmt") {
    const absl::string_view type = statement["renameType"].text();
    FillAltered(source, statement,
                type == "OBJECT_COLUMN" ? statement["relationType"].text() : type, facts);
  } else if (tag == "AlterOwnerStmt" || tag == "AlterObjectSchemaStmt" ||
             tag == "AlterObjectDependsStmt") {
    FillAltered(source, statement, statement["objectType"].text(), facts);
  } else if (tag == "CreateFunctionStmt" || tag == "AlterFunctionStmt") {
    FillRoutine(statement, facts);
  } else if (tag == "VacuumStmt") {
    FillVacuum(statement, facts);
  } else if (tag == "CreateTableAsStmt") {
    FillCreateAs(statement, facts);
  } else if (tag == "ReindexStmt") {
    facts->verb = Verb::kReindex;
    facts->has_options = !statement["params"].empty();
    facts->object_type =
        absl::AsciiStrToLower(absl::StripPrefix(statement["kind"].text(), "REINDEX_OBJECT_"));
    FillObjects(statement, facts);
    if (!statement["name"].text().empty()) {
      facts->objects.push_back({"", std::string(statement["name"].text())});
    }
  } else if (tag == "TransactionStmt") {
    facts->verb = OfTransaction(statement);
  } else if (tag == "DefineStmt") {
    facts->object_type = ObjectType(statement["kind"].text());
    if (facts->object_type == "type") facts->verb = Verb::kCreateType;
    if (facts->object_type == "aggregate") facts->verb = Verb::kCreateRoutine;
    facts->objects.push_back(NameIn(statement["defnames"]));
  } else if (tag == "RefreshMatViewStmt") {
    facts->object_type = "materialized view";
    facts->objects.push_back(NameIn(statement["relation"]));
  } else {
    return false;
  }
  return true;
}

// Of a query the one table that it reads; with more nobody knows whose a column is.
void FillRead(Node query, Facts* facts) {
  const Node from = query["fromClause"];
  if (query["withClause"] || from.count() != 1 || !from.first().Is("RangeVar")) return;
  size_t relations = 0;
  for (const Slot* at = query.subtree_begin(); at != query.subtree_end(); ++at) {
    if (at->tagged && Node(at).Is("RangeVar")) ++relations;
  }
  if (relations == 1) facts->objects.push_back(NameIn(from.first()));
}

void FillFlags(Node statement, Facts* facts) {
  const auto flag = [&](absl::string_view field) { return statement[field].flag(); };
  facts->if_exists = flag("missing_ok");
  facts->if_not_exists = flag("if_not_exists") || statement["base"]["if_not_exists"].flag();
  facts->or_replace = flag("replace");
  facts->cascade = statement["behavior"].text() == "DROP_CASCADE";
  facts->concurrently = flag("concurrent") || OptionIsOn(statement["params"], "concurrently");
  for (absl::string_view field : {"relation", "view", "sequence"}) {
    facts->temporary = facts->temporary || statement[field]["relpersistence"].text() == "t";
  }
  if (statement["into"]["rel"]["relpersistence"].text() == "t") facts->temporary = true;
}

void FillDomain(const Source& source, Node domain, Facts* facts) {
  for (Node constraint : domain["constraints"]) {
    if (constraint["contype"].text() == "CONSTR_CHECK" ||
        constraint["contype"].text() == "CONSTR_NOTNULL") {
      facts->has_check = true;
    }
  }
  if (!domain.Is("AlterDomainStmt")) return;
  const absl::string_view what = domain["subtype"].text();
  facts->has_check = what == "C" || what == "O";
  Alteration alteration;
  alteration.kind = what == "C"   ? AlterationKind::kAddCheck
                    : what == "O" ? AlterationKind::kSetNotNull
                    : what == "N" ? AlterationKind::kDropNotNull
                    : what == "V" ? AlterationKind::kValidateConstraint
                    : what == "X" ? AlterationKind::kDropConstraint
                                  : AlterationKind::kSetDefault;
  const Node definition = domain["def"];
  alteration.name =
      std::string((definition["conname"] ? definition["conname"] : domain["name"]).text());
  alteration.not_valid = definition["skip_validation"].flag();
  alteration.if_exists = domain["missing_ok"].flag();
  if (what == "C") alteration.definition = DefinitionOf(source.text);
  facts->alterations.push_back(std::move(alteration));
}

void FillSetting(Node set, Facts* facts) {
  facts->setting = absl::AsciiStrToLower(set["name"].text());
  if (set["kind"].text() == "VAR_RESET_ALL") facts->setting = "all";
}

}  // namespace

Facts FactsOf(const Source& source, Node statement) {
  Facts facts;
  bool planned = false;
  if (statement.Is("ExplainStmt")) {
    const Node query = statement["query"];
    planned = !OptionIsOn(statement["options"], "analyze");
    // What is only planned changes nothing that a rule could be about.
    if (!query.Is("SelectStmt") && planned) {
      facts.long_identifiers = LongNames(source.text);
      return facts;
    }
    statement = query;
  }
  if (!VerbByNode(source, statement, &facts)) {
    for (const VerbRow& row : kVerbs) {
      if (!statement.Is(row.tag)) continue;
      facts.verb = row.verb;
      facts.object_type = std::string(row.object_type);
      break;
    }
    FillObjects(statement, &facts);
    if (statement.Is("DropOwnedStmt")) FillOwners(statement, &facts);
  }
  FillFlags(statement, &facts);
  facts.part_of = WholeOf(statement);
  facts.repeat = RepeatOf(source.target.version, statement);
  FillQuery(source, statement, &facts.query);
  const absl::string_view tag = statement.tag();
  if (tag == "SelectStmt" && facts.objects.empty()) FillRead(statement, &facts);
  if (tag == "SelectStmt") facts.query.extremes = ExtremesOf(statement);
  if (tag == "InsertStmt") FillInsert(statement, &facts.insert);
  if (tag == "CreateStmt") FillCreateTable(source, statement, &facts);
  if (tag == "CreateForeignTableStmt") {
    facts.objects.push_back(NameIn(statement["base"]["relation"]));
    FillCreateTable(source, statement["base"], &facts);
  }
  if (tag == "IndexStmt") FillCreateIndex(source, statement, &facts);
  if (tag == "AlterEnumStmt") FillAlterEnum(statement, &facts);
  if (tag == "CreateDomainStmt" || tag == "AlterDomainStmt") FillDomain(source, statement, &facts);
  if (tag == "VariableSetStmt") FillSetting(statement, &facts);
  FillSession(source, statement, planned, &facts);
  facts.long_identifiers = LongNames(source.text);
  return facts;
}

}  // namespace dbfleet::sql::pg
