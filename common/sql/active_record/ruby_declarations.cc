#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_declarations.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

bool IsLocalName(const HostToken& token) {
  return token.kind == HostTokenKind::kName && !token.text.empty() &&
         (absl::ascii_islower(static_cast<unsigned char>(token.text[0])) || token.text[0] == '_');
}

// Where a program's local variables are known to be such. Ruby takes a word for a variable from
// where it is bound to the end of the method or block around it; everywhere else it is a call.
class Locals {
 public:
  explicit Locals(const HostProgram& program) : program_(program) {
    std::vector<size_t> scopes = {program.size()};
    std::vector<HostRange> methods = {{0, program.size()}};
    for (size_t i = 0; i < program.size(); ++i) {
      while (scopes.size() > 1 && i >= scopes.back()) scopes.pop_back();
      while (methods.size() > 1 && i >= methods.back().end) methods.pop_back();
      around_.push_back(methods.back().begin);
      const HostToken& token = program[i];
      const size_t close = program.CloseOf(i);
      const bool opens = token.Is("{") || token.IsName("do") || token.IsName("def") ||
                         token.IsName("class") || token.IsName("module");
      if (opens && close < program.size() && !program.IsMember(i - 1)) {
        scopes.push_back(close);
        // What is bound around them is not seen in these.
        if (token.kind == HostTokenKind::kName && token.text != "do") {
          methods.push_back({i, close});
          around_.back() = i;
        }
      }
      if (token.IsName("def") && !program.IsMember(i - 1)) {
        Method(i, close < program.size() ? close : EndOfLine(i));
      } else if (token.Is("|") && (program[i - 1].Is("{") || program[i - 1].IsName("do"))) {
        size_t end = i + 1;
        while (end < program.size() && !program[end].Is("|")) ++end;
        Parameters({i + 1, end}, scopes.back());
      } else if (token.Is("->")) {
        Lambda(i);
      } else if (IsLocalName(token) && !program.IsMember(i - 1)) {
        const bool caught = program[i - 1].Is("=>") && program[i - 2].kind == HostTokenKind::kName;
        if (IsAssigned(i) || (caught && IsRescue(i - 1)) || program[i - 1].IsName("for")) {
          bound_[token.text].push_back({i, scopes.back()});
        }
      }
    }
  }

  bool IsBound(absl::string_view name, size_t i) const {
    // Of a name that is bound again and again only the nearest are looked at: every use of it comes
    // here.
    constexpr std::ptrdiff_t kNearest = 64;
    const auto found = bound_.find(name);
    if (found == bound_.end()) return false;
    const auto behind =
        std::upper_bound(found->second.begin(), found->second.end(), i,
                         [](size_t at, const HostRange& range) { return at < range.begin; });
    const std::ptrdiff_t before = std::min(behind - found->second.begin(), kNearest);
    return std::any_of(behind - before, behind, [&](const HostRange& range) {
      return i < range.end && around_[range.begin] == around_[i];
    });
  }

 private:
  // x = 1, x ||= 1, x += 1
  bool IsAssigned(size_t i) const {
    size_t at = i + 1;
    while (at < i + 3 && (program_[at].Is("|") || program_[at].Is("&") || program_[at].Is("+") ||
                          program_[at].Is("-") || program_[at].Is("*"))) {
      ++at;
    }
    const HostToken& before = program_[i - 1];
    const bool begins = before.text.empty() || before.kind == HostTokenKind::kNewline ||
                        before.Is(";") || before.Is("{") || before.Is("|") || before.IsName("do") ||
                        before.IsName("then") || before.IsName("else") || before.IsName("begin");
    return begins && program_[at].Is("=") && !program_[at + 1].Is("=") &&
           !program_[at + 1].Is("~") && !program_[at + 1].Is(">");
  }

  // rescue A, B => e
  bool IsRescue(size_t arrow) const {
    for (size_t i = arrow; i > 0 && arrow - i < 12; --i) {
      if (program_[i].kind == HostTokenKind::kNewline) return false;
      if (program_[i].IsName("rescue")) return true;
    }
    return false;
  }

  // Names in front of their defaults: a, *b, c: 1, d = 2, &e.
  void Parameters(HostRange list, size_t end) {
    for (const HostRange& part : program_.Parts(list)) {
      size_t i = part.begin;
      while (i < part.end && (program_[i].Is("*") || program_[i].Is("&"))) ++i;
      const HostToken& name = program_[i];
      if (i >= part.end) continue;
      const bool ends =
          i + 1 == part.end || program_[i + 1].Is("=") || name.kind == HostTokenKind::kLabel;
      if (ends && (IsLocalName(name) || name.kind == HostTokenKind::kLabel)) {
        bound_[name.text].push_back({i, end});
      }
    }
  }

