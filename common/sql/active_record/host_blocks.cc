#include "common/sql/active_record/host_blocks.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Words behind which another branch of the same block begins.
constexpr absl::string_view kBranches[] = {"case",   "catch",  "default", "else",
                                           "elseif", "elsif",  "ensure",  "finally",
                                           "in",     "rescue", "when"};

// "rescue" or "ensure" that begins a branch; not x = y rescue nil.
bool Rescues(const HostProgram& program, size_t i) {
  const HostToken& before = program[i - 1];
  return (program[i].IsName("rescue") || program[i].IsName("ensure")) &&
         (before.kind == HostTokenKind::kNewline || before.Is(";"));
}

}  // namespace

HostBlocks::HostBlocks(const HostProgram& program) {
  guarded_.assign(program.size(), false);
  struct Block {
    size_t open;
    size_t straight;
  };
  std::vector<Block> blocks = {{kNone, 0}};
  open_.reserve(program.size());
  straight_.reserve(program.size());
  for (size_t i = 0; i < program.size(); ++i) {
    const HostToken& token = program[i];
    const bool closes = blocks.size() > 1 && program.CloseOf(blocks.back().open) == i;
    if (closes) blocks.pop_back();
    const bool branch = token.kind == HostTokenKind::kName && !program.IsMember(i - 1) &&
                        IsOneOf(token.text, kBranches);
    const bool modifier = token.text == "rescue" && !Rescues(program, i);
    if (branch && !modifier) {
      blocks.back().straight = i;
      if (blocks.back().open != kNone && Rescues(program, i)) guarded_[blocks.back().open] = true;
    }
    // try { ... } catch: the block itself is left.
    if (program.php() && token.Is("{") && i > 0 && program[i - 1].IsName("try")) guarded_[i] = true;
    open_.push_back(blocks.back().open);
    straight_.push_back(blocks.back().straight);
    if (!closes && program.CloseOf(i) < program.size()) blocks.push_back({i, i});
  }
}

bool HostBlocks::IsGuarded(size_t i) const {
  constexpr int kMostLevels = 100;
  size_t open = OpenOf(i);
  for (int level = 0; level < kMostLevels && open != kNone; ++level, open = OpenOf(open)) {
    if (guarded_[open]) return true;
  }
  return false;
}

}  // namespace dbfleet::sql
