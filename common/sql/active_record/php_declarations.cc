#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_declarations.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/query_builder.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// What a model says of itself: Eloquent's relations, and what JSON resources show. In lower case.
// Source: Laravel's documentation, "Eloquent: Relationships" and "Eloquent: API Resources".
bool IsOfModel(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "belongsto", "belongstomany", "hasmany",       "hasmanythrough",
      "hasone",    "hasonethrough", "morphedbymany", "morphmany",
      "morphone",  "morphto",       "morphtomany",   "whencounted",
      "whenhas",   "whenloaded",    "whennotnull",   "whenpivotloaded"};
  return IsOneOf(name, kNames);
}

// What is said of a relation.
bool IsOfRelation(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "as",    "chaperone",   "latestofmany", "ofmany",     "oldestofmany",
      "using", "withdefault", "withpivot",    "wherepivot", "withtimestamps"};
  return IsOneOf(name, kNames);
}

// Classes whose constructors only keep what they are given; a subclass has a name of its own.
bool IsMadeHarmlessly(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"ArrayCollection",
                                                 "ArrayIterator",
                                                 "ArrayObject",
                                                 "BadMethodCallException",
                                                 "DateInterval",
                                                 "DateTime",
                                                 "DateTimeImmutable",
                                                 "DateTimeZone",
                                                 "DomainException",
                                                 "Exception",
                                                 "InvalidArgumentException",
                                                 "LengthException",
                                                 "LogicException",
                                                 "OutOfBoundsException",
                                                 "OutOfRangeException",
                                                 "OverflowException",
                                                 "RangeException",
                                                 "RuntimeException",
                                                 "SplObjectStorage",
                                                 "UnexpectedValueException",
                                                 "WP_Query",
                                                 "stdClass"};
  return IsOneOf(name, kNames);
}

// Words that run, load or reach something, whatever stands behind them.
bool IsRefused(absl::string_view word) {
  static constexpr absl::string_view kNames[] = {
      "clone",   "declare",      "eval",    "global",       "goto",
      "include", "include_once", "require", "require_once", "yield"};
  return IsOneOf(absl::AsciiStrToLower(word), kNames);
}

// "$x", "$x->y", "{$x['y']}": nothing is called.
bool IsShown(absl::string_view code) {
  code = absl::StripAsciiWhitespace(code);
  if (absl::StartsWith(code, "\\")) return true;  // An escape.
  if (absl::ConsumePrefix(&code, "{") && !absl::ConsumeSuffix(&code, "}")) return false;
  if (!absl::ConsumePrefix(&code, "$")) return false;
  return std::all_of(code.begin(), code.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("_->[]'\"", absl::string_view(&c, 1));
  });
}

class Checker {
 public:
  Checker(const HostProgram& program, const HostTrust& trust) : program_(program), trust_(trust) {
    size_t class_end = 0;
    for (size_t i = 0; i < program.size(); ++i) {
      const HostToken& token = program[i];
      // It is a parameter, and nothing else.
      if (token.text == "$request") {
        const HostToken& before = program[i - 1];
        const bool parameter = before.kind == HostTokenKind::kName || before.Is("(") ||
                               before.Is(",") || before.Is("?");
        request_bound_ = request_bound_ || (!program[i + 1].Is("->") && !parameter) ||
                         program[i + 1].Is("=") || before.IsName("as") || before.IsName("global") ||
                         before.IsName("static");
      }
      if (token.kind != HostTokenKind::kName || program.IsMember(i - 1)) continue;
      if (token.text == "namespace") namespaced_ = true;
      if (token.text == "class" || token.text == "trait" || token.text == "enum") {
        size_t open = i + 1;
        while (open < i + 30 && open < program.size() && !program[open].Is("{")) ++open;
        if (program[open].Is("{")) class_end = std::max(class_end, program.CloseOf(open));
      }
      if (token.text != "use" || program[i + 1].Is("(")) continue;
      if (i < class_end) {
        traits_.push_back(i);
      } else {
        Import(i);
      }
    }
  }

