// Keys, constraints and options of tables.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/sql/mysql/ddl.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

std::string Value(const Tok& token) {
  return absl::AsciiStrToLower(token.IsText() ? std::string(Inside(token)) : Unquoted(token));
}

void ReadUsing(Parser* p, IndexFacts* index) {
  if (!p->AcceptAny({K("USING"), K("TYPE")})) return;
  index->special = index->special || !p->Is(K("BTREE"));
  ++p->at;
}

// [INDEX | KEY] [IF NOT EXISTS] [name] [USING x] (parts) options
void ReadIndexBody(Parser* p, Definition* definition) {
  definition->kind = Definition::kIndex;
  p->AcceptAny({K("INDEX"), K("KEY")});
  definition->if_not_exists = p->IfNotExists();
  if (!p->Now().IsSymbol('(') && !p->Is(K("USING")) && !p->Is(K("TYPE"))) {
    definition->index.name = p->PlainName();
  }
  ReadUsing(p, &definition->index);
  ReadIndexParts(p, &definition->index);
  ReadIndexOptions(p, &definition->index);
}

void ReadForeignKey(Parser* p, Definition* definition) {
  definition->kind = Definition::kForeignKey;
  definition->if_not_exists = p->IfNotExists();
  if (!p->Now().IsSymbol('(')) definition->foreign_key.name = p->PlainName();
  definition->foreign_key.columns = p->NameList();
  ReadReferences(p, &definition->foreign_key);
}

void ReadCheckBody(Parser* p, Definition* definition) {
  definition->kind = Definition::kCheck;
  ReadCheck(p, &definition->check_columns);
}

}  // namespace

void ReadIndexParts(Parser* p, IndexFacts* index) {
  if (!p->AcceptSymbol('(')) return p->NotUnderstood();
  while (!p->AtEnd() && !p->AcceptSymbol(')')) {
    if (p->Now().IsSymbol('(')) {
      const ptrdiff_t from = p->at;
      p->SkipParens();
      index->columns.push_back(p->draft->TextOf(from, p->at));
      index->keys.push_back(index->columns.back());
      QueryScan scan(p->draft);
      scan.Run(from, p->at, Clause::kOther);
    } else {
      const std::string name = p->PlainName();
      if (name.empty()) return p->NotUnderstood();
      index->columns.push_back(name);
      const ptrdiff_t length = p->at + 1;
      const std::string written = p->draft->TextOf(p->at - 1, p->at);
      if (p->SkipParens()) {
        index->prefixes.push_back(name);
        index->keys.push_back(
            absl::StrCat("LEFT(", written, ", ", p->draft->TextOf(length, p->at - 1), ")"));
      } else {
        index->keys.push_back(written);
      }
    }
    if (p->Is(K("DESC"))) index->descending.push_back(index->columns.back());
    p->AcceptAny({K("ASC"), K("DESC")});
    if (p->AcceptAll({K("WITHOUT"), K("OVERLAPS")})) index->special = true;
    if (!p->Now().IsSymbol(')') && !p->AcceptSymbol(',')) return p->NotUnderstood();
  }
}

void ReadIndexOptions(Parser* p, IndexFacts* index) {
  for (;;) {
    if (p->Is(K("USING")) || p->Is(K("TYPE"))) {
      ReadUsing(p, index);
    } else if (p->AcceptAll({K("WITH"), K("PARSER")})) {
      ++p->at;
    } else if (p->AcceptAll({K("NOT"), K("IGNORED")}) || p->Accept(K("VISIBLE"))) {
      continue;
    } else if (p->AcceptAny({K("INVISIBLE"), K("IGNORED")})) {
      index->ignored = true;
    } else if (p->AcceptAny({K("COMMENT"), K("KEY_BLOCK_SIZE"), K("ENGINE_ATTRIBUTE"),
                             K("SECONDARY_ENGINE_ATTRIBUTE"), K("CLUSTERING"), K("M"),
                             K("DISTANCE")})) {
      p->AcceptSymbol('=');
      ++p->at;
    } else {
      return;
    }
  }
}

