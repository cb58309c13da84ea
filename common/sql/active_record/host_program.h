#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/active_record/host_lexer.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Tokens from `begin` up to, not including, `end`.
struct HostRange {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin >= end; }
};

// Ruby's operators that call a method of what stands in front of them.
enum class HostOperator {
  kNone,
  kAppend,  // conn << "...", user.posts << post.
  kAssign,  // user.posts = [], user.posts += [post]; the link before it is the attribute.
};

// One link of a call chain: "->find('all')", ".limit 5", "->name" (a property: no arguments).
struct HostCall {
  absl::string_view name;
  bool is_property = false;  // PHP, without parentheses.
  bool has_parens = false;
  std::vector<HostRange> arguments;
  // Its arguments go on behind where reading was to end: Ruby's "f g a, b" gives both to g.
  bool cut = false;
  std::optional<HostRange> block;  // Ruby's { } or do ... end, without those.
  HostOperator op = HostOperator::kNone;
  bool statically = false;  // Of PHP: "::" stands in front of it.
  bool is_super = false;    // Of Ruby: `name` may be that of the method around.

  // "posts" of user.posts: nothing is given to it.
  bool bare() const { return arguments.empty() && !has_parens && !block.has_value(); }
  // A value of the program names it: $user->$method(), ->{...}(), .().
  bool computed() const;
};

enum class Receiver {
  kClass,     // User, ActiveRecord::Base, a new object of a class.
  kVariable,  // $user, @user, user, self, and what is reached from it.
  kNone,      // A bare call: execute "...", transaction do, mysqli_query(...).
};

struct HostChain {
  HostRange range;
  Receiver receiver_kind = Receiver::kNone;
  std::string receiver;  // As written: "User", "$this->db".
  std::vector<HostCall> calls;
  // What stands in the indexes behind its links, and in names that are computed: x[...], ->{...}.
  std::vector<HostRange> inside;

  // Of PHP: whether a link is called on a class that a value names: $model::truncate(),
  // $this->model::find(1). Which class it is nobody knows.
  bool OnClassOfValue(const HostCall& call) const {
    const bool own = receiver == "$this" || receiver == "self";
    const bool named = &call == &calls[0] && (receiver_kind == Receiver::kClass || own);
    return call.statically && !call.is_property && !named;
  }
};

// A program's tokens and what belongs together in them. Not to be changed after Read.
class HostProgram {
 public:
  static absl::StatusOr<HostProgram> Read(Dialect dialect, absl::string_view text);

  bool php() const { return php_; }
  absl::string_view text() const { return text_; }
  size_t size() const { return tokens_.size(); }
  const std::vector<HostComment>& comments() const { return comments_; }
  // Functions that make or quote texts ("sprintf", "quote") and "$wpdb", where the program may give
  // them another meaning: what they give is not known then.
  const std::vector<std::string>& redefined() const { return redefined_; }
  // Of a piece of a program: what is true of the whole.
  void Redefine(absl::Span<const std::string> names) {
    redefined_.insert(redefined_.end(), names.begin(), names.end());
  }
  // Whether an expression mentions none of these.
  bool Trusts(absl::string_view code) const;
  // Whether every bracket and every block of words (if ... endif, do ... end) is closed, and none
  // is closed that was not opened.
  bool balanced() const { return broken_.empty(); }
  // Where a whole program cannot be read to its end, and why: "line 1, column 11: ( is not closed".
  // "" if it can. Of a piece of one it says nothing.
  std::string DoubtOfEnd() const;
  // Positions outside give an empty token.
  const HostToken& operator[](size_t i) const { return i < tokens_.size() ? tokens_[i] : nothing_; }

  // The token that closes the bracket, or the "do", at `open`; size() if nothing does.
  size_t CloseOf(size_t open) const { return open < size() ? close_[open] : size(); }
  // What `close` closes; `limit` if that stands in front of it.
  size_t OpenBefore(size_t close, size_t limit) const;
  // Whether the "=" at `i` is a part of ==, <=, =~ and the like.
  bool IsComparison(size_t i) const;
  // Whether parentheses, a list or a hash begin here on which something is called:
  // (User.first).destroy, {a: Post}[:a].delete_all; also PHP's match (...) {...}->delete().
  bool BeginsReceiver(size_t at) const;
  // What stands in those brackets; of anything else nothing.
  HostRange InsideReceiver(size_t at) const;
  absl::string_view Source(HostRange range) const;
  // The same in pieces, without what else stands on a line on which a heredoc begins: of
  // "up { execute <<~SQL }" its "}" is no part of the call, but the heredoc's body is.
  std::vector<absl::string_view> SourceOf(HostRange range) const;
  // Whether the body of a heredoc that begins in front of the range stands inside of it.
  bool HoldsTextOfOthers(HostRange range) const;
  // The top-level parts of a list between commas; without empty ones.
  std::vector<HostRange> Parts(HostRange list) const;

  // Whether the range stands between the begin and the end of a statement: nothing takes its value.
  bool IsWholeStatement(HostRange range) const;

  // Whether the token stands between a receiver and what is called on it.
  bool IsMember(size_t i) const;

  // The chain that begins at `at`, if one does; nothing from `limit` on belongs to it.
  std::optional<HostChain> ChainAt(size_t at, size_t limit) const;

 private:
  void FindRedefined();  // host_redefined.cc
  size_t EndOfWords(HostRange range) const;
  size_t Match();  // The token that is nested too deeply; size() if none is.
  void Break(size_t at, absl::string_view problem);
  bool IsNameOfMethod(size_t i) const;
  bool IsNameInRuby(size_t i) const;
  bool EndsNameOfOperator(size_t i) const;
  bool EndsInEndlessRange() const;
  bool EndsInTarget() const;
  bool ExpectsOperand(size_t i) const;
  bool EndsLine(size_t i) const;
  bool BeginsHash(size_t at) const;
  size_t BraceOfMatch(size_t at) const;
  void FindIndexes();
  size_t BehindIndexes(size_t i) const;
  bool BeginsArgument(size_t i) const;
  size_t EndOfCommand(size_t from, size_t limit) const;
  size_t TakeReceiver(size_t at, HostChain* chain) const;
  size_t TakeCall(size_t at, size_t limit, HostCall* call) const;
  size_t TakeBlock(size_t at, size_t limit, HostCall* call) const;
  absl::string_view NameOfSuper(size_t at) const;
  size_t TakeBareCall(size_t at, size_t limit, HostChain* chain) const;
  size_t TakeQueryInIndex(size_t at, size_t i, size_t limit, HostChain* chain) const;
  size_t TakeOperator(size_t at, size_t limit, HostChain* chain) const;
  bool OpensWithEnd(size_t i) const;
  bool IsEndless(size_t def) const;
  bool EndsHead(size_t close) const;

  bool php_ = false;
  size_t broken_at_ = 0;  // The token at which brackets or words first do not match, ...
  std::string broken_;    // ... and in which way; "" if they do.
  absl::string_view text_;
  std::vector<HostToken> tokens_;
  std::vector<HostComment> comments_;
  std::vector<size_t> close_;
  std::vector<size_t> behind_;    // See BehindIndexes.
  std::vector<size_t> heredocs_;  // Tokens of Ruby that have a body.
  std::vector<std::string> redefined_;
  HostToken nothing_;
};

}  // namespace dbfleet::sql
