#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/host_trust.h"
#include "common/sql/active_record/words.h"

// HostTrust's part for what is given to be called: functions by name, held in variables, in place.
namespace dbfleet::sql {
namespace {

std::string Shown(absl::string_view name) { return SanitizeForDisplay(Truncate(name, 60)); }

std::string NotKnown(absl::string_view name) {
  return absl::StrCat("calls ", Shown(name), ", which is not known and may write");
}

bool IsFunction(const HostToken& token) { return token.IsName("fn") || token.IsName("function"); }

// fn ($x) => ..., static function ($x) { ... }
bool IsFunctionInPlace(const HostProgram& program, HostRange range) {
  return IsFunction(program[range.begin]) ||
         (program[range.begin].IsName("static") && IsFunction(program[range.begin + 1]));
}

bool HasFunctionInPlace(const HostProgram& program, HostRange range) {
  for (size_t i = range.begin; i < range.end; ++i) {
    if (IsFunction(program[i])) return true;
  }
  return false;
}

// What takes nothing but what it calls.
bool OnlyCalls(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "chunk",  "chunkbyid",   "chunkmap", "each",      "eachbyid", "eachspread",
      "filter", "flatmap",     "map",      "mapspread", "pipe",     "maptogroups",
      "reduce", "mapwithkeys", "tap",      "through",   "transform"};
  return IsOneOf(name, kNames);
}

}  // namespace

// array_map('purge', $x), usort($x, $f)
std::string HostTrust::DoubtOfCallable(const HostCall& call) const {
  static constexpr absl::string_view kFirst[] = {"array_map", "ob_start"};
  const std::string name = absl::AsciiStrToLower(call.name);
  const bool first = IsOneOf(name, kFirst) || absl::StartsWith(name, "call_user") ||
                     absl::StartsWith(name, "forward_") || absl::StartsWith(name, "register_") ||
                     absl::StartsWith(name, "set_") || absl::StartsWith(name, "spl_") ||
                     absl::StartsWith(name, "header_");
  // array_udiff($a, $b, $f), array_diff_ukey, array_udiff_uassoc($a, $b, $f, $g): the last ones.
  if (absl::StrContains(name, "_udiff") || absl::StrContains(name, "_uintersect") ||
      absl::StrContains(name, "_ukey") || absl::StrContains(name, "_uassoc")) {
    const size_t count = call.arguments.size();
    const size_t called =
        absl::StartsWith(name, "array_u") && absl::EndsWith(name, "uassoc") ? 2 : 1;
    for (size_t i = count - std::min(count, called); i < count; ++i) {
      std::string doubt = DoubtOfCallable(call.arguments[i], name);
      if (!doubt.empty()) return doubt;
    }
    return "";
  }
  const size_t at = first ? 0 : 1;
  if (at >= call.arguments.size()) return "";
  return DoubtOfCallable(call.arguments[at], name);
}

// What `caller` calls.
std::string HostTrust::DoubtOfHeld(HostRange callable, absl::string_view caller) const {
  const auto word = ReadWord(program_, callable);
  if (word.has_value()) return Knows(*word) ? "" : NotKnown(*word);
  // A function in place is read there, and so is one that is named: strlen(...).
  if (IsFunctionInPlace(program_, callable) || absl::EndsWith(program_.Source(callable), "(...)")) {
    return "";
  }
  const HostToken& held = program_[callable.begin];
  if (callable.end == callable.begin + 1 &&
      (held.kind == HostTokenKind::kNumber || held.IsName("null") ||
       variables_.IsClosure(held.text))) {
    return "";
  }
  return absl::StrCat(Shown(caller), " calls what ", Shown(program_.Source(callable)),
                      " holds, which is not seen");
}

