#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {

void QueryScan::KeyWord(ptrdiff_t i) {
  if (ClauseWord(i)) return;
  EffectWord(i);
  ConditionWord(i);
  Frame& frame = frames_.back();
  if (tokens_[i].IsOneOf({K("WHEN"), K("THEN")})) frame.when = tokens_[i].Is(K("WHEN"));
  if (tokens_[i].Is(K("NULL"))) NoteNullInList(i);
  if (frame.call && frame.column < 0 && IsColumn(i)) frame.column = i;
}

void QueryScan::Enter(Clause clause) {
  Frame& frame = frames_.back();
  frame.clause = clause;
  frame.expect_table = clause == Clause::kFrom;
  frame.having = clause == Clause::kHaving;
  frame.condition = clause == Clause::kWhere || clause == Clause::kOn || clause == Clause::kHaving;
}

void QueryScan::BeginSelect() {
  Frame& frame = frames_.back();
  if (!frame.query) {
    frame.query = true;
    ++queries_;
  }
  frame.in_with = false;
  frame.access = Access::kRead;
  has_select_ = true;
  QueryFacts& facts = draft_.reading.facts.query;
  facts.select_depth = std::max(facts.select_depth, queries_);
  Enter(Clause::kSelectList);
}

// SELECT MIN(a) AS x, MAX(b) FROM
void QueryScan::NoteExtremes(ptrdiff_t from) {
  std::vector<std::string> columns;
  ptrdiff_t i = from_;
  if (!tokens_[i].Is(K("SELECT"))) return;
  do {
    const std::string name = absl::AsciiStrToUpper(tokens_[++i].text);
    if ((name != "MIN" && name != "MAX") || !tokens_[++i].IsSymbol('(')) return;
    if (!IsColumn(++i) || !tokens_[i + 1].IsSymbol(')')) return;
    columns.push_back(Unquoted(tokens_[i]));
    i += 2;
    if (tokens_[i].Is(K("AS"))) ++i;
    if (i < from && !tokens_[i].IsSymbol(',')) ++i;  // Its new name.
  } while (i < from && tokens_[i].IsSymbol(','));
  if (i == from) draft_.reading.facts.query.extremes = std::move(columns);
}

// Words that begin a part of a query.
bool QueryScan::ClauseWord(ptrdiff_t i) {
  Frame& frame = frames_.back();
  const Tok& before = tokens_[i - 1];
  QueryFacts& facts = draft_.reading.facts.query;
  const bool outer = Outermost();
  switch (tokens_[i].word) {
    case K("SELECT"):
      BeginSelect();
      return true;
    case K("WITH"):
      if (i == 0 || before.IsSymbol('(') || !frame.query || frame.clause == Clause::kOther) {
        if (before.IsSymbol(')') || tokens_[i + 1].IsOneOf({K("ROLLUP"), K("QUERY"), K("TIES")}))
          break;
        if (!frame.query) ++queries_;
        frame.query = frame.in_with = frame.expect_cte = true;
        return true;
      }
      break;
    case K("RECURSIVE"):
      return frame.expect_cte;
    case K("UNION"):
    case K("EXCEPT"):
    case K("INTERSECT"):
      if (!frame.call) Enter(Clause::kOther);
      return true;
    case K("FROM"):
      if (!frame.query || before.Is(K("DISTINCT"))) break;
      if (PortionAt(i - 4)) {
        // FOR PORTION OF p FROM a TO b: expressions follow, and no table.
        has_portion_ = true;
        Enter(Clause::kOther);
        return true;
      }
      if (outer) facts.has_from = true;
      if (outer) NoteExtremes(i);
      Enter(Clause::kFrom);
      return true;
    case K("JOIN"):
    case K("STRAIGHT_JOIN"):
      if (frame.clause == Clause::kSelectList) break;
      if (before.Is(K("FOR"))) return true;  // An index hint.
      Enter(Clause::kFrom);
      return true;
    case K("ON"):
      if (frame.clause != Clause::kFrom) break;
      Enter(Clause::kOn);
      return true;
    case K("WHERE"):
      Where(i);
      return true;
    case K("GROUP"):
      if (!tokens_[i + 1].Is(K("BY"))) break;
      if (outer) facts.aggregates = true;
      if (outer) facts.extremes.clear();
      Enter(Clause::kGroupBy);
      return true;
    case K("HAVING"):
      Enter(Clause::kHaving);
      return true;
    case K("ORDER"):
      if (frame.call || !tokens_[i + 1].Is(K("BY"))) break;
      if (before.Is(K("FOR"))) break;  // An index hint.
      if (outer) facts.has_order_by = has_order_by_ = true;
      if (outer && IsColumn(i + 2)) {
        const ptrdiff_t behind = ChainEnd(i + 2);
        const bool alone = behind >= end_ || tokens_[behind].IsSymbol(',') ||
                           tokens_[behind].IsOneOf({K("ASC"), K("DESC"), K("LIMIT")});
        if (alone) facts.order_column = Unquoted(tokens_[behind - 1]);
      }
      Enter(Clause::kOrderBy);
      return true;
    case K("LIMIT"):
      Limit(i);
      return true;
    case K("FETCH"):
      if (outer) facts.has_limit = has_limit_ = true;
      return true;
    case K("SET"):
      if (!writes_ || before.Is(K("CHARACTER"))) break;
      Enter(Clause::kSet);
      return true;
    case K("VALUES"):
      if (frame.call || (frame.query && frame.clause != Clause::kOther)) break;
      Enter(Clause::kValues);
      return true;
    default:
      break;
  }
  return false;
}

