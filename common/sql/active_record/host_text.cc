#include "common/sql/active_record/host_text.h"

#include <algorithm>
#include <regex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_quoting.h"
#include "common/sql/active_record/host_sources.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Longer ones are not looked at: nobody writes them, and std::regex takes stack for each byte.
constexpr size_t kLongestExpression = 200;

// Methods that do not change what a text says.
bool KeepsText(absl::string_view name) {
  return name == "squish" || name == "strip" || name == "freeze" || name == "chomp" ||
         name == "html_safe" || name == "dup" || name == "to_s";
}

class TextReader {
 public:
  TextReader(const HostProgram& program, absl::Span<const std::string> clean,
             const std::map<std::string, std::string>* words)
      : program_(program), clean_(clean), words_(words) {}

  HostText Read(HostRange range) {
    Skip(&range);
    range = UnwrapSql(program_, range);
    if (ReadJoined(range)) return std::move(text_);
    if (ReadFormatted(range)) return std::move(text_);
    bool any = false;
    const HostToken& first = program_[range.begin];
    if ((first.IsName("sprintf") || first.IsName("format")) && program_[range.begin + 1].Is("(") &&
        program_.CloseOf(range.begin + 1) == range.end - 1) {
      // The text is the first argument; the others are set in.
      const std::vector<HostRange> parts = program_.Parts({range.begin + 2, range.end - 1});
      for (size_t i = 1; i < parts.size(); ++i) {
        // Where it is put in is not followed, so that no quoting fits.
        const std::string code(absl::StripAsciiWhitespace(program_.Source(parts[i])));
        const bool shows = program_.php() || OnlyShows(code);
        if (!program_.Trusts(code) || !shows || !GivesNumber(code)) Join(code);
      }
      text_.value.clear();
      quote_ = QuoteAtEnd();
      if (!parts.empty()) range = parts[0];
    }
    for (size_t i = range.begin; i < range.end;) {
      const HostToken& token = program_[i];
      if (token.kind == HostTokenKind::kString) {
        any = true;
        for (const StringPart& part : token.parts) Add(part);
        i = AfterHarmlessCalls(i + 1, range.end);
        continue;
      }
      if (IsJoin(token)) {
        ++i;
        continue;
      }
      // A value of the program, up to the next join.
      size_t end = i;
      while (end < range.end && !(end > i && IsJoin(program_[end]))) {
        end = program_.CloseOf(end) < range.end ? program_.CloseOf(end) + 1 : end + 1;
      }
      Add({std::string(program_.Source({i, end})), true});
      i = end;
    }
    // Of sprintf("...", $x) the text is inside the value.
    for (size_t i = range.begin; i < range.end && text_.concatenates; ++i) {
      any = any || program_[i].kind == HostTokenKind::kString;
    }
    text_.known = any;
    return std::move(text_);
  }

 private:
  // sprintf('... %d', $x), $wpdb->prepare('... %s', $x)
  bool ReadFormatted(HostRange range) {
    const std::optional<FormattedText> formatted = FormattedTextOf(program_, range);
    if (!formatted.has_value() || !program_.Trusts(formatted->wordpress ? "$wpdb" : "sprintf") ||
        !program_.Trusts("format")) {
      return false;
    }
    HostText inner = TextReader(program_, clean_, words_).Read(formatted->text);
    const std::optional<std::string> filled = FillFormat(inner.value, formatted->wordpress);
    if (!inner.known || !filled.has_value()) return false;
    text_ = std::move(inner);
    text_.value = *filled;
    text_.placeholders = true;
    return true;
  }

  // [a, b].join(" "), implode(' ', [a, b]): the elements, one behind the other.
  bool ReadJoined(HostRange range) {
    HostRange list = range;
    HostRange glue;
    if (program_.php()) {
      const HostToken& name = program_[range.begin];
      if (!(name.IsName("implode") || name.IsName("join")) || !program_[range.begin + 1].Is("(") ||
          program_.CloseOf(range.begin + 1) + 1 != range.end) {
        return false;
      }
      const std::vector<HostRange> parts = program_.Parts({range.begin + 2, range.end - 1});
      if (parts.size() != 2) return false;
      glue = parts[0];
      list = parts[1];
    } else {
      if (!program_[range.begin].Is("[") || program_.CloseOf(range.begin) + 2 >= range.end) {
        return false;
      }
      list.end = program_.CloseOf(range.begin) + 1;
      const size_t open = list.end + 2;
      if (!program_[list.end].Is(".") || !program_[list.end + 1].IsName("join")) return false;
      if (program_[open].Is("(") && program_.CloseOf(open) + 1 == range.end) {
        glue = {open + 1, range.end - 1};
      } else if (open != range.end) {
        return false;
      }
    }
    const auto elements = ReadList(program_, list);
    if (!elements.has_value() || elements->empty()) return false;
    // Of values alone it is no text that is known.
    const bool any = std::any_of(elements->begin(), elements->end(), [&](HostRange element) {
      return program_[element.begin].kind == HostTokenKind::kString;
    });
    if (!any) return false;
    for (const HostRange& element : *elements) {
      if (&element != &elements->front()) Element(glue);
      Element(element);
    }
    text_.known = true;
    return true;
  }

