#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/host_cursor.h"
#include "common/sql/active_record/host_lexer.h"

namespace dbfleet::sql {
namespace {

// PHP's words are not told apart by case; whoever looks at a program asks for them in lower case.
absl::string_view Keyword(absl::string_view name) {
  static constexpr absl::string_view kWords[] = {
      "abstract",  "and",    "array",      "as",        "break",        "case",
      "catch",     "class",  "clone",      "const",     "continue",     "declare",
      "default",   "die",    "do",         "echo",      "else",         "elseif",
      "empty",     "endfor", "endforeach", "endif",     "endswitch",    "endwhile",
      "enum",      "eval",   "exit",       "extends",   "extract",      "final",
      "finally",   "fn",     "for",        "foreach",   "function",     "global",
      "goto",      "if",     "implements", "include",   "include_once", "instanceof",
      "interface", "isset",  "list",       "match",     "namespace",    "new",
      "null",      "or",     "parent",     "parse_str", "print",        "private",
      "protected", "public", "readonly",   "require",   "require_once", "return",
      "self",      "static", "switch",     "throw",     "trait",        "try",
      "unset",     "use",    "while",      "xor",       "yield"};
  constexpr size_t kLongest = 12;
  if (name.size() > kLongest) return name;
  for (absl::string_view word : kWords) {
    if (absl::EqualsIgnoreCase(word, name)) return word;
  }
  return name;
}

class PhpLexer : public HostCursor {
 public:
  explicit PhpLexer(absl::string_view text) : HostCursor(text) {}

  absl::StatusOr<HostLexed> All() {
    if (const size_t nul = text_.find('\0'); nul != absl::string_view::npos) {
      return Fail(nul, "a NUL byte; remove it");
    }
    // A page begins with a tag of one kind or another; everything else is code from its start, in
    // which "<?" may stand in a comment or string.
    const absl::string_view head = absl::StripLeadingAsciiWhitespace(text_);
    const bool page = absl::StartsWith(head, "<") && !absl::StartsWith(head, "<<<");
    const bool script = absl::StartsWith(text_, "#!");
    if (script) SkipLine();  // Whatever it says.
    if (page || script) {
      RETURN_IF_ERROR(SkipToTag());
    } else if (const size_t tag = FindTag(); tag != absl::string_view::npos) {
      // As a page, what looks like its strings and comments would run.
      return Fail(tag, "a tag of PHP in the middle of code; begin the text with <?php");
    }
    while (!done()) RETURN_IF_ERROR(One());
    return HostLexed{std::move(tokens_), std::move(comments_)};
  }

 private:
  // Whether <?php or <?= stands there, by which every PHP begins code.
  bool AtTag(size_t at) const {
    const absl::string_view rest = text_.substr(at);
    if (absl::StartsWith(rest, "<?=")) return true;
    return absl::StartsWithIgnoreCase(rest, "<?php") &&
           (rest.size() == 5 || absl::ascii_isspace(rest[5]));
  }
  size_t FindTag() const {
    size_t at = text_.find("<?");
    while (at != absl::string_view::npos && !AtTag(at)) at = text_.find("<?", at + 2);
    return at;
  }
  absl::Status SkipToTag() {
    pos_ = std::min(text_.find("<?", pos_), text_.size());
    if (done()) return absl::OkStatus();
    // Of the server's settings (short_open_tag) it depends whether code or text follows.
    if (!AtTag(pos_))
      return Fail(pos_, "<? is no tag everywhere; write <?php, or echo it as a text");
    pos_ += At("<?=") ? 3 : 5;
    return absl::OkStatus();
  }

  // A one-line comment ends at a closing tag too, and at a carriage return.
  void SkipLineComment() {
    const size_t end = std::min(text_.find_first_of("\r\n", pos_), text_.size());
    const size_t tag = text_.substr(pos_, end - pos_).find("?>");
    pos_ = tag == absl::string_view::npos ? end : pos_ + tag;
  }

