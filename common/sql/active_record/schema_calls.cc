#include "common/sql/active_record/schema_calls.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/association_walk.h"
#include "common/sql/active_record/schema_facts_of_calls.h"
#include "common/sql/active_record/schema_words.h"

namespace dbfleet::sql {
namespace {

std::string Shown(absl::string_view name) { return SanitizeForDisplay(Truncate(name, 60)); }

// The first call that is made on the variable; the number of calls if the chain is on something
// else. Ruby's variable reads like a call of its own where its binding is not seen.
size_t FirstOn(const HostChain& chain, absl::string_view variable) {
  if (variable.empty()) return chain.calls.size();
  if (chain.receiver == variable) return 0;
  const bool bare = chain.receiver.empty() && chain.calls[0].bare() &&
                    chain.calls[0].name == variable && chain.calls[0].op == HostOperator::kNone;
  return bare ? 1 : chain.calls.size();
}

bool IsPlainCall(const HostProgram& program, const HostCall& call) {
  return !call.is_property && !call.cut && !call.computed() && !call.statically &&
         call.op == HostOperator::kNone && (!program.php() || call.has_parens);
}

Reading Destructive(Kind kind, std::string reason) {
  Reading reading;
  reading.verdict.understood = true;
  reading.verdict.kind = kind;
  reading.verdict.safety = Safety::kDestructive;
  reading.verdict.reasons.push_back(std::move(reason));
  return reading;
}

// A literal, or the SQL of a default.
bool IsKnownValue(const HostProgram& program, const HostCall& call, HostRange argument) {
  const HostRange value = WithoutLabel(program, argument);
  if (IsLiteral(program, value) || IsSqlDefault(program, value)) return true;
  return program.php() && absl::EqualsIgnoreCase(call.name, "default") &&
         ReadSqlValue(program, value).has_value();
}

// dir.up { }: its block stands for itself.
std::optional<Reading> ReadDirection(const HostProgram& program, const HostChain& chain,
                                     const SchemaBlock& block) {
  const size_t first = FirstOn(chain, block.variable);
  if (first + 1 != chain.calls.size()) return std::nullopt;
  const HostCall& call = chain.calls[first];
  const bool direction = call.name == "up" || call.name == "down";
  if (!direction || !IsPlainCall(program, call) || !call.arguments.empty() ||
      !call.block.has_value()) {
    return std::nullopt;
  }
  return Destructive(Kind::kControl, call.name == "up"
                                         ? "up does what stands in its block on the way there"
                                         : "down does what stands in its block on the way back");
}

// disable_ddl_transaction!, reversible do |dir| end, Order.reset_column_information
std::optional<Reading> ReadMigrationWord(const HostProgram& program, const HostChain& chain) {
  const HostCall& call = chain.calls[0];
  const MigrationWord* word = FindMigrationWord(call.name);
  if (word == nullptr || chain.calls.size() != 1 || !IsPlainCall(program, call) ||
      !call.arguments.empty() || call.block.has_value() != word->block) {
    return std::nullopt;
  }
  const bool of_model = word->name == "reset_column_information";
  const Receiver wanted = of_model ? Receiver::kClass : Receiver::kNone;
  if (chain.receiver_kind != wanted || absl::StrContains(chain.receiver, '[')) return std::nullopt;
  return Destructive(Kind::kControl, absl::StrCat(word->name, " ", word->note));
}

}  // namespace

std::optional<Reading> ReadSchemaCall(const HostProgram& program, const HostChain& chain,
                                      const HostContext& context, const SchemaServer* server) {
  if (!program.balanced() || !chain.inside.empty()) return std::nullopt;
  const SchemaBlock& block = context.schema_block;
  if (block.kind == SchemaBlock::kDirections) {
    if (auto reading = ReadDirection(program, chain, block)) return reading;
  }
  if (!program.php() && context.migration) {
    if (auto reading = ReadMigrationWord(program, chain)) return reading;
  }
  if (block.kind != SchemaBlock::kCreates && block.kind != SchemaBlock::kChanges) {
    return std::nullopt;
  }
  const size_t first = FirstOn(chain, block.variable);
  if (first >= chain.calls.size()) return std::nullopt;
  if (!program.php() && first + 1 != chain.calls.size()) return std::nullopt;
  for (size_t i = first; i < chain.calls.size(); ++i) {
    const HostCall& call = chain.calls[i];
    if (!IsPlainCall(program, call) || call.block.has_value() ||
        FindSchemaWord(program.php(), call.name, i == first) == nullptr) {
      return std::nullopt;
    }
    for (const HostRange& argument : call.arguments) {
      if (!IsKnownValue(program, call, argument)) return std::nullopt;
    }
  }
  const HostCall& call = chain.calls[first];
  const SchemaWord& word = *FindSchemaWord(program.php(), call.name, true);
  const bool changes =
      std::any_of(chain.calls.begin() + static_cast<ptrdiff_t>(first), chain.calls.end(),
                  [&](const HostCall& one) {
                    return program.php() && absl::EqualsIgnoreCase(one.name, "change");
                  });
  const SchemaRole role = changes ? SchemaRole::kChangeColumn : word.role;
  const std::string of =
      block.table.empty() ? "" : absl::StrCat(": it stands in the block of ", Shown(block.table));
  Reading reading =
      Destructive(Kind::kSchemaMigration, absl::StrCat(call.name, " ", NoteOf(role), of));
  std::string doubt;
  reading.facts = FactsInBlock(program, absl::MakeConstSpan(chain.calls).subspan(first), role,
                               block, server, &doubt);
  if (!doubt.empty()) MakeDoubtful(doubt, &reading.verdict);
  return reading;
}

namespace {

bool IsBoundAnew(const HostProgram& program, HostRange body, absl::string_view variable) {
  for (size_t i = body.begin; i < body.end; ++i) {
    if (program[i].text == variable && program[i + 1].Is("=") && !program.IsComparison(i + 1)) {
      return true;
    }
  }
  return false;
}

// function (Blueprint $table): one parameter, of that type or without one, and nothing from around.
bool TakesTable(const HostProgram& program, size_t closure, size_t body) {
  constexpr size_t kFar = 20;
  const size_t i = program[closure].IsName("static") ? closure + 1 : closure;
  if (!program[i].IsName("function") || !program[i + 1].Is("(") || body > i + kFar) return false;
  const size_t close = program.CloseOf(i + 1);
  const bool typed = close == i + 4;
  if (close != i + 3 && !typed) return false;
  const absl::string_view type = program[i + 2].text;
  if (typed && type != "Blueprint" && !absl::EndsWith(type, "\\Blueprint")) return false;
  for (size_t k = close + 1; k < body; ++k) {
    if (program[k].IsName("use")) return false;
  }
  return true;
}

}  // namespace

SchemaBlock SchemaBlockOf(const HostProgram& program, const HostChain& chain, HostRange body) {
  SchemaBlock block;
  const HostCall& call = chain.calls.back();
  block.variable = std::string(FirstParameter(program, body.begin));
  if (block.variable.empty() || IsBoundAnew(program, body, block.variable)) return {};
  if (program.php()) {
    const bool creates = absl::EqualsIgnoreCase(call.name, "create");
    const bool changes = absl::EqualsIgnoreCase(call.name, "table");
    const bool schema = chain.receiver_kind == Receiver::kClass &&
                        (chain.receiver == "Schema" || absl::EndsWith(chain.receiver, "\\Schema"));
    if (!schema || (!creates && !changes) || call.arguments.size() != 2 ||
        !TakesTable(program, call.arguments[1].begin, body.begin)) {
      return {};
    }
    const HostRange closure = call.arguments[1];
    if (body.begin < closure.begin || body.end > closure.end) return {};
    block.kind = creates ? SchemaBlock::kCreates : SchemaBlock::kChanges;
  } else {
    if (chain.calls.size() != 1 || chain.receiver_kind != Receiver::kNone) return {};
    block.kind = call.name == "create_table" || call.name == "create_join_table"
                     ? SchemaBlock::kCreates
                 : call.name == "change_table" ? SchemaBlock::kChanges
                 : call.name == "reversible"   ? SchemaBlock::kDirections
                                               : SchemaBlock::kNone;
    if (block.kind == SchemaBlock::kNone) return {};
    if (block.kind == SchemaBlock::kDirections) return block;
  }
  // Of another connection's table, and of a join table, the name says nothing.
  const bool named = chain.calls.size() == 1 && call.name != "create_join_table";
  if (named && !call.arguments.empty()) {
    block.table = ReadWord(program, call.arguments[0]).value_or("");
  }
  return block;
}

}  // namespace dbfleet::sql