  bool All() {
    FindMethods();
    bool any = false;             // A file of nothing but values is no class of declarations.
    std::set<const char*> links;  // That were looked at with their chains.
    for (size_t i = 0; i < program_.size(); ++i) {
      const HostToken& token = program_[i];
      any = any || token.IsName("class") || token.IsName("trait") || token.IsName("WP_Query") ||
            token.IsName("enum") || token.IsName("interface") || token.IsName("get_posts");
      if (token.Is("#") && program_[i + 1].Is("[")) {
        i = program_.CloseOf(i + 1);  // PHP's attributes hold constants.
        continue;
      }
      if (!One(i, &links)) return false;
    }
    return any && !too_long_ && std::all_of(traits_.begin(), traits_.end(), [&](size_t use) {
             return IsTraitOfFramework(use);
           });
  }

 private:
  void Import(size_t use) {
    std::string space;
    for (size_t i = use + 1; i < program_.size() && !program_[i].Is(";"); ++i) {
      if (i > use + kLongestImport) too_long_ = true;
      if (too_long_) return;
      const HostToken& token = program_[i];
      if (program_[i + 1].Is("{")) space = absl::StrCat(token.text, "\\");
      if (token.kind != HostTokenKind::kName || token.text == "as") continue;
      // use A as B: B is what nobody knows.
      const std::string full =
          program_[i - 1].IsName("as") ? "?\\" : absl::StrCat(space, token.text);
      const size_t last = token.text.rfind('\\');
      imports_[absl::AsciiStrToLower(
          token.text.substr(last == absl::string_view::npos ? 0 : last + 1))] = full;
    }
  }

  // Whether a class is the one of PHP or of a framework that has the name.
  bool IsTheOne(absl::string_view name) const {
    static constexpr absl::string_view kFrameworks[] = {"Carbon", "Doctrine", "Illuminate",
                                                        "Laravel", "Symfony"};
    const bool global = absl::ConsumePrefix(&name, "\\");
    if (absl::StrContains(name, "\\")) return false;
    if (global) return true;
    const auto import = imports_.find(absl::AsciiStrToLower(name));
    if (import == imports_.end()) return !namespaced_;
    absl::string_view full = import->second;
    absl::ConsumePrefix(&full, "\\");
    return absl::EqualsIgnoreCase(full, name) ||
           IsOneOf(full.substr(0, full.find('\\')), kFrameworks);
  }

  // class A { use HasFactory, SoftDeletes; }
  bool IsTraitOfFramework(size_t use) const {
    for (size_t i = use + 1; i < program_.size() && !program_[i].Is(";"); ++i) {
      if (i > use + kLongestImport) return false;
      const HostToken& token = program_[i];
      if (token.Is(",")) continue;
      const bool imported = imports_.count(absl::AsciiStrToLower(token.text)) > 0;
      if (token.kind != HostTokenKind::kName || !imported || !IsTheOne(token.text)) return false;
    }
    return true;
  }

  bool One(size_t i, std::set<const char*>* links) const {
    const HostToken& token = program_[i];
    const HostToken& before = program_[i - 1];
    for (const StringPart& part : token.parts) {
      if (part.is_code && !IsShown(part.text)) return false;
    }
    switch (token.kind) {
      case HostTokenKind::kOther:
        return false;
      case HostTokenKind::kPunct:
        // What a value is called as: $f(1), 'f'(1), [$a, 'f'](), f()().
        return !token.Is("$") &&
               !(token.Is("(") && (before.kind == HostTokenKind::kVariable ||
                                   before.kind == HostTokenKind::kString || before.Is(")") ||
                                   before.Is("]") || before.Is("}")));
      case HostTokenKind::kVariable:
        break;
      case HostTokenKind::kName:
        if (IsStrictTypes(i)) return true;
        if (IsRefused(token.text) && !program_.IsMember(i - 1) && !before.IsName("function"))
          return false;
        if (token.text == "new" && !program_.IsMember(i - 1) && !IsMade(i)) return false;
        break;
      default:
        return true;
    }
    if (program_.IsMember(i - 1)) {
      // What is called on what stands in parentheses, on a text, on a list.
      return !program_[i + 1].Is("(") || links->count(token.text.data()) > 0;
    }
    if (before.IsName("function")) return true;
    const std::optional<HostChain> chain = program_.ChainAt(i, program_.size());
    if (!chain.has_value()) return true;
    for (const HostCall& call : chain->calls) links->insert(call.name.data());
    return IsKnown(*chain);
  }

  // declare(strict_types=1)
  bool IsStrictTypes(size_t i) const {
    return program_[i].IsName("declare") && program_[i + 1].Is("(") &&
           program_[i + 2].IsName("strict_types") && program_[i + 3].Is("=") &&
           program_[i + 4].kind == HostTokenKind::kNumber && program_[i + 5].Is(")");
  }