  void Element(HostRange range) {
    if (range.empty()) return;
    const HostToken& token = program_[range.begin];
    if (range.end == range.begin + 1 && token.kind == HostTokenKind::kString) {
      for (const StringPart& part : token.parts) Add(part);
    } else {
      Add({std::string(program_.Source(range)), true});
    }
  }

  // The parentheses around all of it.
  void Skip(HostRange* range) const {
    while (range->end - range->begin > 1 && program_[range->begin].Is("(") &&
           program_.CloseOf(range->begin) == range->end - 1) {
      ++range->begin;
      --range->end;
    }
  }

  bool IsJoin(const HostToken& token) const {
    return token.Is(program_.php() ? "." : "+") || (!program_.php() && token.Is("<"));
  }

  size_t AfterHarmlessCalls(size_t i, size_t end) const {
    while (i + 1 < end && program_[i].Is(".") && KeepsText(program_[i + 1].text) &&
           !program_.php()) {
      i += 2;
    }
    return i;
  }

  void Add(const StringPart& part) {
    if (!part.is_code) {
      absl::StrAppend(&text_.value, part.text);
      return;
    }
    const std::string code(absl::StripAsciiWhitespace(part.text));
    if (!program_.Trusts(code)) {
      Join(code);
      return;
    }
    const bool is_clean = std::find(clean_.begin(), clean_.end(), code) != clean_.end();
    const bool shows = program_.php() || OnlyShows(code);
    if (is_clean || (shows && GivesPlaceholders(code))) {
      text_.placeholders = true;
      absl::StrAppend(&text_.value, "?");
      return;
    }
    // Behind a minus a negative number would begin a comment.
    const bool numbers = GivesNumber(code) || (program_.php() && GivesNumbers(code));
    if (shows && numbers && !absl::EndsWith(text_.value, "-")) {
      absl::StrAppend(&text_.value, "1");
      return;
    }
    if (const std::string word = WordFor(code); !word.empty()) {
      absl::StrAppend(&text_.value, word);
      return;
    }
    if (!program_.php() && IsQuotedName(quote_.After(text_.value), code)) {
      absl::StrAppend(&text_.value, "x");
      return;
    }
    if (const std::string table = WordPressTable(code); !table.empty()) {
      absl::StrAppend(&text_.value, table);
      return;
    }
    if (IsQuotedFor(text_.value, quote_.After(text_.value), code, program_.php())) {
      // In quotes it is a part of the text.
      text_.escapes = text_.placeholders = true;
      text_.escapers.push_back(code.substr(0, code.find('(')));
      absl::StrAppend(&text_.value, "?");
      return;
    }
    Join(code);
  }

  // $dir, which holds 'asc' or 'desc'; x ? 'asc' : 'desc'. What is asked is read by itself.
  std::string WordFor(const std::string& code) const {
    if (words_ != nullptr) {
      const auto found = words_->find(code);
      if (found != words_->end()) return found->second;
    }
    if (code.size() > kLongestExpression || !absl::StrContains(code, "?")) return "";
    static const std::regex& one_of_two = *new std::regex(
        "\\(?[^?]*[^?\\s]\\s*\\?\\s*(['\"])(\\w+)\\1\\s*:\\s*(['\"])(\\w+)\\3\\s*\\)?");
    std::smatch parts;
    if (!std::regex_match(code, parts, one_of_two)) return "";
    return StandInFor({parts[2].str(), parts[4].str()});
  }

  void Join(const std::string& code) {
    if (!text_.concatenates) text_.joined_value = SanitizeForDisplay(Truncate(code, 80));
    text_.concatenates = true;
    absl::StrAppend(&text_.value, "x");
  }

  const HostProgram& program_;
  const absl::Span<const std::string> clean_;
  const std::map<std::string, std::string>* words_;
  HostText text_;
  QuoteAtEnd quote_;  // Of text_.value, which only grows.
};

// What a list or hash is wrapped in; {0, 0} if in nothing.
HostRange Inside(const HostProgram& program, HostRange range) {
  size_t open = range.begin;
  if (program.php() && absl::EqualsIgnoreCase(program[open].text, "array")) ++open;
  const HostToken& token = program[open];
  const bool opens = token.Is("[") || (program.php() && open > range.begin && token.Is("(")) ||
                     (!program.php() && token.Is("{"));
  if (!opens || open >= range.end || program.CloseOf(open) != range.end - 1) return {0, 0};
  return {open + 1, range.end - 1};
}

}  // namespace

