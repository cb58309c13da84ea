#include "common/sql/text/mysql_client.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

#include "common/sql/text/characters.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kDelimiter = "delimiter";
constexpr size_t kMostDelimiterBytes = 15;  // The clients keep no more.

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

bool IsOfLiquibase(absl::string_view behind) {
  static constexpr absl::string_view kWords[] = {"liquibase formatted sql", "changeset ",
                                                 "rollback ", "preconditions ", "precondition-"};
  return std::any_of(std::begin(kWords), std::end(kWords), [&](absl::string_view word) {
    return absl::StartsWithIgnoreCase(behind, word);
  });
}

// What of a delimiter's line stands behind it goes with the statement if it is nothing but blanks,
// or they and a comment up to the line's end. Of "--" it has to see the blank.
bool GoesWithStatement(absl::string_view behind) {
  behind = absl::StripLeadingAsciiWhitespace(behind);
  return behind.empty() || absl::StartsWith(behind, "#") || absl::StartsWith(behind, "-- ") ||
         absl::StartsWith(behind, "--\t");
}

bool IsPlainDelimiter(absl::string_view delimiter) {
  const bool semicolons = delimiter.find_first_not_of(';') == absl::string_view::npos;
  const bool ascii = std::all_of(delimiter.begin(), delimiter.end(), [](unsigned char c) {
    return absl::ascii_isascii(c);  // Others they do not find.
  });
  const auto holds = [&](absl::string_view one) { return absl::StrContains(delimiter, one); };
  if (holds("--") || holds("/*") || holds("*/") || holds("#") || (holds(";") && !semicolons)) {
    return false;
  }
  return !delimiter.empty() && delimiter.size() <= kMostDelimiterBytes && ascii &&
         delimiter.find_first_of("'\"`\\ \t\r\f\v") == absl::string_view::npos &&
         !absl::StrContains(kDelimiter, absl::AsciiStrToLower(delimiter));
}

}  // namespace

absl::string_view DoubtOfMySqlClient(absl::string_view text, const Token& token, TokenPlace place) {
  if (token.IsSymbol('-') && IsDoubtfulMinus(text.substr(token.offset + 1), place)) {
    if (place.begins_line && IsOfLiquibase(text.substr(token.offset + 2))) {
      return "a line of Liquibase is no comment for servers without a blank behind --; write "
             "\"-- liquibase formatted sql\", \"-- changeset\" and the like, which Liquibase "
             "takes as well";
    }
    return "-- without a blank behind it is a comment for some clients and none for servers; write "
           "a blank behind --, or - -";
  }
  if (place.begins_statement && IsCommand(token)) {
    return "it begins like a command of the client, which ends with the line; remove it";
  }
  // They skip blanks in front of a statement, and forget there that a comment stood among them.
  if (place.begins_statement && place.behind_comment && IsHighByte(token.text[0])) {
    return "a statement begins with a character beyond ASCII behind a comment, where clients write "
           "a blank elsewhere; remove the comment";
  }
  const bool command = place.begins_statement && token.text.size() == kDelimiter.size();
  if (!command && (place.begins_statement || place.first_column) &&
      token.kind == TokenKind::kWord && absl::StartsWithIgnoreCase(token.text, kDelimiter)) {
    return "a line begins with DELIMITER and is no such command; clients take the line break away "
           "behind it; write a blank in front of it";
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

absl::string_view DoubtOfMySqlDelimiter(absl::string_view former, absl::string_view gap,
                                        bool behind_delimiter, absl::string_view argument,
                                        absl::string_view next) {
  // At the former no statement that is understood can be cut (comments that the server skips, which
  // nobody has read, are looked at by the lexer); by the next two of them do not become
  // one that does more.
  const bool former_is_no_sql =
      former == "//" || former.find_first_not_of(';') == absl::string_view::npos;
  const bool next_joins_nothing = next.find_first_not_of("$|/;%^&!~") == absl::string_view::npos;
  if (former_is_no_sql && next_joins_nothing) return "";
  if (!next_joins_nothing && absl::EndsWith(argument, "\r")) {
    return "for some clients the carriage return belongs to the delimiter; write DELIMITER //";
  }
  const size_t line = gap.rfind('\n') + 1;  // 0 if there is none.
  bool first = true;
  for (absl::string_view one : absl::StrSplit(gap.substr(0, line), '\n')) {
    const bool comment = absl::StartsWith(one, "#") || absl::StartsWith(one, "--");
    const bool empty = one.empty() || one == "\r";
    const bool harmless =
        first ? empty || (behind_delimiter && GoesWithStatement(one)) : empty || comment;
    if (!harmless) {
      return "blanks or a comment stand in front of DELIMITER, where clients that send comments do "
             "not know the command; remove them";
    }
    first = false;
  }
  return gap.find_first_not_of(" \t", line) == absl::string_view::npos
             ? ""
             : "a comment stands in front of DELIMITER";
}

absl::string_view DelimiterOf(absl::string_view argument) {
  argument.remove_prefix(std::min(argument.find_first_not_of(" \t"), argument.size()));
  const size_t blank = argument.find(' ');
  if (blank == absl::string_view::npos) return argument;
  const absl::string_view behind = absl::StripAsciiWhitespace(argument.substr(blank));
  const bool comment =
      absl::StartsWith(behind, "#") || behind == "--" || absl::StartsWith(behind, "-- ");
  return comment ? argument.substr(0, blank) : argument;
}

absl::string_view PlainDelimiterOf(absl::string_view argument) {
  absl::string_view delimiter = DelimiterOf(argument);
  const bool comment = delimiter.end() != argument.end();
  delimiter = delimiter.substr(0, delimiter.find_last_not_of(comment ? " " : " \r") + 1);
  return IsPlainDelimiter(delimiter) ? delimiter : absl::string_view();
}

}  // namespace dbfleet::sql
