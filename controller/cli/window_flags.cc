#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "controller/cli/window_view.h"

namespace dbfleet::cli {
namespace {

using resource::v1::MaintenanceWindow;

// "the window:12:3: maintenancewindows/w: spec.x: what" to "spec.x: what".
absl::string_view WithoutPlace(absl::string_view line, absl::string_view path,
                               const std::string& id) {
  absl::string_view rest = line;
  if (!absl::ConsumePrefix(&rest, path)) return line;
  while (rest.size() > 1 && rest[0] == ':' && absl::ascii_isdigit(rest[1])) {
    rest.remove_prefix(1);
    while (!rest.empty() && absl::ascii_isdigit(rest[0])) rest.remove_prefix(1);
  }
  if (!absl::ConsumePrefix(&rest, ": ")) return line;
  absl::ConsumePrefix(&rest, absl::StrCat(id, ": "));
  return rest;
}

// The option that a field was made of; "" for what is no field.
std::string OptionOf(absl::string_view field, const MaintenanceWindow& window) {
  // What was counted and what was given look alike.
  const char* const end = window.spec().has_once() ? "--until (or --for)" : "--for";
  const std::pair<absl::string_view, const char*> kOptions[] = {
      {"metadata.name", "NAME"},
      {"metadata.description", "--reason"},
      {"spec.selector.environments", "--environment"},
      {"spec.selector.labels", "--label"},
      {"spec.effect", "--freeze"},
      {"spec.overrun", "--overrun"},
      {"spec.once.begin", "--from"},
      {"spec.once.end", end},
      {"spec.once", end},
      {"spec.recurring.cron", "--cron"},
      {"spec.recurring.time_zone", "--tz"},
      {"spec.recurring.duration", end},
      {"spec.recurring", "--cron"},
  };
  for (const auto& [name, option] : kOptions) {
    absl::string_view rest = field;
    if (!absl::ConsumePrefix(&rest, name)) continue;
    if (rest.empty() || rest[0] == '.' || rest[0] == '[') return option;
  }
  return "";
}

}  // namespace

absl::Status InFlags(const absl::Status& status, absl::string_view path,
                     const MaintenanceWindow& window) {
  const std::string id = absl::StrCat("maintenancewindows/", window.metadata().name());
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    const absl::string_view said = WithoutPlace(line, path, id);
    const size_t colon = said.find(": ");
    const std::string option =
        colon == absl::string_view::npos ? "" : OptionOf(said.substr(0, colon), window);
    lines.push_back(option.empty() ? std::string(said) : absl::StrCat(option, said.substr(colon)));
  }
  const std::string reason = ReasonOf(status), words = absl::StrJoin(lines, "\n");
  if (words == status.message()) return status;
  return Error(status.code(), reason == "BAD_MANIFEST" ? "BAD_WINDOW" : reason, words);
}

}  // namespace dbfleet::cli
