#include "common/sql/active_record/host_records.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_targets.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Laravel's and Doctrine's, where nearly all programs have them.
bool IsInModels(absl::string_view name) {
  return absl::StrContains(name, "\\Models\\") || absl::StrContains(name, "\\Model\\") ||
         absl::StrContains(name, "\\Entity\\") || absl::StrContains(name, "\\Entities\\");
}

// Order::latest(), Order::find(1): what hardly a class has that is no model.
bool QueriesModel(absl::string_view method) {
  static constexpr absl::string_view kWords[] = {"order", "paginate", "pluck", "where"};
  static constexpr absl::string_view kNames[] = {"all",           "avg",
                                                 "chunk",         "count",
                                                 "cursor",        "destroy",
                                                 "doesntexist",   "exists",
                                                 "find",          "findmany",
                                                 "first",         "lazy",
                                                 "oldest",        "latest",
                                                 "firstorcreate", "insert",
                                                 "onlytrashed",   "query",
                                                 "select",        "sum",
                                                 "truncate",      "updateorcreate",
                                                 "upsert",        "with",
                                                 "withcount",     "withtrashed",
                                                 "limit",         "findorfail",
                                                 "firstorfail",   "inrandomorder"};
  const std::string name = absl::AsciiStrToLower(method);
  return IsOneOf(name, kNames) || absl::StrContains(name, "where") ||
         std::any_of(std::begin(kWords), std::end(kWords),
                     [&](absl::string_view word) { return absl::StartsWith(name, word); });
}

absl::string_view LastOf(absl::string_view name) {
  const size_t space = name.rfind('\\');
  return space == absl::string_view::npos ? name : name.substr(space + 1);
}

// Devise's and the like: current_user, current_admin_user.
bool IsSignedIn(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"account", "admin",  "company",      "customer",
                                                 "member",  "owner",  "organization", "shop",
                                                 "store",   "tenant", "team",         "user"};
  return absl::StartsWith(name, "current_") && IsOneOf(name.substr(name.rfind('_') + 1), kNames);
}

// A method of the class, or a function.
bool IsOwn(const HostChain& chain) {
  static constexpr absl::string_view kOwn[] = {"", "$this", "parent", "self", "static"};
  return IsOneOf(chain.receiver, kOwn);
}

}  // namespace

HostRecords::HostRecords(const HostProgram& program)
    : program_(program), blocks_(program), locals_(program) {
  FindMethods();
  FindHolders();
  if (!program.php()) return;
  FindModels();
  FindParameters();
  FindReferences();
}

// use App\Models\Order; use App\Models\{Order, User as Person}; class Order extends Model; and
// what the file queries: Order::latest().
void HostRecords::FindModels() {
  constexpr size_t kLongest = 200;  // In tokens.
  static constexpr absl::string_view kBases[] = {"Authenticatable", "Eloquent", "Model", "Pivot"};
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& class_name = program_[i];
    if (class_name.kind != HostTokenKind::kName) continue;
    const bool extends = program_[i - 1].IsName("class") && program_[i + 1].IsName("extends") &&
                         IsOneOf(LastOf(program_[i + 2].text), kBases);
    const bool queried = program_[i + 1].Is("::") && program_[i + 3].Is("(") &&
                         QueriesModel(program_[i + 2].text) && IsModelClass(class_name.text) &&
                         ReviewOfClass(class_name.text, "") == OfClass::kNotReviewed;
    if (extends || queried) models_.insert(absl::AsciiStrToLower(LastOf(class_name.text)));
    if (!program_[i].IsName("use")) continue;
    const std::string space = absl::StrCat("\\", program_[i + 1].text);
    if (!IsInModels(absl::StrCat(space, "\\"))) continue;
    const bool list = program_[i + 2].Is("{") || program_[i + 3].Is("{");
    if (!list && !IsInModels(space)) continue;
    for (size_t k = i + 1; k < i + kLongest && k < program_.size() && !program_[k].Is(";") &&
                           !program_[k].IsName("use");
         ++k) {
      const bool name = program_[k].kind == HostTokenKind::kName && !program_[k].IsName("as");
      if (name) models_.insert(absl::AsciiStrToLower(LastOf(program_[k].text)));
    }
  }
}

