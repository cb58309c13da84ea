#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"

#include "common/sql/active_record/given_sql.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_sources.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/sql_blocks.h"
#include "common/sql/active_record/words.h"

// Which calls of a program reach the database.
namespace dbfleet::sql {
namespace {

// whereRaw, orderByRaw
bool BuildsRawSql(absl::string_view name) { return name != "raw" && absl::EndsWith(name, "raw"); }

// Methods that on anything but a class or connection mean something else as often.
bool IsCommonWord(const HostProgram& program, const HostCall& call, const ModelMethod& method) {
  switch (method.role) {
    case MethodRole::kConnection:
    case MethodRole::kInMemory:
      return true;
    case MethodRole::kRefine:
      return method.name != "where" && method.name != "joins" && method.name != "rewhere" &&
             method.name != "unscoped" && !BuildsRawSql(method.name);
    case MethodRole::kRead:
      return !absl::StartsWith(method.name, "find_") && method.name != "pluck";
    case MethodRole::kRaw:
      // What is given to them is run, whatever they are called on.
      return method.name == "do" || method.name == "statement" || method.name == "raw_connection" ||
             absl::StartsWith(method.name, "get_") ||
             (call.arguments.empty() && !absl::StartsWith(method.name, "execute"));
    case MethodRole::kTransaction:
      return method.name != "transaction";
    case MethodRole::kLock:
      return method.name == "lock";
    case MethodRole::kSchema:
      return !program.php() && (method.name == "drop" || method.name == "rename");
    default:
      return false;
  }
}

// Bare words of Ruby that write if they are given something; the program may have its own insert().
bool WritesBare(const HostProgram& program, const ModelMethod& method) {
  const bool write = method.role == MethodRole::kInsert || method.role == MethodRole::kUpdate ||
                     method.role == MethodRole::kDelete;
  return !program.php() && write && method.name != "insert" && method.name != "truncate" &&
         method.name != "touch" && method.name != "delete" && method.name != "import" &&
         method.name != "increment" && method.name != "decrement" && method.name != "clear";
}

// Words that stand alone in a method of a model: destroy, save. A variable is hardly called so.
bool IsBareWord(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  static constexpr absl::string_view kNames[] = {"delete", "destroy", "save", "touch"};
  const HostToken& before = program[chain.range.begin - 1];
  return !program.php() && call.bare() && IsOneOf(call.name, kNames) &&
         (program.IsWholeStatement(chain.range) || before.IsName("if") || before.IsName("unless") ||
          before.IsName("return"));
}

// A word without arguments that is hardly a variable's name: delete_all, save!.
bool IsBareWrite(const HostProgram& program, const HostCall& call, const ModelMethod& method) {
  return !program.php() && method.safety == Safety::kDestructive &&
         (call.name.back() == '!' || absl::EndsWith(call.name, "_all"));
}

// Calls a method whose name it is given, or that a value of the program gives.
bool IsDynamic(const HostProgram& program, const HostChain& chain, const HostCall& call,
               const HostVariables* variables) {
  static constexpr absl::string_view kSenders[] = {"__send__", "method", "public_method",
                                                   "public_send", "send"};
  static constexpr absl::string_view kNames[] = {
      "class_eval",      "class_exec",      "define_singleton_method", "eval",
      "instance_eval",   "instance_exec",   "instance_method",         "module_eval",
      "singleton_class", "singleton_method"};
  const bool of_model = chain.receiver_kind == Receiver::kClass && IsModelClass(chain.receiver);
  if (program.php()) {
    if (!call.computed()) return false;
    // Of its own object, which is read elsewhere, only what is known to write.
    const bool own = chain.receiver == "self" || chain.receiver == "static" ||
                     chain.receiver == "parent" || chain.receiver == "$this";
    return own ? variables != nullptr && variables->MayHoldWrite(call.name)
               : chain.receiver_kind != Receiver::kClass || of_model;
  }
  const bool sends = IsOneOf(call.name, kSenders);
  if (!sends && !IsOneOf(call.name, kNames)) return false;
  if (of_model) return true;
  if (call.arguments.empty()) {
    // instance_eval { ... }: whose methods its block calls is not seen.
    return call.block.has_value() && chain.receiver_kind == Receiver::kVariable;
  }
  const HostRange& name = call.arguments[0];
  if (GivesWrite(program, name)) return true;
  if (!sends || chain.receiver_kind == Receiver::kClass) return false;
  if (ReadWord(program, name).has_value()) return false;
  // "#{x}_path", "#{x}_url": names of routes.
  const HostToken& text = program[name.begin];
  const bool route = text.kind == HostTokenKind::kString && !text.parts.empty() &&
                     !text.parts.back().is_code &&
                     (absl::EndsWith(text.parts.back().text, "_url") ||
                      absl::EndsWith(text.parts.back().text, "_path"));
  return !route;
}

// What is called by its name alone like a write. At a definition it is no call.
bool SoundsLikeWrite(const HostProgram& program, const HostChain& chain, const HostCall& call,
                     bool first) {
  if (program[chain.range.begin - 1].IsName("def") || !NamesWrite(call.name)) return false;
  // What nobody knows of bare words is in doubt anyway; see HostTrust.
  return chain.receiver_kind != Receiver::kNone || !first;
}

// Methods that add to a list in memory, or to an association, or (in PHP) save.
bool AddsRecords(const HostProgram& program, const HostCall& call, bool* known) {
  static constexpr absl::string_view kOfRuby[] = {"append", "concat",  "prepend",
                                                  "push",   "replace", "unshift"};
  static constexpr absl::string_view kOnlyPhp[] = {"flush", "persist", "sync", "toggle"};
  const std::string name = absl::AsciiStrToLower(call.name);
  *known = true;
  if (program.php()) {
    // Eloquent's push() saves; a collection's is given something.
    if (name == "push") return call.arguments.empty();
    if (IsOneOf(name, kOfRuby)) return false;
  } else if (IsOneOf(name, kOfRuby)) {
    return !call.arguments.empty();
  } else if (IsOneOf(name, kOnlyPhp)) {
    return false;
  }
  *known = false;
  return false;
}

// :key and " " are no records, nor keys of any.
bool IsNoKey(const HostProgram& program, const HostRange& argument) {
  if (argument.end != argument.begin + 1) return false;
  const HostToken& token = program[argument.begin];
  if (token.kind == HostTokenKind::kSymbol) return true;
  if (token.kind != HostTokenKind::kString || token.parts.size() != 1 || token.parts[0].is_code) {
    return false;
  }
  const std::string& text = token.parts[0].text;
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return !absl::ascii_isalnum(c) && c != '-' && c != '_'; });
}

