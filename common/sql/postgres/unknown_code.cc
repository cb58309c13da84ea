#include "common/sql/postgres/unknown_code.h"

#include <algorithm>
#include <initializer_list>

#include "common/sql/postgres/read_check.h"
#include "common/sql/postgres/symbols.h"

namespace dbfleet::sql::pg {
namespace {

bool IsOneOf(Node statement, std::initializer_list<absl::string_view> tags) {
  return std::any_of(tags.begin(), tags.end(),
                     [&](absl::string_view tag) { return statement.Is(tag); });
}

// What stands in lists of names: ("pg_catalog", "text_ops").
bool IsBuiltIn(Node names, bool (*is_built_in)(absl::string_view)) {
  const size_t parts = names.count();
  const bool unqualified = parts == 1 || (parts == 2 && names.first().text() == "pg_catalog");
  return names.empty() || (unqualified && is_built_in(names.last().text()));
}

// EXCLUDE USING gist (a WITH &&): a list of pairs of an element and the names of an operator.
bool ExcludesByBuiltIns(Node constraint) {
  for (Node pair : constraint["exclusions"]) {
    const Node names = pair["items"].last();
    if (!IsBuiltIn(names.Is("List") ? names["items"] : names, IsBuiltInOperator)) return false;
  }
  return true;
}

bool IsBuiltInMethod(absl::string_view name) { return name.empty() || IsBuiltInAccessMethod(name); }

// The code of operator classes and access methods, which no expression shows.
bool UsesOthersMethods(Node node) {
  if (node.Is("IndexElem") || node.Is("PartitionElem")) {
    return !IsBuiltIn(node["opclass"], IsBuiltInOperatorClass);
  }
  if (node.Is("Constraint") && !ExcludesByBuiltIns(node)) return true;
  if (node.Is("AlterTableCmd") && node["subtype"].text() == "AT_SetAccessMethod") {
    return !IsBuiltInMethod(node["name"].text());
  }
  const bool constraint = node.Is("Constraint");
  const bool has_method =
      constraint || node.Is("IndexStmt") || node.Is("CreateStmt") || node.Is("IntoClause");
  return has_method && !IsBuiltInMethod(node[constraint ? "access_method" : "accessMethod"].text());
}

UnknownCode CodeIn(const Version& version, Node part) {
  if (!part) return UnknownCode::kNone;
  UnknownCode code = CheckReads(version, part, Around::kPlanned).code;
  for (const Slot* at = part.subtree_begin(); at != part.subtree_end(); ++at) {
    if (!at->tagged) continue;
    const Node node(at);
    if (UsesOthersMethods(node)) code = std::max(code, UnknownCode::kComputes);
    // CREATE TABLE ... AS EXECUTE. What COPY writes may be a file that the server reads.
    const bool program = node.Is("CopyStmt") && node["is_program"].flag();
    if (node.Is("ExecuteStmt") || program) return UnknownCode::kCalls;
    const bool writes_file = node.Is("CopyStmt") && node["filename"] && !node["is_from"].flag();
    if (writes_file) code = std::max(code, UnknownCode::kComputes);
  }
  return code;
}

// Of a table the bounds of a partition are computed at once; the rest may be by whatever plans a
// query of it, since the server believes what is labelled immutable.
UnknownCode RunByTable(const Version& version, Node create) {
  UnknownCode code =
      std::max(CodeIn(version, create["partbound"]), CodeIn(version, create["partspec"]));
  if (!IsBuiltInMethod(create["accessMethod"].text())) code = UnknownCode::kComputes;
  for (const Slot* at = create.subtree_begin(); at != create.subtree_end(); ++at) {
    if (!at->tagged || !Node(at).Is("Constraint")) continue;
    const absl::string_view type = Node(at)["contype"].text();
    if (type != "CONSTR_CHECK" && type != "CONSTR_EXCLUSION") continue;
    code = std::max(code, CodeIn(version, Node(at)));
  }
  return code;
}

// Of these a type or an operator is only what they are about, or what is kept.
bool OnlyNames(Node statement) {
  return IsOneOf(statement,
                 {"AlterExtensionContentsStmt", "AlterFunctionStmt", "AlterObjectDependsStmt",
                  "AlterObjectSchemaStmt", "AlterOwnerStmt", "CommentStmt", "CompositeTypeStmt",
                  "CreateDomainStmt", "CreateRangeStmt", "DefineStmt", "DropStmt", "GrantStmt",
                  "RenameStmt", "SecLabelStmt"});
}

}  // namespace

CodeOfOthers CodeOfOthersIn(const Version& version, Node statement) {
  // None of it is called yet.
  if (IsOneOf(statement, {"ViewStmt", "CreateFunctionStmt", "RuleStmt", "CreatePolicyStmt",
                          "CreateTrigStmt"})) {
    return {};
  }
  const UnknownCode code = CodeIn(version, statement);
  CodeOfOthers found;
  if (statement.Is("CreateStmt") || statement.Is("AlterTableStmt") || statement.Is("IndexStmt") ||
      statement.Is("CreateForeignTableStmt")) {
    found.defines = code;
  }
  if (statement.Is("CreateStmt") || statement.Is("IndexStmt")) {
    // Indexes and tables do not make or drop others.
    found.runs = std::min(statement.Is("IndexStmt") ? code : RunByTable(version, statement),
                          UnknownCode::kComputes);
  } else if (!OnlyNames(statement) || code == UnknownCode::kCalls) {
    found.runs = code;
  }
  return found;
}

}  // namespace dbfleet::sql::pg
