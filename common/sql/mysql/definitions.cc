// CREATE, ALTER, DROP, RENAME and TRUNCATE: which object they are about.
#include "absl/strings/ascii.h"

#include "common/sql/mysql/ddl.h"
#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

// What stands between CREATE or ALTER and the object.
struct Modifiers {
  Word kind = 0;  // TEMPORARY, UNIQUE, FULLTEXT, SPATIAL, VECTOR, UNDO, AGGREGATE.
};

Modifiers ReadModifiers(Parser* p) {
  Modifiers modifiers;
  Facts& facts = p->draft->reading.facts;
  for (;;) {
    if (p->AcceptAll({K("OR"), K("REPLACE")})) {
      facts.or_replace = true;
    } else if (p->Now().IsOneOf({K("TEMPORARY"), K("UNIQUE"), K("FULLTEXT"), K("SPATIAL"),
                                 K("VECTOR"), K("UNDO"), K("AGGREGATE")}) &&
               !(p->Is(K("SPATIAL")) && p->Now(1).Is(K("REFERENCE")))) {
      modifiers.kind = p->Now().word;
      ++p->at;
    } else if (p->Accept(K("DEFINER"))) {
      facts.has_definer = true;
      p->AcceptSymbol('=');
      ++p->at;
      if (p->AcceptSymbol('@')) ++p->at;
      p->SkipParens();
    } else if (p->AcceptAll({K("SQL"), K("SECURITY")})) {
      facts.security_definer = p->Is(K("DEFINER"));
      ++p->at;
    } else if (p->Accept(K("ALGORITHM"))) {
      p->AcceptSymbol('=');
      facts.algorithm = absl::AsciiStrToLower(Unquoted(p->Now()));
      ++p->at;
    } else if (p->Accept(K("IGNORE"))) {
      facts.ignore = true;
    } else if (!p->AcceptAny({K("ONLINE"), K("OFFLINE")})) {
      return modifiers;
    }
  }
}

// The row of verb, modifier and object, or of verb and object.
void ApplyObject(Draft* draft, Word verb, Word modifier, Word object) {
  if (modifier != 0 && FindStatement({verb, modifier, object}) != nullptr) {
    return ApplyRow(draft, {verb, modifier, object});
  }
  ApplyRow(draft, {verb, object});
}

Verb VerbOf(Word object, Verb table, Verb index, Verb view, Verb schema, Verb routine,
            Verb sequence) {
  switch (object) {
    case K("TABLE"):
      return table;
    case K("INDEX"):
      return index;
    case K("VIEW"):
      return view;
    case K("DATABASE"):
    case K("SCHEMA"):
      return schema;
    case K("SEQUENCE"):
      return sequence;
    case K("PROCEDURE"):
    case K("FUNCTION"):
    case K("TRIGGER"):
    case K("EVENT"):
    case K("PACKAGE"):
      return routine;
    default:
      return Verb::kOther;
  }
}

// CREATE | ALTER VIEW name [(columns)] AS query [WITH CHECK OPTION]
void ReadView(Parser* p) {
  Draft* draft = p->draft;
  const Named view = p->ObjectName();
  draft->Use(view.written, Access::kDefine, false);
  draft->reading.facts.objects.push_back(view.name);
  if (p->Now().IsSymbol('(')) p->NameList();
  if (!p->Accept(K("AS"))) return p->NotUnderstood();
  QueryScan scan(draft);
  scan.Run(p->at, draft->tokens.size(), Clause::kOther);
}

void ReadRoutine(Parser* p, Word object) {
  Draft* draft = p->draft;
  const Named routine = p->ObjectName();
  if (routine.written.empty()) return p->NotUnderstood();
  draft->Use(routine.written, Access::kDefine, false);
  draft->reading.facts.objects.push_back(routine.name);
  if (!object || object != K("TRIGGER")) return;
  while (!p->AtEnd() && !p->Is(K("ON"))) ++p->at;
  if (!p->Accept(K("ON"))) return;
  const Named table = p->ObjectName();
  draft->Use(table.written, Access::kDefine);
  draft->reading.facts.objects.push_back(table.name);
}