HostText ReadHostText(const HostProgram& program, HostRange range,
                      absl::Span<const std::string> clean,
                      const std::map<std::string, std::string>* words) {
  return TextReader(program, clean, words).Read(range);
}

std::string StandInFor(const std::vector<std::string>& words) {
  bool directions = true;
  for (const std::string& word : words) {
    const std::string lower = absl::AsciiStrToLower(word);
    const bool direction = lower == "asc" || lower == "desc";
    directions = directions && direction;
    if (direction) continue;
    // A name, as of a column; SQL's own words have no underscore and are no names.
    static constexpr absl::string_view kWords[] = {
        "all",       "alter",   "and",    "call",    "create", "delete", "distinct", "do",
        "drop",      "exec",    "except", "execute", "for",    "from",   "grant",    "insert",
        "intersect", "into",    "join",   "limit",   "load",   "lock",   "merge",    "not",
        "or",        "replace", "select", "set",     "share",  "table",  "truncate", "union",
        "update",    "using",   "values", "where",   "with"};
    const bool name = !lower.empty() && !absl::ascii_isdigit(lower[0]) &&
                      std::all_of(lower.begin(), lower.end(),
                                  [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
    if (!name || IsOneOf(lower, kWords)) return "";
  }
  return words.empty() ? "" : directions ? "ASC" : "x";
}

bool GivesPlaceholders(absl::string_view expression) {
  if (expression.size() > kLongestExpression || !absl::StrContains(expression, "?")) return false;
  std::string code;
  for (char c : expression) {
    if (!absl::ascii_isspace(c)) code.push_back(c == '"' ? '\'' : c);
  }
  // A value, a number of values, the text between placeholders.
  static constexpr char kValue[] = "[$@]*\\w+(?:(?:->|\\.)\\w+)*";
  static const std::string& number = *new std::string(absl::StrCat(
      "(?:(?:count|sizeof)\\(", kValue, "\\)|", kValue, "\\.(?:size|length|count)|\\d+)(?:-1)?"));
  static const std::string& between = *new std::string("'[,()?]*'");
  static const std::string& repeat =
      *new std::string(absl::StrCat("str_repeat\\('[,()?]*',", number, "\\)"));
  static const std::regex& php = *new std::regex(
      absl::StrCat("(?:implode|join)\\(", between, ",array_fill\\(\\d+,", number, ",'\\?'\\)\\)|",
                   repeat, "|(?:rtrim|trim|substr)\\(", repeat, "(?:,(?:'[, ]*'|0|-1))*\\)"));
  static const std::regex& ruby = *new std::regex(
      absl::StrCat("(?:\\(?\\['\\?'\\]\\*", number, "\\)?|", kValue,
                   "\\.(?:map|collect)\\{(?:\\|\\w+\\|)?'\\?'\\}|Array\\.new\\(", number,
                   "(?:,'\\?'\\)|\\)\\{'\\?'\\}))\\.join\\(", between, "\\)"));
  return std::regex_match(code, php) || std::regex_match(code, ruby);
}

std::optional<std::string> ReadWord(const HostProgram& program, HostRange range) {
  if (range.end != range.begin + 1) return std::nullopt;
  const HostToken& token = program[range.begin];
  if (token.kind == HostTokenKind::kSymbol || token.kind == HostTokenKind::kLabel) {
    return std::string(token.text);
  }
  if (token.kind != HostTokenKind::kString || token.parts.size() != 1 || token.parts[0].is_code) {
    return std::nullopt;
  }
  return token.parts[0].text;
}

std::optional<HostPairs> ReadPairs(const HostProgram& program, HostRange range) {
  HostPairs pairs;
  const HostRange inside = Inside(program, range);
  const std::vector<HostRange> parts = program.Parts(inside.empty() ? range : inside);
  for (const HostRange& part : parts) {
    size_t value = part.begin + 1;
    if (program[part.begin].kind != HostTokenKind::kLabel) {
      if (!program[value].Is("=>")) return std::nullopt;
      ++value;
    }
    const std::optional<std::string> key = ReadWord(program, {part.begin, part.begin + 1});
    if (!key.has_value()) return std::nullopt;
    pairs.emplace_back(*key, HostRange{std::min(value, part.end), part.end});
  }
  if (pairs.empty()) return std::nullopt;
  return pairs;
}

std::optional<std::vector<HostRange>> ReadList(const HostProgram& program, HostRange range) {
  const HostRange inside = Inside(program, range);
  if (inside.empty() || program[range.begin].Is("{")) return std::nullopt;
  std::vector<HostRange> parts = program.Parts(inside);
  for (const HostRange& part : parts) {
    if (program[part.begin].kind == HostTokenKind::kLabel || program[part.begin + 1].Is("=>")) {
      return std::nullopt;
    }
  }
  return parts;
}

}  // namespace dbfleet::sql
