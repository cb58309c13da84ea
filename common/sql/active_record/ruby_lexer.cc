#include "common/sql/active_record/host_cursor.h"
#include "common/sql/active_record/host_lexer.h"
#include "common/sql/active_record/ruby_names.h"

namespace dbfleet::sql {
namespace {

// A heredoc whose body begins on the next line.
struct Pending {
  size_t token;
  std::string label;
  bool raw;
  bool indented;
};

char Closing(char open) {
  constexpr absl::string_view kPairs = "()[]{}<>";
  const size_t at = kPairs.find(open);
  return at == absl::string_view::npos || at % 2 == 1 ? open : kPairs[at + 1];
}

class RubyLexer : public HostCursor {
 public:
  explicit RubyLexer(absl::string_view text) : HostCursor(text) {}

  absl::StatusOr<HostLexed> All() {
    if (const size_t nul = text_.find('\0'); nul != absl::string_view::npos) {
      return Fail(nul, "a NUL byte; remove it");
    }
    while (!done()) {
      if (AtEndOfProgram()) break;
      RETURN_IF_ERROR(One());
    }
    if (!pending_.empty())
      return Fail(tokens_[pending_[0].token].offset, "a heredoc is not closed");
    return HostLexed{std::move(tokens_), std::move(comments_)};
  }

 private:
  bool AtLineStart() const { return pos_ == 0 || text_[pos_ - 1] == '\n'; }

  // A line of its own: "__END__x" is a name.
  bool AtEndOfProgram() const {
    if (!AtLineStart() || !At("__END__")) return false;
    const char next = Peek(7);
    return pos_ + 7 >= text_.size() || next == '\n' || (next == '\r' && Peek(8) == '\n');
  }

  // Whether what stands before can be an operand, so that "/", "%", "<<" and "?" are operators.
  bool AfterValue() const {
    if (tokens_.empty()) return false;
    const HostToken& last = tokens_.back();
    if (!last.Is(".") && IsNameOfMethod(tokens_.size() - 1)) return true;  // (1..2).begin
    switch (last.kind) {
      case HostTokenKind::kPunct:
        return last.Is(")") || last.Is("]") || last.Is("}") || AfterDot();
      case HostTokenKind::kNewline:
      case HostTokenKind::kLabel:
        return false;
      case HostTokenKind::kName: {
        static constexpr absl::string_view kKeywords[] = {
            "BEGIN",  "END",    "and",    "begin", "break", "case", "do", "else",
            "elsif",  "ensure", "if",     "in",    "next",  "not",  "or", "rescue",
            "return", "then",   "unless", "until", "when",  "while"};
        return std::find(std::begin(kKeywords), std::end(kKeywords), last.text) ==
               std::end(kKeywords);
      }
      default:
        return true;
    }
  }
  // What follows names a method, which may be an operator: x./(2).
  bool AfterDot() const { return IsNameOfMethod(tokens_.size()); }
  bool IsNameOfMethod(size_t i) const {
    if (i == 0) return false;
    const HostToken& before = tokens_[i - 1];
    // A range is no dot: 1.../x/
    const bool range =
        i > 1 && before.Is(".") && tokens_[i - 2].Is(".") && tokens_[i - 2].end == before.offset;
    return (before.Is(".") && !range) || before.Is("&.") || before.Is("::") || before.IsName("def");
  }
  // x.~, x.==: whether an operand or an operator follows these names nobody needs to know.
  bool AfterNameOfOperator() const {
    constexpr size_t kLongest = 3;  // x.<=>
    const size_t last = tokens_.size() - 1;
    for (size_t i = tokens_.size(); i > 0 && i + kLongest > tokens_.size(); --i) {
      const HostToken& token = tokens_[i - 1];
      if (token.kind != HostTokenKind::kPunct || token.Is("(") || token.Is(")")) return false;
      if (i <= last && token.end != tokens_[i].offset) return false;
      if (!token.Is(".") && !token.Is("&.") && IsNameOfMethod(i - 1)) return true;
    }
    return false;
  }
  // "foo /x": of a method its argument, of a variable a division. "foo ?'" alike. Where a quote is
  // taken for what it is not, code looks like text, so neither is guessed.
  bool AfterBareWord() const {
    return !tokens_.empty() && tokens_.back().kind == HostTokenKind::kName && AfterValue() &&
           !AfterDot() && SpaceBefore() && !absl::ascii_isspace(Peek(1)) && Peek(1) != '=';
  }
  // Whether a name in front of "<<A" or "%w[" may be a variable, so that these are operators.
  bool AfterVariable() const {
    return AfterValue() && tokens_.back().kind == HostTokenKind::kName &&
           !IsNameOfMethod(tokens_.size() - 1) && names_.MayBeVariable(tokens_.back().text);
  }
  // What takes no argument, so that "<<" behind it is an operator, or begins a singleton class.
  bool AfterNoMethod() const {
    if (!AfterValue() || AfterDot()) return false;
    if (tokens_.back().kind != HostTokenKind::kName) return true;
    static constexpr absl::string_view kValues[] = {
        "self",  "nil",   "true",     "false",    "end",        "redo",
        "retry", "class", "__FILE__", "__LINE__", "__method__", "__dir__"};
    return std::find(std::begin(kValues), std::end(kValues), tokens_.back().text) !=
           std::end(kValues);
  }
  bool SpaceBefore() const { return pos_ > 0 && absl::ascii_isspace(text_[pos_ - 1]); }
  // "foo %w[a]" and "foo <<SQL": an argument, not an operand.
  bool MayBeArgument() const {
    return !AfterValue() || (tokens_.back().kind == HostTokenKind::kName && SpaceBefore() &&
                             !absl::ascii_isspace(Peek(1)));
  }

