#include "common/sql/text/mysql_client.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dbfleet::sql {
namespace {

// Commands of the clients, of some or all versions, that no statement begins with.
constexpr absl::string_view kCommands[] = {"charset",
                                           "clear",
                                           "connect",
                                           "costs",
                                           "edit",
                                           "ego",
                                           "exit",
                                           "go",
                                           "help",
                                           "nopager",
                                           "notee",
                                           "nowarning",
                                           "pager",
                                           "print",
                                           "prompt",
                                           "query_attributes",
                                           "quit",
                                           "rehash",
                                           "resetconnection",
                                           "sandbox",
                                           "source",
                                           "ssl_session_data_print",
                                           "status",
                                           "system",
                                           "tee",
                                           "warnings"};

bool IsCommand(const Token& token) {
  if (token.IsSymbol('?')) return true;
  return token.kind == TokenKind::kWord &&
         std::any_of(std::begin(kCommands), std::end(kCommands), [&](absl::string_view one) {
           return absl::EqualsIgnoreCase(token.text, one);
         });
}

// For MariaDB's client a comment where the line begins, for servers two minus signs; and the other
// way round where the client puts a blank in the place of a comment, or ends the line.
bool IsDoubtfulMinus(absl::string_view behind, TokenPlace place) {
  if (!absl::StartsWith(behind, "-")) return false;
  return place.begins_statement || place.begins_line || absl::StartsWith(behind, "-/*") ||
         absl::StartsWith(behind, "-#") || absl::StartsWith(behind, "--");
}

}  // namespace

absl::string_view DoubtOfMySqlClient(absl::string_view text, const Token& token, TokenPlace place) {
  if (token.IsSymbol('-') && IsDoubtfulMinus(text.substr(token.offset + 1), place)) {
    return "-- without a blank behind it is a comment for some clients and none for servers; write "
           "a blank behind --, or - -";
  }
  if (place.begins_statement && IsCommand(token)) {
    return "it begins like a command of the client, which ends with the line; remove it";
  }
  constexpr absl::string_view kDelimiter = "delimiter";
  const bool command = place.begins_statement && token.text.size() == kDelimiter.size();
  if (!command && place.begins_line && token.kind == TokenKind::kWord &&
      absl::StartsWithIgnoreCase(token.text, kDelimiter)) {
    return "a line begins with DELIMITER and is no such command; clients take the line break away "
           "behind it; write it on the line before";
  }
  return "";
}

absl::string_view DoubtOfMySqlUse(absl::string_view statement) {
  const absl::string_view use = "use";
  if (!absl::StartsWithIgnoreCase(statement, use) || statement.size() == use.size() ||
      !absl::ascii_isspace(static_cast<unsigned char>(statement[use.size()])) ||
      !absl::StrContains(statement, "\n")) {
    return "";
  }
  return "clients end USE with its line; write the delimiter there";
}

}  // namespace dbfleet::sql
