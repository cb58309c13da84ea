#include "common/sql/active_record/host_program.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/sql/active_record/host_cursor.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Deeper nesting is refused: with the length of calls without parentheses it bounds what a chain
// inside a chain inside a chain costs.
constexpr size_t kDeepest = 200;
// A::B::C...; each of its names is looked at as the beginning of the rest.
constexpr size_t kLongestChain = 1000;

// Words that stand alone in front of an operand.
bool IsInFrontOfOperand(absl::string_view word) {
  static constexpr absl::string_view kWords[] = {"and",    "begin",  "do",    "else", "elsif",
                                                 "ensure", "if",     "in",    "not",  "or",
                                                 "then",   "unless", "until", "when", "while"};
  return IsOneOf(word, kWords);
}

bool NamesOperator(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "!",  "!=",  "!~", "%",   "&",  "*", "**", "+",  "+@", "-",   "-@", "/", "<", "<<",
      "<=", "<=>", "==", "===", "=~", ">", ">=", ">>", "[]", "[]=", "^",  "`", "|", "~"};
  return IsOneOf(name, kNames);
}

// PHP's if (...): and its like, which endif and its like close.
bool IsClosedByWord(const HostToken& word) {
  static constexpr absl::string_view kWords[] = {"for", "foreach", "if", "switch", "while"};
  return word.kind == HostTokenKind::kName && IsOneOf(word.text, kWords);
}

bool ClosesByWord(const HostToken& word) {
  static constexpr absl::string_view kWords[] = {"endfor", "endforeach", "endif", "endswitch",
                                                 "endwhile"};
  return word.kind == HostTokenKind::kName && IsOneOf(word.text, kWords);
}

bool BeginsStatement(const HostToken& before) {
  return before.text.empty() || before.kind == HostTokenKind::kNewline || before.Is(";") ||
         before.Is("=") || before.Is("(") || before.Is("{") || before.Is("|") ||
         before.IsName("do") || before.IsName("then") || before.IsName("else") ||
         before.IsName("begin") || before.IsName("return");
}

}  // namespace

bool HostCall::computed() const {
  return op == HostOperator::kNone && has_parens && !name.empty() &&
         !absl::ascii_isalpha(name[0]) && name[0] != '_' && name[0] != '`' &&
         static_cast<unsigned char>(name[0]) < 0x80;
}

absl::StatusOr<HostProgram> HostProgram::Read(Dialect dialect, absl::string_view text) {
  HostProgram program;
  program.php_ = dialect == Dialect::kActiveRecordPhp;
  program.text_ = text;
  ASSIGN_OR_RETURN(HostLexed lexed, program.php_ ? LexPhp(text) : LexRuby(text));
  program.tokens_ = std::move(lexed.tokens);
  program.comments_ = std::move(lexed.comments);
  if (const size_t deep = program.Match(); deep < program.size()) {
    return HostCursor(text).Fail(program.tokens_[deep].offset,
                                 absl::StrCat("brackets are nested more than ", kDeepest, " deep"));
  }
  program.FindIndexes();
  size_t links = 0;
  for (size_t i = 0; i < program.size(); ++i) {
    if (program.tokens_[i].body > 0) program.heredocs_.push_back(i);
    if (!program.tokens_[i].Is("::")) continue;
    links = program[i - 2].Is("::") ? links + 1 : 0;
    if (links > kLongestChain) {
      return HostCursor(text).Fail(
          program.tokens_[i].offset,
          absl::StrCat("more than ", kLongestChain, " names with :: between them"));
    }
  }
  program.FindRedefined();
  return program;
}

// range.begin, def end, undef end, alias end stop: no keyword, whatever it is called like.
bool HostProgram::IsNameInRuby(size_t i) const {
  static constexpr absl::string_view kNaming[] = {"alias", "def", "undef"};
  const auto names = [&](size_t k) {
    return (*this)[k].kind == HostTokenKind::kName && IsOneOf((*this)[k].text, kNaming) &&
           !IsMember(k - 1);
  };
  const bool second =
      (*this)[i - 1].kind == HostTokenKind::kName && (*this)[i - 2].IsName("alias") && names(i - 2);
  return IsMember(i - 1) || names(i - 1) || second;
}

