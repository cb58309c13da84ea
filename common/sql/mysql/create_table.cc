#include "common/sql/mysql/ddl.h"
#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

bool BeginsQuery(const Parser& p) {
  ptrdiff_t ahead = 0;
  while (p.Now(ahead).IsSymbol('(')) ++ahead;
  return p.Now(ahead).IsOneOf({K("SELECT"), K("WITH"), K("VALUES"), K("TABLE")});
}

void ReadDefinitions(Parser* p) {
  Facts& facts = p->draft->reading.facts;
  while (!p->AtEnd() && !p->AcceptSymbol(')')) {
    Definition definition = ReadDefinition(p);
    switch (definition.kind) {
      case Definition::kNone:
        if (p->AtEnd()) return;
        facts.columns.emplace_back();
        ReadColumn(p, &facts.columns.back());
        facts.has_check = facts.has_check || facts.columns.back().check;
        break;
      case Definition::kIndex:
        if (!facts.objects.empty()) definition.index.table = facts.objects[0];
        facts.indexes.push_back(std::move(definition.index));
        break;
      case Definition::kForeignKey:
        facts.foreign_keys.push_back(std::move(definition.foreign_key));
        break;
      case Definition::kCheck:
        facts.has_check = true;
        break;
      case Definition::kPeriod:
        break;
    }
    if (!p->Now().IsSymbol(')') && !p->AcceptSymbol(',')) return p->NotUnderstood();
  }
}

// PARTITION BY ... up to the query or the end: how rows are spread decides nothing.
void SkipPartitions(Parser* p) {
  p->draft->reading.facts.object_type = "partitioned table";
  while (!p->AtEnd() && !p->Is(K("AS")) && !p->Is(K("SELECT")) && !p->Is(K("WITH")) &&
         !p->Is(K("REPLACE")) && !p->Is(K("IGNORE"))) {
    if (!p->SkipParens()) ++p->at;
  }
}

void ReadOptions(Parser* p) {
  while (!p->AtEnd()) {
    p->AcceptSymbol(',');
    if (p->Is(K("PARTITION")) && p->Now(1).Is(K("BY"))) return SkipPartitions(p);
    if (BeginsQuery(*p) || p->Now().IsOneOf({K("AS"), K("IGNORE"), K("REPLACE")})) return;
    if (!ReadTableOption(p, &p->draft->reading.facts)) return p->NotUnderstood();
  }
}

void ReadSource(Parser* p) {
  Draft* draft = p->draft;
  if (p->AtEnd()) return;
  p->AcceptAny({K("IGNORE"), K("REPLACE")});
  p->Accept(K("AS"));
  if (!BeginsQuery(*p)) return p->NotUnderstood();
  draft->reading.facts.as_query = draft->reading.facts.from_rows = true;
  draft->reading.verdict.effects.locks_rows = true;  // Of what it reads.
  QueryScan scan(draft);
  scan.Run(p->at, draft->tokens.size(), Clause::kOther);
  p->at = draft->tokens.size();
}

}  // namespace

void ReadCreateTable(Parser* p) {
  Draft* draft = p->draft;
  Facts& facts = draft->reading.facts;
  facts.verb = Verb::kCreateTable;
  facts.object_type = "table";
  facts.if_not_exists = p->IfNotExists();
  Name table;
  if (!p->DefinedTable(&table)) return;
  Effects& effects = draft->reading.verdict.effects;
  effects.undo = facts.or_replace ? Undo::kBackup : Undo::kInverse;
  if (facts.or_replace) effects.blocks = Blocking::kReadsAndWrites;
  const bool in_parens = p->Now().IsSymbol('(') && p->Now(1).Is(K("LIKE"));
  if (in_parens) ++p->at;
  if (p->Accept(K("LIKE"))) {
    facts.as_query = true;
    draft->Use(p->ObjectName().written, Access::kRead);
    if (in_parens && !p->AcceptSymbol(')')) return p->NotUnderstood();
    return p->ExpectEnd();
  }
  if (p->Now().IsSymbol('(') && !BeginsQuery(*p)) {
    ++p->at;
    ReadDefinitions(p);
  }
  ReadOptions(p);
  ReadSource(p);
  p->ExpectEnd();
}

void ReadCreateIndex(Parser* p) {
  Draft* draft = p->draft;
  Facts& facts = draft->reading.facts;
  facts.verb = Verb::kCreateIndex;
  facts.object_type = "index";
  facts.if_not_exists = p->IfNotExists();
  IndexFacts index;
  const Toks& tokens = draft->tokens;
  for (ptrdiff_t i = 0; i < p->at; ++i) {
    if (tokens[i].Is(K("UNIQUE"))) index.unique = true;
    if (tokens[i].IsOneOf({K("FULLTEXT"), K("SPATIAL"), K("VECTOR")})) index.special = true;
    if (tokens[i].Is(K("FULLTEXT"))) index.fulltext = true;
  }
  if (!p->Is(K("ON"))) index.name = p->PlainName();
  ReadIndexOptions(p, &index);
  if (!p->Accept(K("ON"))) return p->NotUnderstood();
  if (!p->DefinedTable(&index.table)) return;
  ReadIndexParts(p, &index);
  Effects& effects = draft->reading.verdict.effects;
  effects.scans_table = true;
  effects.undo = facts.or_replace ? Undo::kBackup : Undo::kInverse;
  if (index.special) effects.blocks = Blocking::kWrites;
  effects.rewrites_table = index.fulltext;  // The first one: for its FTS_DOC_ID.
  for (;;) {
    const ptrdiff_t before = p->at;
    ReadIndexOptions(p, &index);
    ReadOnlineOption(p, &facts);
    ReadWait(p);
    if (p->at == before) break;
  }
  ApplyOnlineOptions(draft);
  facts.indexes.push_back(std::move(index));
  p->ExpectEnd();
}

}  // namespace dbfleet::sql::mysql
