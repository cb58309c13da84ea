#include "tests/truth/mysqltest_script.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dbfleet::truth {
namespace {

// The driver's commands (client/mysqltest.cc, command_names), but those that send what follows.
constexpr const char* kCommands[] = {"append_file",
                                     "assert",
                                     "cat_file",
                                     "change_user",
                                     "character_set",
                                     "chmod",
                                     "connect",
                                     "connection",
                                     "copy_file",
                                     "copy_files_wildcard",
                                     "dec",
                                     "delimiter",
                                     "die",
                                     "diff_files",
                                     "dirty_close",
                                     "disconnect",
                                     "echo",
                                     "end",
                                     "end_timer",
                                     "error",
                                     "eval",
                                     "evalp",
                                     "exec",
                                     "execw",
                                     "exit",
                                     "file_exists",
                                     "horizontal_results",
                                     "if",
                                     "inc",
                                     "let",
                                     "list_files",
                                     "list_files_append_file",
                                     "list_files_write_file",
                                     "lowercase_result",
                                     "mkdir",
                                     "move_file",
                                     "optimizer_trace",
                                     "output",
                                     "perl",
                                     "ping",
                                     "real_sleep",
                                     "reap",
                                     "remove_file",
                                     "remove_files_wildcard",
                                     "replace",
                                     "replace_column",
                                     "replace_regex",
                                     "replace_result",
                                     "require",
                                     "reset_connection",
                                     "result",
                                     "result_format",
                                     "rmdir",
                                     "save_master_pos",
                                     "send_eval",
                                     "send_quit",
                                     "send_shutdown",
                                     "shutdown_server",
                                     "skip",
                                     "sleep",
                                     "sorted_result",
                                     "source",
                                     "start_timer",
                                     "sync_slave_with_master",
                                     "sync_with_master",
                                     "system",
                                     "vertical_results",
                                     "wait_for_slave_to_stop",
                                     "while",
                                     "write_file"};
constexpr const char* kSenders[] = {"query", "query_horizontal", "query_vertical", "send"};

bool IsOne(const absl::string_view word, const char* const* begin, const char* const* end) {
  return std::any_of(begin, end, [&](const char* name) { return word == name; });
}

bool IsCommand(absl::string_view word) {
  return absl::StartsWith(word, "enable_") || absl::StartsWith(word, "disable_") ||
         IsOne(word, std::begin(kCommands), std::end(kCommands));
}

absl::string_view FirstWord(absl::string_view text) {
  size_t n = 0;
  while (n < text.size() && (absl::ascii_isalnum(text[n]) || text[n] == '_')) ++n;
  return text.substr(0, n);
}

class Reader {
 public:
  explicit Reader(absl::string_view script) : rest_(script) {}

  std::vector<std::string> All() {
    while (!rest_.empty()) One();
    return std::move(statements_);
  }

 private:
  absl::string_view TakeLine() {
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    const absl::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

  void One() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    if (rest_.empty()) return;
    if (rest_[0] == '#') {
      TakeLine();
    } else if (rest_[0] == '}' || rest_[0] == '{') {
      rest_.remove_prefix(1);
    } else if (absl::StartsWith(rest_, "--")) {
      Command(absl::StripAsciiWhitespace(TakeLine().substr(2)));
    } else if (const absl::string_view word = FirstWord(rest_); word == "if" || word == "while") {
      SkipCondition();
    } else {
      const absl::string_view text = absl::StripAsciiWhitespace(TakeToDelimiter());
      // "replace" is SQL's too, unless something but a statement follows.
      if (IsCommand(FirstWord(text)) && FirstWord(text) != "replace") {
        Command(text);
      } else {
        Add(text);
      }
    }
  }

  // "if (...)" and what may follow it, up to its "{" or the end of the line.
  void SkipCondition() {
    int depth = 0;
    size_t i = 0;
    for (; i < rest_.size(); ++i) {
      if (rest_[i] == '(') ++depth;
      if (rest_[i] == ')' && --depth == 0) break;
    }
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
  }

  absl::string_view TakeToDelimiter() {
    char quote = 0;
    for (size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != 0) {
        if (c == '\\' && quote != '`') ++i;
        if (c == quote) quote = 0;
      } else if (absl::StartsWith(rest_.substr(i), delimiter_)) {
        const absl::string_view text = rest_.substr(0, i);
        rest_.remove_prefix(i + delimiter_.size());
        return text;
      } else if (c == '\'' || c == '"' || c == '`') {
        quote = c;
      }
    }
    const absl::string_view text = rest_;
    rest_ = "";
    return text;
  }

  void Command(absl::string_view text) {
    const absl::string_view word = FirstWord(text);
    const absl::string_view argument = absl::StripAsciiWhitespace(text.substr(word.size()));
    if (word == "delimiter" && !argument.empty()) {
      delimiter_ = std::string(argument);
    } else if (word == "perl" || word == "write_file" || word == "append_file") {
      // "perl END;", "write_file $path EOF;"
      const size_t space = argument.rfind(' ');
      absl::string_view mark = word == "perl"                     ? argument
                               : space == absl::string_view::npos ? ""
                                                                  : argument.substr(space + 1);
      if (mark.empty()) mark = "EOF";
      TakeLine();
      while (!rest_.empty() && absl::StripAsciiWhitespace(TakeLine()) != mark) {
      }
    } else if (IsOne(word, std::begin(kSenders), std::end(kSenders))) {
      Add(argument);
    }
  }

  void Add(absl::string_view text) {
    for (absl::string_view sender : kSenders) {
      if (FirstWord(text) == sender) {
        text = absl::StripLeadingAsciiWhitespace(text.substr(sender.size()));
      }
    }
    if (!text.empty() && !absl::StrContains(text, '$')) statements_.emplace_back(text);
  }

  absl::string_view rest_;
  std::string delimiter_ = ";";
  std::vector<std::string> statements_;
};

}  // namespace

std::vector<std::string> StatementsOf(absl::string_view script) { return Reader(script).All(); }

}  // namespace dbfleet::truth
