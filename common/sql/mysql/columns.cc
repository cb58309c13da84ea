#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/sql/mysql/ddl.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

std::string Value(const Tok& token) {
  return token.IsText() ? std::string(Inside(token)) : Unquoted(token);
}

// The words of the type, in lower case; some have two or three.
void ReadTypeName(Parser* p, ColumnFacts* column) {
  if (!p->Now().IsName() || p->Now().kind == TokenKind::kQuotedName) return p->NotUnderstood();
  column->type = absl::AsciiStrToLower(p->Now().text);
  const Tok first = p->Now();
  ++p->at;
  const auto append = [&](std::initializer_list<Word> words) {
    if (!p->Now().IsOneOf(words)) return;
    absl::StrAppend(&column->type, " ", absl::AsciiStrToLower(p->Now().text));
    ++p->at;
  };
  if (first.Is(K("DOUBLE"))) append({K("PRECISION")});
  if (first.IsOneOf({K("CHAR"), K("CHARACTER"), K("NCHAR")})) append({K("VARYING")});
  if (first.Is(K("LONG"))) append({K("VARCHAR"), K("VARBINARY")});
  if (first.Is(K("NATIONAL"))) {
    append({K("CHAR"), K("CHARACTER"), K("VARCHAR")});
    append({K("VARYING")});
  }
  if (column->type == "serial") {
    column->type = "bigint";
    column->is_unsigned = column->not_null = column->auto_increment = column->unique = true;
  }
}

void ReadTypeArguments(Parser* p, ColumnFacts* column) {
  if (!p->AcceptSymbol('(')) return;
  while (!p->AtEnd() && !p->AcceptSymbol(')')) {
    const Tok& token = p->Now();
    if (token.IsText()) {
      column->arguments.push_back(Value(token));
    } else if (token.kind == TokenKind::kNumber || token.IsName()) {
      column->arguments.emplace_back(token.text);
    } else if (!token.IsSymbol(',') && !token.IsSymbol('.')) {
      return p->NotUnderstood();
    }
    ++p->at;
  }
}

bool ReadCharset(Parser* p, ColumnFacts* column) {
  if (p->AcceptAll({K("CHARACTER"), K("SET")}) || p->Accept(K("CHARSET"))) {
    column->charset = absl::AsciiStrToLower(Value(p->Now()));
    ++p->at;
    return true;
  }
  if (p->Accept(K("COLLATE"))) {
    column->collation = absl::AsciiStrToLower(Value(p->Now()));
    ++p->at;
    return true;
  }
  return false;
}

// Whether an expression holds nothing that changes from row to row or from call to call.
DefaultKind KindOf(Parser* p, ptrdiff_t from, ptrdiff_t to) {
  DefaultKind kind = DefaultKind::kConstant;
  for (ptrdiff_t i = from; i < to; ++i) {
    const Tok& token = p->draft->tokens[i];
    if (token.IsOneOf({K("CURRENT_TIMESTAMP"), K("NOW"), K("LOCALTIME"), K("LOCALTIMESTAMP"),
                       K("CURRENT_DATE"), K("CURRENT_TIME"), K("CURRENT_USER"), K("CURDATE")})) {
      kind = std::max(kind, DefaultKind::kStable);
    } else if (token.kind == TokenKind::kWord &&
               !token.IsOneOf({K("NULL"), K("TRUE"), K("FALSE")}) && token.text[0] != '_') {
      return DefaultKind::kVolatile;
    }
  }
  return kind;
}

