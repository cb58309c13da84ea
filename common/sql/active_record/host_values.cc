#include "common/sql/active_record/host_values.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_sources.h"
#include "common/sql/active_record/host_text.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kLongestValue = 60;  // In tokens.
constexpr size_t kMostValues = 500;

// The variable at a token, or the object's own property: "$this->sql". `behind` becomes the token
// behind it.
std::string NameAt(const HostProgram& program, size_t i, size_t* behind) {
  const bool property = program[i].text == "$this" && program[i + 1].Is("->") &&
                        program[i + 2].kind == HostTokenKind::kName && !program[i + 3].Is("(");
  *behind = i + (property ? 3 : 1);
  return property ? absl::StrCat("$this->", program[i + 2].text) : std::string(program[i].text);
}

bool IsModifier(const HostToken& token) {
  return token.IsName("if") || token.IsName("unless") || token.IsName("and") ||
         token.IsName("or") || token.IsName("while") || token.IsName("rescue");
}

// A property, which other objects and methods reach, or a global variable.
bool IsShared(absl::string_view name) {
  return absl::StrContains(name, "->") || absl::StartsWith(name, "@");
}

// What may bind a variable whose name is not written there.
bool BindsAnyName(const HostProgram& program, size_t i) {
  const HostToken& token = program[i];
  if (!program.php()) {
    return token.IsName("binding") || token.IsName("eval") || token.IsName("instance_eval") ||
           token.IsName("class_eval") || token.IsName("local_variable_set") ||
           token.IsName("instance_variable_set");
  }
  return token.Is("$") || token.text == "$GLOBALS" || token.IsName("extract") ||
         token.IsName("parse_str") || token.IsName("eval");
}

}  // namespace

HostValues::HostValues(const HostProgram& program) : program_(program) {
  for (size_t i = 0; i < program.size(); ++i) FindOtherBindings(i);
}

// What may bind a name to something else is not told; what does not is: an assignment of
// placeholders, and a use in a text or between "." or "+". Any other mention of it counts.
void HostValues::FindOtherBindings(size_t i) {
  const HostToken& token = program_[i];
  const bool php = program_.php();
  for (const StringPart& part : token.parts) FindOtherBindingsIn(part, token.kind);
  if (BindsAnyName(program_, i)) other_than_seen_ = true;
  const bool variable =
      token.kind == HostTokenKind::kVariable || token.kind == HostTokenKind::kLabel ||
      token.kind == HostTokenKind::kSymbol || (!php && token.kind == HostTokenKind::kName);
  if (!variable) return;
  size_t next = 0;
  const std::string name = NameAt(program_, i, &next);
  const HostToken& before = program_[i - 1];
  const HostToken& sign = program_[next];
  const HostToken& second = program_[next + 1];
  const bool begins = before.Is(";") || before.Is("{") || before.Is("}") || before.text.empty() ||
                      before.Is(")") || before.Is(":") || before.IsName("else") ||
                      before.IsName("then") || before.kind == HostTokenKind::kNewline;
  if (begins && sign.Is("=") && !second.Is("=") && !second.Is("~") && !second.Is(">") &&
      !second.Is("&")) {
    const std::string code(program_.Source({next + 1, EndOfValue(next + 1)}));
    const bool only = std::all_of(code.begin(), code.end(), [](char c) {
      return absl::StrContains("'\"?, ()", absl::string_view(&c, 1));
    });
    if (!GivesPlaceholders(code) && !only) other_.insert(name);
    return;
  }
  const absl::string_view join = php ? "." : "+";
  const bool joined = (before.Is(join) || sign.Is(join)) && !second.Is("=") && !sign.Is("[") &&
                      !sign.Is("->") && !(!php && sign.Is("."));
  if (!joined) other_.insert(name);
}

// "{$in}" and "#{marks}" say what stands there; what else is mentioned in a text's code may change.
void HostValues::FindOtherBindingsIn(const StringPart& part, HostTokenKind kind) {
  absl::string_view code = absl::StripAsciiWhitespace(part.text);
  if (part.is_code && absl::ConsumePrefix(&code, "{")) absl::ConsumeSuffix(&code, "}");
  const auto is_name_byte = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0;
  };
  size_t begin = part.is_code && absl::StartsWith(code, "$") ? 1 : 0;
  const absl::string_view word = code.substr(begin);
  if (part.is_code && std::all_of(word.begin(), word.end(), is_name_byte)) return;
  // Names of a regular expression's groups become variables in Ruby.
  if (!part.is_code && (kind != HostTokenKind::kOther || !absl::StrContains(code, "(?<"))) return;
  for (size_t i = 0; i < code.size();) {
    size_t end = i;
    while (end < code.size() && is_name_byte(code[end])) ++end;
    if (end > i) {
      other_.insert(std::string(code.substr(i, end - i)));
      other_.insert(absl::StrCat("$", code.substr(i, end - i)));
    }
    i = std::max(end, i + 1);
  }
}

size_t HostValues::EndOfValue(size_t from) const {
  size_t end = from;
  while (end < program_.size() && end < from + kLongestValue && !program_[end].Is(";") &&
         program_[end].kind != HostTokenKind::kNewline && !IsModifier(program_[end])) {
    end = program_.CloseOf(end) < program_.size() ? program_.CloseOf(end) + 1 : end + 1;
  }
  return std::min(end, program_.size());
}