  bool IsMade(size_t i) const {
    absl::string_view name = program_[i + 1].text;
    if (program_[i + 1].kind != HostTokenKind::kName || !IsTheOne(name)) return false;
    absl::ConsumePrefix(&name, "\\");
    return IsMadeHarmlessly(name);
  }

  static bool AllShown(const HostChain& chain, size_t from) {
    return std::all_of(chain.calls.begin() + static_cast<std::ptrdiff_t>(from), chain.calls.end(),
                       [](const HostCall& call) { return call.is_property; });
  }
  static bool AllCompute(const HostChain& chain, size_t from) {
    return std::all_of(chain.calls.begin() + static_cast<std::ptrdiff_t>(from), chain.calls.end(),
                       [](const HostCall& call) {
                         return !call.computed() &&
                                (call.is_property || IsPureHostFunction(call.name));
                       });
  }

  bool IsKnown(const HostChain& chain) const {
    if (std::any_of(chain.calls.begin(), chain.calls.end(),
                    [](const HostCall& call) { return call.computed(); })) {
      return false;
    }
    switch (chain.receiver_kind) {
      case Receiver::kNone:
        return FunctionOf(program_, chain) == nullptr && trust_.Knows(chain.calls[0].name) &&
               AllCompute(chain, 1);
      case Receiver::kClass:
        return IsKnownOfClass(chain);
      case Receiver::kVariable:
        break;
    }
    if (AllShown(chain, 0)) return true;
    const std::string name = absl::AsciiStrToLower(chain.calls[0].name);
    if (chain.receiver == "$request" && !request_bound_) return AllCompute(chain, 0);
    if (chain.receiver != "$this") {
      return chain.calls.size() == 1 && (name == "have_posts" || name == "the_post") &&
             HoldsPosts(chain.receiver);
    }
    // $this->label(): it stands in the very class.
    if (IsOwn(name, chain.range.begin)) return AllCompute(chain, 1);
    return IsOfModel(name) && !chain.calls[0].is_property &&
           std::all_of(
               chain.calls.begin() + 1, chain.calls.end(),
               [&](const HostCall& call) {
                 return !call.is_property &&
                        (IsOfRelation(absl::AsciiStrToLower(call.name)) || IsPlainOrder(call));
               }) &&
           std::all_of(chain.calls.begin(), chain.calls.end(),
                       [&](const HostCall& call) { return GivesValues(call); });
  }

  // ->orderBy('name', 'desc'), ->latest()
  bool IsPlainOrder(const HostCall& call) const {
    static constexpr absl::string_view kNames[] = {"latest", "oldest", "orderby", "orderbydesc"};
    return IsOneOf(absl::AsciiStrToLower(call.name), kNames) &&
           std::all_of(call.arguments.begin(), call.arguments.end(), [&](HostRange argument) {
             const std::optional<std::string> word = ReadWord(program_, argument);
             return word.has_value() && IsPlainColumn(*word);
           });
  }

  // Whatever is called of what whenLoaded('posts', ...) and withDefault(...) are given is seen.
  bool GivesValues(const HostCall& call) const {
    const std::string name = absl::AsciiStrToLower(call.name);
    const bool calls = absl::StartsWith(name, "when") || name == "withdefault";
    for (const HostRange& argument : call.arguments) {
      const HostToken& first = program_[argument.begin];
      const bool key = name != "withdefault" && &argument == &call.arguments[0];
      const bool value = first.Is("[") || first.IsName("fn") || first.IsName("function") ||
                         first.text == "$this" || first.kind == HostTokenKind::kNumber ||
                         (first.kind == HostTokenKind::kString && key);
      if (calls && !value) return false;
    }
    return true;
  }