// $qb->select('a')->from('t')->executeQuery(): a query builder of PHP that is run, Doctrine's.
bool RunsBuilder(const HostProgram& program, const HostChain& chain) {
  // $qb->getQuery()->getResult(): what it was told before is not seen.
  const bool results =
      std::any_of(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
        return !call.is_property && absl::EndsWith(call.name, "Result");
      });
  const bool query = std::any_of(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
    return !call.is_property && absl::EqualsIgnoreCase(call.name, "getQuery");
  });
  if (program.php() && results && query) return true;
  // $em->getRepository(User::class)->find(1)
  const auto repository =
      std::find_if(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
        return !call.is_property && absl::EqualsIgnoreCase(call.name, "getRepository");
      });
  if (program.php() && repository != chain.calls.end() && repository + 1 != chain.calls.end()) {
    return true;
  }
  static constexpr absl::string_view kBuilds[] = {"createquerybuilder", "from"};
  static constexpr absl::string_view kRuns[] = {"executequery", "executestatement", "getquery"};
  const auto calls = [&](absl::Span<const absl::string_view> names) {
    return std::any_of(chain.calls.begin(), chain.calls.end(), [&](const HostCall& call) {
      const std::string lower = absl::AsciiStrToLower(call.name);
      return !call.is_property && std::find(names.begin(), names.end(), lower) != names.end();
    });
  };
  return program.php() && chain.receiver_kind == Receiver::kVariable && calls(kBuilds) &&
         calls(kRuns);
}

