#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

// Values that are put into SQL by what makes them harmless there.
namespace dbfleet::sql {

// Of sprintf() and format() with nothing but placeholders of numbers, and of WordPress'
// $wpdb->prepare(), whose %s it quotes: where the text stands, and whether it is WordPress'.
// Nothing where what they are given does more than compute.
struct FormattedText {
  HostRange text;
  bool wordpress = false;
};
std::optional<FormattedText> FormattedTextOf(const HostProgram& program, HostRange range);

// The text with "?" for each placeholder; nothing if one takes a text as it is.
std::optional<std::string> FillFormat(absl::string_view format, bool wordpress);

// WordPress' own tables and their prefix: "posts" of $wpdb->posts; "" for everything else.
std::string WordPressTable(absl::string_view expression);

// The quote in which an SQL text ends, which grows at its end: each byte is looked at once.
class QuoteAtEnd {
 public:
  static constexpr char kNone = '\0';
  static constexpr char kUnclear = '?';

  // kUnclear: it holds a comment, backslashes in quotes, or a quote behind a letter (E'', _gbk'').
  char After(absl::string_view sql);

 private:
  size_t at_ = 0;
  char quote_ = kNone;
};

// Nothing that Ruby would call without parentheses: User.delete_all, wipe x. Attributes and values
// of the program's own are shown.
bool OnlyShows(absl::string_view code);

// Whether the driver quotes a value so that it may stand behind `before`, at whose end that quote
// is open: conn.quote(x)
// outside of quotes, mysqli_real_escape_string($c, $x) and the like inside of single ones.
bool IsQuotedFor(absl::string_view before, char quote, absl::string_view expression, bool php);

// Rails' Order.connection.quote_column_name(col): a name with its quotes, outside of others.
bool IsQuotedName(char quote, absl::string_view expression);

// Whether what quoted a value did so for the connection that runs the text. `caller`: what the
// method that runs it is called on, "" of a function. `postgres`: the server, as far as it is told.
bool FitsConnection(absl::string_view escaper, absl::string_view caller, absl::string_view method,
                    bool postgres);

}  // namespace dbfleet::sql
