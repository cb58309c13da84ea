#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

// Ruby's assignments and "<<" to what may be an association of a record.
namespace dbfleet::sql {
namespace {

bool IsColumnName(absl::string_view name) {
  return absl::EndsWith(name, "_at") || absl::EndsWith(name, "_on") ||
         absl::EndsWith(name, "_id") || absl::EndsWith(name, "_by");
}

bool EndsWithTextOrNumber(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {"ago",          "beginning_of_day",
                                                 "chomp",        "count",
                                                 "current",      "downcase",
                                                 "from_now",     "gsub",
                                                 "hex",          "join",
                                                 "length",       "now",
                                                 "parameterize", "round",
                                                 "size",         "strftime",
                                                 "strip",        "sub",
                                                 "sum",          "titleize",
                                                 "to_d",         "to_date",
                                                 "to_f",         "to_i",
                                                 "to_s",         "to_sym",
                                                 "to_time",      "today",
                                                 "upcase",       "uuid",
                                                 "zone"};
  return !program.php() && !chain.calls.empty() && IsOneOf(chain.calls.back().name, kNames);
}

// Whether a value is understood to be neither a record nor a list of some: texts, numbers, true,
// and what is computed of them.
bool IsScalar(const HostProgram& program, HostRange value) {
  if (program[value.begin].Is("{")) {
    // Settings; none of its keys is an association's.
    const auto pairs = ReadPairs(program, value);
    return program.CloseOf(value.begin) + 1 == value.end &&
           (value.end == value.begin + 2 ||
            (pairs.has_value() && std::none_of(pairs->begin(), pairs->end(), [&](const auto& pair) {
               return NamesCollection(pair.first) && !IsScalar(program, pair.second);
             })));
  }
  for (size_t i = value.begin; i < value.end;) {
    const HostToken& token = program[i];
    if (token.kind == HostTokenKind::kString || token.kind == HostTokenKind::kNumber ||
        token.kind == HostTokenKind::kSymbol || token.IsName("true") || token.IsName("false") ||
        (token.kind == HostTokenKind::kOther && !absl::StartsWith(token.text, "%"))) {
      ++i;
    } else if (token.kind == HostTokenKind::kPunct && !token.Is("[") && !token.Is("{") &&
               !token.Is("&")) {
      ++i;
    } else {
      const std::optional<HostChain> chain = program.ChainAt(i, value.end);
      if (!chain.has_value()) return false;
      const bool plain_class =
          chain->receiver_kind == Receiver::kClass && !IsModelClass(chain->receiver);
      if (!plain_class && !EndsWithTextOrNumber(program, *chain)) return false;
      i = std::max(i + 1, chain->range.end);
    }
  }
  return true;
}

bool HoldsNoRows(const HostChain& chain, size_t link, const HostVariables* variables) {
  if (chain.receiver_kind == Receiver::kClass) {
    // Of a class itself it is a setting: Money.default = x.
    return !IsModelClass(chain.receiver) || link == 1;
  }
  if (variables != nullptr && variables->IsPlain(chain.receiver)) return true;
  return IsPlainData(chain.receiver);
}

}  // namespace

bool OperatorWrites(const HostProgram& program, const HostChain& chain, size_t link,
                    const HostVariables* variables) {
  const HostCall& call = chain.calls[link];
  if (call.arguments.empty()) return false;
  const bool scalar = std::all_of(call.arguments.begin(), call.arguments.end(),
                                  [&](HostRange value) { return IsScalar(program, value); });
  if (scalar) return false;
  if (link == 0) {
    // (user.posts) << post
    return absl::StartsWith(chain.receiver, "(") ||
           (variables != nullptr && variables->MayHoldAssociation(chain.receiver));
  }
  const HostCall& attribute = chain.calls[link - 1];
  if (chain.receiver_kind == Receiver::kNone && link == 1) {
    // A variable's name, to which something is appended.
    return variables != nullptr && call.op == HostOperator::kAppend &&
           variables->MayHoldAssociation(attribute.name);
  }
  if (!attribute.arguments.empty() || attribute.block.has_value() ||
      HoldsNoRows(chain, link, variables) ||
      (IsPlainData(attribute.name) && attribute.name != "attributes") ||
      GivesData(program, attribute)) {
    return false;
  }
  if (call.op == HostOperator::kAppend) return true;
  if (NamesCollection(attribute.name)) return true;
  if (IsColumnName(attribute.name)) return false;
  // An object's own attribute, set from what it was given.
  const HostRange value = call.arguments[0];
  const bool made = program[value.begin].kind == HostTokenKind::kName &&
                    absl::ascii_isupper(program[value.begin].text[0]);
  return chain.receiver != "self" || made;
}

}  // namespace dbfleet::sql