void ReadDefault(Parser* p, ColumnFacts* column) {
  Draft* draft = p->draft;
  const ptrdiff_t from = p->at;
  if (p->Now().IsSymbol('(')) {
    p->SkipParens();
  } else if (p->AcceptAll({K("NEXT"), K("VALUE"), K("FOR")})) {
    p->ObjectName();
  } else {
    while (p->Now().IsSymbol('-') || p->Now().IsSymbol('+') || p->Now().IsSymbol('@')) ++p->at;
    if (p->Now().kind == TokenKind::kWord && p->Now(1).IsText()) ++p->at;  // b'1', _utf8'x'
    if (p->AtEnd()) return p->NotUnderstood();
    ++p->at;
    // 1.5 is three tokens, as is .5 two.
    while (p->Now().IsSymbol('.') || (p->Now(-1).IsSymbol('.') && !p->AtEnd())) ++p->at;
    p->SkipParens();
  }
  column->default_text = draft->TextOf(from, p->at);
  const bool null = draft->tokens[from].Is(K("NULL")) && p->at == from + 1;
  column->default_kind = null ? DefaultKind::kNone : KindOf(p, from, p->at);
  QueryScan scan(draft);
  scan.Run(from, p->at, Clause::kOther);
}

void ReadGenerated(Parser* p, ColumnFacts* column) {
  if (p->Accept(K("ROW"))) {  // System versioning: AS ROW START | END.
    p->AcceptAny({K("START"), K("END")});
    return;
  }
  const ptrdiff_t from = p->at;
  if (!p->SkipParens()) return p->NotUnderstood();
  QueryScan scan(p->draft);
  scan.Run(from, p->at, Clause::kOther);
  if (p->AcceptAny({K("STORED"), K("PERSISTENT")})) {
    column->generated_stored = true;
  } else {
    p->Accept(K("VIRTUAL"));
    column->generated_virtual = true;
  }
}

bool ReadConstraint(Parser* p, ColumnFacts* column) {
  if (p->Accept(K("CONSTRAINT")) && !p->Is(K("CHECK"))) p->PlainName();
  if (p->Accept(K("UNIQUE"))) {
    p->Accept(K("KEY"));
    column->unique = true;
  } else if (p->Accept(K("PRIMARY"))) {
    p->Accept(K("KEY"));
    column->primary_key = true;
  } else if (p->Accept(K("KEY"))) {
    column->primary_key = true;
  } else if (p->Accept(K("CHECK"))) {
    column->check = true;
    ReadCheck(p);
  } else if (p->Is(K("REFERENCES"))) {
    column->references.emplace();
    column->references->is_inline = true;
    column->references->columns.push_back(column->name);
    ReadReferences(p, &*column->references);
  } else {
    return false;
  }
  return true;
}

// word [=] value
bool ReadColumnOption(Parser* p) {
  if (p->AcceptAny(
          {K("INVISIBLE"), K("VISIBLE"), K("ASCII"), K("UNICODE"), K("BYTE"), K("COMPRESSED")})) {
    if (p->AcceptSymbol('=')) ++p->at;
    return true;
  }
  if (p->AcceptAll({K("WITHOUT"), K("SYSTEM"), K("VERSIONING")}) ||
      p->AcceptAll({K("WITH"), K("SYSTEM"), K("VERSIONING")})) {
    return true;
  }
  if (p->AcceptAny({K("COMMENT"), K("COLUMN_FORMAT"), K("STORAGE"), K("ENGINE_ATTRIBUTE"),
                    K("SECONDARY_ENGINE_ATTRIBUTE"), K("SRID"), K("REF_SYSTEM_ID")})) {
    p->AcceptSymbol('=');
    ++p->at;
    return true;
  }
  // Engines have attributes of their own, so that all of this form are taken.
  if (p->Now().IsName() && p->Now(1).IsSymbol('=')) {
    p->at += 3;
    return true;
  }
  return false;
}

bool ReadAttribute(Parser* p, ColumnFacts* column) {
  if (p->AcceptAll({K("NOT"), K("NULL")})) {
    column->not_null = true;
  } else if (p->AcceptAll({K("SERIAL"), K("DEFAULT"), K("VALUE")})) {
    column->not_null = column->auto_increment = column->unique = true;
  } else if (p->Accept(K("DEFAULT"))) {
    ReadDefault(p, column);
  } else if (p->AcceptAll({K("ON"), K("UPDATE")})) {
    ++p->at;
    p->SkipParens();
  } else if (p->Accept(K("AUTO_INCREMENT"))) {
    column->auto_increment = true;
  } else if (p->AcceptAll({K("GENERATED"), K("ALWAYS"), K("AS")}) || p->Accept(K("AS"))) {
    ReadGenerated(p, column);
  } else if (p->AcceptAny({K("UNSIGNED"), K("ZEROFILL")})) {
    column->is_unsigned = true;
  } else if (p->Accept(K("AFTER"))) {
    column->position_after = p->PlainName();
  } else if (p->Accept(K("FIRST"))) {
    column->position_first = true;
  } else {
    return p->AcceptAny({K("NULL"), K("SIGNED"), K("BINARY")}) || ReadCharset(p, column) ||
           ReadConstraint(p, column) || ReadColumnOption(p);
  }
  return true;
}