  absl::Status One() {
    const size_t start = pos_;
    const char c = text_[pos_];
    names_.Take(tokens_);
    if (c == '\n') return Newline();
    if (At("\\\n") || At("\\\r\n")) {
      // A heredoc's body begins on the next line nevertheless.
      if (!pending_.empty())
        return Fail(start, "a \\ behind a heredoc's head; write it in one line");
      pos_ = text_.find('\n', pos_) + 1;
    } else if (absl::ascii_isspace(c)) {
      ++pos_;
    } else if (c == '#') {
      SkipLine();
      Comment(start);
    } else if (AtLineStart() && At("=begin") &&
               (pos_ + 6 >= text_.size() || absl::ascii_isspace(Peek(6)))) {
      // "=ending" does not end it.
      size_t end = text_.find("\n=end", pos_);
      while (end != absl::string_view::npos && end + 5 < text_.size() &&
             !absl::ascii_isspace(text_[end + 5])) {
        end = text_.find("\n=end", end + 1);
      }
      if (end == absl::string_view::npos) return Fail(start, "=begin without =end");
      pos_ = end + 1;
      SkipLine();
      Comment(start);
    } else if ((absl::StrContains("/%?", c) || (At("<<") && AtHeredoc())) &&
               AfterNameOfOperator()) {
      return Ambiguous(start);
    } else if (c == '`' && AfterDot()) {
      return Fail(start, "a method of the name `; call it another way");
    } else if (c == '\'' || c == '"' || c == '`') {
      return Quoted(start, c, c, c == '\'');
    } else if (At("<<") && AtHeredoc()) {
      if (AfterVariable() || AfterNoMethod() || (AfterValue() && !SpaceBefore())) {
        return Ambiguous(start);
      }
      return HeredocHead();
    } else if (c == '%' && MayBeArgument() && Percent()) {
      if (AfterVariable()) return Ambiguous(start);
      return PercentLiteral();
    } else if (c == '%' && OddPercent()) {
      return Ambiguous(start);
    } else if (c == '/' && !AfterValue()) {
      return Regex(start);
    } else if (c == '?' && !AfterValue() && Peek(1) == '\\' &&
               absl::StrContains("CMcux01234567", absl::string_view(text_.substr(pos_ + 2, 1)))) {
      return Fail(start, "a character by its code; write it as a text");
    } else if (c == '?' && !AfterValue() && AtCharacter()) {
      pos_ += Peek(1) == '\\' ? 3 : 2;
      Emit(HostTokenKind::kOther, start);
    } else if ((c == '/' || (c == '?' && absl::StrContains("'\"`#\\", Next()))) &&
               AfterBareWord()) {
      return Ambiguous(start);
    } else if (c == '$' && absl::StrContains("~*$?!@/\\;,.=:<>\"&`'+-", Next())) {
      pos_ += 2;
      Emit(HostTokenKind::kVariable, start);
    } else if (c == ':' && (Peek(1) == '/' || Peek(1) == '`' || Peek(1) == '%')) {
      // The operator's name; behind a value it may be what a ?: gives.
      if (AfterValue()) return Ambiguous(start);
      pos_ += 2;
      Emit(HostTokenKind::kSymbol, start);
      tokens_.back().text.remove_prefix(1);
    } else if (c == ':' && Peek(1) == '"') {
      ++pos_;
      return Quoted(start, '"', '"', false);
    } else {
      Word(start);
    }
    return absl::OkStatus();
  }

