#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/harmless_methods.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/words.h"

// Methods and functions that are called by their names, or handed to others that call them.
namespace dbfleet::sql {

bool NamesMethodThatWrites(absl::string_view name) {
  if (const size_t colons = name.rfind(':'); colons != absl::string_view::npos) {
    name.remove_prefix(colons + 1);
  }
  const ModelMethod* method = FindModelMethod(name);
  return method != nullptr ? method->safety == Safety::kDestructive : NamesWrite(name);
}

bool GivesWrite(const HostProgram& program, HostRange argument) {
  if (program[argument.begin].Is("&")) ++argument.begin;
  const std::optional<std::string> word = ReadWord(program, argument);
  // :posts= puts other records in the place of those of an association.
  return word.has_value() &&
         (NamesMethodThatWrites(*word) || absl::EndsWith(*word, "s=") || *word == "attributes=");
}

bool IsCallableThatWrites(const HostProgram& program, HostRange list) {
  const auto parts = program.php() ? ReadList(program, list) : std::nullopt;
  if (!parts.has_value() || parts->size() != 2) return false;
  const HostRange object = parts->front();
  const HostRange name = parts->back();
  const HostToken& first = program[object.begin];
  const bool is_class = first.kind == HostTokenKind::kString && first.text.size() > 1 &&
                        (absl::ascii_isupper(first.text[1]) || first.text[1] == '\\');
  const bool is_object =
      first.kind == HostTokenKind::kVariable || first.kind == HostTokenKind::kName || is_class;
  if (!is_object) return false;
  const HostText text = ReadHostText(program, name, {});
  return text.known && (text.concatenates || NamesMethodThatWrites(text.value));
}

bool GivesCallableThatWrites(const HostProgram& program, const HostCall& call,
                             const HostVariables* variables) {
  for (const HostRange& argument : call.arguments) {
    const HostToken& first = program[argument.begin];
    if (IsCallableThatWrites(program, argument)) return true;
    const bool one = argument.end == argument.begin + 1;
    if (one && variables != nullptr && variables->MayHoldWrite(first.text)) return true;
    if (const auto word = ReadWord(program, argument);
        word.has_value() && (NamesMethodThatWrites(*word) || NamesRunningFunction(*word))) {
      return true;
    }
  }
  // What these call is all that they do.
  const std::string name = absl::AsciiStrToLower(call.name);
  const bool only_calls =
      absl::StartsWith(name, "call_user_func") || absl::StartsWith(name, "forward_static_call");
  if (!only_calls || call.arguments.empty()) return false;
  const HostRange callable = call.arguments[0];
  const HostToken& first = program[callable.begin];
  if (first.IsName("function") || first.IsName("fn") || first.IsName("static")) return false;
  if (ReadWord(program, callable).has_value()) return false;
  const auto parts = ReadList(program, callable);
  return !parts.has_value() || parts->size() != 2 || !ReadWord(program, parts->back()).has_value();
}

bool TellsJoin(const HostProgram& program, const HostCall& call) {
  const bool named =
      absl::EqualsIgnoreCase(call.name, "on") || absl::EqualsIgnoreCase(call.name, "orOn");
  // A variable may hold a function, which it would call.
  return named && !call.is_property && !call.arguments.empty() &&
         ReadWord(program, call.arguments[0]).has_value();
}

bool SumsColumn(const HostProgram& program, const HostCall& call) {
  return (absl::EqualsIgnoreCase(call.name, "avg") || absl::EqualsIgnoreCase(call.name, "sum")) &&
         call.arguments.size() == 1 && ReadWord(program, call.arguments[0]).has_value();
}

// [$order, 'archive'](): what is called so, unless it is this class's own or is known to read.
bool CallsUnseen(const HostProgram& program, HostRange list) {
  if (IsCallableThatWrites(program, list)) return true;
  const auto parts = ReadList(program, list);
  if (!parts.has_value() || parts->size() != 2) return false;
  const absl::string_view object = program.Source(parts->front());
  const auto name = ReadWord(program, parts->back());
  if (!name.has_value() || object == "$this" || absl::EndsWith(object, "::class")) return false;
  const ModelMethod* method = FindModelMethod(*name);
  return method == nullptr && !IsPureHostFunction(*name) && !IsHarmlessMethod(object, *name);
}

// ($this->f)(...), f(...)(...); not if (...) (...), (int) (...), (function () { ... })().
bool IsValueInParentheses(const HostProgram& program, size_t open) {
  static constexpr absl::string_view kHeads[] = {"catch", "declare", "elseif", "for",  "foreach",
                                                 "if",    "match",   "switch", "while"};
  static constexpr absl::string_view kCasts[] = {"array", "bool",    "boolean", "double", "float",
                                                 "int",   "integer", "object",  "string"};
  const HostToken& before = program[open - 1];
  const HostToken& first = program[open + 1];
  if (before.kind == HostTokenKind::kName && IsOneOf(before.text, kHeads)) return false;
  const bool cast = program.CloseOf(open) == open + 2 && IsOneOf(first.text, kCasts);
  return !cast && !first.IsName("function") && !first.IsName("fn") && !first.IsName("static");
}

size_t EndOfCallOfValue(const HostProgram& program, size_t i, const HostVariables& variables) {
  if (!program.php()) return 0;
  const HostToken& token = program[i];
  size_t open = i + 1;
  bool writes = false;
  if (token.kind == HostTokenKind::kVariable) {
    // Only a function that stands in the program is seen: not $f of a parameter, nor $list[0].
    writes = !variables.IsClosure(token.text);
    while (program[open].Is("[") && program.CloseOf(open) < program.size()) {
      open = program.CloseOf(open) + 1;
      writes = true;
    }
  } else if (token.kind == HostTokenKind::kString) {
    const auto word = ReadWord(program, {i, i + 1});
    writes = !word.has_value() || !IsPureHostFunction(*word);
  } else if (token.Is("(") && program.CloseOf(i) < program.size()) {
    open = program.CloseOf(i) + 1;
    writes = IsValueInParentheses(program, i);
  } else if (token.Is("[") && program.CloseOf(i) < program.size()) {
    open = program.CloseOf(i) + 1;
    writes = program[open].Is("(") && CallsUnseen(program, {i, open});
  } else if (token.IsName("new") && program[i + 2].Is("(") &&
             (absl::EndsWith(program[i + 1].text, "ReflectionMethod") ||
              absl::EndsWith(program[i + 1].text, "ReflectionFunction"))) {
    return program.CloseOf(i + 2) < program.size() ? program.CloseOf(i + 2) : 0;
  } else if (token.IsName("use") && program[i + 1].IsName("function") &&
             program[i + 3].IsName("as")) {
    // Another name for it.
    return NamesRunningFunction(program[i + 2].text) ? i + 4 : 0;
  }
  if (!writes || !program[open].Is("(") || program.CloseOf(open) >= program.size()) return 0;
  return program.CloseOf(open);
}

// users.each(&:destroy), user.try(:delete), [user].inject(:save), $users->each([$u, 'delete']).
bool TakesWrite(const HostProgram& program, const HostCall& call) {
  static constexpr absl::string_view kCallers[] = {"inject", "public_method", "reduce",    "then",
                                                   "try",    "try!",          "yield_self"};
  static constexpr absl::string_view kOfPhp[] = {
      "call",   "chunk",  "countby",     "each",        "every", "filter",  "flatmap",
      "invoke", "map",    "maptogroups", "mapwithkeys", "pipe",  "random",  "reduce",
      "reject", "search", "some",        "tap",         "then",  "through", "transform",
      "walk",   "when",   "whenempty",   "whennotempty"};
  if (program.php() && IsOneOf(absl::AsciiStrToLower(call.name), kOfPhp)) {
    return std::any_of(call.arguments.begin(), call.arguments.end(),
                       [&](const HostRange& list) { return IsCallableThatWrites(program, list); });
  }
  for (const HostRange& argument : call.arguments) {
    const bool block = program[argument.begin].Is("&");
    if ((block || (!program.php() && IsOneOf(call.name, kCallers))) &&
        GivesWrite(program, argument)) {
      return true;
    }
  }
  return false;
}

}  // namespace dbfleet::sql
