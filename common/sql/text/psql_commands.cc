#include "common/sql/text/psql_commands.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace dbfleet::sql {
namespace {

// psql's commands that concern its own output only.
constexpr absl::string_view kHarmless[] = {"a",      "C",          "echo",     "f", "H",
                                           "pset",   "qecho",      "restrict", "t", "T",
                                           "timing", "unrestrict", "warn",     "x"};
// Those that change the connection, which whoever executes the script has to know.
constexpr absl::string_view kConnection[] = {"c", "connect", "encoding"};

// psql's own variables that change neither the text, for psql takes no value of theirs but a few
// words, nor which statements run how: not AUTOCOMMIT, ON_ERROR_ROLLBACK, SINGLELINE, SINGLESTEP,
// FETCH_COUNT.
constexpr absl::string_view kHarmlessVariables[] = {
    "COMP_KEYWORD_CASE", "ECHO",  "ECHO_HIDDEN",      "HIDE_TABLEAM", "HIDE_TOAST_COMPRESSION",
    "ON_ERROR_STOP",     "QUIET", "SHOW_ALL_RESULTS", "SHOW_CONTEXT", "VERBOSITY"};

// Those of any value, with which it prompts and keeps what was typed. ":NAME" puts the value into a
// statement, so that none may stand behind them.
constexpr absl::string_view kTextVariables[] = {"HISTCONTROL", "HISTFILE", "HISTSIZE", "IGNOREEOF",
                                                "PROMPT1",     "PROMPT2",  "PROMPT3"};

template <size_t N>
bool IsIn(const absl::string_view (&list)[N], absl::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::vector<absl::string_view> WordsOf(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
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
  absl::string_view value = words[2];
  if (value.size() > 2 && value.front() == '\'' && value.back() == '\'') {
    value = value.substr(1, value.size() - 2);
  }
  return std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

}  // namespace

bool ChangesConnection(absl::string_view word) { return IsIn(kConnection, word); }

bool IsHarmlessCommand(absl::string_view word, absl::string_view line) {
  return IsIn(kHarmless, word) || SetsHarmlessVariable(line) || SetsTextVariable(line);
}

bool EndsStatement(absl::string_view word) {
  static constexpr absl::string_view kNames[] = {"crosstabview", "g",  "gdesc", "gexec",
                                                 "gset",         "gx", "watch"};
  return IsIn(kNames, word);
}

bool OnlyExecutes(absl::string_view word, absl::string_view line) {
  return (word == "g" || word == "gx" || word == "gdesc") && line.size() == word.size() + 1;
}

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
  return shows && words.size() <= 2 && (words.size() == 1 || plain(words[1], "_.*?\""));
}

bool LeavesStatements(absl::string_view word, absl::string_view line) {
  static constexpr absl::string_view kNames[] = {"crosstabview", "elif", "else", "endif", "g",
                                                 "gdesc",        "gx",   "if",   "q",     "watch"};
  return IsIn(kNames, word) && line.find('`') == line.npos && line.find('\\', 1) == line.npos;
}

bool IsPlainCommand(absl::string_view word) {
  constexpr size_t kLongest = 20;
  return !word.empty() && word.size() <= kLongest &&
         std::all_of(word.begin(), word.end(), [](char c) {
           return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '!' || c == '?';
         });
}

bool SetsTextVariable(absl::string_view line) {
  const std::vector<absl::string_view> words = WordsOf(line);
  return words.size() > 1 && (words[0] == "\\set" || words[0] == "\\unset") &&
         IsIn(kTextVariables, words[1]);
}

bool NamesTextVariable(absl::string_view text) {
  if (text.size() > 1 && (text[0] == '\'' || text[0] == '"'))
    text = text.substr(1, text.size() - 2);
  return IsIn(kTextVariables, text);
}

}  // namespace dbfleet::sql