  // The next byte, or what stands in no list.
  absl::string_view Next() const {
    return pos_ + 1 < text_.size() ? text_.substr(pos_ + 1, 1) : absl::string_view("\n");
  }

  // ?a and ?' are texts of one character.
  bool AtCharacter() const {
    if (IsWordByte(Peek(1))) return !IsWordByte(Peek(2));
    return absl::ascii_ispunct(Peek(1));
  }

  absl::Status Ambiguous(size_t start) const {
    return Fail(start, "whether an operator or a text begins here is not clear; write parentheses");
  }

  void Word(size_t start) {
    const char c = text_[pos_];
    if (c == ':' && IsWordStart(Peek(1))) {
      ++pos_;
      SkipWord();
      if ((Peek() == '?' || Peek() == '!') && Peek(1) != '=') ++pos_;
      Emit(HostTokenKind::kSymbol, start);
      tokens_.back().text.remove_prefix(1);
    } else if (c == '@' || (c == '$' && IsWordStart(Peek(1)))) {
      while (Peek() == '@' || Peek() == '$') ++pos_;
      SkipWord();
      Emit(HostTokenKind::kVariable, start);
    } else if (IsWordStart(c)) {
      SkipWord();
      if ((Peek() == '?' || Peek() == '!') && Peek(1) != '=') ++pos_;
      const bool label =
          Peek() == ':' && Peek(1) != ':' && (tokens_.empty() || !tokens_.back().Is("?"));
      Emit(label ? HostTokenKind::kLabel : HostTokenKind::kName, start);
      if (label) ++pos_;
    } else if (absl::ascii_isdigit(c)) {
      while (IsWordByte(Peek()) || (Peek() == '.' && absl::ascii_isdigit(Peek(1)))) ++pos_;
      Emit(HostTokenKind::kNumber, start);
    } else {
      pos_ += At("->") || At("::") || At("=>") || At("&.") ? 2 : 1;
      Emit(HostTokenKind::kPunct, start);
    }
  }

