// What conditions look like: facts for rules, never for the class.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/mysql/always_true.h"
#include "common/sql/mysql/functions.h"
#include "common/sql/mysql/pinned_columns.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kMaxListed = 64;
constexpr size_t kMaxShown = 80;

// Words that stand for a value by themselves.
bool IsValueWord(Word word) {
  switch (word) {
    case K("CURRENT_DATE"):
    case K("CURRENT_TIME"):
    case K("CURRENT_TIMESTAMP"):
    case K("CURRENT_USER"):
    case K("DEFAULT"):
    case K("LOCALTIME"):
    case K("LOCALTIMESTAMP"):
    case K("UTC_DATE"):
    case K("UTC_TIME"):
    case K("UTC_TIMESTAMP"):
      return true;
    default:
      return false;
  }
}

// MariaDB's, without parentheses; MySQL has a function of that name only.
bool IsCurrentRole(const Tok& token) {
  return token.kind == TokenKind::kWord && token.IsWord("CURRENT_ROLE");
}

// EXTRACT(DAY FROM x), TIMESTAMPDIFF(DAY, a, b).
bool IsUnit(Word word) {
  switch (word) {
    case K("DAY"):
    case K("HOUR"):
    case K("MICROSECOND"):
    case K("MINUTE"):
    case K("MONTH"):
    case K("QUARTER"):
    case K("SECOND"):
    case K("WEEK"):
    case K("YEAR"):
      return true;
    default:
      return false;
  }
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// What comes behind a table's name and is no alias.
bool IsAlias(const Tok& token) {
  return token.IsName() && !EndsName(token.word) &&
         !token.IsOneOf({K("SET"), K("ON"), K("USING"), K("WHERE"), K("LEFT"), K("RIGHT"),
                         K("INNER"), K("JOIN"), K("STRAIGHT_JOIN"), K("ORDER"), K("GROUP")});
}

}  // namespace

bool TableCalled(const Toks& tokens, ptrdiff_t from, const std::string& called, Name* table) {
  bool found = false;
  for (ptrdiff_t i = from; i < tokens.size(); ++i) {
    const Tok& before = tokens[i - 1];
    const bool listed = before.IsSymbol(',') ||
                        before.IsOneOf({K("FROM"), K("JOIN"), K("STRAIGHT_JOIN"), K("UPDATE")});
    if (!listed || !tokens[i].IsName()) continue;
    Name name{"", Unquoted(tokens[i])};
    ptrdiff_t end = i + 1;
    if (tokens[end].IsSymbol('.') && tokens[end + 1].IsName()) {
      name.schema = std::move(name.name);
      name.name = Unquoted(tokens[end + 1]);
      end += 2;
    }
    if (tokens[end].Is(K("AS"))) ++end;
    const std::string alias = IsAlias(tokens[end]) ? Unquoted(tokens[end]) : name.name;
    if (!absl::EqualsIgnoreCase(alias, called)) continue;
    if (found && !(*table == name)) return false;
    found = true;
    *table = std::move(name);
  }
  return found;
}

void ListSelected(const Toks& tokens, QueryFacts* facts) {
  if (!tokens[0].Is(K("SELECT"))) return;
  ptrdiff_t i = 1;
  while (tokens[i].IsWord("DISTINCT") || tokens[i].IsWord("ALL") ||
         tokens[i].IsWord("DISTINCTROW") || tokens[i].IsWord("HIGH_PRIORITY") ||
         tokens[i].IsWord("STRAIGHT_JOIN") || absl::StartsWithIgnoreCase(tokens[i].text, "SQL_")) {
    ++i;
  }
  int depth = 0;
  for (bool begins = true; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')')) --depth;
    if (depth == 0 && tokens[i].Is(K("FROM"))) return;
    if (begins && tokens[i].IsName() && !EndsName(tokens[i].word) && !IsValueWord(tokens[i].word)) {
      ptrdiff_t last = i;
      while (tokens[last + 1].IsSymbol('.') && tokens[last + 2].IsName()) last += 2;
      const Tok& next = tokens[last + 1];
      const bool alone = next.IsSymbol(',') || next.IsOneOf({K("FROM"), K("AS")});
      const bool value = tokens[last].IsWord("NULL") || tokens[last].IsWord("TRUE") ||
                         tokens[last].IsWord("FALSE") || tokens[last].IsWord("ROWNUM") ||
                         tokens[last].IsWord("SYSDATE") || IsCurrentRole(tokens[last]);
      if (alone && !value && facts->selected_columns.size() < kMaxListed) {
        facts->selected_columns.push_back(Unquoted(tokens[last]));
      }
    }
    begins = depth == 0 && tokens[i].IsSymbol(',');
  }
}

