#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/host_records.h"
#include "common/sql/active_record/host_targets.h"
#include "common/sql/active_record/words.h"

// Methods and functions of a program: what they are given, and what they give.
namespace dbfleet::sql {

std::string HostRecords::NameAt(size_t parenthesis) { return absl::StrCat("(", parenthesis); }

// "$f" of $f = function (...) { ... } and of $f = static fn (...) => ..., and what has no name but
// is called at once; "" of others.
std::string HostRecords::NameOfUnnamed(size_t function) const {
  if (function < 2) return "";
  size_t i = function - 1;
  if (program_[i].IsName("static") && i > 0) --i;
  if (program_[i].Is("(") && program_[program_.CloseOf(i) + 1].Is("(")) return NameAt(i);
  const bool bound = i > 0 && program_[i].Is("=") && !program_.IsComparison(i) &&
                     program_[i - 1].kind == HostTokenKind::kVariable;
  return bound ? std::string(program_[i - 1].text) : "";
}

// function helper($order, $x), def helper(order, x: nil), def helper order; and attr_reader :order
void HostRecords::FindMethods() {
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    if (token.kind != HostTokenKind::kName) continue;
    if (absl::StartsWith(token.text, "attr_")) {
      for (size_t k = i + 1; program_[k].kind == HostTokenKind::kSymbol || program_[k].Is(",");
           ++k) {
        readers_.insert(std::string(program_[k].text));
      }
    }
    const bool arrow = program_.php() && token.text == "fn";
    if (token.text != (program_.php() ? "function" : "def") && !arrow) continue;
    size_t name = i + 1;
    if (program_[name].Is("&")) ++name;
    if (program_[name + 1].Is(".")) name += 2;  // def self.helper
    if (program_[name].kind == HostTokenKind::kName) {
      FindParametersOf(i, name + 1, KeyOf(program_[name].text));
    } else if (program_.php() && program_[name].Is("(")) {
      const std::string held = NameOfUnnamed(i);
      if (!held.empty()) FindParametersOf(i, name, KeyOf(held));
    }
  }
}

void HostRecords::FindParametersOf(size_t function, size_t begin, const std::string& method) {
  constexpr size_t kLongestHead = 1000;  // In tokens.
  HostRange head{begin, std::min(program_.size(), begin + kLongestHead)};
  if (program_[head.begin].Is("(")) {
    head.end = std::min(head.end, program_.CloseOf(head.begin));
    ++head.begin;
  } else {
    size_t end = head.begin;
    while (end < head.end && program_[end].kind != HostTokenKind::kNewline &&
           !program_[end].Is(";")) {
      ++end;
    }
    head.end = end;
  }
  std::vector<size_t> parameters;
  for (const HostRange& part : program_.Parts(head)) {
    if (!program_.php() && program_[part.begin].Is("&")) {
      block_names_.insert(std::string(program_[part.begin + 1].text));
    }
    bool reference = false;
    for (size_t k = part.begin; k < part.end; ++k) {
      const HostTokenKind kind = program_[k].kind;
      const bool parameter = program_.php()
                                 ? kind == HostTokenKind::kVariable
                                 : kind == HostTokenKind::kName || kind == HostTokenKind::kLabel;
      reference = reference || program_[k].Is("&");
      if (!parameter) continue;
      if (reference && program_.php()) {
        references_[{function, std::string(program_[k].text)}] = {method, parameters.size()};
      }
      parameters.push_back(k);
      heads_.insert(k);
      break;
    }
  }
  if (!parameters.empty()) methods_[method].push_back(std::move(parameters));
}

// Line = Struct.new(:order), class Line < SimpleDelegator; and delegate :approve, to: :order.
void HostRecords::FindHolders() {
  static constexpr absl::string_view kOfRuby[] = {
      "Data", "DelegateClass", "Delegator", "OpenStruct", "SimpleDelegator", "Struct", "WeakRef"};
  constexpr size_t kLongest = 60;  // In tokens.
  if (program_.php()) return;
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    if (token.kind != HostTokenKind::kName) continue;
    const bool binds = program_[i + 1].Is("=") || program_[i + 1].Is("<");
    if (binds && absl::ascii_isupper(token.text[0]) && IsOneOf(program_[i + 2].text, kOfRuby)) {
      holders_.insert(std::string(token.text));
    }
    const bool delegates = token.text == "delegate";
    if (!delegates && token.text != "def_delegators" && token.text != "def_delegator") continue;
    // def_delegators :@order, :approve
    const HostToken& first = program_[i + (program_[i + 1].Is("(") ? 2 : 1)];
    const HostToken& member = program_[i + (program_[i + 1].Is("(") ? 3 : 2)];
    std::string to(first.Is(":") ? member.text : first.text);
    std::vector<size_t> names;
    for (size_t k = i + 1; k < i + kLongest && program_[k].kind != HostTokenKind::kNewline &&
                           !program_[k].text.empty();
         ++k) {
      const bool target = program_[k].kind == HostTokenKind::kLabel && program_[k].text == "to";
      if (program_[k].kind == HostTokenKind::kSymbol) names.push_back(k);
      if (!target || !delegates) continue;
      to = std::string(program_[k + (program_[k + 1].Is(":") ? 2 : 1)].text);
      break;
    }
    for (size_t name : names) delegated_[std::string(program_[name].text)] = to;
  }
}