  absl::Status Newline() {
    const size_t start = pos_++;
    for (const Pending& heredoc : pending_) RETURN_IF_ERROR(HeredocBody(heredoc));
    pending_.clear();
    if (tokens_.empty() || tokens_.back().kind == HostTokenKind::kNewline) return absl::OkStatus();
    // A line goes on behind an operator, and where the next one begins with a call.
    static constexpr absl::string_view kGoesOn = ",.+-*/%=&|(<>!?:[{";
    const HostToken& last = tokens_.back();
    if (last.kind == HostTokenKind::kPunct &&
        absl::StrContains(kGoesOn, last.text.substr(last.text.size() - 1))) {
      return absl::OkStatus();
    }
    size_t next = std::max(pos_, next_code_);
    for (;;) {
      while (next < text_.size() && absl::ascii_isspace(text_[next])) ++next;
      if (next >= text_.size() || text_[next] != '#') break;
      next = std::min(text_.find('\n', next), text_.size());
    }
    next_code_ = next;
    const absl::string_view rest = text_.substr(next);
    if ((absl::StartsWith(rest, ".") && !absl::StartsWith(rest, "..")) ||
        absl::StartsWith(rest, "&.")) {
      return absl::OkStatus();
    }
    HostToken token;
    token.kind = HostTokenKind::kNewline;
    token.text = text_.substr(start, 1);
    token.offset = start;
    token.end = start + 1;
    tokens_.push_back(std::move(token));
    return absl::OkStatus();
  }

  // A text up to `close`, in which `open` nests if it is another character.
  absl::Status Quoted(size_t start, char open, char close, bool raw,
                      HostTokenKind kind = HostTokenKind::kString) {
    ++pos_;
    std::vector<StringPart> parts;
    int depth = 1;
    while (!done()) {
      const char c = text_[pos_];
      if (c == close && (open == close || --depth == 0)) {
        ++pos_;
        Emit(open == '`' ? HostTokenKind::kOther : kind, start, std::move(parts));
        // "name": value
        if (kind == HostTokenKind::kString && Peek() == ':' && Peek(1) != ':' &&
            absl::ascii_isspace(Peek(1)) && tokens_.back().parts.size() == 1 &&
            !tokens_.back().parts[0].is_code && tokens_.size() > 1 &&
            !tokens_[tokens_.size() - 2].Is("?")) {
          tokens_.back().kind = HostTokenKind::kLabel;
          tokens_.back().text = tokens_.back().text.substr(1, tokens_.back().text.size() - 2);
          ++pos_;
        }
        return absl::OkStatus();
      }
      // A heredoc's body would begin in the middle of it.
      if (c == '\n' && !pending_.empty()) break;
      if (c == open && open != close) ++depth;
      if (!Piece(raw, close, &parts)) break;
    }
    if (trouble_ != nullptr) return Fail(start, trouble_);
    return Fail(start, absl::StrCat("a string is not closed; close it with ",
                                    absl::string_view(&close, 1)));
  }

  bool Piece(bool raw, char close, std::vector<StringPart>* parts) {
    const char c = text_[pos_];
    if (c == '\\' && pos_ + 1 < text_.size()) {
      const char next = text_[pos_ + 1];
      // \C-", \M-", \c": what a character with these keys is may be a quote.
      if (!raw && absl::StrContains("CMc", next)) {
        trouble_ = "a control character in a text; write it as \\x and its code";
        return false;
      }
      const bool known =
          next == '\\' || next == close || next == '"' || next == '\'' || next == '#';
      if (raw) {
        if (next != '\\' && next != close) AddText(c, parts);
        AddText(next, parts);
      } else if (next == '\n') {
        // The lines are joined.
      } else if (known) {
        AddText(next, parts);
      } else if (absl::StrContains("ntrsfv", absl::string_view(&next, 1))) {
        // A comment ends at the end of its line, of some servers at a carriage return, too.
        AddText(next == 'n' ? '\n' : next == 'r' ? '\r' : ' ', parts);
      } else if (absl::StrContains("xu01234567cCMabe", absl::string_view(&next, 1))) {
        parts->push_back({std::string(text_.substr(pos_, 2)), true});  // Any byte, by its code.
      } else {
        AddText(next, parts);
      }
      pos_ += 2;
      return true;
    }
    if (!raw && c == '#' && (Peek(1) == '{' || NamesVariable(pos_ + 1))) {
      StringPart part;
      part.is_code = true;
      if (Peek(1) == '{') {
        pos_ += 2;
        if (!TakeCode(&part.text)) {
          trouble_ = "what stands in #{} is not closed, or cannot be read";
          return false;
        }
        // A heredoc's body would begin in the middle of it.
        if (!pending_.empty() && absl::StrContains(part.text, '\n')) return false;
      } else {
        const size_t start = ++pos_;
        if (Peek() == '$' && IsPunctuationOfGlobal(Peek(1))) {
          pos_ += 2;
        } else {
          while (Peek() == '@' || Peek() == '$' || Peek() == '-') ++pos_;
          SkipWord();
        }
        part.text = std::string(text_.substr(start, pos_ - start));
      }
      parts->push_back(std::move(part));
      return true;
    }
    AddText(c, parts);
    ++pos_;
    return true;
  }