// Goes along a chain, and knows at each link what it is called on.
class Walk {
 public:
  Walk(const HostProgram& program, const HostChain& chain, bool generous,
       const HostVariables* variables)
      : program_(program), chain_(chain), generous_(generous), variables_(variables) {
    const bool held =
        variables != nullptr &&
        variables->MayHoldConnection(chain.receiver.empty() ? chain.calls[0].name : chain.receiver);
    certain_ = held || IsNothingButConnection(chain.receiver);
    connection_ = certain_ || IsConnectionName(chain.receiver);
    for (const HostRange& inside : chain.inside) {
      if (program[inside.end].Is("]")) behind_index_.insert(program[inside.end + 2].text.data());
    }
    const HostToken& first = program[chain.range.begin];
    const bool words = first.kind == HostTokenKind::kOther && chain.receiver == first.text;
    const bool list =
        words || ((first.Is("[") || first.Is("{")) &&
                  program.CloseOf(chain.range.begin) + 1 < program.size() &&
                  chain.receiver ==
                      program.Source({chain.range.begin, program.CloseOf(chain.range.begin) + 1}));
    plain_ = !connection_ && (list || (variables != nullptr && variables->IsPlain(chain.receiver)));
    if (chain.receiver_kind == Receiver::kVariable) {
      holder_ = chain.receiver.substr(0, chain.receiver.find('['));
      // What stands in a hash under a name may be a record; of these it may not.
      if (holder_.size() < chain.receiver.size() && holder_ != "params" && holder_ != "session" &&
          holder_ != "headers" && holder_ != "cookies") {
        holder_.clear();
      }
    }
  }

  bool Reaches() {
    if (chain_.receiver_kind == Receiver::kClass && IsFacade(program_, chain_.receiver) &&
        std::any_of(chain_.calls.begin(), chain_.calls.end(),
                    [](const HostCall& call) { return !call.is_property; })) {
      return true;
    }
    if (RunsBuilder(program_, chain_)) return true;
    for (size_t i = 0; i < chain_.calls.size(); ++i) {
      const std::optional<bool> reaches = Link(i);
      if (reaches.has_value()) return *reaches;
    }
    return false;
  }

 private:
  // Decides, or goes on.
  std::optional<bool> Link(size_t i) {
    const HostCall& call = chain_.calls[i];
    if (FollowsIndex(call)) plain_ = false;
    // A text in front of "::" is a class, and no text.
    on_class_ = chain_.OnClassOfValue(call);
    if (on_class_) {
      plain_ = false;
      holder_.clear();
    }
    if (i == 0) {
      if (const auto runs = RunsSomething(call)) return runs;
    }
    if (call.op != HostOperator::kNone) {
      return certain_ || generous_ || OperatorWrites(program_, chain_, i, variables_);
    }
    if (call.is_property || (!program_.php() && IsConnectionName(call.name))) {
      connection_ = connection_ || IsConnectionName(call.name);
      certain_ = IsNothingButConnection(call.name);
      if (call.is_property) {
        Hold(call);
        return std::nullopt;
      }
    }
    if (IsDynamic(program_, chain_, call, variables_) || TakesWrite(program_, call)) return true;
    if (MayHoldSql(program_, call) && CallsInSql(program_, *call.block)) return true;
    const bool reaches = Called(i);
    Hold(call);
    if (reaches) return true;
    if (program_.php() && GivesConnection(call.name)) connection_ = true;
    if (WriteAmong(program_, chain_, call).has_value()) return true;
    const ModelMethod* method = FindModelMethod(call.name);
    if (chain_.receiver_kind == Receiver::kClass && method != nullptr &&
        !IsModelClass(chain_.receiver) && call.name != "new" && !given_) {
      return false;
    }
    return std::nullopt;
  }

