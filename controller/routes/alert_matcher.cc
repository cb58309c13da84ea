#include "controller/routes/alert_matcher.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/values.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostBytes = 1000;

absl::Status Bad(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_MATCHER", what);
}

// For the regular expressions of RE2, which Alertmanager takes.
std::string Quote(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (absl::StrContains(R"(\.+*?()|[]{}^$)", absl::string_view(&c, 1))) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

bool IsField(absl::string_view field) {
  return field == "instance" || field == "environment" ||
         (absl::ConsumePrefix(&field, "label:") && !field.empty());
}

// nullptr: the target has no such label.
const std::string* ValueOf(const SilenceTarget& target, const std::string& field) {
  if (field == "instance") return &target.instance;
  if (field == "environment") return &target.environment;
  const auto label = target.labels.find(field.substr(field.find(':') + 1));
  return label == target.labels.end() || label->second.empty() ? nullptr : &label->second;
}

absl::StatusOr<std::string> Unquoted(absl::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') {
    return Bad("the value has to stand in double quotes, as in team=\"dba\"");
  }
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return Bad("a double quote inside of the value needs a \\ before it");
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace

absl::StatusOr<AlertMatcher> AlertMatcher::Parse(absl::string_view text) {
  if (text.size() > kMostBytes || SanitizeForDisplay(text) != text) {
    return Bad("one line of at most 1000 bytes is wanted");
  }
  AlertMatcher matcher;
  text = absl::StripAsciiWhitespace(text);
  size_t end = 0;
  while (end < text.size() && (absl::ascii_isalnum(text[end]) || text[end] == '_')) ++end;
  matcher.name_ = std::string(text.substr(0, end));
  if (matcher.name_.empty() || absl::ascii_isdigit(matcher.name_[0])) {
    return Bad("a label's name, =, !=, =~ or !~, and a value in double quotes are wanted");
  }
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(text.substr(end));
  matcher.equal_ = !absl::ConsumePrefix(&rest, "!");
  matcher.regex_ = absl::ConsumePrefix(&rest, matcher.equal_ ? "=~" : "~");
  if (!matcher.regex_ && !absl::ConsumePrefix(&rest, "=")) {
    return Bad(absl::StrCat("=, !=, =~ or !~ is wanted behind ", matcher.name_));
  }
  ASSIGN_OR_RETURN(const std::string value, Unquoted(absl::StripAsciiWhitespace(rest)));
  absl::string_view left = value;
  while (!left.empty()) {
    const size_t open = left.find("{{");
    if (open != 0) matcher.pieces_.push_back({"", std::string(left.substr(0, open))});
    if (open == absl::string_view::npos) break;
    const size_t close = left.find("}}", open);
    if (close == absl::string_view::npos) return Bad("there is a \"{{\" without its \"}}\"");
    const std::string field(absl::StripAsciiWhitespace(left.substr(open + 2, close - open - 2)));
    if (!IsField(field)) {
      return Bad(absl::StrCat("there is no placeholder ", config::ShownValue(field),
                              "; known: instance, environment, label:NAME"));
    }
    matcher.pieces_.push_back({field, ""});
    left.remove_prefix(close + 2);
  }
  if (!matcher.equal_ && matcher.has_fields()) {
    return Bad("with != and !~ a placeholder would silence everything but what is followed");
  }
  if (matcher.regex_ && matcher.has_fields()) RETURN_IF_ERROR(matcher.CheckGroups());
  return matcher;
}

// By the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), as far as it groups.
absl::Status AlertMatcher::CheckGroups() const {
  struct Group {
    bool branches = false;
    bool has_field = false;
  };
  const auto evades = [](const Group& group) {
    return group.branches && group.has_field
               ? Bad("with | beside a placeholder, what does not name it would fall silent, too; "
                     "put what has | in parentheses of its own")
               : absl::OkStatus();
  };
  std::vector<Group> groups(1);
  bool in_class = false;
  for (const Piece& piece : pieces_) {
    if (!piece.field.empty()) {
      if (in_class) return Bad("a placeholder cannot stand in brackets");
      groups.back().has_field = true;
      continue;
    }
    const std::string& text = piece.text;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
        if (i == text.size()) return Bad("a \\ cannot stand before a placeholder, or last");
        if (text[i] == 'Q') return Bad("\\Q is not for a matcher with a placeholder");
      } else if (in_class) {
        in_class = text[i] != ']';
      } else if (text[i] == '[') {
        in_class = true;
        if (i + 1 < text.size() && text[i + 1] == '^') ++i;
        if (i + 1 < text.size() && text[i + 1] == ']') ++i;  // The first one is a character.
      } else if (text[i] == '(') {
        groups.push_back({});
      } else if (text[i] == '|') {
        groups.back().branches = true;
      } else if (text[i] == ')') {
        RETURN_IF_ERROR(evades(groups.back()));
        const bool has_field = groups.back().has_field;
        groups.pop_back();
        if (groups.empty()) return Bad("there is a ) without its (");
        groups.back().has_field |= has_field;
        const char next = i + 1 < text.size() ? text[i + 1] : ' ';
        if (has_field && (next == '?' || next == '*' || next == '{')) {
          return Bad(absl::StrCat("with ", std::string(1, next),
                                  " behind it, the placeholder could be left out"));
        }
      }
    }
  }
  if (groups.size() > 1 || in_class) return Bad("there is a ( or [ without its counterpart");
  return evades(groups.back());
}

bool AlertMatcher::has_fields() const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [](const Piece& piece) { return !piece.field.empty(); });
}

bool AlertMatcher::Narrows() const {
  return equal_ && (has_fields() || (!regex_ && !pieces_.empty()));
}

bool AlertMatcher::Fits(const SilenceTarget& target) const {
  return std::all_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
    return piece.field.empty() || ValueOf(target, piece.field) != nullptr;
  });
}

AlertMatcher::Rendered AlertMatcher::For(absl::Span<const SilenceTarget> targets) const {
  Rendered out{name_, "", regex_, equal_};
  const auto render = [&](const SilenceTarget& target, bool own_is_regex, bool as_regex) {
    std::string value;
    for (const Piece& piece : pieces_) {
      const bool own = piece.field.empty();
      const std::string* const text = own ? &piece.text : ValueOf(target, piece.field);
      if (text == nullptr) continue;
      absl::StrAppend(&value, as_regex && !(own && own_is_regex) ? Quote(*text) : *text);
    }
    return value;
  };
  std::set<std::string> plain, quoted;
  for (const SilenceTarget& target : targets) {
    plain.insert(render(target, regex_, regex_));
    quoted.insert(render(target, regex_, true));
  }
  if (plain.size() <= 1) {
    out.value = plain.empty() ? render({}, regex_, regex_) : *plain.begin();
    return out;
  }
  out.regex = true;
  out.value = absl::StrCat("(?:", absl::StrJoin(quoted, "|"), ")");
  return out;
}

}  // namespace dbfleet::controller