  // Where an endless method ends at the latest.
  size_t EndOfLine(size_t i) const {
    constexpr size_t kLongest = 300;
    const size_t limit = std::min(program_.size(), i + kLongest);
    while (i < limit && program_[i].kind != HostTokenKind::kNewline && !program_[i].Is(";")) ++i;
    return i;
  }

  void Method(size_t def, size_t close) {
    size_t name = def + 1;
    if (program_.IsMember(name + 1)) name += 2;  // def self.x
    const size_t open = name + 1;
    if (program_[open].Is("(")) {
      if (program_.CloseOf(open) < program_.size()) {
        Parameters({open + 1, program_.CloseOf(open)}, close);
      }
      return;
    }
    constexpr size_t kLongest = 100;  // In tokens; what stands behind is bound by nothing then.
    size_t end = open;
    while (end < program_.size() && end < open + kLongest &&
           program_[end].kind != HostTokenKind::kNewline && !program_[end].Is(";") &&
           !program_[end].Is("=")) {
      ++end;
    }
    Parameters({open, end}, close);
  }

  // ->(a, b) { ... }
  void Lambda(size_t arrow) {
    const size_t open = arrow + 1;
    if (!program_[open].Is("(") || program_.CloseOf(open) >= program_.size()) return;
    const size_t body = program_.CloseOf(open) + 1;
    const bool block = program_[body].Is("{") || program_[body].IsName("do");
    if (block) Parameters({open + 1, body - 1}, program_.CloseOf(body));
  }

  const HostProgram& program_;
  std::vector<size_t> around_;  // Where each token's method, class or module begins.
  std::map<absl::string_view, std::vector<HostRange>> bound_;
};

