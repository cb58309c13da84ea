#include "common/sql/active_record/record_flow.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/host_effects.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_targets.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/host_unknown.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {

bool RecordFlow::Reaches(HostRange range) {
  // Counted once: parentheses nest, and each would look at all inside of it.
  if (reaching_.empty()) {
    reaching_.push_back(0);
    for (size_t i = 0; i < program_.size(); ++i) {
      const std::optional<HostChain> chain = program_.ChainAt(i, program_.size());
      const bool reaches =
          chain.has_value() && ReachesDatabase(program_, *chain, false, &variables_);
      reaching_.push_back(reaching_.back() + (reaches ? 1 : 0));
    }
  }
  return reaching_[range.end] > reaching_[range.begin];
}

bool RecordFlow::IsGivenRecords(const HostChain& chain) {
  return std::any_of(chain.calls.begin(), chain.calls.end(), [&](const HostCall& call) {
    const bool gives_elements =
        program_.php() && (absl::StartsWith(call.name, "array_") || call.name == "collect");
    return std::any_of(call.arguments.begin(), call.arguments.end(), [&](HostRange argument) {
      return records_.AreNamed(argument) || (gives_elements && Reaches(argument));
    });
  });
}

bool RecordFlow::AnyHeld(const HostCall& call) {
  return std::any_of(call.arguments.begin(), call.arguments.end(),
                     [&](HostRange argument) { return MayHold(argument); });
}

// instance_variable_get(:@order), also with a name that a value gives.
bool RecordFlow::HoldsMember(const HostCall& call) const {
  if (call.arguments.empty()) return false;
  const HostRange name = call.arguments[0];
  if (program_[name.begin].Is(":")) return records_.AreNamed(name);
  const std::optional<std::string> word = ReadWord(program_, name);
  return word.has_value() ? records_.Hold(*word) : shared_.HoldsMembers();
}

bool RecordFlow::Carries(const HostChain& chain) {
  const HostCall& call = chain.calls[0];
  if (!program_.php()) {
    if (call.name == "instance_variable_get") return HoldsMember(call);
    const bool makes = chain.receiver_kind == Receiver::kClass && call.name == "new" &&
                       shared_.IsHolder(chain.receiver);
    const bool lists = chain.receiver_kind == Receiver::kNone && call.name == "Array";
    return (makes || lists) && AnyHeld(call);
  }
  if (chain.receiver_kind != Receiver::kNone) return false;
  const std::string name = absl::AsciiStrToLower(call.name);
  // compact('order')
  if (name == "compact") {
    return std::any_of(call.arguments.begin(), call.arguments.end(), [&](HostRange argument) {
      const std::optional<std::string> word = ReadWord(program_, argument);
      return word.has_value() && records_.Hold(absl::StrCat("$", *word));
    });
  }
  // Of all columns: array_column($orders, null, 'id')
  const bool whole = name == "array_column" && call.arguments.size() > 1 &&
                     absl::EqualsIgnoreCase(program_.Source(call.arguments[1]), "null");
  return (whole || GivesElements(name)) && AnyHeld(call);
}

bool RecordFlow::Yields(const HostChain& chain) const {
  return !program_.php() &&
         std::any_of(chain.calls.begin(), chain.calls.end(), [&](const HostCall& call) {
           return call.block.has_value() && shared_.Yields(call.name);
         });
}

void RecordFlow::BindRecords(HostRange value) {
  for (size_t place : shared_.PlacesOf(value)) {
    for (size_t i : TargetsOf(program_, place)) {
      // What is fetched from a prepared statement is no record.
      const bool data = prepared_.Holds(i) || variables_.IsResult(program_[i].text);
      if (data) continue;
      records_.Add(i);
      shared_.BindResult(i);
    }
    // def a(order: Order.find(1))
    if (place > 0 && shared_.IsParameter(place - 1)) records_.Add(place - 1);
  }
  if (!program_.php()) BindPattern(value.end);
}

void RecordFlow::Copy(HostRange value, bool plain) {
  if (program_.IsMember(value.begin - 1)) return;
  BindRecords(value);
  if (plain) shared_.Bind(value);
}

std::string RecordFlow::DoubtOfTarget(HostRange value) const {
  return program_.php() && BindsComputedName(program_, value.begin)
             ? "binds what came from the database to a name that is computed"
             : "";
}

void RecordFlow::HandOver(const HostChain& chain, bool of_records) {
  for (const HostCall& call : chain.calls) {
    const bool makes = !program_.php() && call.name == "new";
    HandOver(makes ? "initialize" : call.name, call);
    // $f->__invoke($order)
    if (call.name == "__invoke") HandOver(chain.receiver, call);
  }
  if (program_.php()) return HandToCallables(chain, of_records);
  HandToBlock(chain, of_records);
}

void RecordFlow::HandOver(absl::string_view method, const HostCall& call) {
  TakeResults(method, call);
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (!shared_.Takes(method, call, i) || !MayHold(call.arguments[i])) continue;
    shared_.HandOver(method, call, i);
  }
}