// FOR PORTION OF p FROM, behind the table of MariaDB's UPDATE and DELETE.
bool QueryScan::PortionAt(ptrdiff_t i) const {
  return writes_ && draft_.maria() && Outermost() && tokens_[i].Is(K("FOR")) &&
         tokens_[i + 1].IsWord("PORTION") && tokens_[i + 2].Is(K("OF")) &&
         tokens_[i + 3].IsName() && tokens_[i + 4].Is(K("FROM"));
}

void QueryScan::Where(ptrdiff_t i) {
  if (Outermost()) {
    has_where_ = draft_.reading.facts.query.has_where = true;
    if (where_ < 0) where_ = i + 1;
  }
  Enter(Clause::kWhere);
  const Tok& next = tokens_[i + 1];
  const bool nothing = i + 1 >= end_ || next.IsSymbol(')') ||
                       next.IsOneOf({K("GROUP"), K("HAVING"), K("ORDER"), K("LIMIT"), K("UNION"),
                                     K("RETURNING"), K("WHERE")});
  if (!nothing) return;
  draft_.Doubt("there is no condition behind WHERE");
  draft_.reading.facts.unreadable = true;
}

void QueryScan::Limit(ptrdiff_t i) {
  constexpr int64_t kFar = 1000;
  QueryFacts& facts = draft_.reading.facts.query;
  const bool outer = Outermost() || queries_ == 0;
  const auto far = [&](ptrdiff_t at) {
    int64_t value = 0;
    const bool number =
        tokens_[at].kind == TokenKind::kNumber && absl::SimpleAtoi(tokens_[at].text, &value);
    return !number || value > kFar;
  };
  if (outer) facts.has_limit = has_limit_ = true;
  if (tokens_[i + 2].IsSymbol(',') || tokens_[i + 2].Is(K("OFFSET"))) {
    if (outer) facts.has_offset = true;
    if (far(tokens_[i + 2].IsSymbol(',') ? i + 1 : i + 3)) facts.unbounded_offset = true;
  }
  Enter(Clause::kLimit);
}

void QueryScan::LockRows(ptrdiff_t i) {
  draft_.Object(absl::StrCat(absl::AsciiStrToUpper(tokens_[i].text),
                             tokens_[i].Is(K("LOCK")) ? " IN SHARE MODE" : " UPDATE or SHARE",
                             " locks rows"));
  draft_.reading.verdict.effects.locks_rows = true;
  std::vector<ObjectUse>& uses = draft_.reading.verdict.uses;
  for (; locked_uses_ < uses.size(); ++locked_uses_) {
    uses[locked_uses_].access = std::max(uses[locked_uses_].access, Access::kLock);
  }
}

