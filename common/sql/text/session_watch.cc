#include "common/sql/text/session_watch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/model/charsets.h"

namespace dbfleet::sql {
namespace {

// Statements of MySQL that change no setting, though they may name one.
constexpr absl::string_view kHarmless[] = {"ALTER", "CREATE",  "DELETE", "DROP",  "INSERT",
                                           "READ",  "REPLACE", "SELECT", "SHOW",  "UPDATE",
                                           "USE",   "VALUES",  "WITH",   "TABLE", "EXPLAIN"};
// How dumps go on behind a CREATE in an executable comment of its own.
constexpr absl::string_view kGoesOn[] = {"ALGORITHM", "DEFINER", "EVENT",   "FUNCTION",
                                         "PROCEDURE", "SQL",     "TRIGGER", "VIEW"};
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
  if (!postgres_) modes_.Take(token);
  if (token.kind == TokenKind::kExecutableOpen || token.kind == TokenKind::kExecutableClose) {
    return TakeComment(token.kind == TokenKind::kExecutableOpen);
  }
  if (!begun_) {
    Begin(token);
  } else if (std::exchange(behind_comment_, false)) {
    looks_ = looks_ || token.kind != TokenKind::kWord || !IsIn(kGoesOn, token.text);
  }
  absl::string_view text = token.text;
  if (IsPlainlyQuoted(token) && text.size() >= 2) text = text.substr(1, text.size() - 2);
  if (postgres_) return TakePostgres(token, text);
  FollowKept(token, text);
  if (looks_) TakeMySql(token, text);
}

// A server may skip the comment, and then another value, or another statement, stands there.
void SessionWatch::TakeComment(bool opens) {
  behind_mark_ = true;
  if (!begun_ && opens) begins_in_comment_ = true;
  if (begun_ && !opens) behind_comment_ = begins_in_comment_;
  const bool at_end =
      next_ == Next::kAnything || (!opens && (next_ == Next::kEnd || next_ == Next::kAssignment));
  if (!at_end) Named(Worst());
  if (saving_ != Saving::kNo && (opens || saving_ != Saving::kDone)) EndSaving(false);
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
  is_set_ = begins_assignment_ = token.IsWord("SET");
  looks_ = token.kind == TokenKind::kWord && !IsIn(kHarmless, token.text);
}

void SessionWatch::EndSaving(bool found) {
  Kept& kept = kept_[saved_];
  if (!found || kept == Kept::kAnything) {
    kept = Kept::kAnything;
  } else {
    kept = Kept::kFound;
  }
  saving_ = Saving::kNo;
}

// Whether the token goes on with what an assignment of the dumps' form began with.
bool SessionWatch::FollowSaving(const Token& token, absl::string_view text) {
  const auto go = [&](bool goes_on, Saving next) {
    if (goes_on) saving_ = next;
    return goes_on;
  };
  switch (saving_) {
    case Saving::kNamed:
      return go(token.IsSymbol(':'), Saving::kColon) || go(token.IsSymbol('='), Saving::kEqual);
    case Saving::kColon:
      return go(token.IsSymbol('='), Saving::kEqual);
    case Saving::kEqual:
      return go(token.IsSymbol('@'), Saving::kAt);
    case Saving::kAt:
      return go(token.IsSymbol('@'), Saving::kAtAt);
    case Saving::kAtAt:
      if (go(token.IsWord("SESSION") || token.IsWord("LOCAL"), Saving::kScope)) return true;
      [[fallthrough]];
    case Saving::kDot:
      return go(token.kind == TokenKind::kWord && Is(text, "CHARACTER_SET_CLIENT"), Saving::kDone);
    case Saving::kScope:
      return go(token.IsSymbol('.'), Saving::kDot);
    default:
      return false;
  }
}

void SessionWatch::FollowKept(const Token& token, absl::string_view text) {
  const bool may_begin = std::exchange(begins_assignment_, false);
  if (saving_ != Saving::kNo) {
    if (FollowSaving(token, text)) return;
    EndSaving(saving_ == Saving::kDone && token.IsSymbol(','));
  }
  // A comment in front may hold what no server knows: "/*M!999999\- enable the sandbox mode */".
  if (std::exchange(behind_mark_, false) && token.IsWord("SET")) is_set_ = true;
  if (token.IsWord("CALL") || token.IsWord("EXECUTE")) KeptMayBeAnything();
  if (token.IsSymbol('@')) {
    at_begins_assignment_ = may_begin;
    behind_at_ = true;
    return;
  }
  const bool variable = std::exchange(behind_at_, false);
  begins_assignment_ = is_set_ && (token.IsSymbol(',') || token.IsWord("SET"));
  if (!variable) return;
  // Behind a backslash any name may stand.
  if (token.kind == TokenKind::kString && absl::StrContains(text, "\\")) KeptMayBeAnything();
  for (size_t i = 0; i < kKeptVariables; ++i) {
    if (!Is(text, kKept[i])) continue;
    saved_ = i;
    if (at_begins_assignment_) {
      saving_ = Saving::kNamed;
    } else if (!looks_ || next_ != Next::kVariable) {
      kept_[i] = Kept::kAnything;
    }
  }
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
      if (token.IsSymbol('@')) {  // A setting.
        Named(Worst());
      } else {
        const auto* kept = std::find_if(std::begin(kKept), std::end(kKept),
                                        [&](absl::string_view one) { return Is(text, one); });
        const bool found = kept != std::end(kKept) && kept_[kept - kKept] == Kept::kFound;
        if (!found) Named(Worst());
      }
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
  // A name of a database says nothing of it; a text with options may, and so may a value of psql's
  // variables, which psql puts in wherever ":name" stands in a word, be it a port.
  const std::string lower = absl::AsciiStrToLower(rest);
  for (absl::string_view option : {"client_encoding", "options", "service", "%"}) {
    if (absl::StrContains(lower, option)) Named(Worst());
  }
  for (size_t at = rest.find(':'); at != absl::string_view::npos; at = rest.find(':', at + 1)) {
    if (!absl::StartsWith(rest.substr(at), "://")) Named(Worst());
  }
}

void SessionWatch::EndStatement() {
  if (saving_ != Saving::kNo) EndSaving(saving_ == Saving::kDone);
  is_set_ = behind_at_ = behind_mark_ = begins_assignment_ = false;
  begins_in_comment_ = behind_comment_ = false;
  if (!postgres_) modes_.EndStatement(modes_named_);
  charset_ = std::max(charset_, named_);
  begun_ = looks_ = modes_named_ = holds_code_ = updates_ = behind_set_ = false;
  behind_language_ = false;
  next_ = Next::kAnything;
  named_ = CharsetRisk::kNone;
}

}  // namespace dbfleet::sql