bool HostRecords::IsHolder(absl::string_view class_name) const {
  static constexpr absl::string_view kOfRuby[] = {"OpenStruct", "SimpleDelegator", "WeakRef"};
  class_name = absl::StripPrefix(class_name, "::");
  const size_t space = class_name.rfind(':');
  if (space != absl::string_view::npos) class_name.remove_prefix(space + 1);
  return IsOneOf(class_name, kOfRuby) || holders_.count(class_name) > 0;
}

bool HostRecords::HoldsMembers() const {
  const auto found = bound_.lower_bound("@");
  return found != bound_.end() && absl::StartsWith(*found, "@");
}

bool HostRecords::IsDelegated(const HostChain& chain) const {
  if (program_.php() || (chain.receiver_kind != Receiver::kNone && chain.receiver != "self")) {
    return false;
  }
  const auto found = delegated_.find(chain.calls[0].name);
  return found != delegated_.end() &&
         (Holds(found->second) || Holds(absl::StrCat("@", found->second)));
}

// let(:order) { Order.find(1) }, define_method(:order) do ... end: the name; 0 if it is no such
// block.
size_t HostRecords::NamedBlock(size_t open) const {
  static constexpr absl::string_view kNaming[] = {"define_method", "given",   "given!",
                                                  "let",           "let!",    "let_it_be",
                                                  "let_it_be!",    "subject", "subject!"};
  if (open < 2 || !(program_[open].Is("{") || program_[open].IsName("do"))) return 0;
  const bool parens = program_[open - 1].Is(")");
  const size_t name = open - (parens ? 2 : 1);
  const size_t word = name - (parens ? 2 : 1);
  if (open < 4 || program_[name].kind != HostTokenKind::kSymbol) return 0;
  return IsOneOf(program_[word].text, kNaming) ? name : 0;
}

// function order() { return Order::find(1); }, $order = function () { return Order::find(1); };
void HostRecords::BindReturned(size_t value) {
  if (!IsReturned(program_, value)) return;
  const size_t function = locals_.ScopeOf(value);
  size_t name = function + 1;
  if (program_[name].Is("&")) ++name;
  if (program_[name].kind == HostTokenKind::kName) {
    bound_.insert(absl::StrCat("()", KeyOf(program_[name].text)));
  } else if (const std::string held = NameOfUnnamed(function); !held.empty()) {
    bound_.insert(absl::StrCat("()", KeyOf(held)));
  }
}

void HostRecords::BindResult(size_t i) {
  if (references_.empty()) return;
  const auto found = references_.find({locals_.ScopeOf(i), std::string(program_[i].text)});
  if (found == references_.end()) return;
  bound_.insert(absl::StrCat("&", found->second.first, "#", found->second.second));
}

bool HostRecords::Fills(absl::string_view method, size_t argument) const {
  if (references_.empty()) return false;
  return bound_.count(absl::StrCat("&", KeyOf(method), "#", argument)) > 0;
}

void HostRecords::BindProperty(absl::string_view name) {
  bound_.insert(absl::StrCat("->", absl::StripPrefix(name, "$")));
}

void HostRecords::BindYield(size_t i) {
  const size_t def = locals_.ScopeOf(i);
  if (!program_[def].IsName("def")) return;
  bound_.insert(
      absl::StrCat("yield ", program_[program_[def + 2].Is(".") ? def + 3 : def + 1].text));
}

bool HostRecords::Yields(absl::string_view method) const {
  return bound_.count(absl::StrCat("yield ", method)) > 0;
}

// order: $order, order: @order
bool HostRecords::IsNamed(const HostRange& argument) const {
  const HostToken& first = program_[argument.begin];
  return first.kind == HostTokenKind::kLabel ||
         (first.kind == HostTokenKind::kName && program_[argument.begin + 1].Is(":"));
}

// ...$list, *list, **list
bool HostRecords::IsList(const HostRange& argument) const {
  return program_[argument.begin].Is(program_.php() ? "." : "*");
}

// By its name it is the same parameter wherever it stands.
HostRecords::Place HostRecords::PlaceOf(absl::string_view method, const HostCall& call,
                                        size_t argument) const {
  const HostRange& range = call.arguments[argument];
  if (IsList(range)) return WholeOf(method);
  if (!IsNamed(range)) return {KeyOf(method), argument, ""};
  return {KeyOf(method), 0, std::string(program_[range.begin].text)};
}

void HostRecords::HandToAll(absl::string_view method) {
  const auto found = methods_.find(KeyOf(method));
  if (found == methods_.end() || !handed_.insert(WholeOf(method)).second) return;
  for (const std::vector<size_t>& parameters : found->second) {
    given_.insert(parameters.begin(), parameters.end());
  }
}

void HostRecords::HandOver(absl::string_view method, const HostCall& call, size_t argument) {
  const auto found = methods_.find(KeyOf(method));
  if (found == methods_.end()) return;
  if (IsList(call.arguments[argument])) return HandToAll(method);
  // order: $order, order: @order
  const HostToken& first = program_[call.arguments[argument].begin];
  const bool named = IsNamed(call.arguments[argument]);
  if (!handed_.insert(PlaceOf(method, call, argument)).second) return;
  for (const std::vector<size_t>& parameters : found->second) {
    size_t to = parameters[std::min(argument, parameters.size() - 1)];  // The last may be a list.
    for (size_t parameter : parameters) {
      const absl::string_view name = absl::StripPrefix(program_[parameter].text, "$");
      if (named && name == first.text) to = parameter;
    }
    given_.insert(to);
  }
}

}  // namespace dbfleet::sql