// load($order) of function load(&$x) { $x = Order::find(1); }
void RecordFlow::TakeResults(absl::string_view method, const HostCall& call) {
  if (!program_.php()) return;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (!shared_.Fills(method, i)) continue;
    for (size_t k = call.arguments[i].begin; k < call.arguments[i].end; ++k) {
      if (k > 0 && program_.IsMember(k - 1)) {
        shared_.BindProperty(program_[k].text);
      } else if (program_[k].kind == HostTokenKind::kVariable) {
        records_.Add(k);
        shared_.BindResult(k);
      }
    }
  }
}

void RecordFlow::HandToUnnamed(size_t i) {
  if (!program_.php()) return;
  const HostToken& token = program_[i];
  const auto is_list = [&](size_t open) {
    return program_[open].Is("(") && program_.CloseOf(open) < program_.size();
  };
  HostCall call;
  const auto hand_over = [&](absl::string_view method, size_t open) {
    call.arguments = program_.Parts({open + 1, program_.CloseOf(open)});
    HandOver(method, call);
  };
  if (token.IsName("new") && is_list(i + 2)) return hand_over("__construct", i + 2);
  if (token.kind == HostTokenKind::kVariable && is_list(i + 1)) return hand_over(token.text, i + 1);
  if (is_list(i) && is_list(program_.CloseOf(i) + 1)) {
    hand_over(HostRecords::NameAt(i), program_.CloseOf(i) + 1);
  }
}

// array_map([$this, 'one'], $orders), $orders->map($f): which of its parameters gets one is not
// asked; array_reduce gives it as the second.
void RecordFlow::HandToCallables(const HostChain& chain, bool of_records) {
  for (const HostCall& call : chain.calls) {
    std::vector<bool> held;  // Which arguments are records; asked once.
    std::ptrdiff_t count = 0;
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      const std::string method = CallableOf(program_, call.arguments[i]);
      if (method.empty() || !shared_.TakesAny(method)) continue;
      if (held.empty()) {
        for (const HostRange& argument : call.arguments) held.push_back(MayHold(argument));
        count = std::count(held.begin(), held.end(), true);
      }
      if (of_records || count > (held[i] ? 1 : 0)) shared_.HandToAll(method);
    }
  }
}

// yield order, block.call(order), orders.each(&block): to whoever calls the method around it.
void RecordFlow::HandToBlock(const HostChain& chain, bool of_records) {
  const bool of_block = shared_.IsBlock(program_[chain.range.begin].text);
  for (const HostCall& call : chain.calls) {
    if (of_records) {
      for (const HostRange& argument : call.arguments) {
        const bool block =
            program_[argument.begin].Is("&") && shared_.IsBlock(program_[argument.begin + 1].text);
        if (block) shared_.BindYield(chain.range.begin);
      }
    }
    const bool yields = call.name == "yield" || (of_block && !call.bare());
    if (yields && AnyHeld(call)) shared_.BindYield(chain.range.begin);
  }
}

// Order.find(1), a: Order.find(1), Order.all; not Order.find(1).name.
bool RecordFlow::IsFound(HostRange argument) const {
  static constexpr absl::string_view kLists[] = {"all", "get", "to_a", "where"};
  const size_t begin = argument.begin + (program_[argument.begin].kind == HostTokenKind::kLabel);
  const std::optional<HostChain> chain = program_.ChainAt(begin, argument.end);
  return chain.has_value() && chain->range.end == argument.end &&
         (GivesOneRecord(chain->calls.back().name) || IsOneOf(chain->calls.back().name, kLists)) &&
         ReachesDatabase(program_, *chain, false, &variables_);
}

void RecordFlow::Append(const HostChain& chain) {
  const HostCall& call = chain.calls.back();
  static constexpr absl::string_view kOfPhp[] = {"array_push", "array_unshift"};
  const bool function = program_.php() && chain.receiver_kind == Receiver::kNone &&
                        chain.calls.size() == 1 && IsOneOf(call.name, kOfPhp) &&
                        call.arguments.size() > 1;
  if (function) {
    const size_t list = call.arguments[0].begin;
    const bool holds = std::any_of(call.arguments.begin() + 1, call.arguments.end(),
                                   [&](HostRange argument) { return MayHold(argument); });
    if (holds && program_[list].kind == HostTokenKind::kVariable) records_.Add(list);
    return;
  }
  if (!AppendsToVariable(program_, chain)) return;
  const absl::string_view list = program_[chain.range.begin].text;
  const bool member = absl::StartsWith(list, "@");
  if (!member && !variables_.IsPlain(list)) return;
  const bool holds = std::any_of(
      call.arguments.begin(), call.arguments.end(),
      [&](HostRange argument) { return records_.AreNamed(argument) || IsFound(argument); });
  if (holds && member) shared_.BindMember(list);
  if (holds) records_.Add(chain.range.begin);
}

