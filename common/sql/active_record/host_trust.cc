#include "common/sql/active_record/host_trust.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/called_back.h"
#include "common/sql/active_record/framework_calls.h"
#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_files.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_import.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_settings.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kOwn[] = {"parent", "self", "static"};

std::string Shown(absl::string_view name) { return SanitizeForDisplay(Truncate(name, 60)); }

std::string NotKnown(absl::string_view name) {
  return absl::StrCat("calls ", Shown(name), ", which is not known and may write");
}

// Of a method: what the table has is judged by it, so that it is known, if only it is that one.
std::string NotSeenWhose(absl::string_view method) {
  if (FindModelMethod(absl::AsciiStrToLower(method)) == nullptr) return NotKnown(method);
  return absl::StrCat("calls ", Shown(method),
                      ", which is judged as ActiveRecord's: whether it is that method is not seen");
}

absl::string_view LastOf(absl::string_view name) {
  const size_t space = name.find_last_of(":\\");
  return space == absl::string_view::npos ? name : name.substr(space + 1);
}

// STORE.get("a"): ActiveRecord has no such method, but clients of Redis and the like do.
std::string DoubtOfStoreInConstant(const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {
      "decr",    "decrby", "del",  "expire", "get",    "getset", "hdel",  "hget",
      "hgetall", "hmget",  "hset", "incr",   "incrby", "lpop",   "lpush", "lrange",
      "mget",    "mset",   "rpop", "rpush",  "sadd",   "setex",  "setnx", "smembers",
      "srem",    "ttl",    "zadd", "zrange", "zrem"};
  const absl::string_view name = chain.receiver;
  const bool capitals = std::any_of(name.begin(), name.end(), absl::ascii_isupper) &&
                        std::none_of(name.begin(), name.end(), absl::ascii_islower);
  if (!capitals || !IsOneOf(chain.calls[0].name, kNames) || !IsModelClass(name)) return "";
  return absl::StrCat("calls ", Shown(chain.calls[0].name), " of ", Shown(name),
                      ", by its name no model of ActiveRecord but a client of a store as Redis");
}

// A name of which the reader assumes what stands behind it.
bool IsTrusted(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "DB", "Mysql2", "PDO", "PG", "R", "Schema", "Sequel", "SQLite3", "PDOStatement", "mysqli"};
  return std::any_of(
             std::begin(kNames), std::end(kNames),
             [&](absl::string_view known) { return absl::EqualsIgnoreCase(known, name); }) ||
         NamesNoModel(name) || !IsModelClass(name) ||
         ReviewOfClass(name, "") != OfClass::kNotReviewed;
}

bool IsFramework(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"Carbon",     "Doctrine",   "GuzzleHttp",
                                                 "Illuminate", "Laravel",    "Monolog",
                                                 "Psr",        "RedBeanPHP", "Symfony"};
  while (!name.empty() && name[0] == '\\') name.remove_prefix(1);
  const size_t space = name.find('\\');
  return space == absl::string_view::npos || IsOneOf(name.substr(0, space), kNames);
}

// function cancel($o): bool { ... }, but not abstract function cancel($o);
bool HasBody(const HostProgram& program, size_t function) {
  constexpr size_t kLongestHead = 1000;  // In tokens.
  for (size_t i = function + 1; i < program.size() && i < function + kLongestHead; ++i) {
    if (program[i].Is("{")) return true;
    if (program[i].Is(";")) return false;
    if (program[i].Is("(") && program.CloseOf(i) < program.size()) i = program.CloseOf(i);
  }
  return false;
}

bool IsIncluding(const HostToken& token) {
  static constexpr absl::string_view kNames[] = {"include", "include_once", "require",
                                                 "require_once"};
  return token.kind == HostTokenKind::kName && IsOneOf(absl::AsciiStrToLower(token.text), kNames);
}

}  // namespace

HostTrust::HostTrust(const HostProgram& program, const HostVariables& variables)
    : program_(program),
      variables_(variables),
      names_(std::make_shared<const Names>(NamesOf(program))) {}

