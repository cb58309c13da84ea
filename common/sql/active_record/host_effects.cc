#include "common/sql/active_record/host_effects.h"

#include <algorithm>

#include "absl/strings/ascii.h"

#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Of a record; a class has methods only.
bool IsAttribute(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  const bool of_class = chain.receiver_kind == Receiver::kClass && &call == &chain.calls[0];
  return !program.php() && !of_class && NamesAttribute(call.name);
}

}  // namespace

bool CallsUnknown(const HostProgram& program, const HostChain& chain, size_t from) {
  return std::any_of(chain.calls.begin() + from, chain.calls.end(), [&](const HostCall& call) {
    if (call.is_property || (call.bare() && IsAttribute(program, chain, call))) return false;
    const ModelMethod* method = FindModelMethod(call.name);
    return method != nullptr
               ? method->safety == Safety::kDestructive
               : !IsPureHostFunction(call.name) && !IsOfResult(absl::AsciiStrToLower(call.name));
  });
}

// $order->customer, order.customer: what a record has may be one.
bool GivesAttribute(const HostProgram& program, const HostChain& chain) {
  const HostCall& last = chain.calls.back();
  if (program.php()
          ? !last.is_property
          : last.name.back() == '?' || IsPureHostFunction(last.name) || GivesData(program, last)) {
    return false;
  }
  return std::all_of(chain.calls.begin(), chain.calls.end(), [&](const HostCall& call) {
    return program.php() ? call.is_property : call.bare() && call.op == HostOperator::kNone;
  });
}

bool CallsSomething(const HostProgram& program, const HostChain& chain, bool for_effect) {
  static constexpr absl::string_view kOnlyBlock[] = {"tap", "then", "yield_self"};
  for (const HostCall& call : chain.calls) {
    const ModelMethod* method = FindModelMethod(call.name);
    const bool bare = call.arguments.empty() && !call.has_parens;
    if (call.is_property || (bare && IsAttribute(program, chain, call))) continue;
    if (!program.php() && call.block.has_value() && IsOneOf(call.name, kOnlyBlock)) continue;
    if (method != nullptr
            ? method->role != MethodRole::kInMemory
            : !IsPureHostFunction(call.name) && !IsOfResult(absl::AsciiStrToLower(call.name)) &&
                  (!bare || for_effect || call.name.back() == '!')) {
      return true;
    }
  }
  return false;
}

// res.each { ... }, res.ntuples, res[0]["name"], res.clear
bool OnlyOfResult(const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {
      "check",         "clear",         "cleared?",
      "cmd_status",    "cmd_tuples",    "cmdtuples",
      "collect",       "each",          "each_with_index",
      "empty?",        "error_message", "first",
      "fnumber",       "ftype",         "getvalue",
      "length",        "map",           "num_fields",
      "num_tuples",    "res_status",    "result_error_message",
      "result_status", "size",          "to_a"};
  const std::string name = absl::AsciiStrToLower(chain.calls[0].name);
  return IsOneOf(name, kNames) || IsOfResult(name);
}

// The parameter of create_table's block is no record.
bool DefinesSchema(const HostChain& chain) {
  return std::any_of(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
    const ModelMethod* method = FindModelMethod(call.name);
    return method != nullptr && method->role == MethodRole::kSchema;
  });
}

}  // namespace dbfleet::sql
