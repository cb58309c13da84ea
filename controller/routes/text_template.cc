#include "controller/routes/text_template.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/values.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostFieldBytes = 1000;
// So that it does not push anything else out of what receivers take (Slack: 3,000 characters).
constexpr size_t kMostLinesBytes = 1400;

constexpr FieldInfo kFields[] = {
    {"summary", "one line that says what happened"},
    {"trigger", "the trigger's name"},
    {"status", "news, trouble, or over"},
    {"subject", "what it is about, as in jobs/01J..."},
    {"environment", "the environment's name"},
    {"time", "when it happened, in UTC"},
    {"actor", "who did it, as in users/ada or system/dispatch"},
    {"kind", "of a job: check, inspect, backup, verify or migrate"},
    {"title", "of a change: its title"},
    {"request_reason", "of a change: the requester's reason"},
    {"requester", "of a job: who asked for it"},
    {"target", "the instance or database that it is about"},
    {"state", "what it came to"},
    {"safety", "of a planned change: safe or destructive"},
    {"rows", "of a planned change: the estimated rows"},
    {"reason", "the reason that was given, or an error's name"},
    {"error", "what went wrong"},
    {"duration", "of a job that ended: how long it took"},
    {"usual", "how long such a job usually takes, where that is known"},
    {"proposed", "of a proposal that waits: what would be done, in several lines"},
    {"command", "what to type to look at it, or to decide about it"},
    {"seq", "the audit record's number"},
};

absl::Status Bad(absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_TEMPLATE", message);
}

}  // namespace

absl::Span<const FieldInfo> TemplateFields() { return kFields; }

absl::StatusOr<TextTemplate> TextTemplate::Parse(absl::string_view text) {
  TextTemplate result;
  while (!text.empty()) {
    const size_t open = text.find("{{");
    const absl::string_view plain = text.substr(0, open);
    if (plain.find("}}") != absl::string_view::npos)
      return Bad("there is a \"}}\" without its \"{{\"");
    if (!plain.empty()) result.pieces_.push_back({false, std::string(plain)});
    if (open == absl::string_view::npos) break;
    const size_t close = text.find("}}", open);
    if (close == absl::string_view::npos) return Bad("there is a \"{{\" without its \"}}\"");
    const absl::string_view name =
        absl::StripAsciiWhitespace(text.substr(open + 2, close - open - 2));
    if (std::none_of(std::begin(kFields), std::end(kFields),
                     [&](const FieldInfo& field) { return field.name == name; })) {
      return Bad(absl::StrCat(
          "there is no field ", config::ShownValue(name),
          "; known: ", absl::StrJoin(kFields, ", ", [](std::string* out, const FieldInfo& field) {
            absl::StrAppend(out, field.name);
          })));
    }
    result.pieces_.push_back({true, std::string(name)});
    text.remove_prefix(close + 2);
  }
  return result;
}

std::string TextTemplate::Render(const std::map<std::string, std::string>& fields,
                                 const Escape& escape) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (!piece.field) {
      out += piece.text;
      continue;
    }
    const auto field = fields.find(piece.text);
    if (field != fields.end()) out += escape(field->second);
  }
  return out;
}

std::string FieldText(absl::string_view text) {
  // Two more characters end lines in some programs: U+2028 and U+2029.
  return Truncate(absl::StrReplaceAll(SanitizeForDisplay(Truncate(text, kMostFieldBytes)),
                                      {{"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}}),
                  kMostFieldBytes);
}

std::string FieldLines(absl::string_view text, bool* cut) {
  std::string lines;
  int all = 0;
  int told = 0;
  *cut = false;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    ++all;
    const std::string shown = told + 1 == all ? FieldText(line) : "";
    if (shown.empty() || lines.size() + shown.size() > kMostLinesBytes) continue;
    ++told;
    *cut |= line.size() > kMostFieldBytes || shown.size() >= kMostFieldBytes;
    absl::StrAppend(&lines, "\n| ", shown);
  }
  if (told == all && !*cut) return lines;
  *cut = true;
  return absl::StrCat(lines, "\n| (cut: ", told, " of ", all, " lines)");
}

}  // namespace dbfleet::controller