// Words of statements and clauses that do more than read.
void QueryScan::EffectWord(ptrdiff_t i) {
  const Tok& token = tokens_[i];
  const Frame& frame = frames_.back();
  const Tok& before = tokens_[i - 1];
  switch (token.word) {
    case K("FOR"): {
      const bool of_sequence = before.Is(K("VALUE"));
      if (of_sequence && tokens_[i - 2].Is(K("PREVIOUS"))) return;
      if (of_sequence) {
        draft_.Object("NEXT VALUE FOR advances a sequence");
        draft_.Raise(Kind::kDataFix);
        draft_.Use(std::string(tokens_[i + 1].text), Access::kWrite, false);
        return;
      }
      // JSON_TABLE(... COLUMNS (n FOR ORDINALITY))
      if (frame.types && tokens_[i + 1].IsWord("ORDINALITY")) return;
      if (frame.substring || tokens_[i + 1].IsOneOf({K("JOIN"), K("ORDER"), K("GROUP"),
                                                     K("SYSTEM_TIME"), K("CHANNEL"), K("QUERY")})) {
        return;
      }
      if (tokens_[i + 1].IsOneOf({K("UPDATE"), K("SHARE")})) return LockRows(i);
      if (frame.clause == Clause::kFrom && PortionAt(i)) return;
      draft_.Doubt("contains FOR in a place that is not known");
      return;
    }
    case K("UPDATE"):
      if (before.Is(K("FOR"))) return;
      if (before.Is(K("KEY")) && tokens_[i - 2].Is(K("DUPLICATE"))) {
        upserts_ = true;
        Enter(Clause::kSet);
        return;
      }
      break;
    case K("LOCK"):
      if (tokens_[i + 1].Is(K("IN"))) return LockRows(i);
      break;
    case K("INTO"):
      draft_.Object("SELECT INTO writes a file or sets variables");
      draft_.Raise(Kind::kDataFix);
      return;
    case K("OUTFILE"):
      if (before.Is(K("INTO"))) return;
      break;
    case K("NEXTVAL"):
    case K("PROCEDURE"):
      break;
    default:
      if (!BeginsStatement(token.word) || tokens_[i + 1].IsSymbol('(')) return;
      break;
  }
  // No server takes such a word behind a value: WHERE id = 1 (newline) DELETE FROM b.
  const bool value =
      before.kind == TokenKind::kNumber || before.IsText() || before.kind == TokenKind::kQuotedName;
  if (value && frames_.size() == 1 && BeginsAnother(token)) {
    draft_.reading.facts.unreadable = true;
    draft_.Doubt(MissesDelimiter(token));
  }
  draft_.Doubt(absl::StrCat("contains ", absl::AsciiStrToUpper(token.text)));
  if (!token.Is(K("LOCK"))) draft_.Raise(Kind::kDataFix);
}

void QueryScan::ConditionWord(ptrdiff_t i) {
  const Frame& frame = frames_.back();
  if (!frame.condition) return;
  QueryFacts& facts = draft_.reading.facts.query;
  switch (tokens_[i].word) {
    case K("LIKE"): {
      const bool negated = tokens_[i - 1].Is(K("NOT"));
      const ptrdiff_t left = negated ? i - 2 : i - 1;
      if (IsColumn(left)) Filter(left, negated);
      ptrdiff_t right = i + 1;
      if (tokens_[right].Is(K("BINARY"))) ++right;
      if (tokens_[right].Is(K("CONCAT")) && tokens_[right + 1].IsSymbol('(')) right += 2;
      const absl::string_view pattern = Inside(tokens_[right]);
      if (!pattern.empty() && (pattern[0] == '%' || pattern[0] == '_')) {
        if (!facts.leading_wildcard && IsColumn(left)) {
          facts.wildcard_column = Unquoted(tokens_[left]);
        }
        facts.leading_wildcard = true;
      }
      break;
    }
    case K("IN"):
    case K("BETWEEN"):
    case K("IS"):
    case K("REGEXP"):
    case K("RLIKE"): {
      const bool negated = tokens_[i - 1].Is(K("NOT"));
      const ptrdiff_t left = negated ? i - 2 : i - 1;
      if (IsColumn(left)) Filter(left, negated);
      if (tokens_[left].IsSymbol(')')) FilterRow(left, negated);
      break;
    }
    case K("TRUE"):
      AloneInOr(i);
      break;
    default:
      break;
  }
}

}  // namespace dbfleet::sql::mysql