void ListWritten(const Toks& tokens, ptrdiff_t from, QueryFacts* facts) {
  int depth = 0;
  bool sets = false;
  bool begins = false;
  for (ptrdiff_t i = from; i < tokens.size(); ++i) {
    const Tok& token = tokens[i];
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')')) --depth;
    if (depth == 0 && sets && token.IsOneOf({K("WHERE"), K("ORDER"), K("LIMIT")})) return;
    if (begins && token.IsName()) {
      ptrdiff_t last = i;
      while (tokens[last + 1].IsSymbol('.') && tokens[last + 2].IsName()) last += 2;
      if (tokens[last + 1].IsSymbol('=') && facts->written_columns.size() < kMaxListed) {
        facts->written_columns.push_back(Unquoted(tokens[last]));
      }
    }
    const bool set = depth == 0 && !sets && token.Is(K("SET"));
    sets = sets || set;
    begins = set || (sets && depth == 0 && token.IsSymbol(','));
  }
}

bool QueryScan::IsColumn(ptrdiff_t i) const {
  const Tok& token = tokens_[i];
  const Tok& before = tokens_[i - 1];
  if (before.IsOneOf({K("AS"), K("USING"), K("COLLATE")}) || before.IsSymbol('{')) return false;
  if (tokens_[i - 2].Is(K("INTERVAL")) || IsCurrentRole(token)) return false;
  if (IsValueWord(token.word) || (before.IsSymbol('(') && IsUnit(token.word))) return false;
  if (token.kind == TokenKind::kQuotedName) return !tokens_[i - 1].IsSymbol('@');
  return token.kind == TokenKind::kWord && !EndsName(token.word) &&
         !absl::ascii_isdigit(token.text[0]) && !tokens_[i - 1].IsSymbol('@') &&
         !tokens_[i + 1].IsSymbol('(') && !tokens_[i + 1].IsText();
}

// The first and the behind-the-last token of a.b.c around a name.
ptrdiff_t QueryScan::ChainStart(ptrdiff_t i) const {
  for (int part = 0; part < 2 && tokens_[i - 1].IsSymbol('.') && tokens_[i - 2].IsName(); ++part) {
    i -= 2;
  }
  return i;
}

ptrdiff_t QueryScan::ChainEnd(ptrdiff_t i) const {
  for (int part = 0; part < 2 && tokens_[i + 1].IsSymbol('.') && tokens_[i + 2].IsName(); ++part) {
    i += 2;
  }
  return i + 1;
}

// || or &&, of which one is at `i` and the other at `other`; alone they are operators on numbers.
bool QueryScan::IsJoined(ptrdiff_t i, ptrdiff_t other) const {
  return (tokens_[i].IsSymbol('|') && tokens_[other].IsSymbol('|')) ||
         (tokens_[i].IsSymbol('&') && tokens_[other].IsSymbol('&'));
}

bool QueryScan::BoundaryBefore(ptrdiff_t i) const {
  const Tok& token = tokens_[i];
  return token.IsSymbol('(') || IsJoined(i, i - 1) ||
         token.IsOneOf({K("AND"), K("OR"), K("XOR"), K("WHERE"), K("ON"), K("HAVING"), K("WHEN")});
}

