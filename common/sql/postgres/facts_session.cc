#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

#include "common/sql/postgres/effects.h"
#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/source.h"

// What a statement changes of the session, and what it makes beside what it is about.
namespace dbfleet::sql::pg {
namespace {

// A value of SET, or an argument; "" of what is computed.
std::string ConstantOf(Node node) {
  if (node["ival"]) {
    const absl::string_view number = node["ival"]["ival"].text();
    return number.empty() ? "0" : std::string(number);  // A zero is left out.
  }
  return std::string(node["sval"] ? node["sval"].text() : node["fval"]["fval"].text());
}

void FillSet(Node set, Facts* facts) {
  SettingChange change;
  change.name = absl::AsciiStrToLower(set["name"].text());
  const absl::string_view kind = set["kind"].text();
  if (kind == "VAR_RESET_ALL") change.name = "all";
  change.local = set["is_local"].flag();
  if (kind == "VAR_SET_VALUE") {
    for (Node argument : set["args"]) change.values.push_back(ConstantOf(argument));
  }
  facts->settings.push_back(std::move(change));
}

// The items of a list as set_config takes it: "a, \"B\"".
std::vector<std::string> Items(absl::string_view list) {
  std::vector<std::string> items;
  for (absl::string_view item : absl::StrSplit(list, ',')) {
    item = absl::StripAsciiWhitespace(item);
    const bool quoted = item.size() > 1 && item.front() == '"' && item.back() == '"';
    items.push_back(quoted ? std::string(item.substr(1, item.size() - 2))
                           : absl::AsciiStrToLower(item));
  }
  return items;
}

// Whether the server certainly calls it, once: it is what a query gives that reads nothing.
bool IsCalledOnce(Node statement, Node call) {
  if (!statement.Is("SelectStmt")) return false;
  for (Node field : statement) {
    // What is not written of a query stands in its tree with these.
    const absl::string_view key = field.key();
    if (key != "targetList" && key != "limitOption" && key != "op") return false;
  }
  if (statement["op"].text() != "SETOP_NONE") return false;
  for (Node target : statement["targetList"]) {
    if (target["val"] == call) return true;
  }
  return false;
}

void FillSetConfig(Node call, bool certain, Facts* facts) {
  std::vector<Node> arguments;
  for (Node argument : call["args"]) arguments.push_back(argument);
  SettingChange change;
  if (!arguments.empty()) change.name = absl::AsciiStrToLower(ConstantOf(arguments[0]));
  if (change.name.empty() || arguments.size() != 3) {
    if (change.name.empty()) change.name = "all";  // It may be any.
    change.in_doubt = true;
    facts->settings.push_back(std::move(change));
    return;
  }
  const bool constant = arguments[1].Is("A_Const");
  const std::string value = ConstantOf(arguments[1]);
  if (constant) change.values = change.name == "search_path" ? Items(value) : std::vector{value};
  // false is left out of the tree; what is computed may be either.
  const Node local = arguments[2];
  change.local = local["boolval"]["boolval"].flag();
  change.in_doubt = !certain || !constant || !local.Is("A_Const");
  facts->settings.push_back(std::move(change));
}

// The view has a rule that calls set_config for each row that it changes, whichever its WHERE
// finds.
bool ChangesSettingsView(Node node) {
  if (!node.Is("UpdateStmt") && !node.Is("MergeStmt") && !node.Is("InsertStmt") &&
      !node.Is("DeleteStmt")) {
    return false;
  }
  const Node table = node["relation"];
  const absl::string_view schema = table["schemaname"].text();
  return table["relname"].text() == "pg_settings" && (schema.empty() || schema == "pg_catalog");
}

SettingChange AnySetting() {
  SettingChange change;
  change.name = "all";
  change.in_doubt = true;
  return change;
}

void FillMadeTable(Node relation, Facts* facts) {
  Facts made;
  made.verb = Verb::kCreateTable;
  made.objects = {NameIn(relation)};
  made.as_query = made.from_rows = true;
  made.temporary = relation["relpersistence"].text() == "t";
  facts->elements.push_back(std::move(made));
}

void FillElements(const Source& source, Node schema, Facts* facts) {
  const std::string name(schema["schemaname"].text());
  for (Node element : schema["schemaElts"]) {
    if (!element.Is("CreateStmt") && !element.Is("IndexStmt")) continue;
    Facts made = FactsOf(source, element);
    for (Name& object : made.objects) {
      if (object.schema.empty()) object.schema = name;
    }
    for (IndexFacts& index : made.indexes) {
      if (index.table.schema.empty()) index.table.schema = name;
    }
    facts->elements.push_back(std::move(made));
  }
}

}  // namespace

void FillSession(const Source& source, Node statement, bool planned, Facts* facts) {
  if (statement.Is("VariableSetStmt")) return FillSet(statement, facts);
  if (statement.Is("DiscardStmt")) {
    const absl::string_view what = statement["target"].text();
    facts->new_session = what == "DISCARD_ALL" || what == "DISCARD_TEMP";
  } else if (statement.Is("TransactionStmt")) {
    const absl::string_view kind = statement["kind"].text();
    facts->takes_back = absl::StrContains(kind, "ROLLBACK") || kind == "TRANS_STMT_PREPARE";
    facts->chain = statement["chain"].flag();
  } else if (statement.Is("CopyStmt")) {
    facts->sends_rows = !statement["is_from"].flag();
  } else if (statement.Is("LockStmt")) {
    if (statement["nowait"].flag()) facts->lock = "nowait";
  } else if (statement.Is("CreateSchemaStmt")) {
    FillElements(source, statement, facts);
  } else if (statement.Is("CreateStmt")) {
    facts->gone_at_commit = statement["oncommit"].text() == "ONCOMMIT_DROP";
  } else if (statement.Is("CreateTableAsStmt")) {
    facts->from_rows = facts->verb == Verb::kCreateTable;
    facts->gone_at_commit = statement["into"]["onCommit"].text() == "ONCOMMIT_DROP";
  }
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (!at->tagged) continue;
    const Node node(at);
    if (!planned && ChangesSettingsView(node)) facts->settings.push_back(AnySetting());
    if (node.Is("FuncCall") && node["funcname"].last().text() == "set_config") {
      FillSetConfig(node, !planned && IsCalledOnce(statement, node), facts);
    }
  }
  if (planned) return;
  // SELECT ... INTO: of several that UNION joins, the first has it.
  Node query = statement;
  while (query.Is("SelectStmt") && query["larg"]) query = query["larg"];
  if (query.Is("SelectStmt") && query["intoClause"]) {
    FillMadeTable(query["intoClause"]["rel"], facts);
  }
}

}  // namespace dbfleet::sql::pg