// function approve(Order $order, ?\App\Models\User $user), private Order $order; also Order|null
// $order, Order &$order, Order ...$orders.
void HostRecords::FindParameters() {
  constexpr size_t kLongest = 8;  // In tokens, of what stands behind the class.
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& type = program_[i];
    if (type.kind != HostTokenKind::kName || program_[i - 1].IsName("instanceof")) continue;
    size_t at = i + 1;
    int references = 0;
    while (at < i + kLongest &&
           (program_[at].Is("|") || program_[at].Is("&") || program_[at].Is(".") ||
            program_[at].Is("...") ||
            (program_[at].kind == HostTokenKind::kName && program_[at - 1].Is("|")))) {
      references += program_[at].Is("&") ? 1 : 0;
      ++at;
    }
    if (program_[at].kind != HostTokenKind::kVariable || references > 1) continue;
    if (IsInModels(absl::StrCat("\\", type.text)) ||
        models_.count(absl::AsciiStrToLower(LastOf(type.text))) > 0) {
      parameters_.insert(std::string(program_[at].text));
    }
  }
}

void HostRecords::HandOverTyped(const HostChain& chain) {
  for (const HostCall& call : chain.calls) {
    const auto found = call.arguments.empty() ? methods_.end() : methods_.find(KeyOf(call.name));
    if (found == methods_.end()) continue;
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      const HostRange& argument = call.arguments[i];
      if (argument.end != argument.begin + 1 || !IsTyped(program_[argument.begin].text)) continue;
      for (const std::vector<size_t>& parameters : found->second) {
        if (i < parameters.size()) AddTyped(program_[parameters[i]].text);
      }
    }
  }
}

bool HostRecords::AreTyped(HostRange range, const std::optional<HostChain>& chain) const {
  if (range.end == range.begin + 1) return IsTyped(program_[range.begin].text);
  return chain.has_value() && chain->range.end == range.end && MayBegin(*chain) &&
         chain->calls.back().is_property;
}

std::string HostRecords::KeyOf(absl::string_view method) const {
  return program_.php() ? absl::AsciiStrToLower(method) : std::string(method);
}

// $x = &$y
void HostRecords::FindReferences() {
  for (size_t i = 1; i < program_.size(); ++i) {
    const HostToken& to = program_[i + 2];
    const bool reference = program_[i].Is("=") && program_[i + 1].Is("&") &&
                           program_[i - 1].kind == HostTokenKind::kVariable &&
                           to.kind == HostTokenKind::kVariable;
    if (!reference) continue;
    const std::string one(SameAs(program_[i - 1].text));
    const std::string other(SameAs(to.text));
    if (one != other) same_[one] = other;
  }
}

// Goes on until one is no other's; on the way each is made to point further.
absl::string_view HostRecords::SameAs(absl::string_view name) const {
  for (auto found = same_.find(name); found != same_.end(); found = same_.find(name)) {
    const auto next = same_.find(found->second);
    if (next != same_.end()) found->second = next->second;
    name = found->second;
  }
  return name;
}

bool HostRecords::HoldsProperty(absl::string_view name) const {
  if (absl::StartsWith(name, "$")) name.remove_prefix(1);
  // $this->{$name}; and what __get gives may be any of them.
  const auto any = bound_.lower_bound("->");
  if (name == "}" && any != bound_.end() && absl::StartsWith(*any, "->")) return true;
  return bound_.count(absl::StrCat("->", name)) > 0 || bound_.count("()__get") > 0;
}

bool HostRecords::Gives(absl::string_view method) const {
  return bound_.count(program_.php() ? absl::StrCat("()", KeyOf(method)) : std::string(method)) > 0;
}

void HostRecords::Bind(HostRange value) {
  if (program_.php()) {
    // $this->order = Order::find(1);
    for (size_t property : PropertiesOf(program_, value.begin)) {
      bound_.insert(absl::StrCat("->", absl::StripPrefix(program_[property].text, "$")));
    }
    return BindReturned(value.begin);
  }
  size_t method = 0;
  for (size_t place : ValuesOf(value, &method)) {
    if (const size_t name = NamedBlock(place); name > 0) {
      bound_.insert(std::string(program_[name].text));
    }
    for (size_t target : TargetsOf(program_, place)) {
      const absl::string_view name = program_[target].text;
      if (program_[target].kind != HostTokenKind::kVariable) continue;
      bound_.insert(std::string(name));
      const absl::string_view reader = absl::StripPrefix(absl::StripPrefix(name, "@"), "@");
      if (readers_.count(reader) > 0) bound_.insert(std::string(reader));
    }
  }
  // def order ... end, which gives what it found: Order.find(1), or @order ||= Order.find(1).
  if (method > 0) bound_.insert(std::string(program_[method].text));
}