HostTrust::Names HostTrust::NamesOf(const HostProgram& program) {
  Names names;
  size_t class_end = 0;  // Of PHP: methods are no functions.
  for (size_t i = 0; i < program.size(); ++i) {
    const HostToken& token = program[i];
    const HostToken& next = program[i + 1];
    if (token.kind != HostTokenKind::kName) continue;
    if (program.php()) {
      if (token.text == "class" || token.text == "trait" || token.text == "interface") {
        size_t open = i + 1;
        while (open < i + 30 && open < program.size() && !program[open].Is("{")) ++open;
        if (program[open].Is("{")) class_end = std::max(class_end, program.CloseOf(open));
      } else if (token.text == "function") {
        const std::string name = absl::AsciiStrToLower((next.Is("&") ? program[i + 2] : next).text);
        // An abstract method is none: who extends the class says what it does.
        if (HasBody(program, i)) names.methods.insert(name);
        if (i >= class_end) names.functions.insert(name);
      }
      continue;
    }
    if (token.text == "def") {
      const bool own = program[i + 2].Is(".");
      names.functions.insert(std::string(program[own ? i + 3 : i + 1].text));
    } else if (token.text == "class") {
      names.has_class = true;
      for (size_t k = i + 1; k < i + 8 && program[k].kind != HostTokenKind::kNewline; ++k) {
        names.controller = names.controller || absl::EndsWith(program[k].text, "Controller");
        names.migration =
            names.migration || (program[k].Is("::") && program[k + 1].IsName("Migration") &&
                                program[k - 1].IsName("ActiveRecord"));
      }
    } else if (token.text == "scope" && next.kind == HostTokenKind::kSymbol) {
      names.scopes.insert(std::string(next.text));
    } else if (token.text == "module") {
      names.modules.insert(std::string(next.text));
    } else if (absl::StartsWith(token.text, "attr_") || token.text == "define_method" ||
               token.text == "delegate") {
      for (size_t k = i + 1;
           k < i + 40 && k < program.size() && program[k].kind != HostTokenKind::kNewline; ++k) {
        if (program[k].kind == HostTokenKind::kSymbol) {
          names.functions.insert(std::string(program[k].text));
        }
      }
    } else if (absl::ascii_isupper(token.text[0]) &&
               (next.Is(".") || next.Is("&.") || next.Is("[") || next.Is("::"))) {
      names.receivers.insert(std::string(token.text));
    }
  }
  return names;
}

bool HostTrust::Knows(absl::string_view name) const {
  const bool php = program_.php();
  return names_->functions.count(php ? absl::AsciiStrToLower(name) : std::string(name)) > 0 ||
         IsHarmlessFunction(php, name);
}

bool HostTrust::Defines(absl::string_view name) const {
  return program_.php() ? names_->methods.count(absl::AsciiStrToLower(name)) > 0
                        : names_->functions.count(name) > 0;
}

std::string HostTrust::DoubtOf(absl::string_view method) {
  return method.empty() ? "" : NotSeenWhose(method);
}

// Sequel.function(:archive), :archive.sql_function, Arel::Nodes::NamedFunction.new("archive", []):
// a call that the server makes wherever the value is handed to.
std::string HostTrust::DoubtOfServerCall(const HostChain& chain) const {
  if (program_.php()) return "";
  const bool sequel = absl::StartsWith(chain.receiver, "Sequel");
  for (const HostCall& call : chain.calls) {
    if (call.name == "sql_function" || (sequel && call.name == "function")) {
      return absl::StrCat("makes a call of one of the server's functions (", call.name,
                          "), which is not known to only compute");
    }
  }
  const bool node = absl::StartsWith(chain.receiver, "Arel::Nodes") && chain.calls[0].name == "new";
  return node ? "makes SQL of Arel's nodes by hand, which is not looked into" : "";
}

std::string HostTrust::DoubtOfCall(const HostChain& chain) const {
  if (std::string doubt = DoubtOfServerCall(chain); !doubt.empty()) return doubt;
  for (const HostCall& one : chain.calls) {
    std::string doubt = program_.php() ? DoubtOfArguments(one) : DoubtOfPattern(one);
    if (doubt.empty()) doubt = DoubtOfArguments(one);
    if (doubt.empty()) doubt = DoubtOfOption(program_, one);
    if (doubt.empty() && program_.php()) doubt = DoubtOfCallback(one);
    if (!doubt.empty()) return doubt;
  }
  if (std::string doubt = DoubtOfStore(program_, chain); !doubt.empty()) return doubt;
  const HostCall& call = chain.calls[0];
  if (call.op != HostOperator::kNone) return "";
  const bool own = names_->methods.count(absl::AsciiStrToLower(call.name)) > 0;
  if (std::string doubt = DoubtOfFramework(program_, chain, variables_, own); !doubt.empty())
    return doubt;
  if (const HostFunction* function = FunctionOf(program_, chain); function != nullptr) {
    return function->role == MethodRole::kCallable ? DoubtOfCallable(call) : "";
  }
  if (program_.php() && IsOneOf(chain.receiver, kOwn)) {
    return DoubtOfOwn(call, chain.receiver == "parent");
  }
  if (chain.receiver_kind == Receiver::kClass) return DoubtOfClass(chain);
  if (chain.receiver_kind != Receiver::kNone) return "";
  if (program_[chain.range.begin - 1].IsName("def")) return "";
  return DoubtOfFunction(call, chain);
}

