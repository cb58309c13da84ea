#include "common/sql/text/psql_commands.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace dbfleet::sql {
namespace {

// psql's commands that concern its own output only, or only tell something.
constexpr absl::string_view kHarmless[] = {
    "?", "a",    "C",    "conninfo", "copyright", "echo", "errverbose", "f",    "h", "H",
    "p", "pset", "help", "qecho",    "t",         "T",    "timing",     "warn", "x"};
// Those that change the connection, which whoever executes the script has to know.
constexpr absl::string_view kConnection[] = {"c", "connect", "encoding"};

// psql's own variables that change neither the text, for psql takes no value of theirs but a few
// words, nor which statements run how: not AUTOCOMMIT, ON_ERROR_ROLLBACK, SINGLELINE, SINGLESTEP,
// FETCH_COUNT.
constexpr absl::string_view kHarmlessVariables[] = {"COMP_KEYWORD_CASE",
                                                    "ECHO",
                                                    "ECHO_HIDDEN",
                                                    "HIDE_TABLEAM",
                                                    "HIDE_TOAST_COMPRESSION",
                                                    "QUIET",
                                                    "SHOW_ALL_RESULTS",
                                                    "SHOW_CONTEXT",
                                                    "VERBOSITY"};

// Those of any value, with which it prompts and keeps what was typed. ":NAME" would put the value
// into a statement, which the lexer doubts by itself.
constexpr absl::string_view kTextVariables[] = {"HISTCONTROL", "HISTFILE", "HISTSIZE", "IGNOREEOF",
                                                "PROMPT1",     "PROMPT2",  "PROMPT3"};

template <size_t N>
bool IsIn(const absl::string_view (&list)[N], absl::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::vector<absl::string_view> WordsOf(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(kPsqlSpaces), absl::SkipEmpty());
}

absl::string_view WithoutQuotes(absl::string_view value) {
  const bool quoted = value.size() > 2 && value.front() == '\'' && value.back() == '\'';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

// \set NAME [VALUE], \unset NAME, of such a variable; the value one plain word, with or without
// quotes. psql tells letter case apart.
bool SetsHarmlessVariable(absl::string_view line) {
  const std::vector<absl::string_view> words = WordsOf(line);
  const bool unset = words[0] == "\\unset";
  if ((!unset && words[0] != "\\set") || words.size() < 2 || words.size() > (unset ? 2 : 3)) {
    return false;
  }
  if (!IsIn(kHarmlessVariables, words[1])) return false;
  if (words.size() == 2) return true;
  const absl::string_view value = WithoutQuotes(words[2]);
  return std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

// \set HISTFILE x, \set PROMPT1 x.
bool SetsTextVariable(absl::string_view line) {
  const std::vector<absl::string_view> words = WordsOf(line);
  return words.size() > 1 && (words[0] == "\\set" || words[0] == "\\unset") &&
         IsIn(kTextVariables, words[1]);
}

// \set NAME on, of a switch, in one of the forms that psql takes; or off.
bool Sets(absl::string_view line, absl::string_view name, bool on) {
  const std::vector<absl::string_view> words = WordsOf(line);
  if (words.size() < 2 || words.size() > 3 || words[0] != "\\set" || words[1] != name) return false;
  static constexpr absl::string_view kOn[] = {"1", "on", "t", "true", "y", "yes"};
  static constexpr absl::string_view kOff[] = {"0", "f", "false", "n", "no", "off"};
  if (words.size() == 2) return on;
  const std::string value = absl::AsciiStrToLower(WithoutQuotes(words[2]));
  return on ? IsIn(kOn, value) : IsIn(kOff, value);
}

// What they are unless somebody said otherwise.
bool SetsDefault(absl::string_view line) {
  return Sets(line, "AUTOCOMMIT", true) || Sets(line, "ON_ERROR_ROLLBACK", false);
}

}  // namespace

bool ChangesConnection(absl::string_view word) { return IsIn(kConnection, word); }

bool IsHarmlessCommand(absl::string_view word, absl::string_view line) {
  return IsIn(kHarmless, word) || SetsHarmlessVariable(line) || SetsTextVariable(line) ||
         StopsAtErrors(line) || SetsDefault(line);
}

bool EndsStatement(absl::string_view word) {
  static constexpr absl::string_view kNames[] = {"crosstabview", "g",  "gdesc", "gexec",
                                                 "gset",         "gx", "watch"};
  return IsIn(kNames, word);
}

bool OnlyExecutes(absl::string_view line) { return line == "\\g" || line == "\\gx"; }

std::string KeyOf(absl::string_view line, absl::string_view command) {
  const std::vector<absl::string_view> words = WordsOf(line);
  const bool plain = words.size() == 2 && words[0].substr(1) == command &&
                     std::all_of(words[1].begin(), words[1].end(), [](char c) {
                       return absl::ascii_isalnum(static_cast<unsigned char>(c));
                     });
  return plain ? std::string(words[1]) : "";
}

bool StopsAtErrors(absl::string_view line) { return Sets(line, "ON_ERROR_STOP", true); }

bool ShowsCatalogue(absl::string_view line) {
  const std::vector<absl::string_view> words = WordsOf(line);
  const auto plain = [](absl::string_view text, absl::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || more.find(c) != more.npos;
    });
  };
  const absl::string_view word = words[0].substr(1);
  const bool shows = !word.empty() && (word[0] == 'd' || word[0] == 'l') && word.size() < 8 &&
                     plain(word.substr(1), "+") && word != "lo_import";
  if (!shows || words.size() == 1) return shows;
  const absl::string_view pattern = line.substr(static_cast<size_t>(words[1].data() - line.data()));
  bool quoted = false;  // Spaces stand in quotes.
  const bool one = std::all_of(pattern.begin(), pattern.end(), [&](char c) {
    quoted = quoted != (c == '"');
    return quoted || !absl::StrContains(kPsqlSpaces, absl::string_view(&c, 1));
  });
  return one && !quoted && plain(pattern, "_.*?\" ");
}

bool LeavesStatements(absl::string_view word, absl::string_view line) {
  static constexpr absl::string_view kNames[] = {"elif", "else", "endif", "if", "q"};
  return OnlyExecutes(line) ||
         (IsIn(kNames, word) && line.find('`') == line.npos && line.find('\\', 1) == line.npos);
}

}  // namespace dbfleet::sql
