#include "common/sql/active_record/host_blocks.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Words behind which another branch of the same block begins.
constexpr absl::string_view kBranches[] = {"case",   "catch",  "default", "else",
                                           "elseif", "elsif",  "ensure",  "finally",
                                           "in",     "rescue", "when"};

}  // namespace

HostBlocks::HostBlocks(const HostProgram& program) {
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
    if (token.kind == HostTokenKind::kName && !program.IsMember(i - 1) &&
        IsOneOf(token.text, kBranches)) {
      blocks.back().straight = i;
    }
    open_.push_back(blocks.back().open);
    straight_.push_back(blocks.back().straight);
    if (!closes && program.CloseOf(i) < program.size()) blocks.push_back({i, i});
  }
}

}  // namespace dbfleet::sql
