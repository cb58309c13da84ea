#include "common/sql/active_record/batches.h"

#include "common/sql/active_record/association_walk.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

bool GivesBatches(const HostCall& call) {
  static constexpr absl::string_view kNames[] = {"find_in_batches", "in_batches"};
  return IsOneOf(call.name, kNames);
}

// batch = ..., batch += ..., batch, x = ...; also a block in the block that has a parameter of that
// name.
bool IsBoundAnew(const HostProgram& program, HostRange body, absl::string_view name) {
  for (size_t i = body.begin; i < body.end; ++i) {
    if (!program[i].IsName(name) || program.IsMember(i - 1)) continue;
    if (program[i + 1].Is("|") || (i > body.begin && program[i - 1].Is("|"))) return true;
    for (size_t k = i + 1; k < i + 4 && program[k].kind == HostTokenKind::kPunct; ++k) {
      if (program[k].Is("=") && !program.IsComparison(k)) return true;
      if (program[k].Is("(") || program[k].Is(")") || program[k].Is(".")) break;
    }
    const bool several = program[i + 1].Is(",") && program[i - 1].kind == HostTokenKind::kNewline;
    if (several) return true;
  }
  return false;
}

}  // namespace

std::string BatchOf(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  static constexpr absl::string_view kEach[] = {"each", "each_with_index", "with_index"};
  if (program.php() || !call.block.has_value()) return "";
  // in_batches.each { |batch| ... }
  const bool behind =
      &call != &chain.calls[0] && IsOneOf(call.name, kEach) && GivesBatches(*(&call - 1));
  if (!GivesBatches(call) && !behind) return "";
  const std::string batch(FirstParameter(program, call.block->begin));
  return batch.empty() || IsBoundAnew(program, *call.block, batch) ? "" : batch;
}

bool NamesBatch(const HostProgram& program, const HostChain& chain, absl::string_view batch) {
  for (size_t i = chain.range.begin; i < chain.range.end; ++i) {
    if (program[i].IsName(batch) && !program.IsMember(i - 1)) return true;
  }
  return false;
}

}  // namespace dbfleet::sql
