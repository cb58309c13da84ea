#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/words.h"

// Which calls of a program reach the database.
namespace dbfleet::sql {
namespace {

// Classes of the languages and frameworks that hold no rows.
constexpr absl::string_view kNoModels[] = {
    "Arr",      "Array", "Auth",     "Cache",  "Carbon",    "Config", "Cookie",
    "CSV",      "Date",  "DateTime", "Dir",    "ENV",       "File",   "FileUtils",
    "Hash",     "Http",  "IO",       "Input",  "Integer",   "JSON",   "Kernel",
    "Lang",     "Log",   "Logger",   "Mail",   "Math",      "Net",    "Object",
    "Process",  "Queue", "Rails",    "Random", "Redirect",  "Redis",  "Request",
    "Response", "Route", "Session",  "Set",    "Storage",   "Str",    "String",
    "Struct",   "Time",  "URI",      "URL",    "Validator", "View",   "YAML"};

bool IsModelClass(absl::string_view receiver) {
  const size_t space = receiver.find_last_of(":\\");
  if (space != absl::string_view::npos) receiver.remove_prefix(space + 1);
  return !IsOneOf(receiver, kNoModels);
}

// Methods that on anything but a class or connection mean something else as often.
bool IsCommonWord(const HostProgram& program, const HostCall& call, const ModelMethod& method) {
  switch (method.role) {
    case MethodRole::kConnection:
    case MethodRole::kInMemory:
      return true;
    case MethodRole::kRefine:
      return method.name != "where" && method.name != "joins" && method.name != "rewhere" &&
             method.name != "unscoped";
    case MethodRole::kRead:
      return !absl::StartsWith(method.name, "find_") && method.name != "pluck";
    case MethodRole::kRaw:
      // What is given to them is run, whatever they are called on.
      return method.name == "do" || method.name == "prepare" || method.name == "statement" ||
             method.name == "raw_connection" || absl::StartsWith(method.name, "get_") ||
             call.arguments.empty();
    case MethodRole::kTransaction:
    case MethodRole::kLock:
      return method.name != "with_lock" && method.name != "transaction";
    case MethodRole::kSchema:
      return !program.php() && (method.name == "drop" || method.name == "rename");
    default:
      return false;
  }
}

// By the last name of what it is reached by.
template <size_t N>
bool IsNamedOneOf(absl::string_view receiver, const absl::string_view (&names)[N]) {
  const size_t start = receiver.find_last_of("$@>.");
  if (start != absl::string_view::npos) receiver.remove_prefix(start + 1);
  return IsOneOf(absl::AsciiStrToLower(receiver), names);
}

// Variables that by their names hold no rows, and whose methods have the same names: params.delete.
bool IsPlainData(absl::string_view receiver) {
  static constexpr absl::string_view kNames[] = {
      "args", "array",  "attributes", "attrs",    "buffer",  "cache",   "config", "cookies",
      "data", "env",    "errors",     "file",     "files",   "flash",   "hash",   "headers",
      "json", "keys",   "line",       "lines",    "list",    "options", "opts",   "params",
      "path", "queue",  "request",    "response", "session", "set",     "stack",  "storage",
      "str",  "string", "text",       "words"};
  return IsNamedOneOf(receiver, kNames);
}

// What data has a method of that name for, too: params.delete(:x), $session->clear(). A record that
// happens to be called so (@file.destroy, $request->save()) has others, and is given nothing.
bool IsDataCall(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  static constexpr absl::string_view kOfPhp[] = {"cache",  "cookies", "flash",  "headers",
                                                 "params", "session", "storage"};
  static constexpr absl::string_view kHashes[] = {"attributes", "attrs", "data", "env",
                                                  "hash",       "json",  "opts", "params"};
  static constexpr absl::string_view kGiven[] = {"delete", "delete_at", "delete_if",
                                                 "insert", "remove",    "truncate"};
  if (chain.receiver_kind != Receiver::kVariable || &call != &chain.calls.front()) return false;
  if (!IsPlainData(chain.receiver)) return false;
  const bool given = !call.arguments.empty() || call.block.has_value();
  if (program.php()) {
    return IsNamedOneOf(chain.receiver, kOfPhp) &&
           (call.name == "clear" || (given && (call.name == "delete" || call.name == "remove")));
  }
  if (call.name == "clear") return true;
  if (call.name == "update") return given && IsNamedOneOf(chain.receiver, kHashes);
  return given && IsOneOf(call.name, kGiven);
}

// Bare words of Ruby that write if they are given something; the program may have its own insert().
bool WritesBare(const HostProgram& program, const ModelMethod& method) {
  const bool write = method.role == MethodRole::kInsert || method.role == MethodRole::kUpdate ||
                     method.role == MethodRole::kDelete;
  return !program.php() && write && method.name != "insert" && method.name != "truncate" &&
         method.name != "touch" && method.name != "delete" && method.name != "import" &&
         method.name != "increment" && method.name != "decrement" && method.name != "clear";
}

}  // namespace

bool IsConnectionName(absl::string_view receiver) {
  static constexpr absl::string_view kNames[] = {"activerecord::base",
                                                 "conn",
                                                 "connection",
                                                 "database",
                                                 "db",
                                                 "dbh",
                                                 "mysqli",
                                                 "pdo",
                                                 "client",
                                                 "sql",
                                                 "link",
                                                 "capsule",
                                                 "wpdb"};
  const size_t start = receiver.find_last_of("$@>\\");
  if (start != absl::string_view::npos) receiver.remove_prefix(start + 1);
  return IsOneOf(absl::AsciiStrToLower(receiver), kNames);
}

// Whether an argument names a method that writes: :delete_all, 'delete', &:destroy.
bool GivesWrite(const HostProgram& program, HostRange argument) {
  if (program[argument.begin].Is("&")) ++argument.begin;
  const std::optional<std::string> word = ReadWord(program, argument);
  if (!word.has_value()) return false;
  const ModelMethod* method = FindModelMethod(*word);
  return method != nullptr ? method->safety == Safety::kDestructive : NamesWrite(*word);
}

// Calls a method whose name it is given.
bool IsDynamic(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  static constexpr absl::string_view kNames[] = {
      "__send__", "class_eval",      "class_exec",      "define_singleton_method",
      "eval",     "instance_eval",   "instance_exec",   "instance_method",
      "method",   "module_eval",     "public_method",   "public_send",
      "send",     "singleton_class", "singleton_method"};
  if (program.php()) {
    // User::$f(), User::{'f'}()
    const bool own =
        chain.receiver == "self" || chain.receiver == "static" || chain.receiver == "parent";
    const bool named = absl::ascii_isalpha(call.name[0]) || call.name[0] == '_';
    return chain.receiver_kind == Receiver::kClass && !own && !named && call.has_parens &&
           IsModelClass(chain.receiver);
  }
  if (!IsOneOf(call.name, kNames)) return false;
  if (chain.receiver_kind == Receiver::kClass && IsModelClass(chain.receiver)) return true;
  if (call.arguments.empty()) return false;
  return GivesWrite(program, call.arguments[0]);
}

// A word without arguments that is hardly a variable's name: delete_all, save!.
bool IsBareWrite(const HostProgram& program, const HostCall& call, const ModelMethod& method) {
  return !program.php() && method.safety == Safety::kDestructive &&
         (call.name.back() == '!' || absl::EndsWith(call.name, "_all"));
}

// users.each(&:destroy), user.try(:delete), [user].inject(:save).
bool TakesWrite(const HostProgram& program, const HostCall& call) {
  static constexpr absl::string_view kCallers[] = {"inject", "public_method", "reduce",    "then",
                                                   "try",    "try!",          "yield_self"};
  for (const HostRange& argument : call.arguments) {
    const bool block = program[argument.begin].Is("&");
    if ((block || (!program.php() && IsOneOf(call.name, kCallers))) &&
        GivesWrite(program, argument)) {
      return true;
    }
  }
  return false;
}

// What is called by its name alone like a write, on anything but what holds no rows by its own
// name. At a definition it is no call.
bool SoundsLikeWrite(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  if (program[chain.range.begin - 1].IsName("def") || !NamesWrite(call.name)) return false;
  const bool bare = call.arguments.empty() && !call.has_parens && !call.block.has_value();
  switch (chain.receiver_kind) {
    case Receiver::kNone:
      // Of migrations; other bare words are the program's own.
      return !bare &&
             (absl::StartsWith(call.name, "drop_") || absl::StartsWith(call.name, "truncate_") ||
              absl::StartsWith(call.name, "rename_"));
    case Receiver::kClass:
      return IsModelClass(chain.receiver);
    case Receiver::kVariable:
      break;
  }
  return !IsDataCall(program, chain, call);
}

// Facades of Laravel, and Schema of Rails: all that they do is about the database.
bool IsFacade(absl::string_view receiver) {
  const size_t space = receiver.find_last_of(":\\");
  if (space != absl::string_view::npos) receiver.remove_prefix(space + 1);
  return receiver == "DB" || receiver == "Schema";
}

bool ReachesDatabase(const HostProgram& program, const HostChain& chain, bool generous) {
  bool connection = IsConnectionName(chain.receiver);
  if (chain.receiver_kind == Receiver::kClass && IsFacade(chain.receiver) &&
      std::any_of(chain.calls.begin(), chain.calls.end(),
                  [](const HostCall& call) { return !call.is_property; })) {
    return true;
  }
  for (const HostCall& call : chain.calls) {
    if (call.is_property || (!program.php() && IsConnectionName(call.name))) {
      connection = connection || IsConnectionName(call.name);
      if (call.is_property) continue;
    }
    if (IsDynamic(program, chain, call) || TakesWrite(program, call)) return true;
    const ModelMethod* method =
        connection ? FindConnectionMethod(call.name) : FindModelMethod(call.name);
    if (method == nullptr) {
      if (SoundsLikeWrite(program, chain, call)) return true;
      continue;
    }
    if (chain.receiver_kind == Receiver::kNone && IsBareWrite(program, call, *method)) return true;
    if (chain.receiver_kind == Receiver::kNone) {
      const bool given = !call.arguments.empty() || call.block.has_value();
      if (given && (method->role == MethodRole::kSchema || method->name == "execute" ||
                    method->name == "transaction" || WritesBare(program, *method))) {
        return true;
      }
      continue;
    }
    if (connection && method->role != MethodRole::kInMemory) return true;
    if (chain.receiver_kind == Receiver::kClass) {
      if (!IsModelClass(chain.receiver)) return false;
      if (method->role != MethodRole::kInMemory || generous) return true;
    }
    const bool writes = method->safety == Safety::kDestructive;
    const bool plain = writes ? IsDataCall(program, chain, call)
                              : chain.receiver_kind == Receiver::kVariable &&
                                    IsPlainData(chain.receiver) && &call == &chain.calls.front();
    if (generous || (!plain && !IsCommonWord(program, call, *method))) return true;
  }
  return false;
}

// Functions of PHP's drivers: mysqli_query($link, "...").
bool IsDriverCall(absl::string_view name) {
  const size_t end = name.find('_');
  if (end == absl::string_view::npos) return false;
  static constexpr absl::string_view kDrivers[] = {"mysql", "mysqli", "pg", "sqlite", "sqlsrv"};
  if (!IsOneOf(name.substr(0, end), kDrivers)) return false;
  return NamesWrite(name) || absl::StrContains(name, "prepare");
}

// PHP's call_user_func(array('User', 'delete_all')): where it ends; 0 if it is none.
size_t EndOfCallByName(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kCallers[] = {
      "array_filter",         "array_map",
      "array_walk",           "call_user_func",
      "call_user_func_array", "forward_static_call",
      "iterator_apply",       "register_shutdown_function"};
  const HostToken& token = program[i];
  const std::string name = absl::AsciiStrToLower(token.text);
  if (!program.php() || token.kind != HostTokenKind::kName || !program[i + 1].Is("(") ||
      program[i - 1].IsName("function")) {
    return 0;
  }
  const size_t close = program.CloseOf(i + 1);
  if (IsDriverCall(name) && close < program.size()) return close;
  if (!IsOneOf(name, kCallers)) return 0;
  for (size_t at = i + 2; close < program.size() && at < close; ++at) {
    if (program[at].kind != HostTokenKind::kString) continue;
    const std::optional<std::string> word = ReadWord(program, {at, at + 1});
    if (!word.has_value()) continue;
    absl::string_view called = *word;
    if (const size_t colons = called.rfind(':'); colons != absl::string_view::npos) {
      called.remove_prefix(colons + 1);
    }
    const ModelMethod* method = FindModelMethod(called);
    if (method != nullptr ? method->safety == Safety::kDestructive : NamesWrite(called)) {
      return close;
    }
  }
  return 0;
}

}  // namespace dbfleet::sql
