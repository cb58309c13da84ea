#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_locals.h"
#include "common/sql/active_record/host_program.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// Stands between the texts of which a variable holds one.
inline constexpr char kBetweenTexts = '\0';

// Which local variables of a program hold constant SQL, and every text that they may hold where
// they are used. That is known only of a variable whose every mention in its method is one of
// these: it is bound to a text of constants, or one is appended; it is given as its SQL to a method
// or function that runs SQL and that the program does not define; it is shown (echo, puts). What is
// appended on some paths only counts with and without. Whatever else is done with it, its text is
// not known. Made in one pass over the program; not changed afterwards.
class HostConstants {
 public:
  HostConstants(const HostProgram& program, const HostLocals& locals);

  // For a statement that stands there.
  void AddTo(HostRange range, HostContext* context) const;
  // What the variable at the token may hold; "" if that is not known.
  std::string TextsAt(size_t i) const;

 private:
  struct Text {
    std::string sql;
    size_t made_at;  // By which assignment.
  };
  struct Variable {
    bool understood = true;
    bool bound = false;
    size_t seen_until = 0;  // Where the last of the blocks ends that it is bound in.
    std::vector<Text> texts;
    std::vector<size_t> sure;  // Assignments that happen wherever their block is gone through.
    // Of the last assignment: where it stands and ends, and the first text that it made.
    size_t last = 0;
    size_t last_end = 0;
    size_t last_texts = 0;
    std::set<size_t> used;  // Which texts.
    bool all_used = false;
  };

  void FindBlocks();
  void FindDefined();
  void FindUses();
  void FindUses(const HostChain& chain);
  bool IsShown(size_t i) const;
  size_t SqlOf(const HostChain& chain, size_t link) const;
  void Look(size_t i);
  void Assign(size_t i, size_t value, bool appends, Variable* variable);
  void Append(size_t i, const std::string& sql, bool sure, Variable* variable);
  void Use(size_t i, Variable* variable) const;
  // The assignment that every way to the token goes through, the last; 0 is none, else one more.
  size_t SureBefore(size_t i, const Variable& variable) const;
  // The innermost loop or block around the token in its method, as in `loops_`.
  size_t LoopOf(size_t i) const { return loops_[i] > locals_.ScopeOf(i) ? loops_[i] : 0; }
  bool IsQuiet(size_t begin, size_t end) const;
  size_t EndOfValue(size_t from) const;

  const HostProgram& program_;
  const HostLocals& locals_;
  std::vector<size_t> blocks_;  // Of each token, one more than where its innermost block opens.
  std::vector<size_t> loops_;   // The same of loops, and of Ruby's blocks.
  std::vector<bool> uses_;
  std::set<std::string> defined_;
  bool jumps_ = false;    // What is written behind may run before.
  bool unclear_ = false;  // Which blocks there are.
  std::map<HostLocals::Key, Variable> variables_;
};

}  // namespace dbfleet::sql