// fetchAll(PDO::FETCH_FUNC, 'purge'), new(init_command: '...'), render(inline: '<% ... %>')
std::string HostTrust::DoubtOfArguments(const HostCall& call) const {
  for (const HostRange& argument : call.arguments) {
    for (size_t i = argument.begin; i < argument.end; ++i) {
      const HostToken& token = program_[i];
      if (std::string doubt = DoubtOfSetting(program_, i); !doubt.empty()) return doubt;
      if (token.kind == HostTokenKind::kLabel && token.text == "inline" &&
          absl::EqualsIgnoreCase(call.name, "render")) {
        return "runs the code of a text";
      }
    }
  }
  return "";
}

std::string HostTrust::DoubtOfFunction(const HostCall& call, const HostChain& chain) const {
  const bool php = program_.php();
  const std::string name = php ? absl::AsciiStrToLower(call.name) : std::string(call.name);
  if ((name == "open" && !php) || (name == "fopen" && php)) {
    return DoubtOfOpening(program_, chain);
  }
  // optional($user)->name; what else is called on it is called on the record.
  const bool shown = std::all_of(chain.calls.begin() + 1, chain.calls.end(),
                                 [](const HostCall& next) { return next.is_property; });
  if (php && name == "optional" && !shown) return NotKnown(call.name);
  // optional($user, $f)
  if (php && name == "optional" && call.arguments.size() > 1) {
    return DoubtOfCallable(call.arguments[1], name);
  }
  if (std::string doubt = DoubtOfCalledBack(program_, call, name); !doubt.empty()) return doubt;
  if (Knows(name)) return "";
  return php ? NotKnown(call.name) : DoubtOfRubyWord(call, chain);
}

std::string HostTrust::DoubtOfRubyWord(const HostCall& call, const HostChain& chain) const {
  const absl::string_view name = call.name;
  const bool taken = (in_text_ && name.back() != '!') || !program_.IsWholeStatement(chain.range);
  if (name.empty() || (call.bare() && taken)) return "";
  // A variable, and what is done with it.
  if (!call.has_parens && !call.block.has_value() && variables_.IsBound(name)) return "";
  if (name == "include" || name == "extend" || name == "prepend") return DoubtOfMixin(call);
  // Pundit's guard, and Rails' answer for what did not change: of a controller only, since a
  // payment may be authorized, too.
  if (names_->controller && (name == "authorize" || name == "fresh_when")) return "";
  if (name == "require" && call.arguments.size() == 1) {
    const HostText text = ReadHostText(program_, call.arguments[0], {});
    const bool library = text.known && !text.concatenates && !text.value.empty() &&
                         absl::ascii_isalpha(text.value[0]);
    return library ? "" : "loads a file that is not seen";
  }
  if (name == "after_find" || name == "after_initialize") {
    // Bound to every read.
    for (const HostRange& argument : call.arguments) {
      const HostToken& first = program_[argument.begin];
      const bool own =
          first.kind == HostTokenKind::kSymbol && names_->functions.count(first.text) > 0;
      if (!own && !first.Is("->"))
        return absl::StrCat(name, " calls at each read what is not seen");
    }
    return "";
  }
  // create_table, add_column: of a migration, or of a piece of one that stands in no class.
  const ModelMethod* method = FindModelMethod(name);
  const bool schema = method != nullptr && method->role == MethodRole::kSchema;
  return schema && (names_->migration || !names_->has_class) ? "" : NotSeenWhose(name);
}

// What a module that stands elsewhere puts in the place of trusted methods is not seen.
std::string HostTrust::DoubtOfMixin(const HostCall& call) const {
  static constexpr absl::string_view kKnown[] = {"ActionView",    "ActiveModel", "ActiveRecord",
                                                 "ActiveSupport", "Comparable",  "Enumerable",
                                                 "Forwardable",   "Singleton"};
  for (const HostRange& argument : call.arguments) {
    const absl::string_view name = program_[argument.begin].text;
    const bool known = IsOneOf(name.substr(0, name.find(':')), kKnown) && call.name != "prepend";
    if (!known && names_->modules.count(name) == 0) {
      return absl::StrCat("mixes in ", Shown(name), ", which is not seen here");
    }
  }
  return "";
}

