#include "common/migration/sections.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/byte_order_mark.h"
#include "common/base/text.h"

namespace dbfleet::migration {
namespace {

constexpr size_t kMaxReasonBytes = 1000;

// What stands behind "dbfleet:" in a comment line; nullopt for any other line. Spelling that is a
// little off is found too, to be refused rather than overlooked.
std::optional<absl::string_view> DirectiveOf(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "--")) return std::nullopt;
  line = absl::StripLeadingAsciiWhitespace(line);
  constexpr absl::string_view kPrefix = "dbfleet:";
  if (!absl::StartsWithIgnoreCase(line, kPrefix)) return std::nullopt;
  return line.substr(kPrefix.size());
}

bool IsSpelledExactly(absl::string_view line, absl::string_view directive) {
  return absl::StartsWith(line, "-- dbfleet:") && !absl::StartsWith(directive, " ");
}

class SectionParser {
 public:
  explicit SectionParser(bool sectioned) : sectioned_(sectioned) {}

  Sections Parse(absl::string_view content) {
    absl::ConsumePrefix(&content, kByteOrderMark);
    size_t begin = 0;
    for (int number = 1; begin < content.size(); ++number) {
      const size_t end = std::min(content.find('\n', begin), content.size() - 1) + 1;
      const absl::string_view line = content.substr(begin, end - begin);
      if (const auto directive = DirectiveOf(line); directive.has_value()) {
        Directive(number, line, *directive);
      } else if (current_ != nullptr) {
        absl::StrAppend(&**current_, line);
      } else {
        absl::StrAppend(&before_, line);
      }
      begin = end;
    }
    if (sectioned_ && !IsEmptyPart(before_)) {
      Problem(1, "statements before the first section; put them below \"-- dbfleet:up\"");
    }
    return std::move(sections_);
  }

 private:
  void Problem(int line, absl::string_view what) {
    sections_.problems.push_back(absl::StrCat("line ", line, ": ", what));
  }

  void Directive(int number, absl::string_view line, absl::string_view directive) {
    const absl::string_view word = absl::StripAsciiWhitespace(directive);
    const bool exact = IsSpelledExactly(line, directive);
    if (exact && (word == "up" || word == "down")) {
      Begin(number, word == "up");
    } else if (exact && absl::StartsWith(word, "ignore ")) {
      // Lint's own, which stays with its statement.
      absl::StrAppend(current_ != nullptr ? &**current_ : &before_, line);
    } else if (exact && (word == "irreversible" || absl::StartsWith(word, "irreversible "))) {
      Irreversible(number, line, word.substr(std::min(word.size(), size_t{13})));
    } else {
      Problem(number,
              absl::StrCat("\"", SanitizeForDisplay(Truncate(absl::StripAsciiWhitespace(line), 60)),
                           "\" is not understood; write \"-- dbfleet:up\", \"-- "
                           "dbfleet:down\", \"-- dbfleet:irreversible REASON\" or \"-- "
                           "dbfleet:ignore RULE REASON\" at the beginning of the line"));
    }
  }

  void Begin(int number, bool up) {
    if (!sectioned_) {
      Problem(number,
              "a section in a file that is one part already; remove the line, or name the "
              "file VERSION_NAME.sql");
      return;
    }
    std::optional<std::string>* section = up ? &sections_.up : &sections_.down;
    if (section->has_value()) {
      Problem(number, up ? "a second up section" : "a second down section");
    } else {
      section->emplace();
    }
    current_ = section;
  }

  void Irreversible(int number, absl::string_view line, absl::string_view reason) {
    reason = absl::StripAsciiWhitespace(reason);
    if (current_ != nullptr) absl::StrAppend(&**current_, line);
    if (reason.empty() || reason.size() > kMaxReasonBytes) {
      Problem(number, absl::StrCat("\"-- dbfleet:irreversible\" needs a reason of 1 to ",
                                   kMaxReasonBytes, " bytes behind it"));
      return;
    }
    if (!sections_.irreversible_reason.empty()) {
      Problem(number, "a second \"-- dbfleet:irreversible\" line");
      return;
    }
    if (sectioned_ && current_ == nullptr) {
      Problem(number, "\"-- dbfleet:irreversible\" belongs into the up section");
      return;
    }
    sections_.irreversible_reason = std::string(reason);
    sections_.irreversible_in_down = current_ == &sections_.down;
  }

  const bool sectioned_;
  Sections sections_;
  std::string before_;
  std::optional<std::string>* current_ = nullptr;
};

bool IsExecutableComment(absl::string_view rest) {
  return absl::StartsWith(rest, "/*!") || absl::StartsWithIgnoreCase(rest, "/*M!");
}

}  // namespace

Sections ParseSections(absl::string_view content, bool sectioned) {
  return SectionParser(sectioned).Parse(content);
}

bool IsEmptyPart(absl::string_view part) {
  absl::ConsumePrefix(&part, kByteOrderMark);
  for (;;) {
    part = absl::StripLeadingAsciiWhitespace(part);
    if (absl::ConsumePrefix(&part, ";")) continue;
    if (part.empty()) return true;
    absl::string_view closing;
    if (absl::StartsWith(part, "--") || part[0] == '#') {
      closing = "\n";
    } else if (absl::StartsWith(part, "/*") && !IsExecutableComment(part)) {
      closing = "*/";
      part.remove_prefix(2);
    } else {
      return false;
    }
    const size_t end = part.find(closing);
    // A comment that is not closed is for the splitter to report.
    if (end == absl::string_view::npos) return closing == "\n";
    part.remove_prefix(end + closing.size());
  }
}

}  // namespace dbfleet::migration