  // __halt_compiler(); where a statement may begin: what follows is data.
  bool AtHalt() const {
    if (!tokens_.empty() && !tokens_.back().Is(";") && !tokens_.back().Is("}")) return false;
    absl::string_view rest = text_.substr(pos_);
    constexpr absl::string_view kHalt = "__halt_compiler";
    if (!absl::StartsWithIgnoreCase(rest, kHalt)) return false;
    rest.remove_prefix(kHalt.size());
    for (absl::string_view punct : {"(", ")"}) {
      rest = absl::StripLeadingAsciiWhitespace(rest);
      if (!absl::ConsumePrefix(&rest, punct)) return false;
    }
    rest = absl::StripLeadingAsciiWhitespace(rest);
    return absl::StartsWith(rest, ";") || absl::StartsWith(rest, "?>");
  }

  absl::Status One() {
    const size_t start = pos_;
    const char c = text_[pos_];
    if (absl::ascii_isspace(c)) {
      ++pos_;
    } else if (At("?>")) {
      // Ends a statement as ";" does.
      pos_ += 1;
      Emit(HostTokenKind::kPunct, start);
      tokens_.back().text = ";";
      return SkipToTag();
    } else if (At("//") || (c == '#' && Peek(1) != '[')) {
      SkipLineComment();
      Comment(start);
    } else if (At("/*")) {
      const size_t end = text_.find("*/", pos_ + 2);
      if (end == absl::string_view::npos) return Fail(start, "a comment is not closed");
      pos_ = end + 2;
      Comment(start);
    } else if (c == '\'') {
      return Single();
    } else if (c == '"' || c == '`') {
      return Double();
    } else if (At("<<<")) {
      return Heredoc();
    } else if (c == '$' && IsWordStart(Peek(1))) {
      ++pos_;
      SkipWord();
      Emit(HostTokenKind::kVariable, start);
    } else if (IsWordStart(c) || (c == '\\' && IsWordStart(Peek(1)))) {
      if (AtHalt()) {
        pos_ = text_.size();
        return absl::OkStatus();
      }
      // A name with its namespaces.
      while (IsWordByte(Peek()) || (Peek() == '\\' && IsWordStart(Peek(1)))) ++pos_;
      Emit(HostTokenKind::kName, start);
      tokens_.back().text = Keyword(tokens_.back().text);
    } else if (absl::ascii_isdigit(c)) {
      while (IsWordByte(Peek()) || (Peek() == '.' && absl::ascii_isdigit(Peek(1)))) ++pos_;
      Emit(HostTokenKind::kNumber, start);
    } else {
      pos_ += At("?->") ? 3 : At("->") || At("::") || At("=>") ? 2 : 1;
      Emit(HostTokenKind::kPunct, start);
    }
    return absl::OkStatus();
  }

  absl::Status Single() {
    const size_t start = pos_++;
    std::vector<StringPart> parts;
    for (; !done(); ++pos_) {
      char c = text_[pos_];
      if (c == '\'') {
        ++pos_;
        Emit(HostTokenKind::kString, start, std::move(parts));
        return absl::OkStatus();
      }
      if (c == '\\' && (Peek(1) == '\'' || Peek(1) == '\\')) c = text_[++pos_];
      AddText(c, &parts);
    }
    return Fail(start, "a string is not closed; close it with '");
  }

  absl::Status Double() {
    const size_t start = pos_;
    const char quote = text_[pos_++];
    std::vector<StringPart> parts;
    while (!done() && text_[pos_] != quote) {
      if (!Piece(&parts)) return Fail(start, "a value in a string is not closed with }");
    }
    if (done())
      return Fail(start, absl::StrCat("a string is not closed; close it with ",
                                      absl::string_view(&quote, 1)));
    ++pos_;
    Emit(quote == '`' ? HostTokenKind::kOther : HostTokenKind::kString, start, std::move(parts));
    return absl::OkStatus();
  }

