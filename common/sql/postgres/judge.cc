#include "common/sql/postgres/judge.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/postgres/credentials.h"
#include "common/sql/postgres/head.h"
#include "common/sql/postgres/node_table.h"
#include "common/sql/postgres/read_check.h"
#include "common/sql/postgres/unknown_code.h"
#include "common/sql/postgres/uses.h"
#include "common/sql/postgres/versions.h"

namespace dbfleet::sql::pg {
namespace {

void Add(std::string reason, Verdict* verdict) { AddReason(std::move(reason), &verdict->reasons); }

// The first is the one that is told where one is.
void Doubt(std::string reason, Verdict* verdict) {
  verdict->understood = false;
  if (verdict->doubt.empty()) verdict->doubt = reason;
  Add(std::move(reason), verdict);
}

void Take(Objections objections, Verdict* verdict) {
  verdict->kind = Heavier(verdict->kind, objections.kind);
  verdict->understood = verdict->understood && objections.understood;
  if (verdict->doubt.empty()) verdict->doubt = std::move(objections.doubt);
  for (std::string& reason : objections.reasons) Add(std::move(reason), verdict);
}

Undo UndoOf(const Objections& objections) {
  if (objections.has_effects || !objections.understood) return Undo::kBackup;
  return objections.kind == Kind::kInspection ? Undo::kNothingToUndo : Undo::kRollback;
}

void JudgeRead(const Source& source, Node query, Verdict* verdict) {
  Objections objections = CheckReads(source.target.version, query);
  verdict->effects.undo = UndoOf(objections);
  if (objections.has_effects) {
    // Whatever the code is.
    verdict->effects.locks_rows = true;
    verdict->effects.blocks = Blocking::kReadsAndWrites;
  }
  Take(std::move(objections), verdict);
}

// Options of EXPLAIN that change what is shown. SERIALIZE and MEMORY are 17's.
bool IsKnownOption(absl::string_view name) {
  static constexpr absl::string_view kOptions[] = {
      "analyze",   "buffers",  "costs",   "format", "generic_plan", "memory",
      "serialize", "settings", "summary", "timing", "verbose",      "wal"};
  return std::find(std::begin(kOptions), std::end(kOptions), name) != std::end(kOptions);
}

bool ChangesRows(Node statement) {
  return statement.Is("InsertStmt") || statement.Is("UpdateStmt") || statement.Is("DeleteStmt") ||
         statement.Is("MergeStmt");
}

// UPDATE t SET a = DEFAULT
bool SetsDefault(Node change) {
  for (const Slot* at = change.subtree_begin(); at != change.subtree_end(); ++at) {
    if (at->tagged && Node(at).Is("SetToDefault")) return true;
  }
  return false;
}

// Plain EXPLAIN executes nothing but what it computes beforehand: functions that are labelled
// immutable or stable, which are objected to as in a query, and those of columns' defaults, which
// are not seen. Nor are those of the table's views, rules, policies, generated columns and indexes:
// as tried out on PostgreSQL 15, what is labelled immutable there is called, whatever it does in
// truth, by EXPLAIN of a SELECT as well. Of either the read-only transaction stops it (requirement
// S7). It holds the table's lock for as long.
void JudgePlanned(const Source& source, Node change, Verdict* verdict) {
  Objections objections = CheckReads(source.target.version, change, Around::kPlanned);
  if (change.Is("InsertStmt") || change.Is("MergeStmt") || SetsDefault(change)) {
    Add("EXPLAIN computes the columns' defaults, which may call functions of anybody", verdict);
  }
  for (ObjectUse& use : verdict->uses) use.access = Access::kRead;
  Take(std::move(objections), verdict);
}

void JudgeExplain(const Source& source, Node explain, Verdict* verdict) {
  const Node query = explain["query"];
  for (Node option : explain["options"]) {
    const absl::string_view name = option["defname"].text();
    if (IsKnownOption(name)) continue;
    Doubt(absl::StrCat("EXPLAIN (", SanitizeForDisplay(Truncate(name, 40)), ") is not known"),
          verdict);
  }
  if (OptionIsOn(explain["options"], "analyze")) {
    Verdict inner = Judge(source, query);
    if (!inner.reasons.empty()) Add("EXPLAIN ANALYZE executes the statement", verdict);
    verdict->kind = Heavier(verdict->kind, inner.kind);
    verdict->transactional = inner.transactional;
    verdict->understood = verdict->understood && inner.understood;
    if (verdict->doubt.empty()) verdict->doubt = std::move(inner.doubt);
    verdict->effects = inner.effects;
    for (std::string& reason : inner.reasons) Add(std::move(reason), verdict);
    return;
  }
  if (query.Is("SelectStmt")) return JudgeRead(source, query, verdict);
  if (ChangesRows(query)) return JudgePlanned(source, query, verdict);
  Add(absl::StrCat("EXPLAIN of ", HeadOf(query), " plans it with its locks"), verdict);
}

// COPY (SELECT ...) TO STDOUT and COPY t TO STDOUT, which send rows to the client. The server takes
// no view for t.
bool SendsRows(Node copy) {
  static constexpr absl::string_view kOptions[] = {"delimiter", "encoding", "escape", "force_quote",
                                                   "format",    "header",   "null",   "quote"};
  if (copy["is_from"].flag() || copy["is_program"].flag() || copy["filename"]) return false;
  for (Node option : copy["options"]) {
    const absl::string_view name = option["defname"].text();
    if (std::find(std::begin(kOptions), std::end(kOptions), name) == std::end(kOptions)) {
      return false;
    }
  }
  return copy["query"].Is("SelectStmt") || copy["relation"];
}

void JudgeSending(const Source& source, Node copy, Verdict* verdict) {
  verdict->kind = Kind::kInspection;
  verdict->streams_rows = true;
  verdict->effects = Effects();
  verdict->effects.undo = Undo::kNothingToUndo;
  if (copy["query"]) JudgeRead(source, copy["query"], verdict);
}

void JudgeInsert(const Source& source, Node insert, absl::string_view head, Verdict* verdict) {
  Add(absl::StrCat(head, " ", WhatKindDoes(Kind::kDataFix, "")), verdict);
  Objections objections = CheckReads(source.target.version, insert, Around::kAdded);
  const Node table = insert["relation"];
  const bool own =
      IsServersOwn(Dialect::kPostgres, table["schemaname"].text(), table["relname"].text());
  if (own) Add("it writes one of the server's own tables", verdict);
  verdict->adds_only = !own && objections.empty() && verdict->understood && !verdict->credentials;
  Take(std::move(objections), verdict);
}

// What a statement does beyond what its kind says.
void AddDetails(Node statement, Verdict* verdict) {
  if (statement.Is("CopyStmt")) {
    if (statement["is_program"].flag()) {
      Add("COPY ... PROGRAM runs a program on the server", verdict);
      verdict->kind = Heavier(verdict->kind, Kind::kSchemaMigration);
    } else if (statement["filename"]) {
      Add(statement["is_from"].flag() ? "COPY reads a file of the server"
                                      : "COPY writes a file on the server",
          verdict);
    }
  } else if (statement.Is("DoStmt")) {
    Add("DO runs code that only the server can read", verdict);
  } else if (statement.Is("ExecuteStmt") || statement["query"].Is("ExecuteStmt")) {
    Add("EXECUTE runs what PREPARE kept", verdict);
  } else if (statement.Is("LoadStmt")) {
    Add("LOAD runs code of a library", verdict);
  } else if (statement["behavior"].text() == "DROP_CASCADE") {
    Add("CASCADE takes along what depends on it", verdict);
  }
}

// Whether every node is one that the grammar makes and this build knows.
bool IsUnderstood(Node statement) {
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (at->tagged && (at->row == nullptr || at->row->part == Part::kInternal)) return false;
  }
  return true;
}

void JudgeByNode(const Source& source, Node statement, absl::string_view head, Verdict* verdict) {
  if (statement.Is("VariableShowStmt")) return;
  if (statement.Is("SelectStmt")) return JudgeRead(source, statement, verdict);
  if (statement.Is("ExplainStmt")) return JudgeExplain(source, statement, verdict);
  if (statement.Is("InsertStmt")) return JudgeInsert(source, statement, head, verdict);
  if (statement.Is("CopyStmt") && SendsRows(statement)) {
    return JudgeSending(source, statement, verdict);
  }
  Add(absl::StrCat(head, " ", WhatKindDoes(verdict->kind, WhatControlDoes(statement.tag()))),
      verdict);
  AddDetails(statement, verdict);
  if (statement.Is("IndexStmt") && verdict->defines_unknown_code == UnknownCode::kCalls) {
    // The label "immutable" is the author's word for it.
    Add("it computes with a function that is not known to only read, as will the queries of the "
        "table",
        verdict);
    verdict->kind = Heavier(verdict->kind, Kind::kDataFix);
    verdict->effects.undo = Undo::kBackup;
  }
}

}  // namespace