void ReadDatabase(Parser* p) {
  Facts& facts = p->draft->reading.facts;
  if (!p->AtEnd()) {
    Parser peek(p->draft, p->at);
    const bool option = ReadTableOption(&peek, &facts) || peek.Is(K("READ"));
    if (!option) facts.objects.push_back(Name{"", p->PlainName()});
  }
  // MariaDB: all that is in the one that is there is dropped with it.
  if (facts.or_replace && !facts.objects.empty()) {
    p->draft->Use(facts.objects[0].name, Access::kDefine, false);
    p->draft->reading.verdict.effects.blocks = Blocking::kReadsAndWrites;
  }
  while (!p->AtEnd() && ReadTableOption(p, &facts)) {
  }
}

void ReadOtherObject(Parser* p, Access access) {
  if (!p->Now().IsName() && !p->Now().IsText()) return;
  const Named named = p->ObjectName();
  p->draft->Use(named.written, access, false);
  p->draft->reading.facts.objects.push_back(named.name);
}

Word TakeObject(Parser* p) {
  const Word object = p->Now().word;
  if (object == 0) return 0;
  ++p->at;
  if (object == K("PACKAGE")) p->Accept(K("BODY"));
  if (object == K("LOGFILE") || object == K("RESOURCE")) p->Accept(K("GROUP"));
  if (object == K("SPATIAL")) p->AcceptAll({K("REFERENCE"), K("SYSTEM")});
  if (object == K("TABLES")) return K("TABLE");
  return object;
}

bool ApplyAny(Parser* p, Word verb, Word modifier, Word object) {
  Draft* draft = p->draft;
  if (object == K("LOGFILE")) {
    ApplyRow(draft, {verb, object, K("GROUP")});
  } else if (object == K("RESOURCE")) {
    ApplyRow(draft, {verb, object, K("GROUP")});
  } else if (object == K("SPATIAL")) {
    ApplyRow(draft, {verb, K("SPATIAL"), K("REFERENCE")});
  } else if (object != 0 && FindStatement({verb, object}) != nullptr) {
    ApplyObject(draft, verb, modifier, object);
  } else {
    ApplyRow(draft, {verb, K("TABLE")});
    p->NotUnderstood();
    return false;
  }
  draft->reading.facts.object_type = absl::AsciiStrToLower(
      absl::string_view(kWords[object - 1].data(), kWords[object - 1].size()));
  return true;
}

void ReadDropIndex(Parser* p) {
  Draft* draft = p->draft;
  Facts& facts = draft->reading.facts;
  IndexFacts index;
  index.name = p->PlainName();
  if (!p->Accept(K("ON"))) return p->NotUnderstood();
  if (!p->DefinedTable(&index.table)) return;
  Effects& effects = draft->reading.verdict.effects;
  effects.undo = Undo::kInverse;
  index.primary = absl::AsciiStrToUpper(index.name) == "PRIMARY";
  if (index.primary) {
    draft->Raise(Kind::kSchemaMigration);
    effects.rewrites_table = effects.scans_table = true;
    effects.blocks = Blocking::kWrites;
  }
  facts.indexes.push_back(std::move(index));
  while (!p->AtEnd() && ReadOnlineOption(p, &facts)) {
  }
  ReadWait(p);
  ApplyOnlineOptions(draft);
  p->ExpectEnd();
}

}  // namespace

void ReadCreate(Parser* p) {
  Draft* draft = p->draft;
  Facts& facts = draft->reading.facts;
  const Modifiers modifiers = ReadModifiers(p);
  facts.temporary = modifiers.kind == K("TEMPORARY");
  const Word object = TakeObject(p);
  if (!ApplyAny(p, K("CREATE"), modifiers.kind, object)) return;
  if (object == K("TABLE")) return ReadCreateTable(p);
  if (object == K("INDEX")) return ReadCreateIndex(p);
  facts.verb = VerbOf(object, Verb::kOther, Verb::kOther, Verb::kCreateView, Verb::kCreateSchema,
                      Verb::kCreateRoutine, Verb::kCreateSequence);
  facts.if_not_exists = p->IfNotExists();
  draft->reading.verdict.effects.undo = facts.or_replace ? Undo::kBackup : Undo::kInverse;
  switch (object) {
    case K("VIEW"):
      return ReadView(p);
    case K("DATABASE"):
    case K("SCHEMA"):
      return ReadDatabase(p);
    case K("PROCEDURE"):
    case K("FUNCTION"):
    case K("TRIGGER"):
    case K("EVENT"):
    case K("PACKAGE"):
      return ReadRoutine(p, object);
    default:
      return ReadOtherObject(p, Access::kDefine);
  }
}

