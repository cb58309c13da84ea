#include "controller/notify/texts.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::controller {
namespace {

struct Line {
  const char* label;
  const char* field;
};

constexpr Line kLines[] = {
    {"About", "subject"},
    {"Environment", "environment"},
    {"Target", "target"},
    {"Title", "title"},
    {"Why", "request_reason"},
    {"Requested by", "requester"},
    {"Done by", "actor"},
    {"State", "state"},
    {"Safety", "safety"},
    {"Rows", "rows"},
    {"Took", "duration"},
    {"Usually", "usual"},
    {"Reason", "reason"},
    {"Error", "error"},
    {"Time", "time"},
    {"To see more", "command"},
    // The longest comes last: receivers that cut messages cut there.
    {"Proposed", "proposed"},
};

bool IsBlank(absl::string_view text) { return absl::StripAsciiWhitespace(text).empty(); }

}  // namespace

std::string AsItIs(absl::string_view text) { return std::string(text); }

Texts TextsFor(const Route& route, const Notification& notification,
               const TextTemplate::Escape& escape) {
  Texts texts;
  const auto& fields = notification.fields;
  const auto value = [&](const char* field) {
    const auto it = fields.find(field);
    return it == fields.end() ? std::string() : escape(it->second);
  };
  if (!route.title.empty()) texts.title = route.title.Render(fields, escape);
  // A template of fields that this event does not have is blank; receivers refuse blank texts.
  if (IsBlank(texts.title)) texts.title = absl::StrCat("[dbfleet] ", value("summary"));
  // Of a mail it is a header, and a header is one line.
  absl::StrReplaceAll({{"\n", " "}}, &texts.title);
  if (!route.body.empty()) texts.body = route.body.Render(fields, escape);
  if (!IsBlank(texts.body)) return texts;
  texts.body = absl::StrCat(value("summary"), "\n");
  for (const Line& line : kLines) {
    const std::string text = value(line.field);
    if (!text.empty()) absl::StrAppend(&texts.body, "\n", line.label, ": ", text);
  }
  texts.body += "\n";
  return texts;
}

}  // namespace dbfleet::controller