// "age > ?", "created_at DESC", "a = :a AND b IN (?)": names, values, comparisons. Two words beside
// each other that are none of these ("a FOR UPDATE") are more than that, and so is a call.
bool IsPlainFragment(absl::string_view sql) {
  static constexpr absl::string_view kWords[] = {"and",   "asc", "between", "desc", "false",
                                                 "ilike", "in",  "is",      "like", "not",
                                                 "null",  "or",  "true"};
  enum { kNothing, kOperand, kSign } last = kNothing;
  bool word_only = false;  // A word that is no call only without a parenthesis behind it.
  for (size_t i = 0; i < sql.size();) {
    const char c = sql[i];
    const auto is_word = [](char b) {
      return absl::ascii_isalnum(static_cast<unsigned char>(b)) || b == '_' || b == '.';
    };
    if (absl::ascii_isspace(c)) {
      ++i;
    } else if (is_word(c) || c == ':' || c == '?') {
      size_t end = i + 1;
      while (end < sql.size() && is_word(sql[end])) ++end;
      const std::string word = absl::AsciiStrToLower(sql.substr(i, end - i));
      const bool sign = IsOneOf(word, kWords);
      word_only = sign && word != "in" && word != "and" && word != "or" && word != "not";
      if (!sign && last == kOperand) return false;
      last = sign ? kSign : kOperand;
      i = end;
    } else if (c == '\'') {
      const size_t end = sql.find('\'', i + 1);
      if (last == kOperand || end == absl::string_view::npos ||
          absl::StrContains(sql.substr(i, end - i), "\\")) {
        return false;
      }
      last = kOperand;
      i = end + 1;
    } else if (c == '(') {
      if (last == kOperand || word_only) return false;  // like(1)
      last = kSign;
      ++i;
    } else if (c == ')') {
      last = kOperand;
      ++i;
    } else if (absl::StrContains("=<>!,+%", sql.substr(i, 1))) {
      last = kSign;
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

class Checker {
 public:
  // `outer`: of code in a text, the program around it and where the text stands.
  Checker(const HostProgram& program, const HostTrust& trust, const Checker* outer = nullptr,
          size_t at = 0)
      : program_(program), trust_(trust), locals_(program), outer_(outer), at_(at) {
    for (size_t i = 0; i < program.size(); ++i) {
      const bool symbol = program[i].kind == HostTokenKind::kSymbol;
      if (symbol) symbols_.insert(program[i].text);
      has_own_errors_ = has_own_errors_ || program[i].text == "errors=" ||
                        (symbol && program[i].text == "errors");
    }
    FindMethods();
  }

  bool All() const {
    bool any = outer_ != nullptr;  // A file of nothing but values is no class of declarations.
    std::set<const char*> links;   // That were looked at with their chains.
    for (size_t i = 0; i < program_.size(); ++i) {
      const HostToken& token = program_[i];
      any = any || token.IsName("class") || token.IsName("module");
      if (!One(i, &links)) return false;
    }
    return any && program_.balanced();
  }

 private:
  bool One(size_t i, std::set<const char*>* links) const {
    const HostToken& token = program_[i];
    const HostToken& before = program_[i - 1];
    for (const StringPart& part : token.parts) {
      if (part.is_code && !absl::StartsWith(part.text, "\\") && !IsHarmless(part.text, i)) {
        return false;
      }
    }
    switch (token.kind) {
      case HostTokenKind::kOther:
        return !absl::StartsWith(token.text, "`") && !absl::StartsWith(token.text, "%x");
      case HostTokenKind::kSymbol:
        return !absl::StrContains(token.text, "#") && !absl::StrContains(token.text, "\"");
      case HostTokenKind::kLabel:
        return IsKnownLabel(i);
      case HostTokenKind::kPunct:
        // &:name hands a method over.
        if (token.Is("&") && program_[i + 1].kind == HostTokenKind::kSymbol) {
          return Computes(program_[i + 1].text);
        }
        if (!program_.BeginsReceiver(i)) return true;
        break;
      case HostTokenKind::kName:
      case HostTokenKind::kVariable:
        break;
      default:
        return true;
    }
    if (program_.IsMember(i - 1)) {
      // What is called on a text, number, list or hash.
      return links->count(token.text.data()) > 0 || Computes(token.text) ||
             (before.Is("::") && absl::ascii_isupper(token.text[0]) && !program_[i + 1].Is("("));
    }
    const std::optional<HostChain> chain = program_.ChainAt(i, program_.size());
    if (!chain.has_value()) {
      // Wiper(x) is a call; Array(x) is known.
      const bool called = token.kind == HostTokenKind::kName && program_[i + 1].Is("(") &&
                          program_[i + 1].offset == token.end && !before.IsName("def");
      return !called || IsHarmlessFunction(false, token.text);
    }
    for (const HostCall& call : chain->calls) links->insert(call.name.data());
    return IsKnown(*chain, i);
  }

  // puts(wipe:) calls wipe; validates :a, if: :wipe does later.
  bool IsKnownLabel(size_t i) const {
    static constexpr absl::string_view kCalled[] = {"after_add",     "after_remove", "before_add",
                                                    "before_remove", "extend",       "if",
                                                    "unless",        "with"};
    const HostToken& next = program_[i + 1];
    const bool alone = next.Is("}") || next.Is(",") || next.Is(")") || next.Is("]") ||
                       next.kind == HostTokenKind::kNewline || next.text.empty();
    if (alone) return IsBound(program_[i].text, i) || NamesAttribute(program_[i].text);
    if (!IsOneOf(program_[i].text, kCalled)) return true;
    if (next.Is("->") || next.IsName("lambda") || next.IsName("proc")) return true;
    return next.kind == HostTokenKind::kSymbol &&
           (IsOwn(next.text, i) || NamesAttribute(next.text));
  }

  // The code of an interpolation.
  bool IsHarmless(const std::string& code, size_t i) const {
    constexpr int kDeepest = 3;
    int depth = 0;
    for (const Checker* around = this; around != nullptr; around = around->outer_) ++depth;
    if (depth > kDeepest) return false;
    const auto program = HostProgram::Read(Dialect::kActiveRecordRuby, code);
    return program.ok() && Checker(*program, trust_, this, i).All();
  }

  bool IsBound(absl::string_view name, size_t i) const {
    return locals_.IsBound(name, i) || (outer_ != nullptr && outer_->IsBound(name, at_));
  }

  // A method that reads an attribute, or computes.
  static bool Computes(absl::string_view name) {
    const ModelMethod* method = FindModelMethod(name);
    if (method != nullptr) return method->role == MethodRole::kInMemory;
    return NamesAttribute(name) || IsPureHostFunction(name);
  }
  static bool AllCompute(const HostChain& chain, size_t from) {
    return std::all_of(chain.calls.begin() + static_cast<std::ptrdiff_t>(from), chain.calls.end(),
                       [](const HostCall& call) {
                         return call.op == HostOperator::kNone && !call.computed() &&
                                Computes(call.name);
                       });
  }

  bool IsKnown(const HostChain& chain, size_t i) const {
    if (chain.receiver_kind == Receiver::kClass) return IsKnownOfClass(chain);
    if (chain.receiver_kind == Receiver::kVariable) return IsKnownOfValue(chain, i);
    const HostCall& call = chain.calls[0];
    if (call.op != HostOperator::kNone || call.computed()) return false;
    if (call.bare() ? IsKnownWord(call.name, i) : IsKnownCall(call, i)) {
      return chain.calls.size() == 1 || Refines(chain, 1) || AllCompute(chain, 1);
    }
    return false;
  }

  bool IsKnownWord(absl::string_view name, size_t i) const {
    if (name == "yield" || name == "super") return false;
    return IsBound(name, i) || IsHarmlessFunction(false, name) || IsOwn(name, i) ||
           NamesAttribute(name) || IsOneOf(name, kOfSelf);
  }

  bool IsKnownCall(const HostCall& call, size_t i) const {
    // HostTrust looked at what these are given.
    static constexpr absl::string_view kMixins[] = {"after_find", "after_initialize", "extend",
                                                    "include",    "prepend",          "require"};
    if (call.name == "yield" || call.name == "super" || GivesUnseen(call)) return false;
    if (!call.has_parens && IsBound(call.name, i)) {
      // x [1], x -1; "wipe 1" calls.
      const HostToken& next = program_[i + 1];
      return !call.block.has_value() && (next.Is("[") || next.Is("-") || next.Is("*"));
    }
    const ModelMethod* method = FindModelMethod(call.name);
    if (method != nullptr && method->role != MethodRole::kInMemory) return IsRefinement(call);
    return IsHarmlessFunction(false, call.name) || IsOwn(call.name, i) ||
           IsOneOf(call.name, kMixins);
  }

  // A method of the very class around it, or what it keeps: attr_reader :name.
  bool IsOwn(absl::string_view name, size_t i) const {
    const auto found = methods_.find(name);
    return (found != methods_.end() && found->second.count(classes_[i]) > 0) ||
           (outer_ != nullptr && outer_->IsOwn(name, at_));
  }

  bool DefinesAny(absl::string_view name) const { return methods_.count(name) > 0; }

  void FindMethods() {
    static constexpr absl::string_view kKeeps[] = {"attr_accessor", "attr_reader"};
    classes_.assign(program_.size(), 0);
    std::vector<HostRange> open = {{0, program_.size()}};
    for (size_t i = 0; i < program_.size(); ++i) {
      const HostToken& token = program_[i];
      while (open.size() > 1 && i >= open.back().end) open.pop_back();
      const bool begins = (token.IsName("class") || token.IsName("module")) &&
                          !program_.IsMember(i - 1) && program_.CloseOf(i) < program_.size();
      if (begins) open.push_back({i, program_.CloseOf(i)});
      classes_[i] = open.back().begin;
      if (token.IsName("def")) {
        const size_t name = program_.IsMember(i + 2) ? i + 3 : i + 1;
        methods_[program_[name].text].insert(classes_[i]);
      } else if (token.kind == HostTokenKind::kName && IsOneOf(token.text, kKeeps)) {
        for (size_t k = i + 1; k < program_.size() && program_[k].kind != HostTokenKind::kNewline;
             ++k) {
          if (program_[k].kind == HostTokenKind::kSymbol) {
            methods_[program_[k].text].insert(classes_[i]);
          }
        }
      }
    }
  }

  // Rails' own validators, and what they are given; another name is a class that is not seen.
  static bool IsOfValidation(absl::string_view name) {
    static constexpr absl::string_view kNames[] = {
        "absence",    "acceptance",   "allow_blank", "allow_nil",    "associated",
        "comparison", "confirmation", "exclusion",   "format",       "if",
        "inclusion",  "length",       "message",     "numericality", "on",
        "presence",   "strict",       "unless",      "uniqueness"};
    return IsOneOf(name, kNames);
  }

  // scope :active, Active; before_save :wipe: what is called stands elsewhere.
  bool GivesUnseen(const HostCall& call) const {
    for (const HostRange& argument : call.arguments) {
      const HostToken& first = program_[argument.begin];
      const bool label = first.kind == HostTokenKind::kLabel;
      if (call.name == "validates" && label && !IsOfValidation(first.text)) return true;
      const bool constant = first.kind == HostTokenKind::kName && !first.text.empty() &&
                            absl::ascii_isupper(first.text[0]);
      if (call.name == "serialize" && constant) return true;
    }
    const bool hook = absl::StartsWith(call.name, "before_") ||
                      absl::StartsWith(call.name, "after_") ||
                      absl::StartsWith(call.name, "around_") || call.name == "validate" ||
                      call.name == "validates_with" || call.name == "default_scope";
    if (call.name != "scope" && !hook) return false;
    for (const HostRange& argument : call.arguments) {
      const HostToken& first = program_[argument.begin];
      const bool option = first.kind == HostTokenKind::kLabel;
      const bool name = first.kind == HostTokenKind::kSymbol && (!hook || DefinesAny(first.text));
      const bool code = first.Is("->") || first.IsName("lambda") || first.IsName("proc");
      if (!option && !name && !code) return true;
    }
    return false;
  }

  // where(active: true), order(:name): of a scope, or of a method of the class.
  bool Refines(const HostChain& chain, size_t from) const {
    return std::all_of(
        chain.calls.begin() + static_cast<std::ptrdiff_t>(from), chain.calls.end(),
        [&](const HostCall& call) { return call.op == HostOperator::kNone && IsRefinement(call); });
  }
  bool IsRefinement(const HostCall& call) const {
    const ModelMethod* method = FindModelMethod(call.name);
    if (method == nullptr || call.block.has_value() ||
        (method->role != MethodRole::kRefine && method->role != MethodRole::kRead)) {
      return false;
    }
    // A fragment of SQL that calls something would have to be read as such.
    return std::all_of(call.arguments.begin(), call.arguments.end(), [&](HostRange argument) {
      for (size_t i = argument.begin; i < argument.end; ++i) {
        for (const StringPart& part : program_[i].parts) {
          if (!part.is_code && !IsPlainFragment(part.text)) return false;
        }
      }
      return true;
    });
  }

  bool IsKnownOfClass(const HostChain& chain) const {
    const HostCall& first = chain.calls[0];
    if (IsModelClass(chain.receiver) || FunctionOf(program_, chain) != nullptr) return false;
    const bool made = ReviewOfClass(chain.receiver, first.name) == OfClass::kHarmless ||
                      (ReviewOfClass(chain.receiver, first.name) == OfClass::kNotReviewed &&
                       (first.name == "new" || Computes(first.name)));
    return made && first.op == HostOperator::kNone && AllCompute(chain, 1);
  }

  bool IsKnownOfValue(const HostChain& chain, size_t i) const {
    const absl::string_view receiver = chain.receiver;
    const absl::string_view name = receiver.substr(0, receiver.find('['));
    if (name == "errors" || (name == "self" && chain.calls[0].name == "errors")) {
      return IsOfErrors(chain, name == "self" ? 1 : 0);
    }
    const bool known = name.empty() || receiver[0] == '(' || receiver[0] == '@' || name == "self" ||
                       IsOneOf(name, kOfSelf) || IsBound(name, i) || NamesAttribute(name);
    if (!known) return false;
    for (size_t link = 0; link < chain.calls.size(); ++link) {
      const HostCall& call = chain.calls[link];
      // self.email = x; what may be an association reaches the database.
      // Nor is it one that the class names: has_one :cover.
      const bool set = call.op == HostOperator::kAssign && link == 1 && name == "self" &&
                       NamesAttribute(chain.calls[0].name) &&
                       !NamesCollection(chain.calls[0].name) &&
                       symbols_.count(chain.calls[0].name) == 0;
      const bool own = link == 0 && name == "self" && IsOwn(call.name, i);
      const bool reads = call.op == HostOperator::kNone && !call.computed() && Computes(call.name);
      const bool setter = link == 0 && name == "self" && chain.calls.size() == 2 &&
                          chain.calls[1].op == HostOperator::kAssign;
      if (!set && !own && !reads && !setter) return false;
    }
    return true;
  }

  // errors.add(:total, "..."): Rails' list of them, unless the class has an association so called.
  bool IsOfErrors(const HostChain& chain, size_t link) const {
    static constexpr absl::string_view kNames[] = {"add",           "any?", "empty?",
                                                   "full_messages", "size", "full_messages_for"};
    return !has_own_errors_ && chain.calls.size() == link + 1 &&
           chain.calls[link].op == HostOperator::kNone && IsOneOf(chain.calls[link].name, kNames) &&
           methods_.count("errors") == 0;
  }

  static constexpr absl::string_view kOfSelf[] = {"object", "params", "self"};

  const HostProgram& program_;
  const HostTrust& trust_;
  const Locals locals_;
  const Checker* outer_;
  const size_t at_;
  bool has_own_errors_ = false;
  std::set<absl::string_view> symbols_;
  std::vector<size_t> classes_;                            // Around each token.
  std::map<absl::string_view, std::set<size_t>> methods_;  // In which classes they are defined.
};

}  // namespace

bool OnlyDeclaresRuby(const HostProgram& program, const HostTrust& trust) {
  return Checker(program, trust).All();
}

}  // namespace dbfleet::sql
