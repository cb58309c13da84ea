#include "common/sql/active_record/host_locals.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kLongestHead = 1000;  // Of a function or list of variables, in tokens.

// What by names and references may bind any variable of a program.
bool ReachesByName(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kPhp[] = {
      "assert",       "create_function", "eval",    "extract",   "include",
      "include_once", "mb_parse_str",    "require", "parse_str", "require_once"};
  // That may be called by their names, as 'extract'($x).
  static constexpr absl::string_view kFunctions[] = {"assert", "create_function", "extract",
                                                     "mb_parse_str", "parse_str"};
  static constexpr absl::string_view kRuby[] = {"binding", "eval", "instance_eval",
                                                "local_variable_set"};
  const HostToken& token = program[i];
  if (!program.php()) {
    return (token.kind == HostTokenKind::kName || token.kind == HostTokenKind::kSymbol) &&
           IsOneOf(token.text, kRuby);
  }
  if (token.text == "$GLOBALS" || token.Is("$")) return true;  // $$name, ${name}
  if (token.kind == HostTokenKind::kString && token.parts.size() == 1) {
    absl::string_view name = token.parts[0].text;
    while (!name.empty() && name[0] == '\\') name.remove_prefix(1);
    return IsOneOf(absl::AsciiStrToLower(name), kFunctions);
  }
  absl::string_view name = token.text;
  while (!name.empty() && name[0] == '\\') name.remove_prefix(1);
  if (token.kind != HostTokenKind::kName || !IsOneOf(absl::AsciiStrToLower(name), kPhp)) {
    return false;
  }
  // The classes of libraries.
  for (size_t k = i + 1; k < i + 8 && !program[k].Is(";"); ++k) {
    const HostText path = ReadHostText(program, {k, std::min(k + 1, program.size())}, {});
    if (path.known && absl::EndsWith(path.value, "autoload.php")) return false;
  }
  return true;
}

bool IsWordByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

}  // namespace

HostLocals::HostLocals(const HostProgram& program) : program_(program) {
  FindScopes();
  for (size_t i = 0; i < program.size(); ++i) FindSpoiled(i);
}

// The method around each token; the text's own is at 0. PHP's fn shares the variables around it,
// and so do Ruby's blocks.
void HostLocals::FindScopes() {
  scopes_.assign(program_.size(), 0);
  std::vector<HostRange> open = {{0, program_.size()}};
  for (size_t i = 0; i < program_.size(); ++i) {
    while (i >= open.back().end && open.size() > 1) open.pop_back();
    const HostToken& token = program_[i];
    if (program_.php() && token.IsName("function")) {
      size_t body = i + 1;
      const size_t limit = std::min(program_.size(), i + kLongestHead);
      while (body < limit && !program_[body].Is("{") && !program_[body].Is(";")) {
        body = program_.CloseOf(body) < program_.size() ? program_.CloseOf(body) + 1 : body + 1;
      }
      reached_by_name_ = reached_by_name_ || (body >= limit && limit < program_.size());
      if (program_[body].Is("{")) {
        open.push_back({i, program_.CloseOf(body)});
        bodies_[i] = body;
      }
    } else if (!program_.php() && program_.CloseOf(i) < program_.size() &&
               (token.IsName("def") || token.IsName("class") || token.IsName("module"))) {
      open.push_back({i, program_.CloseOf(i)});
    }
    scopes_[i] = open.back().begin;
  }
}

// All names in a piece of code; of one that is nothing but a variable none, since it is only shown.
void HostLocals::SpoilNames(absl::string_view code) {
  code = absl::StripAsciiWhitespace(code);
  const absl::string_view bare = absl::StartsWith(code, "$") ? code.substr(1) : code;
  if (std::all_of(bare.begin(), bare.end(), IsWordByte)) return;
  for (size_t at = 0; at < code.size();) {
    size_t end = at;
    if (code[end] == '$') ++end;
    while (end < code.size() && IsWordByte(code[end])) ++end;
    if (end > at) spoiled_.insert(std::string(code.substr(at, end - at)));
    at = std::max(end, at + 1);
  }
}

// What a file that is included binds is bound over again by what stands behind it, if nothing of
// its method stands in front of it. (That it is included at all is told where it is.)
bool HostLocals::BindsHere(size_t i) {
  static constexpr absl::string_view kIncludes[] = {"include", "include_once", "require",
                                                    "require_once"};
  static constexpr absl::string_view kLoops[] = {"do", "for", "foreach", "goto", "while"};
  const HostToken& token = program_[i];
  const size_t scope = scopes_[i];
  const auto body = bodies_.find(scope);
  const bool inside = body == bodies_.end() ? scope == 0 : i > body->second;
  const bool word = token.kind == HostTokenKind::kName;
  const bool includes = word && IsOneOf(absl::AsciiStrToLower(token.text), kIncludes);
  const bool first = begun_.count(scope) == 0 && inside;
  if (inside && (token.kind == HostTokenKind::kVariable ||
                 (word && IsOneOf(absl::AsciiStrToLower(token.text), kLoops)))) {
    begun_.insert(scope);
  }
  return !(program_.php() && includes && first) && ReachesByName(program_, i);
}

void HostLocals::FindSpoiled(size_t i) {
  const HostToken& token = program_[i];
  const bool binds = BindsHere(i);
  reached_by_name_ = reached_by_name_ || binds;
  for (const StringPart& part : token.parts) {
    if (part.is_code) SpoilNames(part.text);  // "{$s->prepare($x)}"
  }
  // /(?<s>.*)/ =~ x binds s.
  if (token.kind == HostTokenKind::kOther && !program_.php() &&
      absl::StrContains(token.text, "(?<")) {
    SpoilNames(token.text);
  }
  // x => { s: } binds s; f(s:) hands it on.
  const HostToken& next = program_[i + 1];
  if (token.kind == HostTokenKind::kLabel &&
      (next.Is("}") || next.Is(",") || next.Is(")") || next.Is("]") ||
       next.kind == HostTokenKind::kNewline || next.text.empty())) {
    spoiled_.insert(std::string(token.text));
  }
  const bool shared = program_.php() && ((token.IsName("use") && program_[i + 1].Is("(")) ||
                                         token.IsName("global") || token.IsName("static"));
  for (size_t k = i + 1; shared && k < program_.size() && k < i + kLongestHead &&
                         !program_[k].Is(";") && !program_[k].Is("{");
       ++k) {
    reached_by_name_ = reached_by_name_ || k + 1 == i + kLongestHead;
    if (program_[k].kind == HostTokenKind::kVariable) {
      spoiled_.insert(std::string(program_[k].text));
    }
  }
}

bool HostLocals::IsLocal(size_t i) const {
  const HostToken& token = program_[i];
  const HostToken& before = program_[i - 1];
  if (program_.php()) return token.kind == HostTokenKind::kVariable && !before.Is("::");
  return token.kind == HostTokenKind::kName && !token.text.empty() &&
         (absl::ascii_islower(token.text[0]) || token.text[0] == '_') && !before.Is(".") &&
         !before.Is("&.") && !before.Is("::");
}

}  // namespace dbfleet::sql
