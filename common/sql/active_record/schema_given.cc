#include "common/sql/active_record/schema_given.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Of Laravel's parameters: others (length, indexName) are no names of columns and tables.
bool NamesWhatItIsAbout(absl::string_view label) {
  static constexpr absl::string_view kLabels[] = {"action", "column", "columns", "from",
                                                  "model",  "table",  "to"};
  return IsOneOf(label, kLabels);
}

// The token that is a constant text and nothing else; nullopt if it is none.
std::optional<std::string> TextAt(const HostProgram& program, size_t i) {
  const HostToken& token = program[i];
  const bool text = token.kind == HostTokenKind::kString && token.parts.size() == 1 &&
                    !token.parts[0].is_code && !absl::StartsWith(token.text, "`");
  return text ? std::optional<std::string>(token.parts[0].text) : std::nullopt;
}

}  // namespace

HostRange WithoutLabel(const HostProgram& program, HostRange argument) {
  const bool label = program.php() && argument.end > argument.begin + 2 &&
                     program[argument.begin].kind == HostTokenKind::kName &&
                     program[argument.begin + 1].Is(":");
  return label ? HostRange{argument.begin + 2, argument.end} : argument;
}

Given Take(const HostProgram& program, absl::Span<const HostRange> arguments) {
  Given given;
  bool names = true;
  for (const HostRange& labelled : arguments) {
    const HostRange argument = WithoutLabel(program, labelled);
    if (argument.begin != labelled.begin && !NamesWhatItIsAbout(program[labelled.begin].text)) {
      continue;
    }
    const auto pairs = ReadPairs(program, argument);
    if (pairs.has_value()) {
      given.options.insert(given.options.end(), pairs->begin(), pairs->end());
      names = false;
      continue;
    }
    given.more = given.more || !names;
    if (!names) continue;
    if (const auto word = ReadWord(program, argument)) {
      given.names.push_back(*word);
      given.separate += given.separate + 1 == given.names.size() ? 1 : 0;
      continue;
    }
    const auto list = ReadList(program, argument);
    names = list.has_value();
    for (size_t i = 0; names && i < list->size(); ++i) {
      const auto word = ReadWord(program, (*list)[i]);
      if (!word.has_value()) names = false;
      if (names) given.names.push_back(*word);
    }
    given.more = given.more || !names;
  }
  return given;
}

const HostRange* OptionOf(const Given& given, absl::string_view name) {
  for (const auto& [key, value] : given.options) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool Is(const HostProgram& program, const Given& given, absl::string_view option,
        absl::string_view word) {
  return OptionOf(given, option) != nullptr && MayBe(program, given, option, word) &&
         IsLiteral(program, *OptionOf(given, option));
}

bool MayBe(const HostProgram& program, const Given& given, absl::string_view option,
           absl::string_view word) {
  const HostRange* value = OptionOf(given, option);
  if (value == nullptr) return given.more;
  if (!IsLiteral(program, *value)) return true;
  const auto written = ReadWord(program, *value);
  return written.has_value() ? *written == word : program[value->begin].IsName(word);
}

std::string OptionsAsWritten(const HostProgram& program, const Given& given,
                             absl::Span<const absl::string_view> without) {
  constexpr size_t kLongest = 200;
  std::string written;
  for (const auto& [key, value] : given.options) {
    if (key == "algorithm" || key == "validate") continue;
    if (std::find(without.begin(), without.end(), key) != without.end()) continue;
    absl::StrAppend(&written, ", ", key, ": ", program.Source(value));
  }
  return written.size() > kLongest || absl::StrContains(written, '\n') ? ", ..." : written;
}

bool IsLiteral(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kWords[] = {"array", "false", "nil", "null", "true"};
  static constexpr absl::string_view kSigns[] = {"[", "]", "{", "}", ",", "=>", "(", ")"};
  if (range.empty()) return false;
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = program[i];
    const bool text = std::none_of(token.parts.begin(), token.parts.end(),
                                   [](const StringPart& part) { return part.is_code; });
    switch (token.kind) {
      case HostTokenKind::kString:
        if (!text || token.text.empty() || token.text[0] == '`') return false;
        // 'a' 'b' are one text of Ruby; PHP's "..." behind a text is a call of it.
        if (program[i + 1].Is("(") || program[i + 1].Is("[")) return false;
        break;
      case HostTokenKind::kOther:
        if (!text || !(absl::StartsWith(token.text, "%w") || absl::StartsWith(token.text, "%i"))) {
          return false;
        }
        break;
      case HostTokenKind::kSymbol:
      case HostTokenKind::kLabel:
        if (!text || absl::StrContains(token.text, "#{")) return false;
        break;
      case HostTokenKind::kNumber:
      case HostTokenKind::kNewline:
        break;
      case HostTokenKind::kName: {
        const bool class_name =
            program.php() && program[i + 1].Is("::") && program[i + 2].IsName("class");
        if (class_name && i + 3 <= range.end) {
          i += 2;
          break;
        }
        const std::string lower = absl::AsciiStrToLower(token.text);
        if (!IsOneOf(lower, kWords)) return false;
        if (program[i + 1].Is("(") != (lower == "array")) return false;
        break;
      }
      case HostTokenKind::kPunct: {
        const bool minus = token.Is("-") && program[i + 1].kind == HostTokenKind::kNumber &&
                           (i == range.begin || program[i - 1].Is("=>") || program[i - 1].Is(","));
        if (!minus && !IsOneOf(token.text, kSigns)) return false;
        // A call, or an index, of what stands in front.
        const bool behind_value = i > range.begin && (token.Is("(") || token.Is("[")) &&
                                  (program[i - 1].Is(")") || program[i - 1].Is("]"));
        if (behind_value || (token.Is("(") && !program[i - 1].IsName("array"))) return false;
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

std::optional<std::string> ReadSqlValue(const HostProgram& program, HostRange value) {
  const size_t i = value.begin;
  if (!program.php()) {
    const bool block = value.end == i + 4 && program[i].Is("->") && program[i + 1].Is("{") &&
                       program[i + 3].Is("}");
    return block ? TextAt(program, i + 2) : std::nullopt;
  }
  const absl::string_view name = program[i].text;
  const bool raw = value.end == i + 6 && (name == "DB" || absl::EndsWith(name, "\\DB")) &&
                   program[i + 1].Is("::") && absl::EqualsIgnoreCase(program[i + 2].text, "raw") &&
                   program[i + 3].Is("(") && program[i + 5].Is(")");
  if (raw) return TextAt(program, i + 4);
  const absl::string_view made = program[i + 1].text;
  const bool expression = value.end == i + 5 && program[i].IsName("new") &&
                          (made == "Expression" || absl::EndsWith(made, "\\Expression")) &&
                          program[i + 2].Is("(") && program[i + 4].Is(")");
  return expression ? TextAt(program, i + 3) : std::nullopt;
}

bool IsSqlDefault(const HostProgram& program, HostRange argument) {
  const auto pairs = ReadPairs(program, argument);
  return !program.php() && pairs.has_value() && pairs->size() == 1 &&
         pairs->front().first == "default" &&
         ReadSqlValue(program, pairs->front().second).has_value();
}

}  // namespace dbfleet::sql
