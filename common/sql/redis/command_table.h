#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/model/verdict.h"

// What Redis 7.0's server says of its own commands (COMMAND), and what is decided about each.
namespace dbfleet::sql {

// Where a command's arguments hold keys: the server's "key specifications".
struct RedisKeySpec {
  enum class Begin { kNowhere, kIndex, kKeyword };  // kNowhere: it cannot be said in this form.
  enum class Find { kNothing, kRange, kKeyCount };

  absl::string_view flags;  // RO, RW, OW, RM: what is done to the keys; "incomplete", "not_key".
  Begin begin;
  int at;  // The first key's argument; with kKeyword, where the search for `keyword` begins.
  absl::string_view keyword;
  Find find;
  // kRange: the last key (negative: from the end), the step, and by what the rest is divided.
  // kKeyCount: where the number of keys stands, the step, and where the first key stands.
  int last_or_count;
  int step;
  int limit_or_first;
};

// One command, or one subcommand ("CONFIG GET"). Words stand with one space between them.
struct RedisCommand {
  absl::string_view name;        // In upper case.
  int arity;                     // The command's name included; negative: at least so many.
  absl::string_view flags;       // "readonly fast"
  absl::string_view categories;  // Of its ACL, without "@".
  int first_spec;
  int specs;
};

bool HasFlag(absl::string_view words, absl::string_view word);

// All, sorted by name: a command stands before its subcommands.
absl::Span<const RedisCommand> RedisCommands();
absl::Span<const RedisKeySpec> KeySpecsOf(const RedisCommand& command);

// nullptr if there is none. `name` is in upper case.
const RedisCommand* FindRedisCommand(absl::string_view name);
// Whether a subcommand must follow, without which the command is none.
bool NeedsSubcommand(const RedisCommand& command);

// What is decided about a command, whatever its arguments are; ReadRedis looks at those too, and
// only ever makes it worse.
struct RedisDecision {
  Kind kind = Kind::kControl;
  Safety safety = Safety::kDestructive;
  absl::string_view note;  // Why; of a destructive one it ends the sentence "CONFIG SET ...".
  bool transaction_control = false;
  bool credentials = false;
  bool blocks_server = false;  // Nobody else is served while it works.
};

// By the server's own flags: what is "readonly" and in none of the categories @dangerous, @admin,
// @blocking and @scripting is safe. What is decided otherwise, either way, stands with its reason
// in the reviewed list of command_review.cc; the rest is destructive.
RedisDecision DecisionFor(const RedisCommand& command);

}  // namespace dbfleet::sql