// self::purge(), parent::boot(): what the program does not define stands elsewhere.
std::string HostTrust::DoubtOfOwn(const HostCall& call, bool parents) const {
  static constexpr absl::string_view kFrameworks[] = {
      "__call", "__callstatic", "__construct", "__destruct", "__get", "__set",    "boot",
      "booted", "configure",    "register",    "rules",      "setup", "teardown", "toarray"};
  const std::string name = absl::AsciiStrToLower(call.name);
  const bool known = call.is_property || (!parents && names_->methods.count(name) > 0) ||
                     IsOneOf(name, kFrameworks) || FindModelMethod(name) != nullptr ||
                     call.computed();
  return known ? "" : NotKnown(call.name);
}

// A class that may be a model is called as one: what of it is not in the table is emitted anyway.
std::string HostTrust::DoubtOfClass(const HostChain& chain) const {
  static constexpr absl::string_view kReachOut[] = {"ERB",      "Http",  "Net",
                                                    "Pathname", "Redis", "Storage"};
  static constexpr absl::string_view kWrites[] = {
      "binwrite", "chmod",  "chown", "del",      "delete",  "lchmod", "make_link", "make_symlink",
      "mkdir",    "mkpath", "patch", "post",     "prepend", "put",    "rename",    "result",
      "rmdir",    "rmtree", "set",   "truncate", "unlink",  "utime",  "write"};
  const HostCall& call = chain.calls[0];
  if (call.is_property) return "";
  const std::string name = absl::StrCat(chain.receiver, ".", call.name);
  if (std::string doubt = DoubtOfOpening(program_, chain); !doubt.empty()) return doubt;
  const bool path = chain.receiver == "Rails" && call.name == "root";
  switch (ReviewOfClass(chain.receiver, call.name)) {
    case OfClass::kNotReviewed:
      if (path) break;
      // Of Net::HTTP the chain that begins inside is none.
      return program_.php() || program_[chain.range.begin - 1].Is("::") ||
                     OnlyReadsConstantOfRedis(program_, chain)
                 ? ""
                 : DoubtOfStoreInConstant(chain);
    case OfClass::kUnknown:
      return NotKnown(name);
    case OfClass::kHarmless:
      break;
  }
  const absl::string_view family = FamilyOf(chain.receiver);
  const bool family_of_queue = program_.php() && family == "Queue";
  // Queue::connection('redis')->push(new Job): whatever is not known.
  for (size_t i = 1; i < chain.calls.size() && family_of_queue; ++i) {
    if (ReviewOfClass("Queue", chain.calls[i].name) != OfClass::kHarmless) {
      return NotKnown(chain.calls[i].name);
    }
  }
  for (size_t i = 1; i < chain.calls.size() && (path || IsOneOf(family, kReachOut)); ++i) {
    if (IsOneOf(absl::AsciiStrToLower(chain.calls[i].name), kWrites)) {
      return NotKnown(chain.calls[i].name);
    }
  }
  return "";
}

size_t HostTrust::EndOfStatement(size_t i) const {
  constexpr size_t kLongest = 300;
  const size_t limit = std::min(program_.size(), i + kLongest);
  while (i < limit && !program_[i].Is(";") && program_[i].kind != HostTokenKind::kNewline) ++i;
  return i;
}

std::string HostTrust::DoubtOfImport(size_t i, size_t end) const {
  if (!program_[end].Is(";")) return "imports more than is read";
  std::string space(program_[program_[i + 1].IsName("function") ? i + 2 : i + 1].text);
  bool group = false;
  for (size_t k = i; k < end; ++k) group = group || program_[k].Is("{");
  if (group) space.push_back('\\');  // use Evil\{DB}
  const bool framework = IsFramework(space);
  HostImport import;
  for (size_t k = i; k < end; ++k) {
    import.Take(program_, k);
    const absl::string_view full = program_[k].text;
    if (program_[k].kind != HostTokenKind::kName || k == i || program_[k + 1].IsName("as")) {
      continue;
    }
    const bool renamed = program_[k - 1].IsName("as");
    if (import.of_function()) {
      const bool known = IsHarmlessFunction(true, LastOf(full)) || NamesKnownFunction(LastOf(full));
      const bool theirs = group ? framework : IsFramework(full);
      if (known && (renamed || !theirs)) {
        return absl::StrCat("gives the name ", Shown(LastOf(full)), " to another function");
      }
    } else if (IsTrusted(LastOf(full)) &&
               (renamed ? LastOf(program_[k - 2].text) != full || !framework : !framework)) {
      return absl::StrCat("gives the name ", Shown(LastOf(full)), " to another class");
    }
  }
  return "";
}