  // $", $/: it belongs to the name, also in a text.
  static bool IsPunctuationOfGlobal(char c) {
    return c != '\0' && absl::StrContains("~*$?!@/\\;,.=:<>\"&`'+", c);
  }
  // "#@x" and "#$x" in a text; "#@" and "#$ " are as they are.
  bool NamesVariable(size_t at) const {
    const auto byte = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
    const char sigil = byte(at);
    const char next = byte(at + 1);
    if (sigil == '@') return IsWordStart(next == '@' ? byte(at + 2) : next);
    if (sigil != '$') return false;
    return IsPunctuationOfGlobal(next) || IsWordByte(next == '-' ? byte(at + 2) : next);
  }

  absl::Status Regex(size_t start) {
    ++pos_;
    std::vector<StringPart> parts;
    bool lines = false;
    while (!done() && text_[pos_] != '/') {
      // A heredoc's body would begin in the middle of it.
      if (text_[pos_] == '\n' && !pending_.empty()) break;
      lines = lines || text_[pos_] == '\n';
      if (!Piece(false, '/', &parts)) break;
    }
    if (Peek() != '/' && trouble_ != nullptr) return Fail(start, trouble_);
    if (Peek() != '/') return Fail(start, "a regular expression is not closed with /");
    const size_t flags = ++pos_;
    SkipWord();
    // Those of several lines are written with x. Of others the "/" may have been a division.
    if (lines && !absl::StrContains(text_.substr(flags, pos_ - flags), 'x'))
      return Ambiguous(start);
    Emit(HostTokenKind::kOther, start, std::move(parts));
    return absl::OkStatus();
  }

  bool Percent() const {
    size_t at = 1;
    if (absl::StrContains("qQwWiIrsx",
                          absl::string_view(text_.data() + pos_ + 1, Peek(1) == '\0' ? 0 : 1)) &&
        Peek(1) != '\0') {
      at = 2;
    }
    const char open = Peek(at);
    return open == '(' || open == '[' || open == '{' || open == '<' || open == '|' ||
           (at == 2 && (open == '!' || open == '/'));
  }

  // A literal, or behind a name perhaps one, with delimiters that nobody uses.
  bool OddPercent() const {
    if (!MayBeArgument() || Percent()) return false;
    const bool typed =
        absl::StrContains("qQwWiIrsx", absl::string_view(text_.substr(pos_ + 1, 1))) &&
        pos_ + 1 < text_.size();
    const char open = Peek(typed ? 2 : 1);
    if (absl::ascii_isalnum(open) || static_cast<unsigned char>(open) >= 0x80) return false;
    return typed || open != '=' || !AfterValue();
  }

  absl::Status PercentLiteral() {
    const size_t start = pos_++;
    const char type = absl::ascii_isalpha(Peek()) ? text_[pos_++] : 'Q';
    const bool is_text = type == 'q' || type == 'Q';
    return Quoted(start, Peek(), Closing(Peek()),
                  absl::StrContains("qwis", absl::string_view(&type, 1)),
                  is_text ? HostTokenKind::kString : HostTokenKind::kOther);
  }

  bool AtHeredoc() const {
    const char c = Peek(2);
    if (c == '~' || c == '-') {
      return IsWordStart(Peek(3)) || Peek(3) == '"' || Peek(3) == '\'' || Peek(3) == '`';
    }
    return MayBeArgument() && (absl::ascii_isupper(c) || c == '"' || c == '\'' || c == '`');
  }