  // A function or class of the language that runs something.
  std::optional<bool> RunsSomething(const HostCall& call) const {
    const HostFunction* function = FunctionOf(program_, chain_);
    if (function == nullptr) return PipesToShell(call) ? std::optional<bool>(true) : std::nullopt;
    if (function->role == MethodRole::kCallable) {
      if (GivesCallableThatWrites(program_, call, variables_)) return true;
      return std::nullopt;
    }
    // Which set it is counts for what follows; see HostSession.
    if (absl::EndsWith(function->name, "set_charset") && !call.arguments.empty()) {
      const auto set = ReadWord(program_, call.arguments.back());
      if (set.has_value() && absl::StartsWith(*set, "utf8")) return std::nullopt;
    }
    if (function->role == MethodRole::kShell && call.arguments.size() == 1) {
      const HostText text = ReadHostText(program_, call.arguments[0], {});
      if (text.known && !text.concatenates && IsHarmlessCommand(text.value)) return std::nullopt;
    }
    return true;
  }

  // open("|mysql"), IO.read("|mysql")
  bool PipesToShell(const HostCall& call) const {
    if (program_.php() || call.arguments.empty()) return false;
    const bool opens = (chain_.receiver_kind == Receiver::kNone && call.name == "open") ||
                       chain_.receiver == "IO" || chain_.receiver == "Kernel" ||
                       chain_.receiver == "URI";
    const HostToken& text = program_[call.arguments[0].begin];
    return opens && text.kind == HostTokenKind::kString && !text.parts.empty() &&
           !text.parts[0].is_code && absl::StartsWith(text.parts[0].text, "|");
  }

  // What the next link is called on.
  void Hold(const HostCall& call) {
    if (!call.is_property && !call.bare()) certain_ = false;
    plain_ = GivesData(program_, call) ||
             (program_.php() && IsDataFunction(call.name) && !MayGiveRecord(call));
    given_ = given_ || (chain_.receiver_kind == Receiver::kClass &&
                        MayGiveRecord(chain_.receiver, call.name));
    holder_ = IsPlainData(call.name) ? std::string(call.name) : "";
  }

  // users.index_by(&:id)[1].update(...): what a list or hash in memory holds may be a record.
  bool FollowsIndex(const HostCall& call) const {
    return behind_index_.count(call.name.data()) > 0;
  }

  bool Called(size_t i) {
    const HostCall& call = chain_.calls[i];
    const bool own = chain_.receiver_kind == Receiver::kNone && i == 0;
    const bool of_class = on_class_ || (chain_.receiver_kind == Receiver::kClass && !given_);
    // PG's res.clear frees what the server gave.
    const bool freed = call.name == "clear" && i == 0 && call.arguments.empty() &&
                       variables_ != nullptr && !program_.php() &&
                       variables_->IsResult(chain_.receiver);
    if ((plain_ && !own) || freed || DeletesKey(program_, chain_, call)) return false;
    bool known = false;
    if (!connection_ && CutsText(program_, call)) {
      return false;
    }
    const bool adds = AddsRecords(program_, call, &known);
    if (known && !connection_)
      return !own && !of_class && (generous_ || (adds && !IsData(call) && HasMany(i)));
    if (own && IsBareWord(program_, chain_, call)) return true;
    if (!own && BuildsSql(call.name) && GivesSql(call)) return true;
    const ModelMethod* method =
        connection_ ? FindConnectionMethod(call.name) : FindModelMethod(call.name);
    if (method == nullptr) return CalledUnknown(call, own);
    if (own) return CalledBare(call, *method);
    if (connection_ && method->role != MethodRole::kInMemory) return true;
    if (of_class) {
      if (!on_class_ && !IsModelClass(chain_.receiver)) return IsOnlyOfModels(call.name);
      if (method->role != MethodRole::kInMemory || generous_) return true;
    }
    const bool writes = method->safety == Safety::kDestructive;
    const bool data = writes ? IsData(call) : !holder_.empty() && IsPlainData(holder_);
    return generous_ || (!data && !IsCommonWord(program_, call, *method));
  }