// inject :+, send :[]=, the token being the last of it; and x.!, x.+
bool HostProgram::EndsNameOfOperator(size_t i) const {
  constexpr size_t kLongest = 3;  // :[]=, :<=>, :===
  if (php_ || i >= size() || tokens_[i].kind != HostTokenKind::kPunct) return false;
  size_t first = i;
  while (first > 0 && i - first < kLongest && tokens_[first].kind == HostTokenKind::kPunct &&
         !tokens_[first].Is(":") && !IsMember(first - 1) &&
         tokens_[first - 1].end == tokens_[first].offset) {
    --first;
  }
  const bool symbol = tokens_[first].Is(":") && first < i && !(*this)[first - 1].Is("?");
  return (symbol && NamesOperator(Source({first + 1, i + 1}))) ||
         (first > 0 && IsMember(first - 1) && NamesOperator(Source({first, i + 1})));
}

// Whether "if" and its like behind this token stand in front of what they decide on, with an "end"
// of their own, and not behind it: x = if a, [if a, b: if a, but not x if a.
bool HostProgram::ExpectsOperand(size_t i) const {
  const HostToken& before = (*this)[i];
  switch (before.kind) {
    case HostTokenKind::kPunct:
      return !before.Is(")") && !before.Is("]") && !before.Is("}") && !EndsNameOfOperator(i);
    case HostTokenKind::kName:
      return IsInFrontOfOperand(before.text) && !IsNameInRuby(i);
    default:
      return before.kind == HostTokenKind::kNewline || before.kind == HostTokenKind::kLabel;
  }
}

bool HostProgram::OpensWithEnd(size_t i) const {
  static constexpr absl::string_view kAlways[] = {"do", "def", "class", "module", "case", "begin"};
  static constexpr absl::string_view kFirst[] = {"if", "unless", "while", "until", "for"};
  const HostToken& token = tokens_[i];
  if (php_ || token.kind != HostTokenKind::kName || IsNameInRuby(i)) return false;
  if (token.text == "def" && IsEndless(i)) return false;
  if (IsOneOf(token.text, kAlways)) return true;
  return IsOneOf(token.text, kFirst) && ExpectsOperand(i - 1);
}

// def x = y, def x(a) = y; not def x=(a).
bool HostProgram::IsEndless(size_t def) const {
  constexpr size_t kLongestHead = 200;
  size_t i = def + 2;
  if ((*this)[i].Is(".")) i += 2;  // def self.x
  if ((*this)[i].Is("(")) {
    const size_t limit = std::min(size(), i + kLongestHead);
    int depth = 0;
    for (; i < limit; ++i) {
      if (tokens_[i].Is("(")) ++depth;
      if (tokens_[i].Is(")") && --depth == 0) break;
    }
    ++i;
  }
  const HostToken& sign = (*this)[i];
  const bool space = sign.offset > (*this)[i - 1].end;
  return sign.Is("=") && space && !(*this)[i + 1].Is("=");
}

// Of PHP: $factory->for($user), function for(User $user), function &for()
bool HostProgram::IsNameOfMethod(size_t i) const {
  const HostToken& before = (*this)[i - 1];
  return IsMember(i - 1) || before.IsName("function") ||
         (before.Is("&") && (*this)[i - 2].IsName("function"));
}

// Said of the first place alone: what follows may not match because of it.
void HostProgram::Break(size_t at, absl::string_view problem) {
  if (!broken_.empty() && broken_at_ <= at) return;
  broken_at_ = at;
  broken_ = absl::StrCat(tokens_[at].text, " ", problem);
}

// x = 1..
bool HostProgram::EndsInEndlessRange() const {
  size_t i = tokens_.size() - 1;
  int dots = 0;
  while (i > 0 && dots < 3 && tokens_[i].Is(".")) {
    --i;
    ++dots;
  }
  const bool value =
      tokens_[i].kind != HostTokenKind::kPunct || tokens_[i].Is(")") || tokens_[i].Is("]");
  return !php_ && dots > 1 && value;
}

