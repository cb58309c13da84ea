#include "common/sql/text/split.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/sql/text/cutter.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kMaxDelimiterBytes = 16;

class Splitter {
 public:
  Splitter(Dialect dialect, absl::string_view script)
      : dialect_(dialect),
        script_(script),
        lexer_(dialect, script, DefaultOptions(dialect)),
        cutter_(dialect) {}

  absl::StatusOr<std::vector<Statement>> Run() {
    Token token;
    while (lexer_.Next(&token)) {
      if (dialect_ != Dialect::kPostgres && !has_content_ && token.IsWord("DELIMITER")) {
        RETURN_IF_ERROR(ChangeDelimiter(token.offset));
      } else if (cutter_.Ends(token)) {
        Cut(token.offset);
        begin_ = lexer_.offset();
      } else if (token.kind != TokenKind::kHint && !has_content_) {
        has_content_ = true;
        content_ = token.offset;
      }
    }
    RETURN_IF_ERROR(lexer_.status());
    Cut(script_.size());
    return std::move(statements_);
  }

 private:
  absl::Status ChangeDelimiter(size_t at) {
    const absl::string_view delimiter = absl::StripAsciiWhitespace(lexer_.TakeLine());
    const bool opens_other_things = absl::StartsWith(delimiter, "--") ||
                                    absl::StartsWith(delimiter, "/*") ||
                                    absl::StartsWith(delimiter, "#");
    if (delimiter.empty() || delimiter.size() > kMaxDelimiterBytes || opens_other_things ||
        delimiter.find_first_of("'\"`\\ \t") != absl::string_view::npos) {
      const Position position = PositionAt(script_, at);
      return Error(absl::StatusCode::kInvalidArgument, "BAD_SQL",
                   absl::StrCat("line ", position.line, ", column ", position.column,
                                ": DELIMITER needs 1 to ", kMaxDelimiterBytes,
                                " characters without quotes, backslashes and comments; write for "
                                "example DELIMITER //"));
    }
    lexer_.SetDelimiter(delimiter);
    begin_ = lexer_.offset();
    return absl::OkStatus();
  }

  void Cut(size_t end) {
    if (!has_content_) return;
    Advance(content_);
    Statement statement;
    statement.text = std::string(absl::StripAsciiWhitespace(script_.substr(begin_, end - begin_)));
    statement.line = line_;
    statement.column = static_cast<int>(content_ - line_start_) + 1;
    statements_.push_back(std::move(statement));
    has_content_ = false;
  }

  // Counts lines once over the whole script, not from its beginning for each statement.
  void Advance(size_t to) {
    for (; counted_ < to; ++counted_) {
      if (script_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
      }
    }
  }

  const Dialect dialect_;
  const absl::string_view script_;
  Lexer lexer_;
  StatementCutter cutter_;
  std::vector<Statement> statements_;
  size_t begin_ = 0;
  bool has_content_ = false;
  size_t content_ = 0;
  size_t counted_ = 0;
  size_t line_start_ = 0;
  int line_ = 1;
};

}  // namespace

absl::StatusOr<std::vector<Statement>> SplitSql(Dialect dialect, absl::string_view script) {
  if (absl::StartsWith(script, kByteOrderMark)) script.remove_prefix(kByteOrderMark.size());
  return Splitter(dialect, script).Run();
}

}  // namespace dbfleet::sql
