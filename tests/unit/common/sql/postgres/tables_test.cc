// The tables of nodes and statements cover what the library's own description of its trees has.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/functions.h"
#include "common/sql/postgres/node_table.h"
#include "common/sql/postgres/statement_table.h"

namespace dbfleet::sql::pg {
namespace {

std::string Proto() {
  std::ifstream file(PG_QUERY_PROTO);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The body of "message NAME { ... }".
std::string Message(const std::string& proto, const std::string& name) {
  const size_t begin = proto.find("message " + name);
  return proto.substr(begin, proto.find("\n}", begin) - begin);
}

TEST(NodeTableTest, EveryNodeOfTheLibraryIsDecided) {
  std::set<std::string> tags;
  const std::string text = Message(Proto(), "Node {");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t name = line.find("json_name=\"");
    if (name == absl::string_view::npos) continue;
    line.remove_prefix(name + 11);
    tags.insert(std::string(line.substr(0, line.find('"'))));
  }
  EXPECT_GT(tags.size(), 200u) << "the library's description has another form";
  for (const std::string& tag : tags) {
    EXPECT_NE(FindNode(tag), nullptr) << tag << " is not in node_table.cc: decide what it may do";
  }
  for (const NodeRow& row : Nodes()) {
    EXPECT_EQ(tags.count(std::string(row.tag)), 1u) << row.tag << " does not exist (any more)";
  }
}

// "  repeated RangeVar relations = 1 [json_name="relations"];" in its words.
struct Field {
  bool repeated = false;
  std::string type;
  std::string name;
};

Field FieldIn(absl::string_view line) {
  std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  Field field;
  if (!words.empty() && words[0] == "repeated") {
    field.repeated = true;
    words.erase(words.begin());
  }
  if (words.size() < 4 || words[2] != "=") return Field{};
  field.type = words[0];
  const size_t json = line.find("json_name=\"");
  if (json == absl::string_view::npos) {
    field.name = words[1];
  } else {
    const absl::string_view rest = line.substr(json + 11);
    field.name = std::string(rest.substr(0, rest.find('"')));
  }
  return field;
}

TEST(NodeTableTest, EveryFieldOfOneKindOfNodeIsKnown) {
  // The parser makes none of these.
  const std::set<std::string> analysis = {"Query", "RangeTblEntry", "Node", "PLAssignStmt"};
  const std::string proto = Proto();
  std::string message;
  int seen = 0;
  for (absl::string_view line : absl::StrSplit(proto, '\n')) {
    if (absl::ConsumePrefix(&line, "message ")) {
      message = std::string(line.substr(0, line.find_first_of(" {")));
    }
    const Field field = FieldIn(line);
    if (analysis.count(message) > 0 || field.repeated || field.type == "Node" ||
        FindNode(field.type) == nullptr || field.type == "FuncExpr" ||
        (message == "CreateOpClassItem" && field.name == "name")) {
      continue;
    }
    const NodeRow* row = NodeOfField(field.name);
    ASSERT_NE(row, nullptr) << message << "." << field.name << " is not in node_table.cc";
    EXPECT_EQ(row->tag, field.type) << message << "." << field.name;
    ++seen;
  }
  EXPECT_GT(seen, 80);
}

TEST(StatementTableTest, EveryStatementNodeHasAKind) {
  for (const NodeRow& row : Nodes()) {
    const bool is_statement = row.part == Part::kStatement;
    EXPECT_EQ(FindStatement(row.tag, "") != nullptr, is_statement) << row.tag;
    if (!absl::EndsWith(row.tag, "Stmt") || is_statement) continue;
    // Parts of statements, and what only the server makes.
    const std::set<absl::string_view> others = {"ReplicaIdentityStmt", "ReturnStmt", "RawStmt",
                                                "SetOperationStmt", "PLAssignStmt"};
    EXPECT_EQ(others.count(row.tag), 1u) << row.tag << " ends like a statement";
  }
}

TEST(StatementTableTest, NoRowStandsTwice) {
  std::set<std::string> seen;
  for (const StatementRow& row : StatementRows()) {
    EXPECT_TRUE(seen.insert(absl::StrCat(row.node, "|", row.head)).second) << row.node << row.head;
    EXPECT_FALSE(row.transaction_control && row.kind != Kind::kControl) << row.head;
  }
}

TEST(FunctionsTest, NoneIsBothReadOnlyAndKnownToDoMore) {
  for (absl::string_view name :
       {"pg_sleep", "nextval", "setval", "set_config", "query_to_xml", "lo_import", "pg_read_file",
        "dblink", "dblink_exec", "pg_advisory_lock", "pg_notify", "ts_stat", "txid_current"}) {
    EXPECT_FALSE(IsReadOnlyFunction(name, {})) << name;
    EXPECT_NE(EffectOfFunction(name), "") << name;
  }
  for (absl::string_view name : {"lower", "now", "count", "pg_relation_size", "jsonb_set"}) {
    EXPECT_TRUE(IsReadOnlyFunction(name, {})) << name;
    EXPECT_EQ(EffectOfFunction(name), "") << name;
  }
}

TEST(FunctionsTest, ANewFunctionIsAUsersOneOnAnOlderServer) {
  EXPECT_FALSE(IsReadOnlyFunction("any_value", {}));
  EXPECT_FALSE(IsReadOnlyFunction("any_value", {15, 0, 0}));
  EXPECT_TRUE(IsReadOnlyFunction("any_value", {16, 0, 0}));
  EXPECT_TRUE(IsReadOnlyFunction("date_bin", {}));
  EXPECT_FALSE(IsReadOnlyFunction("date_bin", {13, 4, 0}));
}

}  // namespace
}  // namespace dbfleet::sql::pg