  bool IsKnownOfClass(const HostChain& chain) const {
    static constexpr absl::string_view kOfParent[] = {"__construct", "boot", "booted", "toarray"};
    const HostCall& first = chain.calls[0];
    const std::string name = absl::AsciiStrToLower(first.name);
    // (new A)->b(): what is made is looked at where it is made.
    if (program_[chain.range.begin].Is("(") || program_[chain.range.begin].IsName("new")) {
      return AllShown(chain, 0);
    }
    if (first.is_property) return AllShown(chain, 1);  // A::class, self::LIMIT
    if (chain.receiver == "self" || chain.receiver == "static") {
      return IsOwn(name, chain.range.begin) && chain.calls.size() == 1;
    }
    if (chain.receiver == "parent") return IsOneOf(name, kOfParent) && chain.calls.size() == 1;
    if (IsResourceCall(chain)) return true;
    if (!IsTheOne(chain.receiver)) return false;
    if (chain.receiver == "Attribute") {
      return name == "make" && chain.calls.size() == 1 && GivesClosures(first);
    }
    static constexpr absl::string_view kOfTime[] = {"Carbon", "CarbonImmutable"};
    return IsOneOf(chain.receiver, kOfTime) && IsPureHostFunction(name) && AllCompute(chain, 1);
  }

  // A method with a body of the class around the token.
  bool IsOwn(const std::string& name, size_t i) const {
    const auto found = methods_.find(name);
    return found != methods_.end() && found->second.count(classes_[i]) > 0;
  }

  void FindMethods() {
    classes_.assign(program_.size(), 0);
    std::vector<HostRange> open = {{0, program_.size()}};
    for (size_t i = 0; i < program_.size(); ++i) {
      const HostToken& token = program_[i];
      while (open.size() > 1 && i >= open.back().end) open.pop_back();
      const bool begins =
          !program_.IsMember(i - 1) && (token.IsName("class") || token.IsName("trait") ||
                                        token.IsName("enum") || token.IsName("interface"));
      size_t body = i + 1;
      while (begins && body < i + 60 && body < program_.size() && !program_[body].Is("{")) ++body;
      if (begins && program_[body].Is("{") && program_.CloseOf(body) < program_.size()) {
        open.push_back({i, program_.CloseOf(body)});
      }
      classes_[i] = open.back().begin;
      if (!token.IsName("function") || open.size() == 1) continue;
      const size_t name = program_[i + 1].Is("&") ? i + 2 : i + 1;
      size_t end = program_[name + 1].Is("(") ? program_.CloseOf(name + 1) : program_.size();
      while (end < program_.size() && !program_[end].Is("{") && !program_[end].Is(";")) ++end;
      if (program_[end].Is("{")) {
        methods_[absl::AsciiStrToLower(program_[name].text)].insert(classes_[i]);
      }
    }
  }

  // Eloquent's Attribute::make(get: fn ($v) => ...): what else it may call is not seen.
  bool GivesClosures(const HostCall& call) const {
    return std::all_of(call.arguments.begin(), call.arguments.end(), [&](HostRange argument) {
      const size_t value =
          program_[argument.begin + 1].Is(":") ? argument.begin + 2 : argument.begin;
      return program_[value].IsName("fn") || program_[value].IsName("function") ||
             (program_[value].IsName("static") && !program_[value + 1].Is("::"));
    });
  }

  // Every mention of the variable makes it, or shows something of WordPress' posts.
  bool HoldsPosts(absl::string_view variable) const {
    constexpr size_t kMostTokens = 20'000;  // Each use looks through the whole program.
    if (program_.size() > kMostTokens) return false;
    for (size_t i = 0; i < program_.size(); ++i) {
      if (program_[i].text != variable) continue;
      const bool made = program_[i + 1].Is("=") && program_[i + 2].IsName("new") &&
                        program_[i + 3].IsName("WP_Query") &&
                        (program_[i - 1].Is(";") || program_[i - 1].text.empty() ||
                         program_[i - 1].Is("{") || program_[i - 1].Is("}"));
      const bool shows = program_[i + 1].Is("->") && (program_[i + 2].IsName("have_posts") ||
                                                      program_[i + 2].IsName("the_post"));
      if (!made && !shows) return false;
    }
    return true;
  }

  const HostProgram& program_;
  const HostTrust& trust_;
  static constexpr size_t kLongestImport = 300;  // In tokens; longer ones are not understood.
  bool too_long_ = false;
  bool namespaced_ = false;
  bool request_bound_ = false;
  std::map<std::string, std::string> imports_;  // By their last names.
  std::vector<size_t> traits_;
  std::vector<size_t> classes_;                      // Around each token.
  std::map<std::string, std::set<size_t>> methods_;  // In which classes they stand.
};

}  // namespace

bool OnlyDeclaresPhp(const HostProgram& program, const HostTrust& trust) {
  return Checker(program, trust).All();
}

}  // namespace dbfleet::sql
