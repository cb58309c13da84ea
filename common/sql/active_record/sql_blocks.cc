#include "common/sql/active_record/sql_blocks.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// What an SQL expression of Sequel is asked for, which gives another.
bool IsOfExpression(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "as",          "asc",        "between",     "desc",       "distinct",
      "ilike",       "is",         "is_not",      "like",       "not_like",
      "nulls_first", "nulls_last", "sql_boolean", "sql_number", "sql_string"};
  return IsOneOf(name, kNames);
}

bool IsFunctionName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

class Row {
 public:
  Row(const HostProgram& program, QueryBuilder* build) : program_(program), build_(build) {}

  void Read(HostRange range) {
    for (size_t i = range.begin; i < range.end;) {
      const HostToken& token = program_[i];
      const bool text = token.kind == HostTokenKind::kString || token.kind == HostTokenKind::kOther;
      if (text) build_->Block({i, i + 1}, false);
      const bool may_begin = token.kind == HostTokenKind::kName ||
                             token.kind == HostTokenKind::kVariable || program_.BeginsReceiver(i);
      const std::optional<HostChain> chain =
          may_begin ? program_.ChainAt(i, range.end) : std::nullopt;
      if (!chain.has_value()) {
        // The methods of a text or number: :name.sql_function, 1.evil(...).
        if (i > range.begin && program_[i - 1].Is(".")) NotSql(token.text);
        ++i;
        continue;
      }
      Take(*chain);
      i = std::max(i + 1, chain->range.end);
    }
  }

 private:
  void Take(const HostChain& chain) {
    const HostToken& before = program_[chain.range.begin - 1];
    if (before.Is(".") || before.Is("&.")) return NotSql(program_[chain.range.begin].text);
    if (chain.receiver_kind == Receiver::kClass) {
      // Sequel.lit("..."), Date.today: as in any other argument.
      if (IsModelClass(chain.receiver) && !absl::StartsWith(chain.receiver, "Sequel")) {
        return NotSql(chain.receiver);
      }
      build_->Plain(chain.range);
      return;
    }
    absl::string_view column = chain.receiver;
    // A row sees none of the object's variables.
    if (program_[chain.range.begin].kind == HostTokenKind::kVariable) return NotSql(column);
    for (size_t i = 0; i < chain.calls.size(); ++i) {
      const HostCall& call = chain.calls[i];
      if (call.op != HostOperator::kNone || call.cut || call.block.has_value()) {
        NotSql(call.name);
      } else if (i == 0 && chain.receiver_kind == Receiver::kNone) {
        column = call.name;
        if (!call.bare()) Function(call.name);
      } else if (call.name == "function" || call.name == "sql_function") {
        Function(column);  // count.function
      } else if (!IsOfExpression(call.name)) {
        // sales__price.evil(...); o.price is a column.
        const bool is_column = call.bare() && IsFunctionName(call.name) && call.name != "call";
        if (!is_column && call.name != "*") NotSql(call.name);
        column = call.name;
      }
      for (const HostRange& argument : call.arguments) Read(argument);
    }
    if (program_[chain.range.begin].Is("(") || program_[chain.range.begin].Is("[")) {
      const size_t open = chain.range.begin;
      Read({open + 1, program_.CloseOf(open)});
    }
  }

  void Function(absl::string_view name) {
    if (!IsFunctionName(name)) return NotSql(name);
    build_->query.expressions.push_back(absl::StrCat(name, "(1)"));
  }

  void NotSql(absl::string_view name) {
    build_->Problem(absl::StrCat("calls ", SanitizeForDisplay(Truncate(name, 60)),
                                 " in a block that becomes SQL, which is not known"));
  }

  const HostProgram& program_;
  QueryBuilder* build_;
};

// Of a list of records, a block has Ruby's own names for its parameters.
bool NamesItsParameters(const HostProgram& program, HostRange block) {
  for (size_t i = block.begin; i < block.end; ++i) {
    const HostToken& token = program[i];
    const bool name = token.IsName("it") || token.IsName("_1") || token.IsName("_2");
    if (name && !program[i - 1].Is(".") && !program[i - 1].Is("&.")) return true;
  }
  return false;
}

}  // namespace

bool HoldsSql(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  const absl::string_view receiver = chain.receiver;
  const bool index = absl::StrContains(receiver, "[");
  const absl::string_view first = chain.calls[0].name;
  return IsNothingButConnection(receiver.substr(0, receiver.find('['))) &&
         (index || first == "from" || first == "[]") && MayHoldSql(program, call);
}

bool MayHoldSql(const HostProgram& program, const HostCall& call) {
  static constexpr absl::string_view kNames[] = {
      "and",    "avg",  "count", "distinct", "exclude", "expr",  "filter",     "first",
      "first!", "from", "get",   "group",    "having",  "join",  "last",       "max",
      "min",    "or",   "order", "select",   "sum",     "where", "virtual_row"};
  static constexpr absl::string_view kFamilies[] = {"exclude_", "from_",   "group_", "order_",
                                                    "reverse",  "select_", "where_"};
  if (program.php() || !call.block.has_value() || program[call.block->begin - 1].Is("|")) {
    return false;
  }
  if (NamesItsParameters(program, *call.block)) return false;
  return IsOneOf(call.name, kNames) || absl::EndsWith(call.name, "join") ||
         (call.name != "group_by" &&
          std::any_of(std::begin(kFamilies), std::end(kFamilies), [&](absl::string_view family) {
            return absl::StartsWith(call.name, family);
          }));
}

bool CallsInSql(const HostProgram& program, HostRange block) {
  for (size_t i = block.begin; i < block.end; ++i) {
    const HostToken& token = program[i];
    if (token.kind != HostTokenKind::kName) continue;
    const HostToken& before = program[i - 1];
    const bool member = before.Is(".") || before.Is("&.") || before.Is("::");
    if (member && (token.text == "function" || token.text == "sql_function")) return true;
    if (member) continue;
    const std::optional<HostChain> chain = program.ChainAt(i, block.end);
    if (chain.has_value() && chain->receiver_kind == Receiver::kNone && !chain->calls[0].bare()) {
      return true;
    }
  }
  return false;
}

void ReadSqlBlock(const HostProgram& program, HostRange block, QueryBuilder* build) {
  Row(program, build).Read(block);
}

}  // namespace dbfleet::sql