// PHP's target of a goto: end:
bool HostProgram::EndsInTarget() const {
  const size_t last = tokens_.size() - 1;
  const HostToken& before = (*this)[last - 2];
  return php_ && tokens_[last].Is(":") && (*this)[last - 1].kind == HostTokenKind::kName &&
         (before.Is(";") || before.Is("}") || before.Is(":"));
}

std::string HostProgram::DoubtOfEnd() const {
  constexpr absl::string_view kDoubt = "it cannot be read to its end: ";
  if (!broken_.empty()) {
    return absl::StrCat(kDoubt, HostCursor::Place(text_, tokens_[broken_at_].offset), ": ",
                        broken_);
  }
  if (tokens_.empty()) return "";
  // Order.where(paid: true).
  const HostToken& last = tokens_.back();
  const bool ends = last.kind != HostTokenKind::kPunct || last.Is(")") || last.Is("]") ||
                    last.Is("}") || last.Is(";") || EndsNameOfOperator(tokens_.size() - 1) ||
                    EndsInEndlessRange() || EndsInTarget();
  return ends ? ""
              : absl::StrCat(kDoubt, HostCursor::Place(text_, last.offset), ": nothing follows ",
                             last.text);
}

// a and (newline) b, for a in (newline) b: the line goes on.
bool HostProgram::EndsLine(size_t i) const {
  static constexpr absl::string_view kGoOn[] = {"and", "in", "not", "or", "until", "while"};
  if (tokens_[i].Is(";")) return true;
  const HostToken& before = (*this)[i - 1];
  const bool goes_on =
      before.kind == HostTokenKind::kName && IsOneOf(before.text, kGoOn) && !IsNameInRuby(i - 1);
  return tokens_[i].kind == HostTokenKind::kNewline && !goes_on;
}

size_t HostProgram::Match() {
  close_.assign(tokens_.size(), tokens_.size());
  std::vector<size_t> open;
  std::vector<size_t> words;  // Of PHP, what a word closes.
  // "while x do": one "end" for both. How many are open at the head, which goes on inside of
  // brackets and behind "and"; 0 outside of one.
  size_t loop_head = 0;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const HostToken& token = tokens_[i];
    if (open.size() > kDeepest) return i;
    if (open.size() <= loop_head && EndsLine(i)) loop_head = 0;
    if (token.Is("(") || token.Is("[") || token.Is("{")) {
      open.push_back(i);
    } else if (token.Is(")") || token.Is("]") || token.Is("}")) {
      const absl::string_view opener = token.Is(")") ? "(" : token.Is("]") ? "[" : "{";
      // What does not fit is left open.
      while (!open.empty() && !tokens_[open.back()].Is(opener)) {
        Break(open.back(), "is not closed");
        open.pop_back();
      }
      if (open.empty()) {
        Break(i, "closes nothing");
        continue;
      }
      close_[open.back()] = i;
      const size_t head = open.back() - 1;
      if (php_ && token.Is(")") && (*this)[i + 1].Is(":") && IsClosedByWord((*this)[head]) &&
          !IsNameOfMethod(head)) {
        words.push_back(head);
      }
      open.pop_back();
    } else if (OpensWithEnd(i)) {
      if (token.text == "do" && loop_head > 0 && open.size() == loop_head) {
        loop_head = 0;
        continue;
      }
      open.push_back(i);
      if (token.text == "while" || token.text == "until" || token.text == "for") {
        loop_head = open.size();
      }
    } else if (!php_ && token.IsName("end") && !IsNameInRuby(i)) {
      if (open.empty() || tokens_[open.back()].kind != HostTokenKind::kName) {
        Break(i, "closes nothing");
        continue;
      }
      close_[open.back()] = i;
      open.pop_back();
    } else if (php_ && ClosesByWord(token) && !IsNameOfMethod(i)) {
      if (words.empty()) {
        Break(i, "closes nothing");
      } else {
        words.pop_back();
      }
    }
  }
  for (size_t at : open) Break(at, "is not closed");
  for (size_t at : words) Break(at, "is not closed");
  return tokens_.size();
}