// public function __construct(private readonly Order $order)
void HostRecords::Promote(size_t parameter) {
  static constexpr absl::string_view kWords[] = {"private", "protected", "public", "readonly"};
  constexpr size_t kLongestType = 20;  // In tokens.
  for (size_t i = parameter; i-- > 0 && parameter - i < kLongestType;) {
    const HostToken& token = program_[i];
    if (token.Is("(") || token.Is(",")) return;
    if (token.kind != HostTokenKind::kName || !IsOneOf(token.text, kWords)) continue;
    bound_.insert(absl::StrCat("->", absl::StripPrefix(program_[parameter].text, "$")));
    return;
  }
}

std::vector<size_t> HostRecords::PlacesOf(HostRange value) const {
  size_t method = 0;
  return ValuesOf(value, &method);
}

// Goes outwards as long as what stands around has the same value. `method` becomes the name of the
// one that gives it; 0 if none does.
std::vector<size_t> HostRecords::ValuesOf(HostRange value, size_t* method) const {
  constexpr int kMostLevels = 50;
  std::vector<size_t> places = {value.begin};
  if (program_.php()) return places;
  const auto take = [&](size_t def) {
    if (!program_[def].IsName("def")) return;
    *method = program_[def + 2].Is(".") ? def + 3 : def + 1;
  };
  for (int level = 0; level < kMostLevels; ++level) {
    const Lead lead = LeadOf(value.begin);
    if (lead.leaves) {
      const size_t loop = LeftBy(value.begin, &places);
      if (loop == HostBlocks::kNone) break;
      value = {loop, program_.CloseOf(loop) + 1};
      continue;
    }
    if (lead.returned) take(locals_.ScopeOf(value.begin));
    if (lead.endless > 0) take(lead.endless);
    if (lead.returned || lead.endless > 0 || !lead.leads || !IsTail(value.end)) break;
    const size_t open = blocks_.OpenOf(value.begin);
    if (open == HostBlocks::kNone) break;
    if (program_[open].IsName("def")) take(open);
    static constexpr absl::string_view kNone[] = {"class",  "def",   "for",
                                                  "module", "until", "while"};
    if (program_[open].kind == HostTokenKind::kName && IsOneOf(program_[open].text, kNone)) break;
    places.push_back(open);
    value = {open, program_.CloseOf(open) + 1};
  }
  return places;
}

// x = loop do ... break VALUE ... end: the loop that is left, and all on the way out of it.
size_t HostRecords::LeftBy(size_t value, std::vector<size_t>* places) const {
  constexpr int kMostLevels = 50;
  static constexpr absl::string_view kLoops[] = {"do", "for", "until", "while"};
  size_t open = blocks_.OpenOf(value);
  for (int level = 0; level < kMostLevels && open != HostBlocks::kNone; ++level) {
    const HostToken& token = program_[open];
    if (token.IsName("def") || token.IsName("class")) break;
    places->push_back(open);
    if (token.Is("{") || IsOneOf(token.text, kLoops)) return open;
    open = blocks_.OpenOf(open);
  }
  return HostBlocks::kNone;
}