// Of what stands in front of the "=" of an assignment to several.
size_t HostTrust::EndOfTargets(size_t i) const {
  while (program_[i + 1].Is(",")) i += 2;
  return i + 1;
}

// User = Evil: what is called on it afterwards is something else.
std::string HostTrust::DoubtOfConstant(size_t i) const {
  size_t at = i + 1;
  const HostToken& before = program_[i - 1];
  if (program_[at].Is(",") &&
      (before.text.empty() || before.Is(";") || before.kind == HostTokenKind::kNewline)) {
    at = EndOfTargets(i);  // User, x = Evil, 1
  }
  while (at < i + 3 && (program_[at].Is("|") || program_[at].Is("&"))) ++at;
  const bool assigns = program_[at].Is("=") && !program_[at + 1].Is("=") &&
                       !program_[at + 1].Is("~") && !program_[at + 1].Is(">");
  const absl::string_view name = program_[i].text;
  if (!assigns || !(IsReceiver(name) || IsTrusted(name)) || variables_.IsPlain(name)) return "";
  const HostToken& value = program_[at + 1];
  const std::optional<HostChain> made = program_.ChainAt(at + 1, program_.size());
  const bool known = made.has_value() && made->receiver_kind == Receiver::kClass &&
                     (ReviewOfClass(made->receiver, made->calls[0].name) == OfClass::kHarmless ||
                      (!IsModelClass(made->receiver) && !made->calls[0].bare()));
  const bool list = value.Is("[") || value.Is("{") || value.kind == HostTokenKind::kOther ||
                    value.kind == HostTokenKind::kString;
  if (known || list) return "";
  return absl::StrCat("gives the name ", Shown(name), " to something else");
}

std::string HostTrust::DoubtOfBinding(size_t i, size_t* end) const {
  const HostToken& token = program_[i];
  const HostToken& next = program_[i + 1];
  const HostToken& before = program_[i - 1];
  *end = i + 1;
  for (std::string doubt : {DoubtOfSetting(program_, i), DoubtOfNew(program_, i)}) {
    if (!doubt.empty()) return doubt;
  }
  // :destroy.to_proc
  if (token.kind == HostTokenKind::kSymbol && next.Is(".") && NamesMethodThatWrites(token.text)) {
    return absl::StrCat("calls ", Shown(token.text), " by its name");
  }
  if (token.kind == HostTokenKind::kSymbol && next.Is(".") &&
      program_[i + 2].IsName("sql_function")) {
    *end = i + 3;
    return "makes a call of one of the server's functions, which is not known to only compute";
  }
  if (token.kind != HostTokenKind::kName) return "";
  if (!program_.php()) {
    if (token.text == "class" && next.kind == HostTokenKind::kName && program_[i + 2].Is("<") &&
        !program_[i + 3].Is("<") && IsTrusted(next.text)) {
      *end = i + 4;
      return absl::StrCat("defines a class of the name ", Shown(next.text));
    }
    if (!absl::ascii_isupper(token.text[0]) || before.Is(".") || before.Is("&.")) return "";
    const std::string doubt = DoubtOfConstant(i);
    if (!doubt.empty()) *end = EndOfStatement(i);
    return doubt;
  }
  if (before.Is("->") || before.Is("?->") || before.Is("::") || before.IsName("function"))
    return "";
  if (IsIncluding(token)) {
    *end = EndOfStatement(i);
    for (size_t k = i; k < *end; ++k) {
      const auto path = ReadHostText(program_, {k, k + 1}, {});
      if (path.known && !path.concatenates && absl::EndsWith(path.value, "autoload.php")) return "";
    }
    return "includes a file that is not seen";
  }
  static constexpr absl::string_view kKinds[] = {"class", "enum", "interface", "trait"};
  if (IsOneOf(token.text, kKinds) && next.kind == HostTokenKind::kName && IsTrusted(next.text)) {
    *end = i + 2;
    return absl::StrCat("defines a class of the name ", Shown(next.text));
  }
  if (token.text != "use" || next.kind != HostTokenKind::kName) return "";
  *end = EndOfStatement(i);
  return DoubtOfImport(i, *end);
}

}  // namespace dbfleet::sql
