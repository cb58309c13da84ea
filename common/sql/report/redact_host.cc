#include "common/sql/report/redact_host.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/host_lexer.h"
#include "common/sql/report/pieces.h"
#include "common/sql/report/redact_sql.h"
#include "common/sql/report/secret_words.h"

namespace dbfleet::sql {
namespace {

// What connects, logs in or runs a program.
constexpr absl::string_view kAccess[] = {
    "adddatabase", "authenticate", "change_user", "client",     "ftp_login", "imap_open",
    "ldap_bind",   "login",        "mysqli",      "passthru",   "pdo",       "popen",
    "proc_open",   "redis",        "sendmail",    "shell_exec", "smtp",      "system"};

// mysql:host=x;dbname=y, sqlite:/x.db, pgsql://h/d: who connects with it says as whom beside it.
bool NamesServer(absl::string_view content) {
  static constexpr absl::string_view kSchemes[] = {
      "cubrid",   "dblib",  "firebird",   "ibm",    "informix", "mongodb",
      "mysql",    "mysql2", "oci",        "odbc",   "oracle",   "pgsql",
      "postgres", "redis",  "postgresql", "sqlite", "sqlsrv"};
  const size_t colon = content.find(':');
  return colon != absl::string_view::npos && colon + 1 < content.size() &&
         std::find(std::begin(kSchemes), std::end(kSchemes),
                   absl::AsciiStrToLower(content.substr(0, colon))) != std::end(kSchemes);
}

// In programs nearly every text is handed over by some "connection".
bool HostNameSpeaks(absl::string_view name) {
  if (absl::EqualsIgnoreCase(name, "connection")) return false;
  const std::string lower = absl::AsciiStrToLower(name);
  return NamesSecret(name) ||
         (absl::StrContains(lower, "connect") && !absl::StrContains(lower, "connection")) ||
         absl::StrContains(lower, "establish_connection") ||
         std::find(std::begin(kAccess), std::end(kAccess), lower) != std::end(kAccess);
}

std::string ContentOf(const HostToken& token) {
  std::string content;
  for (const StringPart& part : token.parts) content += part.text;
  return content;
}

Piece PieceOf(const HostToken& token) {
  Piece piece;
  piece.begin = token.offset;
  piece.end = token.offset + token.text.size();
  switch (token.kind) {
    case HostTokenKind::kName:
    case HostTokenKind::kVariable:
    case HostTokenKind::kLabel:
    case HostTokenKind::kSymbol:
      piece.kind = Piece::Kind::kWord;
      piece.speaks = HostNameSpeaks(token.text);
      break;
    case HostTokenKind::kString:
    case HostTokenKind::kOther: {
      piece.kind = Piece::Kind::kText;
      const std::string content = ContentOf(token);
      // Of 'pw' => 'x' the text is a name.
      piece.speaks = SpeaksOfSecret(token.text) || SpeaksOfSecret(content) ||
                     NamesSecret(content) || NamesServer(content);
      break;
    }
    case HostTokenKind::kNumber:
      piece.kind = Piece::Kind::kNumber;
      break;
    default:
      break;
  }
  return piece;
}

// What runs a statement that was prepared elsewhere, with the values for it; "execute" runs one
// that it is given, too.
constexpr absl::string_view kExecutes[] = {
    "async_exec_prepared", "exec_prepared",       "execute",
    "mysqli_execute",      "mysqli_stmt_execute", "pg_execute",
    "pg_send_execute",     "send_query_prepared", "sync_exec_prepared"};

bool IsSql(Dialect dialect, const std::string& content) {
  return absl::StrContains(absl::StripAsciiWhitespace(content), " ") &&
         IsSqlStatement(dialect, content);
}

// Whether values are given to a statement whose text is neither in front of the call nor its first
// text.
bool GivesValuesToUnseen(Dialect dialect, const HostLexed& lexed) {
  bool gives = false;
  std::string text;  // Ruby joins strings that stand side by side.
  for (size_t i = 0; i < lexed.tokens.size(); ++i) {
    const HostToken& token = lexed.tokens[i];
    if (token.kind == HostTokenKind::kString) {
      text += ContentOf(token);
      const bool goes_on =
          i + 1 < lexed.tokens.size() && lexed.tokens[i + 1].kind == HostTokenKind::kString;
      if (goes_on) continue;
      if (IsSql(dialect, text)) return false;
      if (gives) return true;
      text.clear();
    }
    gives = gives || (token.kind == HostTokenKind::kName &&
                      std::find(std::begin(kExecutes), std::end(kExecutes),
                                absl::AsciiStrToLower(token.text)) != std::end(kExecutes));
  }
  return false;
}

// Whether the statements that the variables hold are known, and none of them speaks of a secret.
bool PreparedPlainly(Dialect dialect, const HostContext* host) {
  return host != nullptr && !host->prepared.empty() &&
         std::all_of(host->prepared.begin(), host->prepared.end(), [&](const auto& variable) {
           const std::string& sql = variable.second;
           return !sql.empty() && !SpeaksOfSecret(sql) && !NamesSecret(sql) &&
                  !HidesLiterals(dialect, sql);
         });
}

bool RunsProgram(const HostToken& token) {
  return token.kind == HostTokenKind::kOther &&
         (absl::StartsWith(token.text, "`") || absl::StartsWith(token.text, "%x"));
}

// RedBean's R::setup($dsn, 'user', 'pass').
bool SetsUp(const HostLexed& lexed, size_t i) {
  return i > 1 && lexed.tokens[i].IsName("setup") && lexed.tokens[i - 1].Is("::");
}

// Of :password => :x what is no key.
bool IsSymbolValue(const HostLexed& lexed, size_t i) {
  return lexed.tokens[i].kind == HostTokenKind::kSymbol && i > 0 &&
         (lexed.tokens[i - 1].Is("=>") || lexed.tokens[i - 1].kind == HostTokenKind::kLabel);
}

}  // namespace

Redacted RedactHost(const Target& target, absl::string_view text, size_t place,
                    const HostContext* host) {
  const auto lexed = target.dialect == Dialect::kActiveRecordPhp ? LexPhp(text) : LexRuby(text);
  if (!lexed.ok()) return HideAll(text);
  Pieces pieces;
  Hiding hiding;
  bool heredoc = false;
  std::string joined;  // "IDENTIFIED" . " BY 'x'" says it in two pieces.
  for (size_t i = 0; i < lexed->tokens.size(); ++i) {
    const HostToken& token = lexed->tokens[i];
    if (token.text.empty()) continue;
    hiding.values.push_back(IsSymbolValue(*lexed, i) ? pieces.size() + 1 : 0);
    pieces.push_back(PieceOf(token));
    pieces.back().speaks = pieces.back().speaks || SetsUp(*lexed, i);
    if (pieces.back().kind != Piece::Kind::kText) continue;
    const std::string content = ContentOf(token);
    joined += content;
    hiding.texts = hiding.texts || pieces.back().speaks || RunsProgram(token) ||
                   HidesLiterals(target.embedded, content);
    heredoc = heredoc || token.end > token.offset + token.text.size();
  }
  hiding.texts =
      hiding.texts || SpeaksOfSecret(joined) ||
      (GivesValuesToUnseen(target.embedded, *lexed) && !PreparedPlainly(target.embedded, host));
  for (const Piece& piece : pieces) hiding.texts = hiding.texts || piece.speaks;
  if (!hiding.texts) hiding.values.clear();
  Redacted redacted = HidePieces(PiecedText(text, pieces), hiding, place);
  // Its lines stand behind others of the program.
  return heredoc && !redacted.hidden.empty() ? HideAll(text) : redacted;
}

}  // namespace dbfleet::sql