// What PHP's collections and builders call for each of theirs: ->each('purge'), ->each($f).
std::string HostTrust::DoubtOfCallback(const HostCall& call) const {
  static constexpr absl::string_view kCallers[] = {
      "chunkmap", "each",      "eachbyid",    "eachspread",  "filter",    "flatmap",
      "map",      "mapspread", "maptogroups", "mapwithkeys", "pipe",      "random",
      "reduce",   "tap",       "through",     "transform",   "whenempty", "whennotempty"};
  static constexpr absl::string_view kOfRelations[] = {"doesnthave",  "has",
                                                       "load",        "loadcount",
                                                       "loadmissing", "ordoesnthave",
                                                       "orhas",       "orwheredoesnthave",
                                                       "orwherehas",  "wheredoesnthave",
                                                       "wherehas",    "wherehasmorph",
                                                       "with",        "withaggregate",
                                                       "withcount",   "withexists",
                                                       "withmax",     "withmin",
                                                       "withavg",     "withonly",
                                                       "withsum",     "withwherehas"};
  // Which take a column's name as well, so that a text is none.
  static constexpr absl::string_view kOfLists[] = {
      "avg",          "average",         "contains",   "containsstrict",
      "countby",      "doesntcontain",   "every",      "first",
      "firstor",      "firstorfail",     "flexible",   "getorput",
      "groupby",      "implode",         "keyby",      "last",
      "max",          "median",          "min",        "mode",
      "partition",    "percentage",      "pluck",      "reject",
      "remember",     "rememberforever", "search",     "sear",
      "skipuntil",    "skipwhile",       "sole",       "some",
      "sort",         "sortby",          "sortbydesc", "sum",
      "takeuntil",    "takewhile",       "times",      "unique",
      "uniquestrict", "value",           "walk"};
  const std::string name = absl::AsciiStrToLower(call.name);
  if (IsOneOf(name, kOfRelations)) return DoubtOfRelations(call);
  static constexpr absl::string_view kOnlyCallables[] = {
      "every", "partition", "reject",    "skipuntil", "skipwhile",
      "some",  "takeuntil", "takewhile", "times",     "walk"};
  for (const HostRange& argument : call.arguments) {
    const HostToken& given = program_[argument.begin];
    const bool held = given.kind == HostTokenKind::kVariable &&
                      (IsOneOf(name, kOnlyCallables) || (argument.end == argument.begin + 1 &&
                                                         variables_.MayHoldCallable(given.text)));
    // first($f ?? fn ($x) => 1)
    const bool mixed = !given.Is("[") && !IsFunctionInPlace(program_, argument) &&
                       HasFunctionInPlace(program_, argument);
    const bool sorts = name == "sort" && !absl::StartsWith(given.text, "SORT_");
    if (!IsOneOf(name, kOfLists) || (!held && !mixed && !sorts && !given.Is("["))) continue;
    if (std::string doubt = DoubtOfCallable(argument, name); !doubt.empty()) return doubt;
  }
  const bool chunk = name == "chunk" || name == "chunkbyid" || name == "when" || name == "unless";
  if (!chunk && !IsOneOf(name, kCallers)) return "";
  const size_t at = chunk ? 1 : 0;
  // when($x, then, otherwise), whenNotEmpty(then, otherwise)
  const bool otherwise = absl::StartsWith(name, "when") || name == "unless";
  const size_t last = otherwise ? at + 1 : at;
  for (size_t i = at; i <= last && i < call.arguments.size(); ++i) {
    if (std::string doubt = DoubtOfCallable(call.arguments[i], name); !doubt.empty()) return doubt;
  }
  return "";
}

