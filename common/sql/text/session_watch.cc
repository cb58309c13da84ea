#include "common/sql/text/session_watch.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/model/charsets.h"

namespace dbfleet::sql {
namespace {

// Statements of MySQL that change no setting, though they may name one.
constexpr absl::string_view kHarmless[] = {"ALTER", "CREATE",  "DELETE", "DROP",  "INSERT",
                                           "READ",  "REPLACE", "SELECT", "SHOW",  "UPDATE",
                                           "USE",   "VALUES",  "WITH",   "TABLE", "EXPLAIN"};
// Where dumps keep the character set that they found, to set it again.
constexpr absl::string_view kKept[] = {"OLD_CHARACTER_SET_CLIENT", "SAVED_CS_CLIENT"};
// Statements of PostgreSQL whose texts are code, which they run or leave for others to run.
constexpr absl::string_view kHoldCode[] = {"CALL", "CREATE", "DO"};

template <size_t N>
bool IsIn(const absl::string_view (&list)[N], absl::string_view word) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](absl::string_view one) { return absl::EqualsIgnoreCase(one, word); });
}

bool Is(absl::string_view text, absl::string_view word) {
  return absl::EqualsIgnoreCase(text, word);
}

bool IsQuoted(const Token& token) {
  return token.kind == TokenKind::kQuotedName || token.kind == TokenKind::kString;
}

// Between plain quotes, whose content is what it says.
bool IsPlainlyQuoted(const Token& token) {
  return IsQuoted(token) && (token.text[0] == '\'' || token.text[0] == '"' || token.text[0] == '`');
}

}  // namespace

void SessionWatch::Take(const Token& token) {
  if (token.kind == TokenKind::kExecutableOpen || token.kind == TokenKind::kExecutableClose) return;
  if (!begun_) Begin(token);
  if (!looks_ && !postgres_) return;
  absl::string_view text = token.text;
  if (IsPlainlyQuoted(token) && text.size() >= 2) text = text.substr(1, text.size() - 2);
  if (postgres_) {
    TakePostgres(token, text);
  } else {
    TakeMySql(token, text);
  }
}

void SessionWatch::Begin(const Token& token) {
  begun_ = true;
  if (postgres_) {
    looks_ = token.IsWord("SET") || token.IsWord("ALTER");
    behind_set_ = token.IsWord("SET");
    // UPDATE, also behind EXPLAIN ANALYZE, PREPARE or WITH, and by a view.
    updates_ = !token.IsWord("SELECT") && !token.IsWord("SHOW") && !token.IsWord("TABLE") &&
               !token.IsWord("VALUES");
    holds_code_ = token.kind == TokenKind::kWord && IsIn(kHoldCode, token.text);
    return;
  }
  looks_ = token.kind == TokenKind::kWord && !IsIn(kHarmless, token.text);
}

// A value that is written down, and nothing more. Returns whether the token was part of it.
bool SessionWatch::FollowValue(const Token& token, absl::string_view text) {
  switch (next_) {
    case Next::kAssignment:
      next_ = Next::kAnything;
      if (token.IsSymbol('=') || token.IsSymbol(':') || (postgres_ && token.IsWord("TO"))) {
        next_ = Next::kValue;
      } else if (postgres_) {
        Named(Worst());
      }
      return true;
    case Next::kValue:
      if (token.IsSymbol('=')) return true;
      next_ = Next::kEnd;
      if (!postgres_ && token.IsSymbol('@')) {
        next_ = Next::kVariable;
      } else if (token.kind != TokenKind::kWord && !IsPlainlyQuoted(token)) {
        Named(Worst());
      } else if (!token.IsWord("DEFAULT")) {
        Named(RiskOfCharset(postgres_ ? Dialect::kPostgres : Dialect::kMySql, text));
      }
      return true;
    case Next::kVariable:
      next_ = Next::kEnd;
      if (!IsIn(kKept, text)) Named(Worst());
      return true;
    case Next::kEnd:
      next_ = Next::kAnything;
      if (!token.IsSymbol(',') && !token.IsWord("COLLATE")) Named(Worst());
      return false;
    default:
      return false;
  }
}