bool QueryScan::BoundaryAfter(ptrdiff_t i) const {
  const Tok& token = tokens_[i];
  if (i >= end_ || token.IsSymbol(')') || IsJoined(i, i + 1)) return true;
  return token.IsOneOf({K("AND"),    K("OR"),    K("XOR"),     K("GROUP"),        K("ORDER"),
                        K("HAVING"), K("LIMIT"), K("UNION"),   K("EXCEPT"),       K("INTERSECT"),
                        K("FOR"),    K("LOCK"),  K("WINDOW"),  K("RETURNING"),    K("INTO"),
                        K("THEN"),   K("JOIN"),  K("LEFT"),    K("INNER"),        K("RIGHT"),
                        K("WHERE"),  K("CROSS"), K("NATURAL"), K("STRAIGHT_JOIN")});
}

void QueryScan::List(std::vector<std::string>* list, std::string name) {
  if (list->size() >= kMaxListed || std::find(list->begin(), list->end(), name) != list->end()) {
    return;
  }
  list->push_back(std::move(name));
}

void QueryScan::Tautology(ptrdiff_t from, ptrdiff_t to) {
  QueryFacts& facts = draft_.reading.facts.query;
  if (facts.tautology) return;
  facts.tautology = true;
  facts.tautology_text = draft_.TextOf(from, to).substr(0, kMaxShown);
}

// A comparison begins at `i`: <, <=, <=>, <>, !=, =, >=, >.
void QueryScan::Compare(ptrdiff_t i) {
  const auto is_part = [&](ptrdiff_t k) {
    return (tokens_[k].IsSymbol('=') || tokens_[k].IsSymbol('<') || tokens_[k].IsSymbol('>')) &&
           tokens_[k - 1].Touches(tokens_[k]);
  };
  const bool continues =
      is_part(i) && (tokens_[i - 1].IsSymbol('<') || tokens_[i - 1].IsSymbol('>') ||
                     tokens_[i - 1].IsSymbol('=') || tokens_[i - 1].IsSymbol('!'));
  if (continues || tokens_[i - 1].IsSymbol('-') || tokens_[i - 1].IsSymbol(':')) return;
  ptrdiff_t length = 1;
  while (length < 3 && is_part(i + length)) ++length;
  if (length == 1 && tokens_[i].IsSymbol('!')) return;
  NoteNull(i, i + length);
  if (frames_.back().condition) CompareSides(i, length);
}

// "a = NULL", in CASE WHEN as in a condition.
void QueryScan::NoteNull(ptrdiff_t op, ptrdiff_t right) {
  QueryFacts& facts = draft_.reading.facts.query;
  const std::string sign = draft_.TextOf(op, right);
  const bool null = tokens_[op - 1].Is(K("NULL")) || tokens_[right].Is(K("NULL"));
  if (facts.equals_null || !null || sign == "<=>") return;
  facts.equals_null = true;
  if (IsColumn(op - 1)) facts.null_column = Unquoted(tokens_[op - 1]);
  if (IsColumn(right)) facts.null_column = Unquoted(tokens_[ChainEnd(right) - 1]);
  facts.unequal_to_null = sign == "<>" || sign == "!=";
}

// "a NOT IN (1, NULL)"
void QueryScan::NoteNullInList(ptrdiff_t i) {
  QueryFacts& facts = draft_.reading.facts.query;
  const Tok& before = tokens_[i - 1];
  const Tok& behind = tokens_[i + 1];
  const bool element = (before.IsSymbol('(') || before.IsSymbol(',')) &&
                       (behind.IsSymbol(')') || behind.IsSymbol(','));
  const ptrdiff_t in = frames_.back().not_in;
  if (facts.not_in_null || in < 0 || !element) return;
  facts.not_in_null = true;
  if (IsColumn(in - 1)) facts.not_in_column = Unquoted(tokens_[in - 1]);
}