  // One character of a text in double quotes, or one value in it.
  bool Piece(std::vector<StringPart>* parts) {
    const char c = text_[pos_];
    if (c == '\\' && pos_ + 1 < text_.size()) {
      // An escape by its code may be any byte; as a sign that something stands there "?" would be
      // a placeholder.
      const char next = text_[pos_ + 1];
      static constexpr absl::string_view kKnown = "\\$\"`";
      static constexpr absl::string_view kBytes = "xu01234567";
      if (absl::StrContains(kBytes, absl::string_view(&next, 1))) {
        parts->push_back({std::string(text_.substr(pos_, 2)), true});
      } else if (absl::StrContains("nrtvf", absl::string_view(&next, 1))) {
        // A comment ends at the end of its line, of some servers at a carriage return, too.
        AddText(next == 'n' ? '\n' : next == 'r' ? '\r' : ' ', parts);
      } else if (next == 'e') {
        parts->push_back({std::string(text_.substr(pos_, 2)), true});
      } else if (next == '\n' || next == '\r') {
        AddText(c, parts);  // A heredoc's label may stand on the next line.
        ++pos_;
        return true;
      } else {
        if (!absl::StrContains(kKnown, absl::string_view(&next, 1))) AddText(c, parts);
        AddText(next, parts);
      }
      pos_ += 2;
      return true;
    }
    StringPart part;
    part.is_code = true;
    if (At("{$") || At("${")) {
      pos_ += c == '{' ? 1 : 2;
      if (!TakeCode(&part.text)) return false;
      parts->push_back(std::move(part));
      return true;
    }
    if (c == '$' && IsWordStart(Peek(1))) {
      const size_t start = pos_++;
      SkipWord();
      if (Peek() == '[') {
        pos_ = std::min(text_.find(']', pos_), text_.size() - 1) + 1;
      } else if (At("->") && IsWordStart(Peek(2))) {
        pos_ += 2;
        SkipWord();
      }
      part.text = std::string(text_.substr(start, pos_ - start));
      parts->push_back(std::move(part));
      return true;
    }
    AddText(c, parts);
    ++pos_;
    return true;
  }

  absl::Status Heredoc() {
    const size_t start = pos_;
    pos_ += 3;
    while (Peek() == ' ' || Peek() == '\t') ++pos_;
    const char quote = Peek() == '\'' || Peek() == '"' ? Peek() : '\0';
    if (quote != '\0') ++pos_;
    const size_t label_start = pos_;
    SkipWord();
    const absl::string_view label = text_.substr(label_start, pos_ - label_start);
    if (quote != '\0' && Peek() == quote) ++pos_;
    if (label.empty()) {  // Shifts.
      pos_ = start + 1;
      Emit(HostTokenKind::kPunct, start);
      return absl::OkStatus();
    }
    if (At("\r\n")) ++pos_;
    if (!At("\n")) return Fail(start, "a heredoc's label ends its line; write it so");
    std::vector<StringPart> parts;
    while (!done()) {
      if (text_[pos_] == '\r' && Peek(1) != '\n') {
        return Fail(pos_, "a carriage return alone ends a heredoc's line; end lines with \\n");
      }
      if (text_[pos_] == '\n') {
        // The label ends it, at the beginning of a line behind white space.
        size_t at = pos_ + 1;
        while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
        const absl::string_view line = text_.substr(at);
        if (absl::StartsWith(line, label) &&
            (line.size() == label.size() || !IsWordByte(line[label.size()]))) {
          pos_ = at + label.size();
          Emit(HostTokenKind::kString, start, std::move(parts));
          return absl::OkStatus();
        }
        AddText('\n', &parts);
        ++pos_;
      } else if (quote == '\'') {
        AddText(text_[pos_++], &parts);
      } else if (!Piece(&parts)) {
        break;
      }
    }
    return Fail(start, "a heredoc is not closed");
  }

  // The code of an interpolation up to its "}", which is skipped; `pos_` stands behind its "{". It
  // may hold whatever a program may. False if it is not closed, or cannot be read.
  bool TakeCode(std::string* code) {
    if (depth_ >= kMostNested) return false;
    PhpLexer inside(text_.substr(pos_));
    inside.depth_ = depth_ + 1;
    int open = 1;
    while (open > 0) {
      if (inside.done()) return false;
      const size_t before = inside.tokens_.size();
      if (!inside.One().ok()) return false;
      for (size_t i = before; i < inside.tokens_.size(); ++i) {
        open += inside.tokens_[i].Is("{") ? 1 : inside.tokens_[i].Is("}") ? -1 : 0;
      }
    }
    *code = std::string(text_.substr(pos_, inside.pos_ - 1));
    pos_ += inside.pos_;
    return true;
  }

  static constexpr int kMostNested = 16;
  int depth_ = 0;  // Of interpolations around it.
};

}  // namespace

absl::StatusOr<HostLexed> LexPhp(absl::string_view text) { return PhpLexer(text).All(); }

}  // namespace dbfleet::sql