  absl::Status HeredocHead() {
    const size_t start = pos_;
    pos_ += 2;
    Pending heredoc = {tokens_.size(), "", false, false};
    if (Peek() == '~' || Peek() == '-') {
      heredoc.indented = true;
      ++pos_;
    }
    if (Peek() == '`') return Fail(start, "a heredoc that runs a shell command");
    const char quote = Peek() == '\'' || Peek() == '"' ? Peek() : '\0';
    heredoc.raw = quote == '\'';
    if (quote != '\0') ++pos_;
    const size_t label = pos_;
    SkipWord();
    heredoc.label = std::string(text_.substr(label, pos_ - label));
    if (quote != '\0' && Peek() != quote) {
      return Fail(start, "a heredoc's label is not one word; make it one");
    }
    if (quote != '\0') ++pos_;
    Emit(HostTokenKind::kString, start);
    pending_.push_back(std::move(heredoc));
    return absl::OkStatus();
  }

  // From the beginning of a line to behind the line of the label.
  absl::Status HeredocBody(const Pending& heredoc) {
    std::vector<StringPart> parts;
    tokens_[heredoc.token].body = pos_;
    while (!done()) {
      const size_t end = std::min(text_.find('\n', pos_), text_.size());
      absl::string_view line = text_.substr(pos_, end - pos_);
      if (heredoc.indented) line = absl::StripLeadingAsciiWhitespace(line);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (line == heredoc.label) {
        pos_ = end;
        tokens_[heredoc.token].parts = std::move(parts);
        tokens_[heredoc.token].end = end;
        if (!done()) ++pos_;
        return absl::OkStatus();
      }
      while (!done() && text_[pos_] != '\n') {
        if (heredoc.raw) {  // As it is, backslashes too.
          AddText(text_[pos_++], &parts);
        } else if (!Piece(false, '\0', &parts)) {
          return Fail(tokens_[heredoc.token].offset,
                      trouble_ != nullptr ? trouble_ : "a value in a heredoc is not closed with }");
        }
      }
      if (!done()) AddText(text_[pos_++], &parts);
    }
    return Fail(tokens_[heredoc.token].offset, "a heredoc is not closed");
  }

  // The code of an interpolation up to its "}", which is skipped; `pos_` stands behind its "{". It
  // may hold whatever a program may. False if it is not closed, or cannot be read.
  bool TakeCode(std::string* code) {
    if (depth_ >= kMostNested) return false;
    RubyLexer inside(text_.substr(pos_));
    inside.names_ = std::move(names_);  // Copies of many names would take their time.
    inside.names_.Resume(0);
    inside.depth_ = depth_ + 1;
    const bool closed = inside.ToClosingBrace() && inside.pending_.empty();
    inside.names_.Take(inside.tokens_);
    names_ = std::move(inside.names_);
    names_.Resume(tokens_.size());
    if (!closed) return false;
    *code = std::string(text_.substr(pos_, inside.pos_ - 1));
    pos_ += inside.pos_;
    return true;
  }

  bool ToClosingBrace() {
    int open = 1;
    while (!done()) {
      const size_t before = tokens_.size();
      if (!One().ok()) return false;
      for (size_t i = before; i < tokens_.size(); ++i) {
        open += tokens_[i].Is("{") ? 1 : tokens_[i].Is("}") ? -1 : 0;
      }
      if (open == 0) return true;
    }
    return false;
  }

  static constexpr int kMostNested = 16;

  std::vector<Pending> pending_;
  RubyNames names_;
  size_t next_code_ = 0;  // Up to there is nothing but space and comments, from some line on.
  const char* trouble_ =
      nullptr;     // Why a text cannot be read, if it is not that its end is missing.
  int depth_ = 0;  // Of interpolations around it.
};

}  // namespace

absl::StatusOr<HostLexed> LexRuby(absl::string_view text) { return RubyLexer(text).All(); }

}  // namespace dbfleet::sql
