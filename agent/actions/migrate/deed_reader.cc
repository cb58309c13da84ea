#include "agent/actions/migrate/deed_reader.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::agent {

DeedReader::DeedReader(sql::Dialect dialect, absl::string_view text, absl::string_view database)
    : dialect_(dialect), database_(database) {
  sql::Lexer lexer(dialect, text, sql::DefaultOptions(dialect));
  for (sql::Token token; lexer.Next(&token);) {
    if (token.kind == sql::TokenKind::kHint || token.kind == sql::TokenKind::kDelimiter) continue;
    tokens_.push_back(token);
  }
}

bool DeedReader::Is(absl::string_view upper, size_t ahead) const {
  return pos_ + ahead < tokens_.size() && tokens_[pos_ + ahead].IsWord(upper);
}

bool DeedReader::IsSymbol(char c, size_t ahead) const {
  return pos_ + ahead < tokens_.size() && tokens_[pos_ + ahead].IsSymbol(c);
}

bool DeedReader::Skip(absl::string_view upper) {
  if (!Is(upper)) return false;
  ++pos_;
  return true;
}

bool DeedReader::IsIfExists(size_t ahead) const {
  return Is("IF", ahead) &&
         (Is("EXISTS", ahead + 1) || (Is("NOT", ahead + 1) && Is("EXISTS", ahead + 2)));
}

bool DeedReader::SkipIfExists() {
  if (!IsIfExists()) return false;
  pos_ += Is("EXISTS", 1) ? 2 : 3;
  return true;
}

bool DeedReader::Has(absl::string_view upper) const {
  for (size_t i = pos_; i < tokens_.size(); ++i) {
    if (tokens_[i].IsWord(upper)) return true;
  }
  return false;
}

bool DeedReader::HasPair(absl::string_view first, absl::string_view second) const {
  for (size_t i = pos_; i + 1 < tokens_.size(); ++i) {
    if (tokens_[i].IsWord(first) && tokens_[i + 1].IsWord(second)) return true;
  }
  return false;
}

bool DeedReader::HasComma() const { return Clauses().size() > 1; }

std::string DeedReader::FindKind() {
  static constexpr absl::string_view kKinds[] = {
      "TABLE",    "TABLES", "INDEX",     "VIEW",       "PROCEDURE", "FUNCTION", "TRIGGER",
      "EVENT",    "USER",   "DATABASE",  "ROLE",       "SCHEMA",    "SEQUENCE", "SERVER",
      "PACKAGE",  "TYPE",   "DOMAIN",    "EXTENSION",  "POLICY",    "RULE",     "AGGREGATE",
      "OPERATOR", "CAST",   "COLLATION", "STATISTICS", "LANGUAGE",  "TEXT",     "PUBLICATION"};
  constexpr size_t kModifiers = 24;  // DEFINER = 'x' @ 'y' SQL SECURITY ... and the like.
  for (size_t i = 0; i < kModifiers && pos_ + i < tokens_.size(); ++i) {
    for (absl::string_view kind : kKinds) {
      if (!tokens_[pos_ + i].IsWord(kind)) continue;
      pos_ += i + 1;
      return std::string(kind);
    }
  }
  return "";
}

std::string DeedReader::OneName(bool* quoted) {
  if (AtEnd() || !tokens_[pos_].IsName()) return "";
  const sql::Token& token = tokens_[pos_++];
  *quoted = token.kind == sql::TokenKind::kQuotedName;
  if (!*quoted) {
    return postgres() ? absl::AsciiStrToLower(token.text) : std::string(token.text);
  }
  const absl::string_view inner = token.text.substr(1, token.text.size() - 2);
  return postgres() ? absl::StrReplaceAll(inner, {{"\"\"", "\""}})
                    : absl::StrReplaceAll(inner, {{"``", "`"}});
}

DeedReader::Name DeedReader::ReadName() {
  Name name;
  std::string first = OneName(&name.quoted);
  if (first.empty() || !IsSymbol('.')) {
    name.text = std::move(first);
    return name;
  }
  ++pos_;
  std::string second = OneName(&name.quoted);
  if (second.empty() || IsSymbol('.')) return Name();
  if (postgres() || first != database_) name.schema = absl::StrCat(first, ".");
  name.text = absl::StrCat(name.schema, second);
  return name;
}

std::string DeedReader::Fold(absl::string_view name) const {
  return postgres() ? std::string(name) : absl::AsciiStrToLower(name);
}

std::vector<DeedReader> DeedReader::Clauses() const {
  std::vector<DeedReader> clauses;
  int depth = 0;
  size_t begin = pos_;
  const auto cut = [&](size_t end) {
    DeedReader clause = *this;
    clause.tokens_.assign(tokens_.begin() + begin, tokens_.begin() + end);
    clause.pos_ = 0;
    clauses.push_back(std::move(clause));
    begin = end + 1;
  };
  for (size_t i = pos_; i < tokens_.size(); ++i) {
    if (tokens_[i].IsSymbol('(')) ++depth;
    if (tokens_[i].IsSymbol(')')) --depth;
    if (tokens_[i].IsSymbol(',') && depth == 0) cut(i);
  }
  if (begin <= tokens_.size()) cut(tokens_.size());
  return clauses;
}

}  // namespace dbfleet::agent
