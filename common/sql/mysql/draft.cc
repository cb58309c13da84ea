#include "common/sql/mysql/draft.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kMaxReasons = 8;
constexpr size_t kMaxListed = 64;

}  // namespace

bool Draft::Since(Version mysql, Version mariadb) const {
  return target.version.known() && target.version >= (maria() ? mariadb : mysql);
}

void Draft::Object(std::string reason) {
  if (!full()) AddReason(std::move(reason), &reading.verdict.reasons);
}

void Draft::Doubt(std::string reason) {
  understood_ = false;
  if (reading.verdict.doubt.empty()) reading.verdict.doubt = reason;
  Object(std::move(reason));
}

void Draft::Raise(Kind kind) { reading.verdict.kind = Heavier(reading.verdict.kind, kind); }

bool Draft::full() const { return reading.verdict.reasons.size() >= kMaxReasons; }

void Draft::Use(const std::string& written, Access access, bool table) {
  constexpr size_t kFew = 16;
  if (written.empty()) return;
  std::vector<ObjectUse>& uses = reading.verdict.uses;
  size_t found = uses.size();
  if (uses.size() <= kFew) {
    for (size_t i = 0; i < uses.size(); ++i) {
      if (uses[i].name == written) found = i;
    }
  } else {
    if (used_.empty()) {
      for (size_t i = 0; i < uses.size(); ++i) used_.emplace(uses[i].name, i);
    }
    found = used_.emplace(written, uses.size()).first->second;
  }
  if (found < uses.size()) {
    uses[found].access = std::max(uses[found].access, access);
    return;
  }
  uses.push_back({written, access});
  if (table) reading.verdict.tables.push_back(written);
}

void Draft::CheckLength(const std::string& name) {
  constexpr size_t kMaxCharacters = 64;
  if (name.size() <= kMaxCharacters) return;
  const auto characters = std::count_if(name.begin(), name.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
  std::vector<std::string>& names = reading.facts.long_identifiers;
  if (static_cast<size_t>(characters) > kMaxCharacters && names.size() < kMaxListed) {
    names.push_back(name);
  }
}

std::string Draft::TextOf(ptrdiff_t from, ptrdiff_t to) const {
  if (from >= to || from >= tokens.size()) return "";
  const Tok& first = tokens[from];
  const Tok& last = tokens[std::min(to, tokens.size()) - 1];
  return std::string(text.substr(first.offset, last.offset + last.text.size() - first.offset));
}

Reading Draft::Finish() {
  Verdict& verdict = reading.verdict;
  verdict.understood = understood_;
  reading.facts.complete = understood_;
  verdict.safety = verdict.reasons.empty() ? Safety::kSafe : Safety::kDestructive;
  if (!understood_) verdict.adds_only = false;
  // A SELECT that writes a file or advances a sequence: no rollback takes that back.
  if (verdict.kind == Kind::kDataFix && verdict.effects.undo == Undo::kNothingToUndo) {
    verdict.effects.undo = Undo::kBackup;
  }
  return std::move(reading);
}

bool Parser::Accept(Word word) {
  if (Now().word != word) return false;
  ++at;
  return true;
}

bool Parser::AcceptAll(std::initializer_list<Word> words) {
  if (!draft->tokens.HasWords(at, words)) return false;
  at += static_cast<ptrdiff_t>(words.size());
  return true;
}

bool Parser::AcceptAny(std::initializer_list<Word> words) {
  if (!Now().IsOneOf(words)) return false;
  ++at;
  return true;
}

bool Parser::AcceptSymbol(char c) {
  if (!Now().IsSymbol(c)) return false;
  ++at;
  return true;
}

std::string Parser::PlainName() {
  const Tok& token = Now();
  // Without ANSI_QUOTES "x" is a string, and no name; who does not know the mode takes it for one.
  const bool text_name = token.IsText() && token.text[0] == '"';
  if (!token.IsName() && !text_name) return "";
  ++at;
  std::string name = Unquoted(token);
  draft->CheckLength(name);
  return name;
}

Named Parser::ObjectName() {
  Named named;
  const ptrdiff_t start = at;
  named.name.name = PlainName();
  if (at == start) return named;
  named.written = std::string(draft->tokens[start].text);
  if (!Now().IsSymbol('.') || !(Now(1).IsName() || Now(1).IsText())) return named;
  ++at;
  absl::StrAppend(&named.written, ".", Now().text);
  named.name.schema = std::move(named.name.name);
  named.name.name = PlainName();
  return named;
}

bool Parser::DefinedTable(Name* table) {
  const Named named = ObjectName();
  if (named.written.empty()) {
    NotUnderstood();
    return false;
  }
  draft->reading.facts.objects.push_back(named.name);
  draft->Use(named.written, Access::kDefine);
  *table = named.name;
  return true;
}

std::vector<Named> Parser::ObjectNames() {
  std::vector<Named> names;
  do {
    Named named = ObjectName();
    if (named.written.empty()) break;
    names.push_back(std::move(named));
  } while (AcceptSymbol(','));
  return names;
}

std::vector<std::string> Parser::NameList() {
  std::vector<std::string> names;
  if (!AcceptSymbol('(')) return names;
  while (!AtEnd() && !AcceptSymbol(')')) {
    if (Now().IsSymbol('(')) {
      const ptrdiff_t start = at;
      SkipParens();
      names.push_back(draft->TextOf(start, at));
    } else {
      std::string name = PlainName();
      if (name.empty()) {
        NotUnderstood();
        return names;
      }
      names.push_back(std::move(name));
      SkipParens();
    }
    AcceptAny({K("ASC"), K("DESC")});
    if (!Now().IsSymbol(')') && !AcceptSymbol(',')) {
      NotUnderstood();
      return names;
    }
  }
  return names;
}

bool Parser::SkipParens() {
  if (!Now().IsSymbol('(')) return false;
  at = draft->tokens.AfterParen(at);
  return true;
}

bool BeginsAnother(const Tok& token) {
  return token.IsOneOf({K("ALTER"), K("CREATE"), K("DELETE"), K("INSERT"), K("UPDATE")});
}

std::string MissesDelimiter(const Tok& token) {
  return absl::StrCat(absl::AsciiStrToUpper(token.text),
                      " begins another statement: a delimiter is missing in front of it");
}

void Parser::ExpectEnd() {
  if (!AtEnd()) NotUnderstood();
}

void Parser::NotUnderstood() {
  const Tok& token = Now();
  if (AtEnd()) {
    draft->Doubt("it is not understood: something is missing at its end");
  } else if (draft->reading.facts.verb == Verb::kAlterTable && BeginsAnother(token)) {
    draft->reading.facts.unreadable = true;
    draft->Doubt(MissesDelimiter(token));
  } else if (token.kind == TokenKind::kWord) {
    draft->Doubt(absl::StrCat("it is not understood from ",
                              absl::AsciiStrToUpper(SanitizeForDisplay(Truncate(token.text, 40))),
                              " on"));
  } else if (draft->origin.known()) {
    const Position position = PositionAt(draft->text, token.offset, draft->origin);
    draft->Doubt(absl::StrCat("it is not understood from line ", position.line, ", column ",
                              position.column, " on"));
  } else {
    draft->Doubt("it is not understood to its end");
  }
  at = draft->tokens.size();
}

}  // namespace dbfleet::sql::mysql
