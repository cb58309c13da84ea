// From the head of a statement to the reader of its form.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/mysql/heads.h"

namespace dbfleet::sql::mysql {
namespace {

void Unknown(Parser* p) {
  Verdict& verdict = p->draft->reading.verdict;
  verdict.kind = Kind::kControl;
  verdict.transactional = false;
  verdict.effects.undo = Undo::kBackup;
  const Tok& verb = p->Now();
  p->draft->reading.facts.unreadable = true;
  if (verb.kind == TokenKind::kWord) {
    p->draft->Doubt(absl::StrCat(absl::AsciiStrToUpper(SanitizeForDisplay(Truncate(verb.text, 40))),
                                 " is not a statement that is known"));
  } else {
    p->draft->Doubt("what it begins with is not known");
  }
}

// The words that open a block behind which statements stand, and that END closes.
bool OpensBlock(const Tok& token, const Tok& before, const Tok& next) {
  if (before.Is(K("END"))) return false;
  const bool first = before.kind == TokenKind::kDelimiter ||
                     before.IsOneOf({K("BEGIN"), K("THEN"), K("ELSE"), K("DO"), K("LOOP"),
                                     K("REPEAT"), K("EXCEPTION"), K("ATOMIC")}) ||
                     before.IsSymbol(':');
  switch (token.word) {
    case K("BEGIN"):
    case K("CASE"):
      return true;
    case K("REPEAT"):
      return first && !next.IsSymbol('(');
    case K("IF"):
    case K("LOOP"):
    case K("WHILE"):
    case K("FOR"):
      return first;
    default:
      return false;
  }
}

}  // namespace

void ApplyRow(Draft* draft, std::initializer_list<Word> words) {
  const MySqlStatement* row = FindStatement(words);
  Verdict& verdict = draft->reading.verdict;
  if (row == nullptr) {
    verdict.kind = Kind::kSchemaMigration;
    verdict.transactional = false;
    verdict.effects.undo = Undo::kBackup;
    draft->Doubt("it is not in the table of statements");
    return;
  }
  verdict.kind = row->kind;
  verdict.transactional = row->transactional;
  verdict.transaction_control = row->transaction_control;
  verdict.effects.undo = row->may_be_safe ? Undo::kNothingToUndo : Undo::kBackup;
  if (row->may_be_safe) return;
  draft->Object(
      absl::StrCat(row->head, " ", WhatKindDoes(row->kind, "changes the session or the server")));
}

void ReadStatement(Parser* p) {
  const Tok& verb = p->Now();
  if (verb.IsSymbol('(')) return ReadQuery(p);
  switch (verb.word) {
    case K("SELECT"):
    case K("WITH"):
    case K("VALUES"):
      return ReadQuery(p);
    case K("INSERT"):
    case K("REPLACE"):
      return ReadInsert(p);
    default:
      break;
  }
  struct Form {
    Word verb;
    void (*read)(Parser*);
  };
  static constexpr Form kForms[] = {
      {K("UPDATE"), ReadUpdate}, {K("DELETE"), ReadDelete},    {K("SET"), ReadSet},
      {K("SHOW"), ReadShow},     {K("EXPLAIN"), ReadExplain},  {K("DESCRIBE"), ReadExplain},
      {K("DESC"), ReadExplain},  {K("ANALYZE"), ReadAnalyze},  {K("LOAD"), ReadLoad},
      {K("CREATE"), ReadCreate}, {K("ALTER"), ReadAlter},      {K("DROP"), ReadDrop},
      {K("RENAME"), ReadRename}, {K("TRUNCATE"), ReadTruncate}};
  for (const Form& form : kForms) {
    if (!verb.Is(form.verb)) continue;
    ++p->at;
    return form.read(p);
  }
  if (verb.Is(K("TABLE"))) return ReadQuery(p);
  if (verb.word != 0 && FindStatement({verb.word}) != nullptr) return ReadAdministration(p);
  if (verb.IsOneOf({K("OPTIMIZE"), K("CHECK"), K("CHECKSUM"), K("REPAIR"), K("CACHE"), K("IMPORT"),
                    K("START")})) {
    return ReadAdministration(p);
  }
  Unknown(p);
}

ptrdiff_t VerbAfterWith(const Toks& tokens, ptrdiff_t with) {
  ptrdiff_t i = with + 1;
  if (tokens[i].Is(K("RECURSIVE"))) ++i;
  for (;;) {
    if (!tokens[i].IsName() && !tokens[i].IsText()) return -1;
    ++i;
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i);
    if (!tokens[i].Is(K("AS")) || !tokens[i + 1].IsSymbol('(')) return -1;
    i = tokens.AfterParen(i + 1);
    if (tokens[i].Is(K("CYCLE"))) {
      while (i < tokens.size() && !tokens[i].Is(K("RESTRICT"))) ++i;
      ++i;
    }
    if (!tokens[i].IsSymbol(',')) return i;
    ++i;
  }
}

bool IsCompound(const Toks& tokens) {
  return tokens[0].IsOneOf({K("IF"), K("FOR"), K("WHILE"), K("LOOP"), K("REPEAT"), K("CASE")});
}

bool DefinesRoutine(const Toks& tokens) {
  if (tokens[0].Is(K("BEGIN")) && tokens.size() > 1 && !tokens[1].Is(K("WORK"))) return true;
  if (!tokens[0].IsOneOf({K("CREATE"), K("ALTER")})) return false;
  constexpr ptrdiff_t kHead = 24;  // DEFINER = 'x' @ 'y' SQL SECURITY ... and the like.
  for (ptrdiff_t i = 1; i < std::min(tokens.size(), kHead); ++i) {
    if (tokens[i].IsOneOf(
            {K("PROCEDURE"), K("FUNCTION"), K("TRIGGER"), K("EVENT"), K("PACKAGE")})) {
      return true;
    }
    if (tokens[i].IsOneOf({K("TABLE"), K("VIEW"), K("INDEX"), K("DATABASE"), K("SCHEMA"), K("USER"),
                           K("ROLE"), K("SERVER"), K("SEQUENCE")})) {
      return false;
    }
  }
  return false;
}

size_t EndOfRoutine(absl::Span<const Tok> tokens, const std::vector<size_t>& ends, size_t from,
                    size_t first_end) {
  // Delimiters are no tokens: where one stood, the statement in the body begins anew.
  const Toks all(tokens);
  const bool defines = tokens[from].IsOneOf({K("CREATE"), K("ALTER")});
  size_t next_end =
      static_cast<size_t>(std::lower_bound(ends.begin(), ends.end(), first_end) - ends.begin());
  int depth = 0;
  bool opened = false;
  bool first = true;
  for (size_t i = from; i < tokens.size(); ++i) {
    while (next_end < ends.size() && ends[next_end] <= i) {
      if (ends[next_end] == i) {
        if (depth == 0) return i;
        first = true;
      }
      ++next_end;
    }
    const ptrdiff_t at = static_cast<ptrdiff_t>(i);
    const Tok before = first ? all[-1] : all[at - 1];
    if (tokens[i].Is(K("END"))) {
      if (depth > 0) --depth;
    } else if (OpensBlock(tokens[i], before, all[at + 1])) {
      // FOR EACH ROW and IF NOT EXISTS of the head are no blocks.
      const bool head = defines && !opened && !tokens[i].IsOneOf({K("BEGIN"), K("CASE")});
      if (!head || before.kind != TokenKind::kDelimiter) {
        ++depth;
        opened = true;
      }
    }
    first = false;
  }
  return tokens.size();
}

}  // namespace dbfleet::sql::mysql