void QueryScan::CompareSides(ptrdiff_t op, ptrdiff_t length) {
  const Tok& left = tokens_[op - 1];
  const ptrdiff_t right_at = op + length;
  const Tok& right = tokens_[right_at];
  const std::string sign = draft_.TextOf(op, right_at);
  Calculation(op, right_at);
  if (IsLiteral(left) && IsLiteral(right)) {
    if (BoundaryBefore(op - 2) && BoundaryAfter(right_at + 1) &&
        HoldsForLiterals(left, sign, right)) {
      Tautology(op - 1, right_at + 1);
    }
    return;
  }
  const bool left_column = IsColumn(op - 1);
  const bool right_column = IsColumn(right_at);
  const bool negated = sign == "<>" || sign == "!=";
  if (left_column) Filter(op - 1, negated);
  if (left.IsSymbol(')')) FilterRow(op - 1, negated);
  const ptrdiff_t right_end = right_column ? ChainEnd(right_at) : right_at + 1;
  if (right_column) Filter(right_end - 1, negated);
  // "1 + code = 5" and "code = 5 + 1" compare other things.
  const ptrdiff_t start = left_column ? ChainStart(op - 1) : op - 1;
  const bool whole = BoundaryBefore(start - 1) && BoundaryAfter(right_end);
  // In HAVING a name may be the list's, and no index is asked.
  if (!frames_.back().having) {
    if (whole && left_column) {
      NoteNumber(op - 1, right_at);
    } else if (whole && right_column) {
      NoteNumber(right_end - 1, op - 1);
    }
    if (left_column && right_column) NoteCompared(op - 1, right_end - 1);
  }
  if (left_column && right_column && (sign == "=" || sign == "<=>") && whole &&
      Equal(start, op, right_at) && right_end - right_at == op - start) {
    Tautology(start, right_end);
  }
}

// "a + 1 = 5", of a column that stands first, and a constant on the other side.
void QueryScan::Calculation(ptrdiff_t op, ptrdiff_t right) {
  const Tok& sign = tokens_[op - 2];
  const bool counts =
      sign.IsSymbol('+') || sign.IsSymbol('-') || sign.IsSymbol('*') || sign.IsSymbol('/');
  if (frames_.back().having || !counts || tokens_[op - 1].kind != TokenKind::kNumber) return;
  if (!IsColumn(op - 3) || !BoundaryBefore(ChainStart(op - 3) - 1)) return;
  if (!IsLiteral(tokens_[right]) || !BoundaryAfter(right + 1)) return;
  QueryFacts& facts = draft_.reading.facts.query;
  const size_t listed = facts.wrapped_columns.size();
  List(&facts.wrapped_columns, Unquoted(tokens_[op - 3]));
  if (facts.wrapped_columns.size() > listed) facts.wrapping_calls.push_back({"", false, true});
}

// A column that is compared with a number, with or without quotes.
void QueryScan::NoteNumber(ptrdiff_t column, ptrdiff_t number) {
  QueryFacts& facts = draft_.reading.facts.query;
  const auto note = [&](absl::string_view digits, auto* columns, auto* all_digits) {
    const size_t listed = columns->size();
    List(columns, Unquoted(tokens_[column]));
    if (columns->size() > listed) all_digits->emplace_back(digits);
  };
  const Tok& value = tokens_[number];
  if (IsDigits(Inside(value)))
    return note(Inside(value), &facts.quoted_numbers, &facts.quoted_digits);
  // 0x61 is a text.
  const bool decimal = std::all_of(value.text.begin(), value.text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.';
  });
  if (value.kind != TokenKind::kNumber || !decimal) return;
  note(value.text, &facts.plain_numbers, &facts.plain_digits);
}