absl::string_view HostProgram::Source(HostRange range) const {
  if (range.empty() || range.begin >= tokens_.size()) return "";
  size_t end = 0;
  for (size_t i = range.begin; i < range.end && i < tokens_.size(); ++i) {
    end = std::max(end, tokens_[i].end);
  }
  const size_t begin = tokens_[range.begin].offset;
  return text_.substr(begin, end - begin);
}

size_t HostProgram::EndOfWords(HostRange range) const {
  const HostToken& last = (*this)[range.end - 1];
  return last.body > 0 ? last.offset + last.text.size() : last.end;
}

std::vector<absl::string_view> HostProgram::SourceOf(HostRange range) const {
  range.end = std::min(range.end, tokens_.size());
  if (range.empty()) return {};
  const size_t begin = tokens_[range.begin].offset;
  const size_t end = EndOfWords(range);
  std::vector<absl::string_view> pieces = {text_.substr(begin, end - begin)};
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = tokens_[i];
    // With the end of the line in front of it.
    if (token.body >= end && token.body > 0) {
      pieces.push_back(text_.substr(token.body - 1, token.end - token.body + 1));
    }
  }
  return pieces;
}

bool HostProgram::HoldsTextOfOthers(HostRange range) const {
  range.end = std::min(range.end, tokens_.size());
  if (range.empty()) return false;
  const size_t begin = tokens_[range.begin].offset;
  const size_t end = EndOfWords(range);
  // Bodies come in the order of their heads.
  auto head = std::lower_bound(heredocs_.begin(), heredocs_.end(), range.begin);
  while (head != heredocs_.begin()) {
    const size_t body = tokens_[*--head].body;
    if (body < begin) return false;
    if (body < end) return true;
  }
  return false;
}

std::vector<HostRange> HostProgram::Parts(HostRange list) const {
  std::vector<HostRange> parts;
  size_t begin = list.begin;
  for (size_t i = list.begin; i <= list.end; ++i) {
    if (i == list.end || tokens_[i].Is(",")) {
      if (i > begin) parts.push_back({begin, i});
      begin = i + 1;
    } else if (close_[i] < list.end) {
      i = close_[i];
    }
  }
  return parts;
}

bool HostProgram::IsMember(size_t i) const {
  const HostToken& token = (*this)[i];
  if (php_) return token.Is("->") || token.Is("?->") || token.Is("::");
  return token.Is(".") || token.Is("&.") || token.Is("::");
}

// def x(a) STATEMENT end
bool HostProgram::EndsHead(size_t close) const {
  constexpr size_t kLongestHead = 200;
  if (php_ || !(*this)[close].Is(")")) return false;
  for (size_t i = close; i-- > 0 && i + kLongestHead > close;) {
    if (close_[i] != close) continue;
    const size_t name = i - 1;
    return (*this)[name - 1].IsName("def") ||
           ((*this)[name - 1].Is(".") && (*this)[name - 3].IsName("def"));
  }
  return false;
}

size_t HostProgram::OpenBefore(size_t close, size_t limit) const {
  for (size_t i = close; i-- > limit;) {
    if (CloseOf(i) == close) return i;
  }
  return limit;
}

bool HostProgram::IsComparison(size_t i) const {
  const HostToken& before = (*this)[i - 1];
  const HostToken& next = (*this)[i + 1];
  return next.Is("=") || next.Is("~") || before.Is("=") || before.Is("!") || before.Is("<") ||
         before.Is(">");
}

bool HostProgram::IsWholeStatement(HostRange range) const {
  const HostToken& before = range.begin == 0 ? nothing_ : tokens_[range.begin - 1];
  const HostToken& after = (*this)[range.end];
  const bool begins =
      (BeginsStatement(before) && !before.Is("=") && !before.Is("(")) || EndsHead(range.begin - 1);
  return begins &&
         (after.text.empty() || after.kind == HostTokenKind::kNewline || after.Is(";") ||
          after.Is("}") || after.IsName("end") || after.IsName("if") || after.IsName("unless"));
}

}  // namespace dbfleet::sql