void RecordFlow::Parameters(size_t block) {
  if (program_.php()) return ParametersOfClosure(block);
  if (!program_[block - 1].Is("|")) {
    for (absl::string_view name : {"it", "_1", "_2"}) records_.Add(name, block);
    return;
  }
  // |u|, |u = 1|, |a, (b, c)|
  constexpr size_t kLongest = 40;
  for (size_t i = block - 1; i-- > 0 && i + kLongest > block && !program_[i].Is("|");) {
    if (program_[i].kind == HostTokenKind::kName || program_[i].kind == HostTokenKind::kLabel) {
      records_.Add(i);
    }
  }
}

// From the "{" back to the "function".
void RecordFlow::ParametersOfClosure(size_t body) {
  constexpr size_t kLongestHead = 60;
  size_t begin = body;
  while (begin > 0 && body - begin < kLongestHead && !program_[begin].IsName("function")) --begin;
  size_t open = begin + 1;
  if (!program_[begin].IsName("function") || !program_[open].Is("(")) return;
  for (size_t i = open; i < program_.CloseOf(open) && i < body; ++i) {
    if (program_[i].kind == HostTokenKind::kVariable) {
      records_.Add(i);
    }
  }
}

void RecordFlow::ParametersOfArrows(const HostChain& chain) {
  for (const HostCall& call : chain.calls) {
    for (const HostRange& argument : call.arguments) {
      const size_t fn = argument.begin + (program_[argument.begin].IsName("static") ? 1 : 0);
      if (!program_[fn].IsName("fn") || !program_[fn + 1].Is("(")) continue;
      for (size_t i = fn + 2; i < program_.CloseOf(fn + 1) && i < argument.end; ++i) {
        if (program_[i].kind == HostTokenKind::kVariable) records_.Add(i);
      }
    }
  }
}

void RecordFlow::BindAhead(HostRange body) {
  constexpr size_t kFar = 500;  // In tokens.
  const size_t close = program_[body.begin].Is("{") ? program_.CloseOf(body.begin) : body.end;
  const size_t end = std::min({body.end, close, body.begin + kFar});
  for (size_t i = body.begin + 1; i < end; ++i) {
    if (!program_[i].Is("=") || program_.IsComparison(i)) continue;
    const auto ends = [&](size_t at) {
      const HostToken& after = program_[at];
      return after.Is(";") || after.Is("}") || after.text.empty() ||
             after.kind == HostTokenKind::kNewline;
    };
    if (ends(i + 2) && records_.AreNamed({i + 1, i + 2})) BindRecords({i + 1, i + 2});
    const std::optional<HostChain> chain = program_.ChainAt(i + 1, end);
    const bool found = chain.has_value() && ends(chain->range.end) && IsFound(chain->range);
    if (found) BindRecords(chain->range);
  }
}

void RecordFlow::BindLoop(size_t i) {
  size_t in = i + 1;
  while (in < i + 20 && !program_[in].IsName("in")) ++in;
  size_t end = in;
  while (end < program_.size() && program_[end].kind != HostTokenKind::kNewline &&
         !program_[end].IsName("do")) {
    ++end;
  }
  const bool of_records =
      program_[in].IsName("in") && (MayHold({in + 1, end}) || records_.Hold(program_[in + 1].text));
  for (size_t k = i + 1; k < in && of_records; ++k) {
    if (program_[k].kind == HostTokenKind::kName) records_.Add(k);
  }
}

// X => order, X => {order:}, X in [order, *]: all that the pattern names.
void RecordFlow::BindPattern(size_t i) {
  constexpr size_t kLongest = 60;  // In tokens.
  static constexpr absl::string_view kEnds[] = {"and", "do", "if", "or", "then", "unless"};
  if (!program_[i].Is("=>") && !program_[i].IsName("in")) return;
  if (program_[i - 2].IsName("for") || program_[i - 4].IsName("for")) return;
  // { order => 1 }, f(order => 1)
  const size_t open = shared_.blocks().OpenOf(i);
  if (program_[i].Is("=>") && open != HostBlocks::kNone) {
    const HostToken& before = program_[open - 1];
    const bool block =
        program_[open].kind == HostTokenKind::kName ||
        (program_[open].Is("{") && (before.kind == HostTokenKind::kName || before.Is(")")));
    if (!block) return;
  }
  for (size_t k = i + 1; k < program_.size() && k < i + kLongest; ++k) {
    const HostToken& token = program_[k];
    if (token.kind == HostTokenKind::kNewline || token.Is(";")) return;
    if (token.kind == HostTokenKind::kName && IsOneOf(token.text, kEnds)) return;
    const bool name = token.kind == HostTokenKind::kName && absl::ascii_islower(token.text[0]) &&
                      !program_.IsMember(k - 1);
    if (name || token.kind == HostTokenKind::kLabel) records_.Add(k);
  }
}

void RecordFlow::BindBranch(size_t i) {
  constexpr size_t kLongest = 100;  // In tokens.
  const size_t open = shared_.blocks().OpenOf(i);
  if (open == HostBlocks::kNone || !program_[open].IsName("case")) return;
  size_t end = open + 1;
  while (end < i && end < open + kLongest && program_[end].kind != HostTokenKind::kNewline &&
         !program_[end].Is(";")) {
    ++end;
  }
  if (MayHold({open + 1, end})) BindPattern(i);
}

}  // namespace dbfleet::sql
