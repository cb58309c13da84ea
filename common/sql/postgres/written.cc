#include "common/sql/postgres/written.h"

#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/model/target.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

// The tokens of a text without its comments and what ends it.
class Words {
 public:
  // Not more than `most` of them.
  explicit Words(absl::string_view text, size_t most = std::numeric_limits<size_t>::max())
      : text_(text) {
    Lexer lexer(Dialect::kPostgres, text, DefaultOptions(Dialect::kPostgres));
    Token token;
    while (tokens_.size() < most && lexer.Next(&token) && token.kind != TokenKind::kDelimiter) {
      if (token.kind != TokenKind::kHint) tokens_.push_back(token);
    }
    ok_ = lexer.status().ok();
  }

  bool ok() const { return ok_; }
  size_t size() const { return tokens_.size(); }
  bool Is(size_t i, absl::string_view word) const {
    return i < tokens_.size() && tokens_[i].IsWord(word);
  }
  bool IsSymbol(size_t i, char c) const { return i < tokens_.size() && tokens_[i].IsSymbol(c); }
  bool IsName(size_t i) const { return i < tokens_.size() && tokens_[i].IsName(); }

  // Behind the ")" of the "(" at `open`, or beyond the end.
  size_t Behind(size_t open) const {
    int depth = 0;
    for (size_t i = open; i < tokens_.size(); ++i) {
      if (IsSymbol(i, '(') || IsSymbol(i, '[')) ++depth;
      if ((IsSymbol(i, ')') || IsSymbol(i, ']')) && --depth == 0) return i + 1;
    }
    return tokens_.size() + 1;
  }

  // name.name, or what stands there.
  size_t BehindName(size_t i) const {
    while (IsName(i) && IsSymbol(i + 1, '.') && IsName(i + 2)) i += 2;
    return i + 1;
  }

  // The tokens [from, to) in one line; "" if one of them goes over several.
  std::string Line(size_t from, size_t to) const {
    std::string line;
    if (!ok_ || to > tokens_.size()) return "";
    for (size_t i = from; i < to; ++i) {
      const Token& token = tokens_[i];
      if (token.text.find_first_of("\r\n") != absl::string_view::npos) return "";
      // 'a' 'b' is one text over two lines, and nothing in one.
      if (i > from && token.kind == TokenKind::kString &&
          tokens_[i - 1].kind == TokenKind::kString) {
        return "";
      }
      const bool apart =
          i > from && tokens_[i - 1].offset + tokens_[i - 1].text.size() < token.offset;
      absl::StrAppend(&line, apart ? " " : "", token.text);
    }
    return line;
  }

 private:
  absl::string_view text_;
  std::vector<Token> tokens_;
  bool ok_ = false;
};

// One of an index's parts, [from, to): the column or the expression with its collation, without
// the operator class and the order.
std::string KeyIn(const Words& words, size_t from, size_t to) {
  size_t end = to + 1;
  if (words.IsSymbol(from, '(')) {
    end = words.Behind(from);
  } else if (words.IsName(from)) {
    end = words.BehindName(from);
    if (words.IsSymbol(end, '(')) end = words.Behind(end);
  }
  if (end > to) return "";
  if (words.Is(end, "COLLATE")) end = words.BehindName(end + 1);
  return words.Line(from, end);
}

// The parts of the list that "(" at `open` begins.
std::vector<std::string> KeysIn(const Words& words, size_t open) {
  std::vector<std::string> keys;
  const size_t close = words.Behind(open) - 1;
  if (close >= words.size()) return keys;
  size_t begin = open + 1;
  for (size_t i = begin; i <= close; ++i) {
    if (i < close && words.IsSymbol(i, '(')) i = words.Behind(i);
    if (i != close && !words.IsSymbol(i, ',')) continue;
    keys.push_back(KeyIn(words, begin, i));
    if (keys.back().empty()) return {};
    begin = i + 1;
  }
  return keys;
}

// Behind what may stand in an interval: YEAR TO MONTH, DAY TO SECOND (3).
size_t BehindFields(const Words& words, size_t i) {
  const auto is_field = [&](size_t at) {
    for (absl::string_view field : {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}) {
      if (words.Is(at, field)) return true;
    }
    return false;
  };
  if (!is_field(i)) return words.IsSymbol(i, '(') ? words.Behind(i) : i;
  ++i;
  if (words.Is(i, "TO") && is_field(i + 1)) i += 2;
  return words.IsSymbol(i, '(') ? words.Behind(i) : i;
}

