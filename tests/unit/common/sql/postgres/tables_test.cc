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

// Every row: what of it runs nothing but itself stands here, too, for that takes a look at it.
TEST(FunctionsTest, OfEachWithEffectsItIsSaidWhetherItMayRunUnknownCode) {
  const std::set<absl::string_view> itself = {"array_fill",
                                              "brin_desummarize_range",
                                              "brin_summarize_new_values",
                                              "brin_summarize_range",
                                              "gin_clean_pending_list",
                                              "lo_close",
                                              "lo_creat",
                                              "lo_create",
                                              "lo_from_bytea",
                                              "lo_get",
                                              "lo_import",
                                              "lo_lseek",
                                              "lo_lseek64",
                                              "lo_open",
                                              "lo_put",
                                              "lo_tell",
                                              "lo_tell64",
                                              "lo_truncate",
                                              "lo_truncate64",
                                              "lo_unlink",
                                              "loread",
                                              "lowrite",
                                              "lpad",
                                              "nextval",
                                              "pg_advisory_lock",
                                              "pg_advisory_lock_shared",
                                              "pg_advisory_unlock",
                                              "pg_advisory_unlock_all",
                                              "pg_advisory_unlock_shared",
                                              "pg_advisory_xact_lock",
                                              "pg_advisory_xact_lock_shared",
                                              "pg_cancel_backend",
                                              "pg_copy_physical_replication_slot",
                                              "pg_create_physical_replication_slot",
                                              "pg_create_restore_point",
                                              "pg_current_xact_id",
                                              "pg_drop_replication_slot",
                                              "pg_export_snapshot",
                                              "pg_hba_file_rules",
                                              "pg_import_system_collations",
                                              "pg_jit_available",
                                              "pg_logical_emit_message",
                                              "pg_ls_archive_statusdir",
                                              "pg_ls_dir",
                                              "pg_ls_logdir",
                                              "pg_ls_tmpdir",
                                              "pg_ls_waldir",
                                              "pg_notify",
                                              "pg_promote",
                                              "pg_read_binary_file",
                                              "pg_read_file",
                                              "pg_reload_conf",
                                              "pg_replication_origin_advance",
                                              "pg_replication_origin_create",
                                              "pg_replication_origin_drop",
                                              "pg_replication_origin_oid",
                                              "pg_replication_origin_progress",
                                              "pg_replication_origin_session_is_setup",
                                              "pg_replication_origin_session_progress",
                                              "pg_replication_origin_session_reset",
                                              "pg_replication_origin_session_setup",
                                              "pg_replication_origin_xact_reset",
                                              "pg_replication_origin_xact_setup",
                                              "pg_rotate_logfile",
                                              "pg_show_all_file_settings",
                                              "pg_show_all_settings",
                                              "pg_sleep",
                                              "pg_sleep_for",
                                              "pg_sleep_until",
                                              "pg_stat_clear_snapshot",
                                              "pg_stat_file",
                                              "pg_stat_reset",
                                              "pg_stat_reset_shared",
                                              "pg_stat_reset_single_function_counters",
                                              "pg_stat_reset_single_table_counters",
                                              "pg_stat_reset_slru",
                                              "pg_switch_wal",
                                              "pg_terminate_backend",
                                              "pg_try_advisory_lock",
                                              "pg_try_advisory_lock_shared",
                                              "pg_try_advisory_xact_lock",
                                              "pg_try_advisory_xact_lock_shared",
                                              "pg_wal_replay_pause",
                                              "pg_wal_replay_resume",
                                              "repeat",
                                              "rpad",
                                              "set_config",
                                              "setseed",
                                              "setval",
                                              "txid_current"};
  std::set<absl::string_view> known;
  for (absl::string_view name : FunctionsWithEffects()) {
    EXPECT_EQ(MayRunUnknownCode(name), itself.count(name) == 0) << name;
    known.insert(name);
    const bool text = absl::StrContains(EffectOfFunction(name), "SQL") ||
                      absl::StrContains(EffectOfFunction(name), "type it is given");
    EXPECT_TRUE(!text || MayRunUnknownCode(name)) << name;
    EXPECT_FALSE(IsReadOnlyFunction(name, {1000, 0, 0})) << name;
  }
  for (absl::string_view name : itself) EXPECT_EQ(known.count(name), 1u) << name;
  EXPECT_TRUE(MayRunUnknownCode("mine"));
  EXPECT_TRUE(MayRunUnknownCode("lo_mine")) << "only begins like one of the server's own";
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
