#include "common/sql/active_record/host_values.h"

#include <algorithm>

#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_text.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kLongestValue = 60;  // In tokens.
constexpr size_t kMostValues = 500;

bool IsModifier(const HostToken& token) {
  return token.IsName("if") || token.IsName("unless") || token.IsName("and") ||
         token.IsName("or") || token.IsName("while") || token.IsName("rescue");
}

}  // namespace

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
  context.placeholder_values = context_.placeholder_values;
  if (context_.joined_values.empty()) return context;
  for (size_t i = range.begin; i < range.end; ++i) {
    const auto found = context_.joined_values.find(std::string(program_[i].text));
    if (found != context_.joined_values.end()) context.joined_values.insert(*found);
  }
  return context;
}

size_t HostValues::Follow(size_t at) {
  const std::string name(program_[at].text);
  const HostToken& first = program_[at + 1];
  const HostToken& second = program_[at + 2];
  const bool appends = (second.Is("=") && (first.Is(".") || first.Is("+"))) ||
                       (!program_.php() && first.Is("<") && second.Is("<"));
  if (appends) {
    Append(name, {at + 3, EndOfValue(at + 3)});
    return 0;
  }
  if (!first.Is("=") || second.Is("=")) return 0;
  Forget(name);
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
  if (texts_.size() + context_.joined_values.size() > kMostValues) return;
  if (GivesPlaceholders(program_.Source(value))) {
    context_.placeholder_values.push_back(name);
    return;
  }
  std::string with;
  if (!Joined(value, &with)) return;
  if (with.empty()) {
    texts_.insert(name);
  } else {
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
  const HostText read = ReadHostText(program_, value, context_.placeholder_values);
  if (read.concatenates && texts_.count(read.joined_value) == 0) *with = read.joined_value;
  return read.known;
}

}  // namespace dbfleet::sql