Verdict Judge(const Source& source, Node statement) {
  Verdict verdict;
  const Version& version = source.target.version;
  const std::string head = HeadOf(statement);
  const StatementRow* row = FindStatement(statement.tag(), head);
  if (row == nullptr) {
    verdict.transactional = false;
    Doubt("it is a statement that this build does not know", &verdict);
    return verdict;
  }
  verdict.kind = row->kind;
  verdict.understood = IsUnderstood(statement);
  verdict.transactional = IsTransactional(version, statement, row->transactional);
  verdict.transaction_control =
      row->transaction_control || (statement.Is("VariableSetStmt") && SetsTransaction(statement));
  verdict.effects = EffectsOf(version, statement);
  Uses uses = UsesOf(source.text, statement);
  verdict.tables = std::move(uses.tables);
  verdict.uses = std::move(uses.uses);
  std::string credentials = CredentialObjection(statement);
  verdict.credentials = !credentials.empty();
  const CodeOfOthers code = CodeOfOthersIn(version, statement);
  verdict.runs_unknown_code = code.runs;
  verdict.defines_unknown_code = code.defines;
  JudgeByNode(source, statement, head, &verdict);
  if (!verdict.understood && verdict.doubt.empty()) {
    Doubt("a part of it is not known to this build", &verdict);
  }
  if (std::string missing = MissingIn(version, statement); !missing.empty()) {
    verdict.adds_only = false;
    Doubt(std::move(missing), &verdict);
  }
  if (verdict.credentials) Add(std::move(credentials), &verdict);
  return verdict;
}

}  // namespace dbfleet::sql::pg
