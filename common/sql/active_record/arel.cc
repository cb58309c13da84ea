#include "common/sql/active_record/arel.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/query_builder.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr int kDeepest = 20;

// Source: Rails' API of Arel::Predications, Arel::OrderPredications and Arel::Expressions.
bool TakesValues(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "between", "does_not_match", "eq",          "eq_all",      "eq_any",
      "gt",      "gteq",           "in",          "in_any",      "lt",
      "lteq",    "matches",        "matches_all", "matches_any", "not_between",
      "not_eq",  "not_eq_all",     "not_in",      "not_in_any"};
  return IsOneOf(name, kNames);
}

bool TakesNothing(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"asc",        "average", "count", "desc",
                                                 "maximum",    "minimum", "not",   "nulls_first",
                                                 "nulls_last", "sum"};
  return IsOneOf(name, kNames);
}

class Arel {
 public:
  Arel(const HostProgram& program, const std::set<std::string, std::less<>>& tables)
      : program_(program), tables_(tables) {}

  bool Is(HostRange range, int depth) const {
    const std::optional<HostChain> chain =
        depth > kDeepest ? std::nullopt : program_.ChainAt(range.begin, range.end);
    if (NamesColumnOfVariable(range)) return true;
    if (!chain.has_value() || chain->range.end != range.end) return false;
    const std::vector<HostCall>& calls = chain->calls;
    if (chain->receiver_kind == Receiver::kVariable) {  // users[:age].gt(3)
      return chain->inside.size() == 1 &&
             NamesColumnOfVariable({range.begin, chain->inside[0].end + 1}) &&
             std::all_of(calls.begin(), calls.end(),
                         [&](const auto& call) { return IsOf(call, depth); });
    }
    if (chain->receiver_kind != Receiver::kClass) return false;
    if (chain->receiver == "Arel") {
      return calls.size() == 1 && calls[0].name == "star" && calls[0].bare();
    }
    return NamesColumn(*chain) && std::all_of(calls.begin() + 1, calls.end(),
                                              [&](const auto& call) { return IsOf(call, depth); });
  }

 private:
  // users[:age], where users = User.arel_table
  bool NamesColumnOfVariable(HostRange range) const {
    if (range.end != range.begin + 4 || !program_[range.begin + 1].Is("[") ||
        !program_[range.begin + 3].Is("]") || tables_.count(program_[range.begin].text) == 0) {
      return false;
    }
    const std::optional<std::string> word = ReadWord(program_, {range.begin + 2, range.begin + 3});
    return word.has_value() && IsPlainColumn(*word);
  }

  // Order.arel_table[:total]
  bool NamesColumn(const HostChain& chain) const {
    const HostCall& table = chain.calls[0];
    if (!IsModelClass(chain.receiver) || table.name != "arel_table" || !table.bare() ||
        table.op != HostOperator::kNone || chain.inside.size() != 1) {
      return false;
    }
    const HostRange& column = chain.inside[0];
    const std::optional<std::string> word = ReadWord(program_, column);
    return program_[column.begin - 2].text.data() == table.name.data() && word.has_value() &&
           IsPlainColumn(*word);
  }

  bool IsOf(const HostCall& call, int depth) const {
    if (call.op != HostOperator::kNone || call.block.has_value() || call.cut) return false;
    if (TakesNothing(call.name)) return call.arguments.empty();
    const auto each = [&](auto accepts) {
      return !call.arguments.empty() &&
             std::all_of(call.arguments.begin(), call.arguments.end(), accepts);
    };
    if (call.name == "and" || call.name == "or") {
      return each([&](HostRange one) { return Is(one, depth + 1); });
    }
    return TakesValues(call.name) &&
           each([&](HostRange one) { return IsValue(one, depth + 1) || Is(one, depth + 1); });
  }

  bool IsValue(HostRange range, int depth) const {
    if (depth > kDeepest) return false;
    if (const auto list = ReadList(program_, range)) {
      return std::all_of(list->begin(), list->end(),
                         [&](HostRange one) { return IsValue(one, depth + 1); });
    }
    if (range.end != range.begin + 1) return false;
    const HostToken& token = program_[range.begin];
    switch (token.kind) {
      case HostTokenKind::kNumber:
      case HostTokenKind::kSymbol:
      case HostTokenKind::kVariable:
      case HostTokenKind::kName:
        return true;
      case HostTokenKind::kString:
        return ReadWord(program_, range).has_value();  // Without code in it.
      default:
        return false;
    }
  }

  const HostProgram& program_;
  const std::set<std::string, std::less<>>& tables_;
};

}  // namespace

bool IsArel(const HostProgram& program, HostRange range,
            const std::set<std::string, std::less<>>& tables) {
  return !program.php() && Arel(program, tables).Is(range, 0);
}

bool IsArelTable(const HostProgram& program, const HostChain& chain) {
  return !program.php() && chain.receiver_kind == Receiver::kClass && chain.calls.size() == 1 &&
         IsModelClass(chain.receiver) && chain.calls[0].name == "arel_table" &&
         chain.calls[0].bare() && chain.calls[0].op == HostOperator::kNone && chain.inside.empty();
}

}  // namespace dbfleet::sql
