#include "common/sql/mysql/query_scan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/mysql/functions.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kMaxDepth = 100;

// "1.e1into" is 1.e1 and INTO: the word behind "1." that touches it begins with an exponent, and
// holds more than that.
bool EndsNumber(const Toks& tokens, ptrdiff_t i) {
  const Tok& token = tokens[i];
  if (!tokens[i - 1].IsSymbol('.') || tokens[i - 2].kind != TokenKind::kNumber) return false;
  if (!tokens[i - 1].Touches(token) || !tokens[i - 2].Touches(tokens[i - 1])) return false;
  const absl::string_view digits = token.text.substr(1);
  return absl::ascii_tolower(token.text[0]) != 'e' || digits.empty() ||
         !std::all_of(digits.begin(), digits.end(),
                      [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

// {d '2024-01-01'}, {t '10:00'}, {ts '2024-01-01 10:00'}
bool IsDateOfOdbc(const Toks& tokens, ptrdiff_t open) {
  const Tok& type = tokens[open + 1];
  return tokens[open].IsSymbol('{') && tokens[open + 3].IsSymbol('}') &&
         (type.IsWord("D") || type.IsWord("T") || type.IsWord("TS")) && tokens[open + 2].IsText() &&
         tokens[open + 2].text[0] == '\'';
}

}  // namespace

void QueryScan::Run(ptrdiff_t from, ptrdiff_t to, Clause clause, Access access, bool writes) {
  from_ = from;
  end_ = std::min(to, tokens_.size());
  writes_ = writes;
  frames_.clear();
  frames_.emplace_back();
  frames_[0].clause = clause;
  frames_[0].condition = clause == Clause::kWhere;
  frames_[0].access = access;
  frames_[0].expect_table = clause == Clause::kFrom;
  frames_[0].query = writes;
  queries_ = writes ? 1 : 0;
  stop_ = false;
  for (ptrdiff_t i = from; i < end_ && !stop_; ++i) Look(&i);
  if (!stop_ && frames_.size() > 1) draft_.Doubt("an opening parenthesis has no closing one");
}

void QueryScan::Look(ptrdiff_t* i) {
  const Tok& token = tokens_[*i];
  if (token.kind == TokenKind::kSymbol) {
    if (token.IsSymbol('(')) {
      Open(*i);
    } else if (token.IsSymbol(')')) {
      Close(*i);
    } else {
      Symbol(*i);
    }
  } else if (token.word != 0 && !(frames_.back().expect_cte && token.word != K("RECURSIVE"))) {
    const bool table = frames_.back().expect_table && !EndsName(token.word) &&
                       !token.IsOneOf({K("LATERAL"), K("JSON_TABLE")});
    if (table && BeginsStatement(token.word)) {
      draft_.Doubt(absl::StrCat("contains ", absl::AsciiStrToUpper(token.text)));
      draft_.Raise(Kind::kDataFix);
    } else if (table) {
      NameAt(i);
    } else {
      KeyWord(*i);
    }
  } else if (token.IsName()) {
    NameAt(i);
  } else if (token.IsText()) {
    CheckCharset(*i);
    if (frames_.back().expect_table && token.text[0] == '"') {
      NameAt(i);
    } else {
      AloneInOr(*i);
    }
  } else {
    AloneInOr(*i);
  }
}

void QueryScan::Open(ptrdiff_t i) {
  Frame& outer = frames_.back();
  Frame frame;
  frame.condition = outer.condition;
  frame.having = outer.having;
  frame.types = outer.types;
  frame.when = outer.when;
  if (tokens_[i - 1].Is(K("IN")) && tokens_[i - 2].Is(K("NOT"))) frame.not_in = i - 2;
  if (i == cte_columns_) {
    cte_columns_ = -1;
  } else {
    CheckCall(i, outer, &frame);
  }
  if (outer.expect_table && !frame.call) {
    frame.clause = Clause::kFrom;
    frame.expect_table = true;
    frame.access = outer.access;
  }
  if (Outermost() && outer.clause == Clause::kValues && !frame.call) ++outer_rows_;
  outer.expect_table = false;
  frame.exists = tokens_[i - 1].Is(K("EXISTS"));
  frames_.push_back(frame);
  if (frames_.size() > kMaxDepth) {
    draft_.Doubt(absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
    stop_ = true;
  }
}

void QueryScan::Close(ptrdiff_t i) {
  if (frames_.size() == 1) {
    draft_.Doubt("a closing parenthesis has no opening one");
    stop_ = true;
    return;
  }
  const Frame closed = frames_.back();
  frames_.pop_back();
  if (closed.query) --queries_;
  Frame& outer = frames_.back();
  if (closed.window && !tokens_[i + 1].Is(K("OVER"))) {
    draft_.Doubt(absl::StrCat("calls ", Unquoted(tokens_[closed.name]),
                              "() without OVER, which old servers take for a stored function"));
  }
  if (closed.call) CheckCount(closed, i);
  if (closed.call && closed.column >= 0) {
    if (outer.call && outer.column < 0) outer.column = closed.column;
    Wrapped(closed, i);
  }
  if (outer.in_with && tokens_[i + 1].IsSymbol(',') && closed.query) outer.expect_cte = true;
}

void QueryScan::Symbol(ptrdiff_t i) {
  Frame& frame = frames_.back();
  switch (tokens_[i].text[0]) {
    case ',':
      ++frame.commas;
      // Behind the condition of a join, another table.
      if ((frame.clause == Clause::kFrom || frame.clause == Clause::kOn) && !frame.call) {
        Enter(Clause::kFrom);
      }
      break;
    case '*':
      if (frame.query && frame.clause == Clause::kSelectList) {
        const Tok& before = tokens_[i - 1];
        const bool star = before.IsSymbol(',') || before.IsSymbol('.') ||
                          before.IsOneOf({K("SELECT"), K("DISTINCT"), K("ALL"), K("SQL_NO_CACHE"),
                                          K("SQL_CALC_FOUND_ROWS")});
        if (star && !frame.exists) draft_.reading.facts.query.select_star = true;
      }
      break;
    case ':':
      if (!(tokens_[i + 1].IsSymbol('=') && writes_ && frame.clause == Clause::kSet)) {
        draft_.Doubt("assigns a variable");
      }
      break;
    case '{':
    case '}':
      if (!IsDateOfOdbc(tokens_, tokens_[i].IsSymbol('{') ? i : i - 3)) {
        draft_.Doubt("contains an ODBC escape");
      }
      break;
    case '\\':
      draft_.Doubt("contains a backslash");
      break;
    case '[':
    case ']':
      draft_.Doubt("contains a bracket, which quotes names in sql_mode MSSQL");
      break;
    case ';':
      // Delimiters are no tokens, but in an executable comment it is not taken for one.
      draft_.Doubt("contains a semicolon in an executable comment");
      break;
    case '=':
    case '<':
    case '>':
    case '!':
      if (frame.condition || frame.when) Compare(i);
      break;
    default:
      break;
  }
}

void QueryScan::NameAt(ptrdiff_t* i) {
  const Tok& token = tokens_[*i];
  Frame& frame = frames_.back();
  if (token.kind == TokenKind::kWord &&
      (absl::ascii_isdigit(token.text[0]) || EndsNumber(tokens_, *i))) {
    draft_.Doubt("a number runs into a word");
    return;
  }
  if (token.kind == TokenKind::kWord && absl::StrContains(token.text, '\xA0')) {
    draft_.Doubt("a name with a byte that is a blank in latin1; put the name in backticks");
    return;
  }
  if (frame.expect_cte) {
    frame.expect_cte = false;
    ctes_.insert(absl::AsciiStrToLower(Unquoted(token)));
    if (tokens_[*i + 1].IsSymbol('(')) cte_columns_ = *i + 1;
    return;
  }
  if (frame.expect_table && TakeTable(i)) return;
  if (frame.call && frame.column < 0 && IsColumn(*i)) frame.column = *i;
}

// Tables of information_schema that do something when they are read.
void QueryScan::CheckTable(const Tok& name) {
  constexpr size_t kShortest = 11;
  if (name.text.size() < kShortest) return;
  const std::string table = absl::AsciiStrToUpper(Unquoted(name));
  if (absl::StartsWith(table, "INNODB_CMP") && absl::EndsWith(table, "_RESET")) {
    draft_.Object(absl::StrCat("reading ", table, " sets its counters to zero"));
  } else if (table == "ALL_PLUGINS") {
    draft_.Object("reading ALL_PLUGINS loads every library of the plugin folder; use PLUGINS");
  }
}

// [schema.]table, unless it is a function's rows or the name of a WITH.
bool QueryScan::TakeTable(ptrdiff_t* i) {
  Frame& frame = frames_.back();
  frame.expect_table = false;
  ptrdiff_t last = *i;
  std::string written(tokens_[last].text);
  while (tokens_[last + 1].IsSymbol('.') &&
         (tokens_[last + 2].IsName() || tokens_[last + 2].IsText())) {
    absl::StrAppend(&written, ".", tokens_[last + 2].text);
    last += 2;
  }
  if (tokens_[last + 1].IsSymbol('(')) return false;
  if (tokens_[last + 1].IsSymbol('.') && tokens_[last + 2].IsSymbol('*')) last += 2;  // DELETE t.*
  const bool qualified = last != *i;
  const std::string first(Unquoted(tokens_[*i]));
  const std::string name = absl::AsciiStrToLower(first);
  *i = last;
  if (!qualified || absl::EqualsIgnoreCase(name, "information_schema")) CheckTable(tokens_[last]);
  if (!qualified && (name == "dual" || ctes_.count(name) > 0)) return true;
  draft_.Use(written, frame.access);
  // More than one is enough to know that it is not about one table.
  Facts& facts = draft_.reading.facts;
  if (facts.verb == Verb::kSelect && facts.objects.size() < 2) {
    facts.objects.push_back(qualified ? Name{first, std::string(Unquoted(tokens_[last]))}
                                      : Name{"", first});
  }
  return true;
}

}  // namespace dbfleet::sql::mysql