  // What comes with a request, or is joined with a value, in what may be SQL:
  // $builder->orderBy($_GET['x']).
  bool GivesSql(const HostCall& call) const {
    return std::any_of(call.arguments.begin(), call.arguments.end(), [&](HostRange argument) {
      return IsRequestValue(program_, argument) ||
             ReadHostText(program_, argument, {}).concatenates;
    });
  }

  // user.archive!: what is not known to change texts and lists may be of a record.
  bool ChangesRecord(const HostCall& call) const {
    return !program_.php() && call.name.back() == '!' && !ChangesTextOrList(call.name) &&
           !IsPlainData(holder_) && !OfLanguage();
  }

  // A class of a language or framework that holds no rows.
  bool OfLanguage() const {
    return chain_.receiver_kind == Receiver::kClass && !given_ && !IsModelClass(chain_.receiver);
  }

  bool CalledUnknown(const HostCall& call, bool own) const {
    if (!own && IsData(call)) return false;
    if (!own && ChangesRecord(call)) return true;
    if (!OfLanguage() && SoundsLikeWrite(program_, chain_, call, own)) return true;
    return connection_ && certain_ && !own && !call.bare() && !IsPureHostFunction(call.name) &&
           !IsHarmlessOfConnection(call.name);
  }

  bool CalledBare(const HostCall& call, const ModelMethod& method) const {
    if (IsBareWrite(program_, call, method)) return true;
    const bool given = !call.arguments.empty() || call.block.has_value();
    if (program_.php() || !given) return false;
    return method.role == MethodRole::kSchema || method.name == "execute" ||
           method.name == "transaction" || WritesBare(program_, method) || JoinsBare(call, method);
  }

  // In a model's own methods and scopes: where("a = #{x}").
  bool JoinsBare(const HostCall& call, const ModelMethod& method) const {
    static constexpr absl::string_view kNames[] = {
        "count_by_sql", "find_by_sql", "having", "joins", "order", "reorder", "rewhere", "where"};
    return !call.arguments.empty() && IsOneOf(method.name, kNames) &&
           ReadHostText(program_, call.arguments[0], {}).concatenates;
  }

  bool IsData(const HostCall& call) const {
    return !holder_.empty() && IsDataCall(program_, holder_, call);
  }

  // Whether what a link is called on may be an association: user.posts.push(post).
  bool HasMany(size_t i) const {
    if (program_.php()) return true;
    if (i > 0) return !IsPlainData(chain_.calls[i - 1].name);
    return variables_ != nullptr && variables_->MayHoldAssociation(chain_.receiver);
  }

  const HostProgram& program_;
  const HostChain& chain_;
  const bool generous_;
  const HostVariables* variables_;
  std::unordered_set<const char*> behind_index_;  // Where the names behind "[...]." stand.
  bool connection_ = false;
  bool certain_ = false;   // Its name is that of a connection, and of nothing else.
  bool on_class_ = false;  // The link is called on a class that a value names.
  bool given_ = false;     // By a class that holds no rows, but may keep records.
  bool plain_ = false;     // It is known to hold no rows...
  std::string holder_;     // ... or may by its name, which is this.
};

}  // namespace

bool DeletesKey(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  return !program.php() && call.name == "delete" && chain.receiver_kind != Receiver::kClass &&
         call.arguments.size() == 1 && IsNoKey(program, call.arguments[0]);
}

bool CutsText(const HostProgram& program, const HostCall& call) {
  return !program.php() && call.name == "truncate" && !call.arguments.empty();
}

bool ReachesDatabase(const HostProgram& program, const HostChain& chain, bool generous,
                     const HostVariables* variables) {
  return Walk(program, chain, generous, variables).Reaches();
}

}  // namespace dbfleet::sql