void SessionWatch::TakeMySql(const Token& token, absl::string_view text) {
  if (FollowValue(token, text)) return;
  if (token.kind != TokenKind::kWord && !IsQuoted(token)) return;
  modes_named_ = modes_named_ || Is(text, "SQL_MODE");
  // What it executes may be put together from pieces: EXECUTE, SET STATEMENT ... FOR EXECUTE, and
  // in a block.
  if (token.IsWord("EXECUTE")) {
    modes_named_ = true;
    Named(CharsetRisk::kHighBytes);
  }
  if (RiskOfCharset(Dialect::kMySql, text) == CharsetRisk::kHighBytes) {
    Named(CharsetRisk::kHighBytes);
  }
  if (next_ == Next::kSet && token.IsWord("SET")) {
    next_ = Next::kValue;
  } else if (token.IsWord("NAMES") || token.IsWord("CHARSET")) {
    next_ = Next::kValue;
  } else if (Is(text, "CHARACTER_SET_CLIENT")) {
    next_ = Next::kAssignment;
  } else {
    next_ = token.IsWord("CHARACTER") || token.IsWord("CHAR") ? Next::kSet : Next::kAnything;
  }
}

// set_config('client_encoding', 'UTF8', false), in a statement of any kind.
void SessionWatch::FollowSetConfig(const Token& token, absl::string_view text) {
  switch (next_) {
    case Next::kSettingOpen:
      // Without parentheses it is some other name.
      next_ = token.IsSymbol('(') ? Next::kSetting : Next::kAnything;
      return;
    case Next::kSetting:
      next_ = Is(text, "client_encoding") ? Next::kSettingComma : Next::kOtherComma;
      if (token.kind != TokenKind::kString || !IsPlainlyQuoted(token)) {
        Named(Worst());
      }
      return;
    default:
      if (!token.IsSymbol(',')) Named(Worst());
      next_ = next_ == Next::kSettingComma ? Next::kValue : Next::kAnything;
  }
}

// What puts its statements together may make any of them.
void SessionWatch::LookThrough(absl::string_view code) {
  const std::string lower = absl::AsciiStrToLower(code);
  const bool named = absl::StrContains(lower, "client_encoding");
  for (absl::string_view word : {"set_config", "execute", "pg_settings", "names", "\\"}) {
    if (named || absl::StrContains(lower, word)) return Named(Worst());
  }
}

void SessionWatch::TakePostgres(const Token& token, absl::string_view text) {
  if (FollowValue(token, text)) return;
  if (next_ != Next::kAnything) return FollowSetConfig(token, text);
  // Code of other languages, or none that can be read: C, internal, plperl.
  if (holds_code_ && behind_language_ && !Is(text, "sql") && !Is(text, "plpgsql")) Named(Worst());
  behind_language_ = token.IsWord("LANGUAGE");
  if (holds_code_ && token.kind == TokenKind::kString) LookThrough(token.text);
  if (!token.IsName()) return;
  // An escaped name may be any name.
  const bool escaped = token.kind == TokenKind::kQuotedName && token.text[0] != '"';
  if ((looks_ || updates_) && escaped) Named(Worst());
  if (updates_ && Is(text, "pg_settings")) Named(Worst());
  if (Is(text, "set_config") || escaped) {
    next_ = Next::kSettingOpen;
  } else if ((looks_ || holds_code_) && behind_set_ && Is(text, "client_encoding")) {
    next_ = Next::kAssignment;
  } else if (looks_ && behind_set_ && token.IsWord("NAMES")) {
    next_ = Next::kValue;
  }
  behind_set_ =
      token.IsWord("SET") || (behind_set_ && (token.IsWord("SESSION") || token.IsWord("LOCAL")));
}

void SessionWatch::TakeClientCommand(absl::string_view line) {
  absl::string_view rest = line.substr(1);
  const size_t end = std::min(rest.find_first_of(" \t;"), rest.size());
  const absl::string_view word = rest.substr(0, end);
  rest = absl::StripAsciiWhitespace(rest.substr(end));
  if (word == "encoding") {
    if (rest.size() > 1 && rest.front() == '\'' && rest.back() == '\'') {
      rest = rest.substr(1, rest.size() - 2);
    }
    const bool plain = std::all_of(rest.begin(), rest.end(), [](unsigned char c) {
      return absl::ascii_isalnum(c) || c == '_' || c == '-';
    });
    if (!rest.empty()) {
      Named(plain ? RiskOfCharset(Dialect::kPostgres, rest) : Worst());
    }
    return;
  }
  // A name of a database says nothing of it; a text with options, or a variable's value, may.
  const std::string lower = absl::AsciiStrToLower(rest);
  for (absl::string_view option : {"client_encoding", "options", "service", "%", ":\"", ":'"}) {
    if (absl::StrContains(lower, option)) Named(Worst());
  }
  if (absl::StartsWith(rest, ":")) Named(Worst());
}

void SessionWatch::EndStatement() {
  modes_changed_ = modes_changed_ || modes_named_;
  charset_ = std::max(charset_, named_);
  begun_ = looks_ = modes_named_ = holds_code_ = updates_ = behind_set_ = false;
  behind_language_ = false;
  next_ = Next::kAnything;
  named_ = CharsetRisk::kNone;
}

}  // namespace dbfleet::sql