// Whether what begins at the token is what its statement gives, but for what it is bound to:
// @x ||= VALUE, c ? VALUE : y, (VALUE), return VALUE. Not: puts VALUE, f(VALUE), if VALUE.
HostRecords::Lead HostRecords::LeadOf(size_t begin) const {
  static constexpr absl::string_view kBegins[] = {"begin", "do", "else", "ensure", "then"};
  static constexpr absl::string_view kAsks[] = {"case",   "elsif", "if",   "in",   "rescue",
                                                "unless", "until", "when", "while"};
  constexpr size_t kFar = 200;
  const auto ends_operand = [&](const HostToken& token) {
    return token.kind == HostTokenKind::kVariable || token.kind == HostTokenKind::kName;
  };
  const auto begins_operand = [&](const HostToken& token) {
    return token.kind != HostTokenKind::kPunct && token.kind != HostTokenKind::kNewline &&
           !token.IsName("do");
  };
  const size_t limit = begin > kFar ? begin - kFar : 0;
  for (size_t i = begin; i-- > limit;) {
    const HostToken& token = program_[i];
    if (token.kind == HostTokenKind::kNewline || token.Is(";") || token.Is("{")) return {true};
    if (token.kind == HostTokenKind::kName && !program_.IsMember(i - 1)) {
      if (token.text == "return") return {true, true};
      if (token.text == "next") return {true};
      if (token.text == "break") return {true, false, 0, true};
      if (token.text == "def") {
        const bool endless = program_.CloseOf(i) >= program_.size();
        return {true, false, endless ? i : 0};
      }
      if (IsOneOf(token.text, kBegins)) return {true};
      if (IsOneOf(token.text, kAsks)) return {};
    }
    if (token.Is(")") || token.Is("]")) {
      const size_t close = i;
      while (i > limit && program_.CloseOf(i) != close) --i;
      // def order(id) VALUE end, def order(id) = VALUE
      const bool head = program_[i - 2].IsName("def") && program_.CloseOf(i - 2) < program_.size();
      if (head) return {true};
      continue;
    }
    const bool operand_before =
        i > 0 && ends_operand(program_[i - 1]) && program_[i - 1].end == token.offset;
    if (token.Is("(") || token.Is("[")) return {!operand_before};
    if (ends_operand(token) && begins_operand(program_[i + 1])) return {};
  }
  return {true};
}

bool HostRecords::IsTail(size_t end) const {
  static constexpr absl::string_view kEnds[] = {"else", "elsif",  "end", "ensure",
                                                "in",   "rescue", "when"};
  constexpr size_t kFar = 500;
  const size_t open = end > 0 ? blocks_.OpenOf(end - 1) : HostBlocks::kNone;
  const size_t close = open == HostBlocks::kNone ? program_.size() : program_.CloseOf(open);
  if (program_[end].Is("=") && !program_[end + 1].Is("=")) return false;  // It is bound there.
  size_t i = end;
  while (i < close && i < end + kFar && program_[i].kind != HostTokenKind::kNewline &&
         !program_[i].Is(";")) {
    i = program_.CloseOf(i) < close ? program_.CloseOf(i) + 1 : i + 1;
  }
  while (i < close && (program_[i].kind == HostTokenKind::kNewline || program_[i].Is(";"))) ++i;
  return i >= close ||
         (program_[i].kind == HostTokenKind::kName && IsOneOf(program_[i].text, kEnds));
}

bool HostRecords::BeginsOnGiven(const HostChain& chain) const {
  return chain.calls.size() > 1 && IsOwn(chain) && !chain.calls[0].is_property &&
         Gives(chain.calls[0].name);
}

bool HostRecords::BeginsOn(const HostChain& chain) const {
  if (program_.php()) {
    return std::any_of(chain.calls.begin(), chain.calls.end() - 1, [&](const HostCall& call) {
      return call.is_property && HoldsProperty(call.name);
    });
  }
  return IsSignedIn(chain.receiver) &&
         std::any_of(chain.calls.begin() + 1, chain.calls.end(), [](const HostCall& call) {
           const ModelMethod* method = FindModelMethod(call.name);
           return method != nullptr && method->role == MethodRole::kRead;
         });
}

bool HostRecords::Is(const HostChain& chain) const {
  const HostCall& last = chain.calls.back();
  if (last.op != HostOperator::kNone) return false;
  if (last.is_property) return HoldsProperty(last.name);
  return chain.calls.size() == 1 && IsOwn(chain) && Gives(last.name);
}

bool HostRecords::MayBegin(const HostChain& chain) const {
  if (!program_.php()) return IsSignedIn(chain.receiver);
  if (parameters_.count(chain.receiver) > 0) return true;
  // private Order $order
  return chain.receiver == "$this" && chain.calls[0].is_property &&
         parameters_.count(absl::StrCat("$", chain.calls[0].name)) > 0;
}

}  // namespace dbfleet::sql