// with(['posts' => $f]), whereHas('posts', [$svc, 'archive']): what tells the builder more.
std::string HostTrust::DoubtOfRelations(const HostCall& call) const {
  for (const HostRange& argument : call.arguments) {
    if (const auto pairs = ReadPairs(program_, argument)) {
      // ['posts' => ['tags' => $f]]
      std::vector<HostRange> left;
      for (const auto& [relation, value] : *pairs) left.push_back(value);
      while (!left.empty()) {
        const HostRange value = left.back();
        left.pop_back();
        if (const auto inner = ReadPairs(program_, value)) {
          for (const auto& [relation, more] : *inner) left.push_back(more);
          continue;
        }
        const HostToken& given = program_[value.begin];
        const bool held = given.kind == HostTokenKind::kVariable || given.Is("[") ||
                          given.kind == HostTokenKind::kName;
        if (!held) continue;
        std::string doubt = DoubtOfCallable(value, call.name);
        if (!doubt.empty()) return doubt;
      }
      continue;
    }
    const bool first = &argument == &call.arguments[0];
    const bool held = program_[argument.begin].kind == HostTokenKind::kVariable ||
                      program_[argument.begin].Is("[");
    if (first || !held || absl::StartsWithIgnoreCase(call.name, "load")) continue;
    if (std::string doubt = DoubtOfCallable(argument, call.name); !doubt.empty()) return doubt;
  }
  return "";
}

std::string HostTrust::DoubtOfCallable(HostRange callable, absl::string_view name) const {
  // callback: $f
  if (program_[callable.begin].kind == HostTokenKind::kName &&
      program_[callable.begin + 1].Is(":") && callable.begin + 2 < callable.end) {
    callable.begin += 2;
  }
  if (program_[callable.begin].IsName("array") && program_[callable.begin + 1].Is("(")) {
    ++callable.begin;
  } else if (!program_[callable.begin].Is("[")) {
    return DoubtOfHeld(callable, name);
  }
  // [$svc, 'handle'], array(Svc::class, 'handle')
  static constexpr absl::string_view kThis[] = {"$this", "__CLASS__", "self::class",
                                                "static::class"};
  const std::vector<HostRange> parts = program_.Parts({callable.begin + 1, callable.end - 1});
  const auto method = parts.size() == 2 ? ReadWord(program_, parts[1]) : std::nullopt;
  if (!method.has_value()) {
    // ['a', fn ($x) => ...] and ['a', 'b', 'c'] are lists of columns; [$svc, $m] is none, perhaps.
    const bool columns = parts.size() != 2 || IsFunctionInPlace(program_, parts[1]) ||
                         program_[parts[1].begin].Is("[") || program_[parts[0].begin].Is("[");
    return columns && !OnlyCalls(name)
               ? ""
               : absl::StrCat(Shown(name), " calls what ", Shown(program_.Source(callable)),
                              " names, which is not seen");
  }
  const bool own = IsOneOf(program_.Source(parts[0]), kThis) &&
                   names_->methods.count(absl::AsciiStrToLower(*method)) > 0;
  return own ? "" : NotKnown(*method);
}

// Ruby's all?(x) asks x === element for each, which a Proc takes for a call:
// all?(:destroy.to_proc).
std::string HostTrust::DoubtOfPattern(const HostCall& call) const {
  static constexpr absl::string_view kNames[] = {"all?", "any?", "detect", "none?", "one?"};
  if (!IsOneOf(call.name, kNames) || call.arguments.empty()) return "";
  const HostRange given = call.arguments[0];
  const HostToken& first = program_[given.begin];
  if (first.Is("&")) return "";
  // Texts, regular expressions, classes.
  const bool classname = first.kind == HostTokenKind::kName && absl::ascii_isupper(first.text[0]) &&
                         std::any_of(first.text.begin(), first.text.end(), absl::ascii_islower);
  const bool plain = first.kind != HostTokenKind::kName && first.kind != HostTokenKind::kVariable &&
                     first.kind != HostTokenKind::kPunct;
  if (given.end == given.begin + 1 && (plain || classname || first.IsName("nil"))) return "";
  return absl::StrCat(Shown(call.name), " may call what ", Shown(program_.Source(given)),
                      " is, which is not seen");
}

}  // namespace dbfleet::sql
