#include "common/sql/lint/directives.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kMark = "dbfleet:";
constexpr size_t kMaxReasonBytes = 1000;
constexpr size_t kMaxIdBytes = 100;

// Goes through a text from comment to comment. The readers of the dialects have lexers that skip
// comments; this one skips everything else.
class CommentFinder {
 public:
  CommentFinder(const Target& target, absl::string_view text) : target_(target), text_(text) {}

  // The inside of the next comment; false at the end.
  bool Next(absl::string_view* comment) {
    while (pos_ < text_.size()) {
      if (TakeComment(comment)) return true;
      if (!SkipQuoted()) ++pos_;
    }
    return false;
  }

 private:
  bool At(absl::string_view what) const { return absl::StartsWith(text_.substr(pos_), what); }

  bool AtLineComment(size_t* marker) const {
    *marker = 2;
    if (At("--")) {
      // MySQL/MariaDB want a space behind it.
      return !target_.mysql_family() || pos_ + 2 >= text_.size() ||
             absl::ascii_isspace(static_cast<unsigned char>(text_[pos_ + 2]));
    }
    if (At("//")) return target_.dialect == Dialect::kActiveRecordPhp;
    *marker = 1;
    return At("#") && !target_.postgres();
  }

  bool TakeComment(absl::string_view* comment) {
    size_t marker = 0;
    if (AtLineComment(&marker)) {
      const size_t end = std::min(text_.find('\n', pos_), text_.size());
      *comment = text_.substr(pos_ + marker, end - pos_ - marker);
      pos_ = end;
      return true;
    }
    constexpr absl::string_view kRubyBlock = "=begin";
    if (target_.dialect == Dialect::kActiveRecordRuby && At(kRubyBlock) &&
        (pos_ == 0 || text_[pos_ - 1] == '\n')) {
      return TakeBlock(kRubyBlock, "\n=end", comment);
    }
    return At("/*") && TakeBlock("/*", "*/", comment);
  }

  bool TakeBlock(absl::string_view opening, absl::string_view closing, absl::string_view* comment) {
    const size_t from = pos_ + opening.size();
    const size_t end = text_.find(closing, from);
    const size_t stop = std::min(end, text_.size());
    *comment = text_.substr(from, stop - from);
    pos_ = end == absl::string_view::npos ? text_.size() : end + closing.size();
    return true;
  }

  bool SkipQuoted() {
    const char quote = text_[pos_];
    if (quote == '$' && target_.postgres()) return SkipDollar();
    if (quote != '\'' && quote != '"' && quote != '`') return false;
    const bool backslash = !target_.postgres() && quote != '`';
    for (++pos_; pos_ < text_.size() && text_[pos_] != quote; ++pos_) {
      if (backslash && text_[pos_] == '\\') ++pos_;
    }
    pos_ = std::min(pos_ + 1, text_.size());
    return true;
  }

  bool SkipDollar() {
    size_t tag = pos_ + 1;
    while (tag < text_.size() &&
           (absl::ascii_isalnum(static_cast<unsigned char>(text_[tag])) || text_[tag] == '_')) {
      ++tag;
    }
    if (tag >= text_.size() || text_[tag] != '$') return false;
    const absl::string_view mark = text_.substr(pos_, tag + 1 - pos_);
    const size_t end = text_.find(mark, tag + 1);
    // Looked for once only: without its end it is no quote.
    if (end == absl::string_view::npos) return false;
    pos_ = end + mark.size();
    return true;
  }

  const Target& target_;
  const absl::string_view text_;
  size_t pos_ = 0;
};

// How other linters, and those who know them, say it.
constexpr absl::string_view kSilencers[] = {"ignor", "disabl", "nolint", "suppress", "skip"};

// "dbfleet:something", where a directive would stand.
bool IsOther(absl::string_view comment) {
  if (!absl::ConsumePrefix(&comment, kMark) || comment.empty() ||
      !absl::ascii_isalpha(static_cast<unsigned char>(comment[0]))) {
    return false;
  }
  constexpr absl::string_view kKnown[] = {"up", "down", "irreversible"};
  return std::none_of(std::begin(kKnown), std::end(kKnown), [&](absl::string_view known) {
    return absl::StartsWithIgnoreCase(comment, known);
  });
}

// "DBFLEET:IGNORE x", "dbfleet: ignore x", "dbfleet:ignore: x", "dbfleet-ignore x": meant, and not
// said. The marks of migrations' sections are looked at by who cuts those.
void ReadMisspelt(absl::string_view comment, Directives* directives) {
  const absl::string_view shown = comment;
  if (!absl::StartsWithIgnoreCase(comment, "dbfleet")) return;
  comment.remove_prefix(std::min(comment.find_first_of(":-_ \t"), comment.size()));
  comment.remove_prefix(std::min(comment.find_first_not_of(":-_ \t"), comment.size()));
  const bool meant = std::any_of(
      std::begin(kSilencers), std::end(kSilencers),
      [&](absl::string_view word) { return absl::StartsWithIgnoreCase(comment, word); });
  if (!meant && !IsOther(shown)) return;
  directives->unknown.push_back(
      SanitizeForDisplay(Truncate(shown.substr(0, shown.find('\n')), kMaxIdBytes)));
}

bool MayHold(absl::string_view text) {
  return absl::StrContains(text, "dbfleet") || absl::StrContains(text, "DBFLEET") ||
         absl::StrContains(text, "DBFleet") || absl::StrContains(text, "Dbfleet") ||
         absl::StrContains(text, "DbFleet");
}

void Read(absl::string_view comment, Directives* directives) {
  comment = absl::StripAsciiWhitespace(comment);
  const absl::string_view whole = comment;
  if (!absl::ConsumePrefix(&comment, kMark)) return ReadMisspelt(whole, directives);
  if (comment == "up") directives->section = SectionMark::kUp;
  if (comment == "down") directives->section = SectionMark::kDown;
  if (absl::StartsWith(comment, "irreversible ")) directives->irreversible = true;
  const bool ignores =
      absl::ConsumePrefix(&comment, "ignore") &&
      (comment.empty() || absl::ascii_isspace(static_cast<unsigned char>(comment[0])));
  if (!ignores) return ReadMisspelt(whole, directives);
  comment = absl::StripLeadingAsciiWhitespace(comment);
  const size_t id = std::min(comment.find_first_of(" \t\n\r"), comment.size());
  IgnoreDirective ignore;
  ignore.rule_id = SanitizeForDisplay(Truncate(comment.substr(0, id), kMaxIdBytes));
  ignore.reason =
      SanitizeForDisplay(Truncate(absl::StripAsciiWhitespace(comment.substr(id)), kMaxReasonBytes));
  directives->ignores.push_back(std::move(ignore));
}

}  // namespace

Directives ReadDirectives(const Target& target, absl::string_view text) {
  Directives directives;
  if (!MayHold(text)) return directives;
  CommentFinder finder(target, text);
  absl::string_view comment;
  while (finder.Next(&comment)) Read(comment, &directives);
  return directives;
}

}  // namespace dbfleet::sql
