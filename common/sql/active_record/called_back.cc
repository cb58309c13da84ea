#include "common/sql/active_record/called_back.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr char kFilters[] =
    "filters with what is not seen to be a filter of PHP's own, so that it may call something";

// FILTER_VALIDATE_INT; not FILTER_CALLBACK, nor what only is called like one.
bool IsFilter(const HostToken& token) {
  // By PHP's manual: filters, and flags of filters.
  static constexpr absl::string_view kNames[] = {"FILTER_DEFAULT",
                                                 "FILTER_FORCE_ARRAY",
                                                 "FILTER_NULL_ON_FAILURE",
                                                 "FILTER_REQUIRE_ARRAY",
                                                 "FILTER_REQUIRE_SCALAR",
                                                 "FILTER_SANITIZE_ADD_SLASHES",
                                                 "FILTER_SANITIZE_EMAIL",
                                                 "FILTER_SANITIZE_ENCODED",
                                                 "FILTER_SANITIZE_FULL_SPECIAL_CHARS",
                                                 "FILTER_SANITIZE_MAGIC_QUOTES",
                                                 "FILTER_SANITIZE_NUMBER_FLOAT",
                                                 "FILTER_SANITIZE_NUMBER_INT",
                                                 "FILTER_SANITIZE_SPECIAL_CHARS",
                                                 "FILTER_SANITIZE_STRING",
                                                 "FILTER_SANITIZE_STRIPPED",
                                                 "FILTER_SANITIZE_URL",
                                                 "FILTER_UNSAFE_RAW",
                                                 "FILTER_VALIDATE_BOOL",
                                                 "FILTER_VALIDATE_BOOLEAN",
                                                 "FILTER_VALIDATE_DOMAIN",
                                                 "FILTER_VALIDATE_EMAIL",
                                                 "FILTER_VALIDATE_FLOAT",
                                                 "FILTER_VALIDATE_INT",
                                                 "FILTER_VALIDATE_IP",
                                                 "FILTER_VALIDATE_MAC",
                                                 "FILTER_VALIDATE_REGEXP",
                                                 "FILTER_VALIDATE_URL"};
  absl::string_view name = token.text;
  absl::ConsumePrefix(&name, "\\");
  return token.kind == HostTokenKind::kName &&
         (IsOneOf(name, kNames) || absl::StartsWith(name, "FILTER_FLAG_"));
}

// Of a list that says which filter counts for which value: only texts, filters and numbers.
bool AreFilters(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kWords[] = {"array", "false", "null", "true"};
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = program[i];
    switch (token.kind) {
      case HostTokenKind::kString: {
        const HostText text = ReadHostText(program, {i, i + 1}, {});
        if (!text.known || text.concatenates) return false;
        // A filter is no text; a number in one is, to PHP.
        if (!text.value.empty() && absl::ascii_isdigit(text.value[0])) return false;
        break;
      }
      case HostTokenKind::kNumber:
        // 'min_range' => 1; a filter's own number hides which it is.
        if (program[i - 1].Is("=>") && program[i - 2].kind == HostTokenKind::kString) {
          const auto key = ReadWord(program, {i - 2, i - 1});
          static constexpr absl::string_view kOptions[] = {"decimal",   "default",   "flags",
                                                           "max_range", "min_range", "step"};
          if (key.has_value() && IsOneOf(*key, kOptions)) break;
        }
        return false;
      case HostTokenKind::kName:
        if (!IsFilter(token) && !IsOneOf(absl::AsciiStrToLower(token.text), kWords)) return false;
        break;
      case HostTokenKind::kPunct:
        break;
      default:
        return false;
    }
  }
  return true;
}

// The argument at a place, or of that name; nullopt if it is left out. `unclear`: some of the
// arguments stand in a list that is not seen.
std::optional<HostRange> ArgumentOf(const HostProgram& program, const HostCall& call, size_t place,
                                    absl::string_view name, bool* unclear) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const HostRange argument = call.arguments[i];
    const bool named = program[argument.begin + 1].Is(":") &&
                       !program[argument.begin + 2].Is(":") &&
                       program[argument.begin].kind == HostTokenKind::kName;
    const bool label = program[argument.begin].kind == HostTokenKind::kLabel;
    if (program[argument.begin].Is("...") || program[argument.begin].Is(".")) *unclear = true;
    if (named   ? program[argument.begin].text == name
        : label ? absl::StartsWith(program[argument.begin].text, name)
                : i == place) {
      return HostRange{argument.begin + (named ? 2 : label ? 1 : 0), argument.end};
    }
  }
  return std::nullopt;
}

std::string DoubtOfFilter(const HostProgram& program, const HostCall& call,
                          absl::string_view name) {
  const bool input = absl::StartsWith(name, "filter_input");
  const bool list = absl::EndsWith(name, "_array");
  bool unclear = false;
  const auto given = list ? ArgumentOf(program, call, 1, "options", &unclear)
                          : ArgumentOf(program, call, input ? 2 : 1, "filter", &unclear);
  if (unclear) return kFilters;
  if (!given.has_value()) return "";
  const bool one = given->end == given->begin + 1 && IsFilter(program[given->begin]);
  return one || (list && AreFilters(program, *given)) ? "" : kFilters;
}

// assert_predicate user, :valid?
std::string DoubtOfAsked(const HostProgram& program, const HostCall& call, size_t place) {
  if (call.arguments.size() <= place) return "";
  const HostToken& asked = program[call.arguments[place].begin];
  const bool symbol = asked.kind == HostTokenKind::kSymbol && !asked.text.empty();
  const bool asks = symbol && asked.text.back() == '?';
  if (asks || (place == 0 && !symbol)) return "";
  if (symbol && place == 0 && !NamesMethodThatWrites(asked.text)) return "";
  return absl::StrCat(call.name, " calls what it is given the name of");
}

}  // namespace

std::string DoubtOfCalledBack(const HostProgram& program, const HostCall& call,
                              absl::string_view name) {
  if (!program.php()) {
    if (name == "assert_predicate") return DoubtOfAsked(program, call, 1);
    return name == "its" ? DoubtOfAsked(program, call, 0) : "";
  }
  if (absl::StartsWith(name, "filter_")) return DoubtOfFilter(program, call, name);
  bool unclear = false;
  if (name == "ini_set") {
    const auto option = ArgumentOf(program, call, 0, "option", &unclear);
    if (!option.has_value() && !unclear) return "";
    const HostText text = option.has_value() ? ReadHostText(program, *option, {}) : HostText();
    const bool calls =
        text.known && absl::StrContains(absl::AsciiStrToLower(text.value), "callback");
    return calls ? "names a function that PHP calls by itself" : "";
  }
  if (name != "stream_context_create") return "";
  const auto parameters = ArgumentOf(program, call, 1, "params", &unclear);
  return unclear || parameters.has_value()
             ? "may name a function that PHP calls while it reads (notification)"
             : "";
}

}  // namespace dbfleet::sql