void ReadAlter(Parser* p) {
  Draft* draft = p->draft;
  const Modifiers modifiers = ReadModifiers(p);
  const Word object = TakeObject(p);
  if (!ApplyAny(p, K("ALTER"), modifiers.kind, object)) return;
  if (object == K("TABLE")) return ReadAlterTable(p);
  Facts& facts = draft->reading.facts;
  facts.verb = VerbOf(object, Verb::kOther, Verb::kOther, Verb::kCreateView, Verb::kAlterSchema,
                      Verb::kAlterRoutine, Verb::kAlterSequence);
  facts.if_exists = p->IfExists();
  draft->reading.verdict.effects.undo = Undo::kInverse;
  // What they were, and the password's hash, is not known afterwards.
  if (object == K("VIEW") || object == K("SEQUENCE") || object == K("USER")) {
    draft->reading.verdict.effects.undo = Undo::kBackup;
  }
  if (object == K("VIEW")) return ReadView(p);
  if (object == K("DATABASE") || object == K("SCHEMA")) return ReadDatabase(p);
  ReadOtherObject(p, Access::kDefine);
}

void ReadDrop(Parser* p) {
  Draft* draft = p->draft;
  Facts& facts = draft->reading.facts;
  facts.temporary = p->Is(K("TEMPORARY"));
  const Modifiers modifiers = ReadModifiers(p);
  const Word object = TakeObject(p);
  if (!ApplyAny(p, K("DROP"), modifiers.kind, object)) return;
  facts.verb = VerbOf(object, Verb::kDropTable, Verb::kDropIndex, Verb::kDropView,
                      Verb::kDropSchema, Verb::kDropRoutine, Verb::kDropSequence);
  facts.if_exists = p->IfExists();
  if (object == K("INDEX")) return ReadDropIndex(p);
  const bool tables = object == K("TABLE") || object == K("VIEW") || object == K("SEQUENCE");
  if (!tables && object != K("DATABASE") && object != K("SCHEMA")) {
    // Users and the like are named in ways of their own, which decide nothing.
    return ReadOtherObject(p, Access::kDefine);
  }
  const std::vector<Named> names = p->ObjectNames();
  if (names.empty()) return p->NotUnderstood();
  for (const Named& named : names) {
    draft->Use(named.written, Access::kDefine, object == K("TABLE"));
    facts.objects.push_back(named.name);
  }
  if (!facts.temporary) draft->reading.verdict.effects.blocks = Blocking::kReadsAndWrites;
  if (object == K("VIEW")) draft->reading.verdict.effects.undo = Undo::kInverse;
  ReadWait(p);
  if (p->AcceptAny({K("CASCADE"), K("RESTRICT")})) facts.cascade = p->Now(-1).Is(K("CASCADE"));
  p->ExpectEnd();
}

void ReadRename(Parser* p) {
  Draft* draft = p->draft;
  Facts& facts = draft->reading.facts;
  if (p->Is(K("USER"))) return ApplyRow(draft, {K("RENAME"), K("USER")});
  ApplyRow(draft, {K("RENAME"), K("TABLE")});
  if (!p->AcceptAny({K("TABLE"), K("TABLES")})) return p->NotUnderstood();
  facts.verb = Verb::kRenameTable;
  facts.if_exists = p->IfExists();
  Effects& effects = draft->reading.verdict.effects;
  effects.blocks = Blocking::kReadsAndWrites;
  effects.undo = Undo::kInverse;
  do {
    const Named from = p->ObjectName();
    ReadWait(p);
    if (from.written.empty() || !p->Accept(K("TO"))) return p->NotUnderstood();
    const Named to = p->ObjectName();
    if (to.written.empty()) return p->NotUnderstood();
    draft->Use(from.written, Access::kDefine);
    draft->Use(to.written, Access::kDefine, false);
    facts.objects.push_back(from.name);
    facts.objects.push_back(to.name);
  } while (p->AcceptSymbol(','));
  p->ExpectEnd();
}

void ReadTruncate(Parser* p) {
  Draft* draft = p->draft;
  ApplyRow(draft, {K("TRUNCATE")});
  draft->reading.facts.verb = Verb::kTruncate;
  p->Accept(K("TABLE"));
  const Named table = p->ObjectName();
  if (table.written.empty()) return p->NotUnderstood();
  draft->Use(table.written, Access::kWrite);
  draft->reading.facts.objects.push_back(table.name);
  draft->reading.verdict.effects.blocks = Blocking::kReadsAndWrites;
  ReadWait(p);
  p->ExpectEnd();
}

}  // namespace dbfleet::sql::mysql
