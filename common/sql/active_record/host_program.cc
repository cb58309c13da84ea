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

// Whether "if" and its like behind this token stand in front of what they decide on, with an "end"
// of their own, and not behind it: x = if a, [if a, b: if a, but not x if a.
bool ExpectsOperand(const HostToken& before) {
  static constexpr absl::string_view kWords[] = {"and",    "begin",  "do",    "else", "elsif",
                                                 "ensure", "if",     "in",    "not",  "or",
                                                 "then",   "unless", "until", "when", "while"};
  switch (before.kind) {
    case HostTokenKind::kPunct:
      return !before.Is(")") && !before.Is("]") && !before.Is("}");
    case HostTokenKind::kName:
      return IsOneOf(before.text, kWords);
    default:
      return before.kind == HostTokenKind::kNewline || before.kind == HostTokenKind::kLabel;
  }
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
  program.FindRedefined();
  return program;
}

bool HostProgram::OpensWithEnd(size_t i) const {
  static constexpr absl::string_view kAlways[] = {"do", "def", "class", "module", "case", "begin"};
  static constexpr absl::string_view kFirst[] = {"if", "unless", "while", "until", "for"};
  const HostToken& token = tokens_[i];
  if (php_ || token.kind != HostTokenKind::kName || IsMember(i - 1)) return false;
  if (token.text == "def" && IsEndless(i)) return false;
  if ((*this)[i - 1].IsName("def")) return false;  // def class
  if (IsOneOf(token.text, kAlways)) return true;
  return IsOneOf(token.text, kFirst) && ExpectsOperand((*this)[i - 1]);
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

// Of PHP: $factory->for($user), function for(User $user)
bool HostProgram::IsNameOfMethod(size_t i) const {
  return IsMember(i - 1) || (*this)[i - 1].IsName("function");
}

// Said of the first place alone: what follows may not match because of it.
void HostProgram::Break(size_t at, absl::string_view problem) {
  if (!broken_.empty() && broken_at_ <= at) return;
  broken_at_ = at;
  broken_ = absl::StrCat(tokens_[at].text, " ", problem);
}

// inject :+
bool HostProgram::EndsInNameOfOperator() const {
  size_t i = tokens_.size() - 1;
  while (i > 0 && tokens_[i].kind == HostTokenKind::kPunct && !tokens_[i].Is(":") &&
         tokens_[i - 1].end == tokens_[i].offset) {
    --i;
  }
  return !php_ && tokens_[i].Is(":") && i + 1 < tokens_.size();
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
                    last.Is("}") || last.Is(";") || EndsInNameOfOperator();
  return ends ? ""
              : absl::StrCat(kDoubt, HostCursor::Place(text_, last.offset), ": nothing follows ",
                             last.text);
}

size_t HostProgram::Match() {
  close_.assign(tokens_.size(), tokens_.size());
  std::vector<size_t> open;
  std::vector<size_t> words;  // Of PHP, what a word closes.
  bool loop_head = false;     // "while x do": one "end" for both.
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const HostToken& token = tokens_[i];
    if (open.size() > kDeepest) return i;
    if (token.kind == HostTokenKind::kNewline || token.Is(";")) loop_head = false;
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
      if (token.text == "do" && loop_head) {
        loop_head = false;
        continue;
      }
      loop_head = token.text == "while" || token.text == "until" || token.text == "for";
      open.push_back(i);
    } else if (!php_ && token.IsName("end") && !IsMember(i - 1) && !(*this)[i - 1].IsName("def")) {
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
