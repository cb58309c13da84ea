#include "common/sql/postgres/nesting.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "common/sql/text/lexer.h"
#include "common/sql/text/token_view.h"

namespace dbfleet::sql::pg {
namespace {

// Words behind which another part of a query begins; no expression goes on across them. Only
// reserved words: any other may be the name of a column. Not GROUP: WITHIN GROUP (...) + 1.
constexpr std::string_view kParts[] = {"FETCH", "HAVING", "LIMIT", "OFFSET", "ON",
                                       "ORDER", "SELECT", "USING", "WHERE",  "WINDOW"};
static_assert(std::is_sorted(std::begin(kParts), std::end(kParts)));

// What nests to the left however many of them there are.
constexpr std::string_view kLeftDeep[] = {"EXCEPT", "INTERSECT", "JOIN", "UNION"};
static_assert(std::is_sorted(std::begin(kLeftDeep), std::end(kLeftDeep)));

// What stands between a pair of parentheses, brackets, or CASE and END.
struct Frame {
  bool is_case = false;
  bool between = false;   // An AND belongs to a BETWEEN.
  bool distinct = false;  // The token before was DISTINCT: IS DISTINCT FROM goes on behind it.
  size_t left_deep = 0;   // Joins and set operations.
  size_t run = 0;         // Tokens since the run began.
  size_t deepest = 0;     // Of what was closed inside of the run.
  size_t longest = 0;     // Of the runs before.

  void EndRun() {
    longest = std::max(longest, run + deepest);
    run = deepest = 0;
  }
  size_t Depth() const { return left_deep + std::max(longest, run + deepest) + 1; }
};

class Meter {
 public:
  void Add(const Token& token) {
    Frame& frame = frames_.back();
    const bool name = std::exchange(name_follows_, token.IsSymbol('.') || token.IsWord("AS"));
    const bool distinct = std::exchange(frame.distinct, token.IsWord("DISTINCT"));
    if (token.kind == TokenKind::kDelimiter || token.IsSymbol(',')) return frame.EndRun();
    if (token.IsSymbol('.')) return;
    ++frame.run;
    // Behind a dot and AS every word is a name: "x.where".
    if (name && token.kind == TokenKind::kWord) return;
    if (token.IsSymbol('(') || token.IsSymbol('[')) return Push(false);
    if (token.IsSymbol(')') || token.IsSymbol(']')) return Pop();
    if (token.kind != TokenKind::kWord) return;
    if (token.IsWord("CASE")) return Push(true);
    if (token.IsWord("END")) {
      if (frame.is_case) Pop();
      return;
    }
    FollowWord(token, distinct, &frame);
  }

  void Finish() {
    while (frames_.size() > 1) Pop();
    deepest_ = std::max(deepest_, frames_.back().Depth());
  }

  size_t Depth() const { return deepest_; }

 private:
  static void FollowWord(const Token& token, bool distinct, Frame* frame) {
    if (token.IsWord("BETWEEN")) {
      frame->between = true;
    } else if (token.IsWord("AND")) {
      // An operand of BETWEEN may reach from here to the end, so the run goes on.
      if (!frame->between) frame->EndRun();
      frame->between = false;
    } else if (token.IsWord("OR")) {
      frame->between = false;
      frame->EndRun();
    } else if (IsIn(kLeftDeep, token)) {
      ++frame->left_deep;
      frame->EndRun();
    } else if (IsIn(kParts, token) || (token.IsWord("FROM") && !distinct) ||
               (frame->is_case &&
                (token.IsWord("WHEN") || token.IsWord("THEN") || token.IsWord("ELSE")))) {
      frame->EndRun();
    }
  }

  void Push(bool is_case) {
    // What is open counts with all that stands before it, so that what is never closed counts too.
    deepest_ = std::max(deepest_, open_ + frames_.back().Depth());
    open_ += frames_.back().left_deep + frames_.back().run;
    frames_.emplace_back();
    frames_.back().is_case = is_case;
  }

  void Pop() {
    if (frames_.size() == 1) return;  // One too many: the parser will say so.
    // CASE without END: the parenthesis that closes around it closes it too.
    const size_t depth = frames_.back().Depth();
    frames_.pop_back();
    Frame& around = frames_.back();
    open_ -= around.left_deep + around.run;
    around.deepest = std::max(around.deepest, depth);
    deepest_ = std::max(deepest_, open_ + around.Depth());
  }

  std::vector<Frame> frames_{Frame{}};
  bool name_follows_ = false;
  size_t open_ = 0;  // What the frames around the last one count together.
  size_t deepest_ = 0;
};

}  // namespace

Extent ExtentOf(absl::string_view text, Position origin) {
  Extent extent;
  Lexer lexer(Dialect::kPostgres, text, DefaultOptions(Dialect::kPostgres));
  lexer.BeginAt(origin);
  Meter meter;
  Token token;
  while (lexer.Next(&token)) {
    if (++extent.tokens > kMaxTokens) return extent;
    meter.Add(token);
  }
  meter.Finish();
  extent.status = lexer.status();
  extent.nesting = meter.Depth();
  return extent;
}

}  // namespace dbfleet::sql::pg
