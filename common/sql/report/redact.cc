#include "common/sql/report/redact.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kHidden = "***";

bool SpeaksOfPasswords(absl::string_view text) {
  for (absl::string_view word : {"passw", "identified", "secret"}) {
    const auto found = std::search(
        text.begin(), text.end(), word.begin(), word.end(),
        [](char a, char b) { return absl::ascii_tolower(static_cast<unsigned char>(a)) == b; });
    if (found != text.end()) return true;
  }
  return false;
}

bool IsWordByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Texts and words of SQL, and of programs that hold some; comments stay as they are.
class Redactor {
 public:
  Redactor(const Target& target, absl::string_view text) : target_(target), text_(text) {}

  std::string Run() {
    while (pos_ < text_.size()) Step();
    return std::move(out_);
  }

 private:
  bool At(absl::string_view what) const { return absl::StartsWith(text_.substr(pos_), what); }

  void Take(size_t end) {
    end = std::min(end, text_.size());
    out_.append(text_.data() + pos_, end - pos_);
    pos_ = end;
  }

  void Step() {
    const char c = text_[pos_];
    if (At("-- ") || (c == '#' && target_.mysql_family())) return Take(text_.find('\n', pos_));
    if (At("/*") && !At("/*!")) {
      const size_t end = text_.find("*/", pos_ + 2);
      return Take(end == absl::string_view::npos ? end : end + 2);
    }
    if (c == '\'' || c == '"') return Quoted(c);
    if (IsWordByte(c)) return Word();
    // The next statement of a routine's body.
    if (c == ';') behind_word_ = false;
    Take(pos_ + 1);
  }

  void Word() {
    size_t end = pos_;
    while (end < text_.size() && IsWordByte(text_[end])) ++end;
    const absl::string_view word = text_.substr(pos_, end - pos_);
    if (behind_word_ && absl::StartsWithIgnoreCase(word, "0x")) {
      out_.append(kHidden.data(), kHidden.size());
      pos_ = end;
      return;
    }
    behind_word_ = behind_word_ || SpeaksOfPasswords(word);
    Take(end);
  }

  void Quoted(char quote) {
    const bool escapes =
        !target_.postgres() || (pos_ > 0 && (text_[pos_ - 1] == 'E' || text_[pos_ - 1] == 'e'));
    size_t end = pos_ + 1;
    for (; end < text_.size(); ++end) {
      if (escapes && text_[end] == '\\') {
        ++end;
      } else if (text_[end] == quote) {
        if (end + 1 >= text_.size() || text_[end + 1] != quote) break;
        ++end;
      }
    }
    const size_t close = std::min(end, text_.size());
    const absl::string_view inside = text_.substr(pos_ + 1, close - pos_ - 1);
    const bool name = target_.postgres() && quote == '"';
    const bool of_account = (pos_ > 0 && text_[pos_ - 1] == '@') ||
                            (close + 1 < text_.size() && text_[close + 1] == '@');
    const bool speaks = SpeaksOfPasswords(inside);
    if (!name && !of_account && (behind_word_ || speaks)) {
      absl::StrAppend(&out_, text_.substr(pos_, 1), kHidden, text_.substr(close, 1));
      pos_ = std::min(close + 1, text_.size());
      behind_word_ = behind_word_ || speaks;
      return;
    }
    behind_word_ = behind_word_ || (name && speaks);
    Take(close + 1);
  }

  const Target& target_;
  const absl::string_view text_;
  size_t pos_ = 0;
  bool behind_word_ = false;
  std::string out_;
};

bool MarksPassword(absl::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of("\"'"), word.size()));
  return !word.empty() && absl::StrContains("><#!", word.substr(0, 1));
}

std::string RedactRedis(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  const auto is = [&](size_t i, absl::string_view word) {
    return i < words.size() && absl::EqualsIgnoreCase(words[i], word);
  };
  const bool sets = is(0, "CONFIG") && is(1, "SET");
  const bool grants = is(0, "ACL") && is(1, "SETUSER");
  const bool may_hold = is(0, "HELLO") || is(0, "MIGRATE");
  if (!sets && !grants && !may_hold && !is(0, "AUTH")) return std::string(line);
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool behind = (is(0, "AUTH") && i > 0) || (sets && i > 2) ||
                        (may_hold && i > 0 && (is(i - 1, "AUTH") || is(i - 1, "AUTH2"))) ||
                        (grants && i > 2 && MarksPassword(words[i]));
    absl::StrAppend(&out, i > 0 ? " " : "", behind ? kHidden : words[i]);
    // Of quoted words nothing more is told apart.
    if (behind) return out;
  }
  return out;
}

}  // namespace

std::string Redact(const Target& target, absl::string_view text) {
  if (target.dialect == Dialect::kRedis) return RedactRedis(text);
  if (!SpeaksOfPasswords(text)) return std::string(text);
  return Redactor(target, text).Run();
}

}  // namespace dbfleet::sql