HostContext HostValues::ContextOf(HostRange range) const {
  HostContext context;
  const auto& clean = context_.placeholder_values;
  if (clean.empty() && context_.joined_values.empty()) return context;
  // Only those that it names: a program may have as many of them as statements.
  std::set<std::string> named;
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = program_[i];
    size_t behind = 0;
    const std::string text = NameAt(program_, i, &behind);
    const auto found = context_.joined_values.find(text);
    if (found != context_.joined_values.end()) {
      // Of a property its name is enough where it is read.
      context.joined_values[text.substr(text.rfind('>') + 1)] = found->second;
    }
    named.insert(text);
    for (const StringPart& part : token.parts) {
      if (part.is_code) named.insert(std::string(absl::StripAsciiWhitespace(part.text)));
    }
  }
  std::copy_if(clean.begin(), clean.end(), std::back_inserter(context.placeholder_values),
               [&](const std::string& name) { return named.count(name) > 0; });
  return context;
}

size_t HostValues::Follow(size_t at) {
  size_t behind = 0;
  const std::string name = NameAt(program_, at, &behind);
  at = behind - 1;
  const HostToken& first = program_[at + 1];
  const HostToken& second = program_[at + 2];
  const bool appends = (second.Is("=") && (first.Is(".") || first.Is("+"))) ||
                       (!program_.php() && first.Is("<") && second.Is("<"));
  if (appends) {
    Append(name, {at + 3, EndOfValue(at + 3)});
    return 0;
  }
  // q.concat(x)
  if (!program_.php() && first.Is(".") && program_[at + 3].Is("(") &&
      (second.IsName("concat") || second.IsName("append") || second.IsName("prepend") ||
       second.IsName("insert"))) {
    Append(name, {at + 4, std::min(program_.CloseOf(at + 3), at + 4 + kLongestValue)});
    return 0;
  }
  if (!first.Is("=") || second.Is("=")) return 0;
  Assign(name, {at + 2, EndOfValue(at + 2)});
  return at + 2;
}

void HostValues::Forget(const std::string& name) {
  auto& clean = context_.placeholder_values;
  clean.erase(std::remove(clean.begin(), clean.end(), name), clean.end());
  context_.joined_values.erase(name);
  texts_.erase(name);
}

void HostValues::Assign(const std::string& name, HostRange value) {
  // The value may be made of what the variable held.
  std::string with;
  const size_t known =
      texts_.size() + context_.joined_values.size() + context_.placeholder_values.size();
  const bool room = known <= kMostValues;
  const bool text = room && Joined(value, &with);
  Forget(name);
  if (!room) return;
  if (GivesPlaceholders(program_.Source(value)) && !other_than_seen_ && other_.count(name) == 0 &&
      !IsShared(name)) {
    context_.placeholder_values.push_back(name);
  } else if (text && with.empty()) {
    texts_.insert(name);
  } else if (text) {
    context_.joined_values[name] = with;
  }
}

// Only of what is known to be a text: lists have the same operators.
void HostValues::Append(const std::string& name, HostRange value) {
  if (texts_.count(name) == 0) return;
  const HostToken& only = program_[value.begin];
  const bool constant = value.end == value.begin + 1 && texts_.count(std::string(only.text)) > 0;
  std::string with;
  if (constant || (Joined(value, &with) && with.empty())) return;
  if (with.empty()) with = SanitizeForDisplay(Truncate(program_.Source(value), 80));
  context_.joined_values[name] = with;
}

// Whether the value is a text, or several that are joined; `with` is the first value of the program
// in it.
bool HostValues::Joined(HostRange value, std::string* with) const {
  if (IsRequestValue(program_, value)) {
    *with = SanitizeForDisplay(Truncate(program_.Source(value), 80));
    return true;
  }
  bool text = false;
  for (size_t i = value.begin; i < value.end;) {
    const HostToken& token = program_[i];
    const size_t begin = i;
    i = program_.CloseOf(i) < value.end ? program_.CloseOf(i) + 1 : i + 1;
    text = text || token.kind == HostTokenKind::kString;
    // One of two, or a comparison, is no text that can be followed.
    if (token.Is("?") || token.Is(":") || token.Is("=") || token.Is("&") || token.Is("|") ||
        token.Is("=>")) {
      return false;
    }
    const bool call = token.IsName("sprintf") || token.IsName("format");
    text = text || (call && program_[begin + 1].Is("("));
    // $q . $x; [q, x].join
    text = text || (token.Is("[") && program_[i].Is(".") && program_[i + 1].IsName("join"));
    if (JoinsValues(program_, value)) {
      const std::string part(token.text);
      text = text || texts_.count(part) > 0 || context_.joined_values.count(part) > 0;
    }
  }
  const HostToken& first = program_[value.begin];
  const bool joins = std::any_of(
      context_.joined_values.begin(), context_.joined_values.end(), [&](const auto& joined) {
        return value.end == value.begin + 1 && first.text == joined.first;
      });
  if (joins) {
    *with = context_.joined_values.at(std::string(first.text));
    return true;
  }
  if (!text) return false;
  bool literal = first.Is("[");
  for (size_t i = value.begin; i < value.end; ++i) {
    literal = literal || program_[i].kind == HostTokenKind::kString;
  }
  if (!literal) {
    // Texts that are known, joined with what is not.
    for (size_t i = value.begin; i < value.end; ++i) {
      const bool operand =
          program_[i].kind == HostTokenKind::kVariable || program_[i].kind == HostTokenKind::kName;
      if (operand && texts_.count(std::string(program_[i].text)) == 0) {
        *with = SanitizeForDisplay(Truncate(program_.Source(value), 80));
      }
    }
    return true;
  }
  const HostText read = ReadHostText(program_, value, context_.placeholder_values);
  if (read.concatenates && texts_.count(read.joined_value) == 0) *with = read.joined_value;
  return read.known;
}

}  // namespace dbfleet::sql