// a.x and b.y, by their last tokens.
void QueryScan::NoteCompared(ptrdiff_t left, ptrdiff_t right) {
  auto& compared = draft_.reading.facts.query.compared_columns;
  constexpr size_t kMostCompared = 16;  // Each is looked up in the whole statement.
  QualifiedColumn columns[2];
  const ptrdiff_t at[2] = {left, right};
  for (int i = 0; i < 2; ++i) {
    if (compared.size() >= kMostCompared || ChainStart(at[i]) != at[i] - 2) return;
    Name& table = columns[i].table;
    if (!TableCalled(tokens_, 1, Unquoted(tokens_[at[i] - 2]), &table)) return;
    // One of WITH has columns of its own.
    if (table.schema.empty() && ctes_.count(absl::AsciiStrToLower(table.name)) > 0) return;
    columns[i].column = Unquoted(tokens_[at[i]]);
  }
  compared.emplace_back(std::move(columns[0]), std::move(columns[1]));
}

bool QueryScan::Equal(ptrdiff_t from, ptrdiff_t to, ptrdiff_t other) const {
  for (ptrdiff_t i = from; i < to; ++i, ++other) {
    if (!absl::EqualsIgnoreCase(tokens_[i].text, tokens_[other].text)) return false;
  }
  return true;
}

// Where the condition of the outermost WHERE ends.
ptrdiff_t QueryScan::EndOfWhere() const {
  int depth = 0;
  ptrdiff_t end = where_;
  for (; end < end_; ++end) {
    const Tok& token = tokens_[end];
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')')) --depth;
    if (depth < 0) break;
    if (depth == 0 && token.IsOneOf({K("ORDER"), K("LIMIT"), K("RETURNING"), K("GROUP"),
                                     K("HAVING"), K("UNION"), K("FOR"), K("LOCK")})) {
      break;
    }
  }
  return end;
}

bool QueryScan::where_is_always_true() const {
  return where_ >= 0 && IsAlwaysTrue(tokens_, where_, EndOfWhere());
}

void QueryScan::NoteWhere() {
  if (where_ < 0) return;
  NoteSought();
  const auto [from, to] = AlwaysTruePart(tokens_, where_, EndOfWhere());
  if (from >= 0) Tautology(from, to);
  draft_.reading.facts.query.pinned_columns = PinnedColumns(tokens_, where_, EndOfWhere());
}

// A constant that stands alone as a condition, or as one side of an OR.
void QueryScan::AloneInOr(ptrdiff_t i) {
  if (!frames_.back().condition) return;
  const Tok& token = tokens_[i];
  const Tok& before = tokens_[i - 1];
  const bool behind = before.IsOneOf({K("OR"), K("WHERE")}) ||
                      (before.IsSymbol('|') && tokens_[i - 2].IsSymbol('|'));
  if (!behind || !BoundaryAfter(i + 1)) return;
  if (IsTruth(token)) Tautology(i, i + 1);
}

// A call that ends at `close` and is compared hides its column from indexes.
void QueryScan::Wrapped(const Frame& call, ptrdiff_t close) {
  const Frame& outer = frames_.back();
  if (!outer.condition || outer.having || outer.call) return;
  if (IsAggregate(tokens_[call.name].text)) return;
  const auto compares = [&](ptrdiff_t i) {
    const Tok& token = tokens_[i];
    return token.IsSymbol('=') || token.IsSymbol('<') || token.IsSymbol('>') ||
           (token.IsSymbol('!') && tokens_[i + 1].IsSymbol('=')) ||
           token.IsOneOf({K("LIKE"), K("IN"), K("BETWEEN"), K("IS")}) ||
           (token.Is(K("NOT")) && tokens_[i + 1].IsOneOf({K("LIKE"), K("IN"), K("BETWEEN")}));
  };
  if (!compares(close + 1) && !compares(call.name - 1)) return;
  const ptrdiff_t last = ChainEnd(call.column) - 1;
  QueryFacts& facts = draft_.reading.facts.query;
  const size_t listed = facts.wrapped_columns.size();
  List(&facts.wrapped_columns, Unquoted(tokens_[last]));
  if (facts.wrapped_columns.size() == listed) return;
  const bool alone = call.column == call.name + 2 && last + 1 == close;
  facts.wrapping_calls.push_back(
      {call.types ? "" : std::string(tokens_[call.name].text), !alone, false});
}

}  // namespace dbfleet::sql::mysql