// Behind the words of the type at `i`, some of which have several, and its arguments.
size_t BehindType(const Words& words, size_t i) {
  if (words.Is(i, "INTERVAL")) return BehindFields(words, i + 1);
  if (words.Is(i, "DOUBLE") && words.Is(i + 1, "PRECISION")) return i + 2;
  const bool time = words.Is(i, "TIMESTAMP") || words.Is(i, "TIME");
  if (words.Is(i, "NATIONAL")) ++i;
  const bool varies =
      words.Is(i, "CHARACTER") || words.Is(i, "CHAR") || words.Is(i, "NCHAR") || words.Is(i, "BIT");
  i = words.BehindName(i);
  if (varies && words.Is(i, "VARYING")) ++i;
  if (words.IsSymbol(i, '(')) i = words.Behind(i);
  const bool zone = words.Is(i, "WITH") || words.Is(i, "WITHOUT");
  if (time && zone && words.Is(i + 1, "TIME") && words.Is(i + 2, "ZONE")) i += 3;
  return i;
}

}  // namespace

std::string WrittenType(absl::string_view text, int64_t from) {
  if (from < 0 || static_cast<uint64_t>(from) >= text.size()) return "";
  constexpr size_t kMost = 50;  // Of a table of many columns each is looked at alone.
  const Words words(text.substr(static_cast<size_t>(from)), kMost);
  // SETOF is no column's, and %TYPE is written in other places only.
  if (!words.IsName(0)) return "";
  size_t i = BehindType(words, 0);
  if (words.Is(i, "ARRAY")) ++i;
  while (words.IsSymbol(i, '[')) i = words.Behind(i);
  return words.IsSymbol(i, '%') ? "" : words.Line(0, i);
}

std::string OneLine(absl::string_view text) {
  const Words words(text);
  return words.Line(0, words.size());
}

void FillWrittenIndex(absl::string_view create, IndexFacts* index) {
  const Words words(create);
  size_t on = 0;
  while (on < words.size() && !words.Is(on, "ON")) ++on;
  index->rest = words.Line(on, words.size());
  size_t open = on;
  while (open < words.size() && !words.IsSymbol(open, '(')) ++open;
  index->keys = KeysIn(words, open);
  for (size_t i = words.Behind(open); i < words.size(); ++i) {
    if (words.IsSymbol(i, '(')) {
      i = words.Behind(i) - 1;
    } else if (words.Is(i, "WHERE")) {
      index->where = words.Line(i + 1, words.size());
      return;
    }
  }
}

std::string DefinitionOf(absl::string_view added) {
  const Words words(added);
  const size_t add = words.Is(0, "ALTER") ? words.BehindName(2) : 0;
  if (!words.Is(add, "ADD")) return "";
  const bool named = words.Is(add + 1, "CONSTRAINT") && words.IsName(add + 2);
  return words.Line(add + (named ? 3 : 1), words.size());
}

void FillWrittenKey(absl::string_view definition, absl::string_view table, IndexFacts* index) {
  const Words words(definition);
  size_t i = words.Is(0, "PRIMARY") ? 2 : 1;
  std::string nulls;
  if (words.Is(i, "NULLS")) {
    const size_t begin = i;
    i += words.Is(i + 1, "NOT") ? 3 : 2;
    nulls = absl::StrCat(" ", words.Line(begin, i));
  }
  if (!words.IsSymbol(i, '(')) return;
  std::vector<std::string> keys = KeysIn(words, i);
  std::string rest = absl::StrCat("ON ", table, " ", words.Line(i, words.Behind(i)));
  i = words.Behind(i);
  // The order of the parts is another one in CREATE INDEX.
  if (words.Is(i, "INCLUDE") && words.IsSymbol(i + 1, '(')) {
    absl::StrAppend(&rest, " ", words.Line(i, words.Behind(i + 1)));
    i = words.Behind(i + 1);
  }
  rest += nulls;
  if (words.Is(i, "WITH") && words.IsSymbol(i + 1, '(')) {
    absl::StrAppend(&rest, " ", words.Line(i, words.Behind(i + 1)));
    i = words.Behind(i + 1);
  }
  if (words.Is(i, "USING") && words.Is(i + 1, "INDEX") && words.Is(i + 2, "TABLESPACE")) {
    absl::StrAppend(&rest, " ", words.Line(i + 2, i + 4));
    i += 4;
  }
  std::string attributes = words.Line(i, words.size());
  if (!words.ok() || i > words.size() || keys.empty() || (i < words.size() && attributes.empty())) {
    return;
  }
  index->keys = std::move(keys);
  index->rest = std::move(rest);
  if (!attributes.empty()) index->attributes = absl::StrCat(" ", attributes);
}

}  // namespace dbfleet::sql::pg
