#include "common/sql/text/modes_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kMostWords = 80;
constexpr size_t kLongestWord = 512;  // No longer name or list of modes is followed.
// Executable comments up to here are executed by all servers that are known: /*!50503 ... */.
constexpr int kLatestForAll = 50600;

// Where mysqldump and mariadb-dump keep the mode.
constexpr absl::string_view kDumps[] = {"OLD_SQL_MODE", "SAVED_SQL_MODE"};

bool EndStringsAlike(const SqlModes& a, const SqlModes& b) {
  return a.ansi_quotes == b.ansi_quotes && a.no_backslash_escapes == b.no_backslash_escapes &&
         a.oracle == b.oracle;
}

// What "/*!40101" asks for; 0 of "/*!", and a number that no server has of what is MariaDB's own.
int VersionOf(absl::string_view mark) {
  mark.remove_prefix(std::min<size_t>(mark.size(), 3));
  int version = 0;
  if (mark.empty()) return 0;
  return absl::SimpleAtoi(mark, &version) ? version : kLatestForAll + 1;
}

}  // namespace

bool ModesWatch::Word::Is(absl::string_view word) const {
  return kind != TokenKind::kString && absl::EqualsIgnoreCase(text, word);
}

void ModesWatch::Take(const Token& token) {
  if (!begun_) {
    begun_ = true;
    collects_ = token.kind == TokenKind::kExecutableOpen || token.IsWord("SET");
  }
  several_ = several_ || token.IsSymbol(';');
  named_ = named_ || token.IsWord("SQL_MODE") || token.IsWord("EXECUTE") ||
           (token.kind == TokenKind::kQuotedName && absl::StrContains(token.text, "ode"));
  const bool variable = std::exchange(behind_at_, token.IsSymbol('@'));
  if (!collects_) return Forget(variable, token.kind, token.text);
  if (words_.size() < kMostWords && token.text.size() <= kLongestWord) {
    words_.push_back({token.kind, std::string(token.text)});
    return;
  }
  too_long_ = true;
  Forget(variable, token.kind, token.text);
}

// Whatever else names a variable may have changed it, and what runs elsewhere any.
void ModesWatch::Forget(bool variable, TokenKind kind, absl::string_view text) {
  if (kept_.empty()) return;
  if (kind == TokenKind::kWord &&
      (absl::EqualsIgnoreCase(text, "CALL") || absl::EqualsIgnoreCase(text, "EXECUTE"))) {
    return kept_.clear();
  }
  if (!variable) return;
  // Behind a backslash any name may stand.
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c != '\\' && static_cast<unsigned char>(c) < 0x80;
  });
  if (!plain) return kept_.clear();
  const bool quoted = text.size() > 1 && (text[0] == '`' || text[0] == '\'' || text[0] == '"');
  if (quoted) text = absl::StripAsciiWhitespace(text.substr(1, text.size() - 2));
  if (text.size() <= kLongestWord) kept_.erase(absl::AsciiStrToUpper(text));
}

void ModesWatch::EndStatement(bool named) {
  if (too_long_ || !collects_ || !FollowSet()) {
    // Of several statements the first word tells nothing of the others.
    if (named || (several_ && named_)) state_ = State::kUnknown;
    for (size_t i = 0; i < words_.size(); ++i) {
      Forget(i > 0 && words_[i - 1].Is("@"), words_[i].kind, words_[i].text);
    }
    if (too_long_ || several_) kept_.clear();
  }
  words_.clear();
  begun_ = collects_ = too_long_ = several_ = named_ = behind_at_ = false;
}

// Whether it is one of the forms that are followed, and what it comes to. What it assigns is known
// before it begins.
bool ModesWatch::FollowSet() {
  Words words = words_;
  if (!words.empty() && words.front().kind == TokenKind::kExecutableOpen) {
    if (words.back().kind != TokenKind::kExecutableClose ||
        VersionOf(words.front().text) > kLatestForAll) {
      return false;
    }
    words.erase(words.begin());
    words.pop_back();
  }
  size_t at = 0;
  const auto take = [&](absl::string_view word) {
    const bool found = at < words.size() && words[at].Is(word);
    at += found ? 1 : 0;
    return found;
  };
  const auto take_variable = [&]() -> std::string {
    for (absl::string_view name : kDumps) {
      if (at + 1 < words.size() && words[at].Is("@") && words[at + 1].kind == TokenKind::kWord &&
          words[at + 1].Is(name)) {
        at += 2;
        return std::string(name);
      }
    }
    return "";
  };
  // sql_mode, SESSION sql_mode, @@sql_mode, @@session.sql_mode
  const auto take_mode = [&] {
    const bool marked = take("@") && take("@");
    const bool scope = take("SESSION") || take("LOCAL");
    if (marked && scope && !take(".")) return false;
    return take("SQL_MODE");
  };
  const auto take_equal = [&] { return (take(":"), take("=")); };

  if (!take("SET")) return false;
  std::string keeps = take_variable();
  if (!keeps.empty()) {
    if (!take_equal() || !take("@") || !take("@")) return false;
    if ((take("SESSION") || take("LOCAL")) && !take(".")) return false;
    if (!take("SQL_MODE")) return false;
    if (at == words.size()) {
      kept_[keeps] = state_;
      return true;
    }
    if (!take(",")) return false;
  }
  if (!take_mode() || !take_equal() || at == words.size()) return false;
  State next = State::kKnown;
  if (words[at].kind == TokenKind::kString) {
    if (!KnowsModes(words[at])) return false;
    ++at;
  } else {
    const auto kept = kept_.find(take_variable());
    if (kept == kept_.end()) return false;
    next = kept->second;
  }
  if (at != words.size()) return false;
  if (!keeps.empty()) kept_[keeps] = state_;
  state_ = next;
  return true;
}

// A server that does not know a word refuses the whole statement, and stays as it was.
bool ModesWatch::KnowsModes(const Word& list) const {
  static constexpr absl::string_view kOfAll[] = {"ALLOW_INVALID_DATES",
                                                 "ERROR_FOR_DIVISION_BY_ZERO",
                                                 "HIGH_NOT_PRECEDENCE",
                                                 "IGNORE_SPACE",
                                                 "NO_AUTO_VALUE_ON_ZERO",
                                                 "NO_DIR_IN_CREATE",
                                                 "NO_ENGINE_SUBSTITUTION",
                                                 "NO_UNSIGNED_SUBTRACTION",
                                                 "NO_ZERO_DATE",
                                                 "NO_ZERO_IN_DATE",
                                                 "ONLY_FULL_GROUP_BY",
                                                 "PAD_CHAR_TO_FULL_LENGTH",
                                                 "PIPES_AS_CONCAT",
                                                 "REAL_AS_FLOAT",
                                                 "STRICT_ALL_TABLES",
                                                 "STRICT_TRANS_TABLES",
                                                 "TRADITIONAL"};
  const absl::string_view text = list.text;
  if (text.size() < 2 || text.front() != '\'' || text.back() != '\'' ||
      !EndStringsAlike(SqlModes(), given_)) {
    return false;
  }
  for (absl::string_view one :
       absl::StrSplit(text.substr(1, text.size() - 2), ',', absl::SkipEmpty())) {
    const bool maria = dialect_ == Dialect::kMariaDb && one == "NO_AUTO_CREATE_USER";
    if (!maria && std::find(std::begin(kOfAll), std::end(kOfAll), one) == std::end(kOfAll)) {
      return false;
    }
  }
  return true;
}

}  // namespace dbfleet::sql
