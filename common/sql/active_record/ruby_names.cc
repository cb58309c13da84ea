#include "common/sql/active_record/ruby_names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

bool IsOfRuby(absl::string_view word) {
  static constexpr absl::string_view kWords[] = {
      "and",    "begin", "break",  "case",  "do",   "else",  "elsif", "end",    "ensure",
      "for",    "if",    "in",     "next",  "not",  "or",    "redo",  "rescue", "retry",
      "return", "then",  "unless", "until", "when", "while", "yield"};
  return IsOneOf(word, kWords);
}

// What may stand behind a method as its argument or block.
bool BeginsArgument(const HostToken& name, const HostToken& next) {
  switch (next.kind) {
    case HostTokenKind::kName:
      return !IsOfRuby(next.text) || next.text == "do" || next.text == "not";
    case HostTokenKind::kNewline:
      return false;
    case HostTokenKind::kPunct:
      return next.Is("->") || next.Is("{") || (next.Is("(") && next.offset == name.end);
    default:
      return true;
  }
}

// Whether the token in front of a name lets a statement begin with it.
bool BeginsStatement(const std::vector<HostToken>& tokens, size_t name) {
  if (name == 0) return true;
  const HostToken& before = tokens[name - 1];
  static constexpr absl::string_view kWords[] = {"begin", "do", "else", "ensure", "then"};
  return before.kind == HostTokenKind::kNewline || before.Is(";") || before.Is("{") ||
         (before.kind == HostTokenKind::kName && IsOneOf(before.text, kWords));
}

// -> x do, |a, x|, (*x), => x, in x, for x
bool IsBoundBehind(const std::vector<HostToken>& tokens, size_t name) {
  if (name == 0) return false;
  const HostToken& before = tokens[name - 1];
  return before.Is("->") || before.Is(",") || before.Is("*") || before.Is("&") || before.Is("=>") ||
         before.IsName("in") || before.IsName("for");
}

bool EndsStatement(const HostToken& token) {
  return token.kind == HostTokenKind::kNewline || token.Is(";") || token.Is("}") ||
         token.IsName("end");
}

}  // namespace

void RubyNames::Take(const std::vector<HostToken>& tokens) {
  for (; taken_ < tokens.size(); ++taken_) {
    const HostToken& token = tokens[taken_];
    if (token.kind == HostTokenKind::kLabel) Add(token.text);
    for (const StringPart& part : token.parts) {
      // /(?<name>...)/ =~ text
      for (size_t at = part.text.find("(?<"); at != std::string::npos && !part.is_code;
           at = part.text.find("(?<", at + 1)) {
        const size_t end = part.text.find('>', at);
        if (end != std::string::npos)
          Add(absl::string_view(part.text).substr(at + 3, end - at - 3));
      }
    }
    if (taken_ > 0) TakeUse(tokens, taken_ - 1);
  }
}

void RubyNames::TakeUse(const std::vector<HostToken>& tokens, size_t at) {
  const HostToken& name = tokens[at];
  const HostToken& next = tokens[at + 1];
  if (name.kind != HostTokenKind::kName || IsOfRuby(name.text)) return;
  if (at > 0 && (tokens[at - 1].Is(".") || tokens[at - 1].Is("&.") || tokens[at - 1].Is("::") ||
                 tokens[at - 1].IsName("def"))) {
    return;
  }
  if (!IsBoundBehind(tokens, at) && BeginsArgument(name, next)) return;
  if (EndsStatement(next) && BeginsStatement(tokens, at)) return;
  Add(name.text);
}

void RubyNames::Add(absl::string_view name) {
  if (used_.count(name) == 0) used_.emplace(name);
}

bool RubyNames::MayBeVariable(absl::string_view name) const {
  const bool numbered = name.size() == 2 && name[0] == '_' && absl::ascii_isdigit(name[1]);
  return numbered || name == "it" || used_.count(name) > 0;
}

}  // namespace dbfleet::sql