Definition ReadDefinition(Parser* p) {
  Definition definition;
  const ptrdiff_t start = p->at;
  if (p->Accept(K("CONSTRAINT"))) {
    definition.if_not_exists = p->IfNotExists();
    if (!p->Now().IsOneOf({K("PRIMARY"), K("UNIQUE"), K("FOREIGN"), K("CHECK")})) {
      definition.name = p->PlainName();
    }
  }
  IndexFacts& index = definition.index;
  if (p->AcceptAll({K("PRIMARY"), K("KEY")})) {
    index.primary = index.unique = index.is_constraint = true;
    ReadIndexBody(p, &definition);
  } else if (p->Accept(K("UNIQUE"))) {
    index.unique = index.is_constraint = true;
    ReadIndexBody(p, &definition);
    if (index.name.empty()) index.name = definition.name;
  } else if (p->AcceptAll({K("FOREIGN"), K("KEY")})) {
    ReadForeignKey(p, &definition);
    if (!definition.name.empty()) definition.foreign_key.name = definition.name;
  } else if (p->Accept(K("CHECK"))) {
    ReadCheckBody(p, &definition);
  } else if (definition.name.empty() && p->Now().IsOneOf({K("FULLTEXT"), K("SPATIAL")})) {
    index.fulltext = p->Is(K("FULLTEXT"));
    ++p->at;
    index.special = true;
    ReadIndexBody(p, &definition);
  } else if (definition.name.empty() && p->Is(K("VECTOR")) &&
             (p->Now(1).IsOneOf({K("INDEX"), K("KEY")}) || p->Now(1).IsSymbol('('))) {
    ++p->at;
    index.special = true;
    ReadIndexBody(p, &definition);
  } else if (definition.name.empty() && p->Now().IsOneOf({K("INDEX"), K("KEY")})) {
    ReadIndexBody(p, &definition);
  } else if (p->Is(K("PERIOD")) && p->Now(1).Is(K("FOR"))) {
    p->at += 2;
    definition.kind = Definition::kPeriod;
    ++p->at;
    p->SkipParens();
  } else if (p->at != start) {
    p->NotUnderstood();
  }
  return definition;
}

bool ReadTableOption(Parser* p, Facts* facts) {
  const ptrdiff_t start = p->at;
  p->Accept(K("DEFAULT"));
  if (p->AcceptAll({K("CHARACTER"), K("SET")}) || p->AcceptAny({K("CHARSET"), K("CHARACTER")})) {
    p->AcceptSymbol('=');
    facts->charset = Value(p->Now());
    ++p->at;
    return true;
  }
  if (p->Accept(K("COLLATE"))) {
    p->AcceptSymbol('=');
    facts->collation = Value(p->Now());
    ++p->at;
    return true;
  }
  p->at = start;
  if (p->AcceptAny({K("ENGINE"), K("TYPE")})) {
    p->AcceptSymbol('=');
    facts->engine = Value(p->Now());
    ++p->at;
    return true;
  }
  if (p->AcceptAll({K("WITH"), K("SYSTEM"), K("VERSIONING")})) return true;
  if (p->AcceptAny({K("DATA"), K("INDEX")})) {
    if (!p->Accept(K("DIRECTORY"))) {
      p->at = start;
      return false;
    }
  } else if (p->AcceptAll({K("START"), K("TRANSACTION")})) {
    return true;
  } else if (p->Accept(K("TABLESPACE"))) {
    p->AcceptSymbol('=');
    ++p->at;
    if (p->Accept(K("STORAGE"))) ++p->at;
    return true;
  } else if (p->Now().IsName() && p->Now(1).IsSymbol('=')) {
    ++p->at;  // Engines have options of their own, so that all of this form are taken.
  } else if (!p->AcceptAny({K("COMMENT"), K("AUTO_INCREMENT"), K("ROW_FORMAT"), K("MAX_ROWS"),
                            K("MIN_ROWS"), K("AVG_ROW_LENGTH"), K("CHECKSUM"), K("CONNECTION"),
                            K("KEY_BLOCK_SIZE"), K("PACK_KEYS"), K("PASSWORD"), K("UNION"),
                            K("STATS_PERSISTENT"), K("ENCRYPTION"), K("COMPRESSION"),
                            K("INSERT_METHOD"), K("DELAY_KEY_WRITE")})) {
    return false;
  }
  p->AcceptSymbol('=');
  if (!p->SkipParens()) {
    if (p->Now().IsSymbol('-')) ++p->at;
    ++p->at;
  }
  return true;
}

bool ReadOnlineOption(Parser* p, Facts* facts) {
  if (!p->Now().IsOneOf({K("ALGORITHM"), K("LOCK")})) return false;
  std::string* value = p->Is(K("LOCK")) ? &facts->lock : &facts->algorithm;
  ++p->at;
  p->AcceptSymbol('=');
  *value = Value(p->Now());
  ++p->at;
  return true;
}

void ReadWait(Parser* p) {
  if (p->Accept(K("WAIT"))) ++p->at;
  p->Accept(K("NOWAIT"));
}

}  // namespace dbfleet::sql::mysql