std::vector<std::string> ColumnsCompared(Parser* p, ptrdiff_t from, ptrdiff_t to) {
  // On a draft of its own, for it is no condition of the statement's.
  Draft apart(p->draft->target, p->draft->tokens, p->draft->text, p->draft->origin);
  QueryScan scan(&apart);
  scan.Run(from, to, Clause::kWhere);
  return std::move(apart.reading.facts.query.filtered_columns);
}

}  // namespace

void ReadCheck(Parser* p, std::vector<std::string>* columns) {
  const ptrdiff_t from = p->at;
  if (!p->SkipParens()) return p->NotUnderstood();
  QueryScan scan(p->draft);
  scan.Run(from, p->at, Clause::kOther);
  if (columns != nullptr) *columns = ColumnsCompared(p, from, p->at);
  if (p->Is(K("NOT")) && p->Now(1).Is(K("ENFORCED"))) ++p->at;
  p->Accept(K("ENFORCED"));
}

void ReadReferences(Parser* p, ForeignKeyFacts* key) {
  if (!p->Accept(K("REFERENCES"))) return p->NotUnderstood();
  const Named parent = p->ObjectName();
  if (parent.written.empty()) return p->NotUnderstood();
  key->parent = parent.name;
  const bool ignored = key->is_inline && !p->draft->Since({9, 0, 0}, {10, 5, 0});
  if (!ignored) p->draft->reading.verdict.uses.push_back({parent.written, Access::kLock});
  if (p->Now().IsSymbol('(')) key->parent_columns = p->NameList();
  if (p->Accept(K("MATCH"))) ++p->at;
  while (p->Is(K("ON")) && p->Now(1).IsOneOf({K("DELETE"), K("UPDATE")})) {
    const bool deletes = p->Now(1).Is(K("DELETE"));
    p->at += 2;
    if (p->Accept(K("CASCADE"))) {
      key->cascades_delete = key->cascades_delete || deletes;
    } else if (!p->Accept(K("RESTRICT")) && !p->AcceptAll({K("NO"), K("ACTION")}) &&
               !p->AcceptAll({K("SET"), K("NULL")}) && !p->AcceptAll({K("SET"), K("DEFAULT")})) {
      return p->NotUnderstood();
    }
  }
}

void ReadColumn(Parser* p, ColumnFacts* column) {
  column->name = p->PlainName();
  if (column->name.empty()) return p->NotUnderstood();
  if (p->AcceptSymbol('.')) {  // MySQL allows table.column here.
    column->name = p->PlainName();
    if (p->AcceptSymbol('.')) column->name = p->PlainName();
  }
  const ptrdiff_t type = p->at;
  ReadTypeName(p, column);
  ReadTypeArguments(p, column);
  while (p->Now().IsOneOf({K("UNSIGNED"), K("ZEROFILL"), K("SIGNED")})) {
    column->is_unsigned = column->is_unsigned || !p->Is(K("SIGNED"));
    ++p->at;
  }
  const std::string text = p->draft->TextOf(type, p->at);
  // In one line, and without a comment that may end it.
  if (text.find_first_of("\r\n#") == std::string::npos && text.find("--") == std::string::npos) {
    column->type_text = text;
  }
  for (;;) {
    const bool known = p->Is(K("NOT")) || p->Is(K("DEFAULT"));
    if (p->AtEnd() || !ReadAttribute(p, column)) break;
    column->has_more = column->has_more || !known;
  }
  if (column->primary_key) column->not_null = true;
}

}  // namespace dbfleet::sql::mysql
