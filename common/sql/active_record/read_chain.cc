#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/query_builder.h"

namespace dbfleet::sql {
namespace {

class ChainReader {
 public:
  ChainReader(const HostProgram& program, const HostChain& chain, HostScope scope,
              HostFindings* findings)
      : program_(program), chain_(chain), scope_(scope), build_(program, scope, findings) {
    connection_ = IsConnectionName(chain.receiver) ||
                  (chain.receiver_kind == Receiver::kNone && !program.php());
    if (chain.receiver_kind == Receiver::kClass && !connection_)
      build_.query.table = TableOf(chain.receiver);
    schema_ = chain.receiver_kind == Receiver::kClass && TableOf(chain.receiver) == "schemas";
  }

  Reading Read() {
    // (new User(...))->save()
    loaded_ = program_.php() &&
              (program_[chain_.range.begin].IsName("new") || program_[chain_.range.begin].Is("("));
    for (const HostCall& call : chain_.calls) Take(call);
    return Finish();
  }

 private:
  void Take(const HostCall& call) {
    const std::string name = absl::AsciiStrToLower(call.name);
    if (call.block.has_value()) build_.Block(*call.block, !GivesValues(name));
    if (call.is_property) {
      if (IsConnectionName(name)) connection_ = true;
      return;
    }
    if (schema_) {
      Schema(call, name);
      return;
    }
    if (name == "inject" || name == "reduce" || name == "map") TakeSymbols(call);
    const ModelMethod* method = connection_ ? FindConnectionMethod(name) : FindModelMethod(name);
    if (method == nullptr) {
      Unknown(call, name);
      return;
    }
    if (ran_raw_ && method->role != MethodRole::kRaw) {
      build_.PlainFrom(call, 0);  // Of its result.
      return;
    }
    if (WeightOf(method->role) >= WeightOf(role_) || role_ == MethodRole::kInMemory) {
      role_ = method->role;
      method_ = method;
    }
    build_.call.method = name;
    loaded_ = loaded_ || name == "new" || name == "build";
    Dispatch(call, name, method->role);
  }

  // inject(:delete) calls what it names.
  void TakeSymbols(const HostCall& call) {
    for (const HostRange& argument : call.arguments) {
      const HostToken& token = program_[argument.begin];
      if (token.kind != HostTokenKind::kSymbol || token.text.empty()) continue;
      const ModelMethod* method = FindModelMethod(token.text);
      if (token.text.back() == '!' ||
          (method != nullptr && method->safety == Safety::kDestructive)) {
        build_.Problem(
            absl::StrCat("calls ", SanitizeForDisplay(Truncate(token.text, 60)), " by its name"));
      }
    }
  }

  void Dispatch(const HostCall& call, const std::string& name, MethodRole role) {
    switch (role) {
      case MethodRole::kConnection:
        connection_ = true;
        if (name == "table") TakeTable(call);
        build_.PlainFrom(call, 0);
        break;
      case MethodRole::kRefine:
        Refine(call, name);
        break;
      case MethodRole::kRead:
        TakeRead(call, name);
        break;
      case MethodRole::kRaw:
      case MethodRole::kRawRead:
        Raw(call);
        break;
      case MethodRole::kInsert:
      case MethodRole::kUpdate:
      case MethodRole::kDelete:
        Write(call, name);
        break;
      default:
        build_.PlainFrom(call, 0);
    }
  }

  void Schema(const HostCall& call, const std::string& name) {
    static constexpr ModelMethod kChange = {"schema", MethodRole::kSchema, Kind::kSchemaMigration,
                                            Safety::kDestructive, "changes the schema"};
    build_.PlainFrom(call, 0);
    connection_ = true;
    if (ShowsSchema(name)) {
      if (method_ == nullptr) method_ = FindModelMethod("columns");
      return;
    }
    method_ = &kChange;
    role_ = MethodRole::kSchema;
    build_.call.method = name;
    if (FindModelMethod(name) == nullptr) {
      build_.Problem(absl::StrCat("calls ", SanitizeForDisplay(Truncate(call.name, 60)),
                                  " of a schema, which is not known"));
    }
  }

  void Unknown(const HostCall& call, const std::string& name) {
    const bool word = call.arguments.empty() && !call.has_parens && !call.block.has_value() &&
                      absl::ascii_isalnum(name.back());
    if (!program_.php() && word && method_ == nullptr) {
      // An association or attribute: user.orders.where(...).
      build_.query.table = name;
      if (IsConnectionName(name)) connection_ = true;
      return;
    }
    if (IsPureHostFunction(name) || (ran_raw_ && IsOfResult(name))) {
      build_.PlainFrom(call, 0);
      return;
    }
    build_.Problem(absl::StrCat("calls ", SanitizeForDisplay(Truncate(call.name, 60)),
                                ", which is not in the table of methods"));
  }

  // DB::table('users')
  void TakeTable(const HostCall& call) {
    if (call.arguments.empty()) return;
    const std::optional<std::string> table = ReadWord(program_, call.arguments[0]);
    if (table.has_value()) build_.query.table = *table;
    connection_ = false;
  }

  void Refine(const HostCall& call, const std::string& name) {
    const absl::Span<const HostRange> arguments = call.arguments;
    const bool relation = (name == "or" || name == "and") && arguments.size() == 1 &&
                          program_[arguments[0].begin].kind == HostTokenKind::kName;
    if (relation) {
      build_.PlainFrom(call, 0);  // User.where(...).or(User.where(...))
      build_.call.has_conditions = true;
    } else if (name == "where" || name == "whereraw" || name == "rewhere" || name == "not" ||
               name == "or" || name == "and") {
      build_.Conditions(arguments);
    } else if (name == "limit") {
      build_.Limit();
      build_.PlainFrom(call, 0);
    } else if (name == "offset") {
      build_.query.offset = true;
      build_.PlainFrom(call, 0);
    } else if (name == "order" || name == "reorder" || name == "orderby" || name == "orderbyraw" ||
               name == "in_order_of") {
      build_.Fragments(arguments, "order", &build_.query.order);
    } else if (name == "group" || name == "groupbyraw") {
      build_.Fragments(arguments, "groups", &build_.query.group);
    } else if (name == "having" || name == "havingraw") {
      if (!arguments.empty()) build_.query.having = build_.Fragment(arguments[0], "conditions");
      build_.PlainFrom(call, 1);
    } else if (name == "select" || name == "selectraw") {
      build_.Fragments(arguments, "columns", &build_.query.select);
    } else if (name == "from") {
      build_.Fragments(arguments, "tables", &build_.query.from);
    } else if (absl::StrContains(name, "joins")) {
      build_.Joins(arguments);
    } else {
      build_.PlainFrom(call, 0);
    }
  }

  void TakeRead(const HostCall& call, const std::string& name) {
    loaded_ = true;
    const bool one = name == "first" || name == "first!" || name == "last" || name == "last!" ||
                     name == "take" || name == "take!" || absl::StartsWith(name, "find_by") ||
                     name == "second" || name == "third" || absl::StartsWith(name, "exist") ||
                     name == "sole" || absl::StartsWith(name, "find_sole");
    const bool batches = name == "find_each" || name == "find_in_batches" || name == "in_batches";
    if (one || batches) build_.call.has_limit = true;
    if (one) build_.query.limit = true;
    build_.query.counts = build_.query.counts || name == "count";
    if (name == "explain" && !call.arguments.empty()) {
      build_.Problem("explain with options may execute what it explains once more");
    }
    for (const absl::string_view family : {"find_by_", "find_all_by_", "find_last_by_"}) {
      if (absl::StartsWith(name, family)) {
        build_.call.has_conditions = true;
        build_.query.where.push_back(absl::StrCat(
            QuoteName(EmbeddedTarget(scope_.target), name.substr(family.size())), " = 1"));
        build_.PlainFrom(call, 0);
        return;
      }
    }
    size_t from = 0;
    const absl::Span<const HostRange> arguments = call.arguments;
    if (name == "find" && !arguments.empty()) {
      const std::optional<std::string> what = ReadWord(program_, arguments[0]);
      if (what == "all" || what == "first" || what == "last" || what == "count") {
        from = 1;
        build_.query.counts = *what == "count";
        if (*what == "first" || *what == "last") build_.Limit();
      } else if (!ReadPairs(program_, arguments[0]).has_value() && !call.block.has_value()) {
        build_.ById();
      }
    }
    const bool conditions = name == "find_by" || name == "find_by!" || name == "exists?" ||
                            name == "exists" || absl::StartsWith(name, "find_sole");
    if (conditions && arguments.size() == 1 &&
        program_[arguments[0].begin].kind == HostTokenKind::kNumber) {
      build_.ById();
    } else if (conditions) {
      build_.Conditions(arguments);
      return;
    }
    for (size_t i = from; i < arguments.size(); ++i) {
      if (const auto pairs = ReadPairs(program_, arguments[i])) {
        build_.Options(*pairs);
      } else if (ReadsColumns(name)) {
        build_.Fragments({&arguments[i], 1}, "columns", &build_.query.select);
      } else {
        build_.Block(arguments[i], !GivesValues(name));
      }
    }
  }

  void Raw(const HostCall& call) {
    if (ran_raw_ &&
        (call.arguments.empty() || !ReadHostText(program_, call.arguments[0], {}).known)) {
      build_.PlainFrom(call, 0);  // prepare("...")->execute(array($x))
      return;
    }
    build_.call.raw_sql = ran_raw_ = true;
    if (call.arguments.empty()) {
      build_.Problem("its SQL is not given");
      return;
    }
    HostRange first = call.arguments[0];
    // [sql, values]
    if (const auto list = ReadList(program_, first); list.has_value() && !list->empty()) {
      first = (*list)[0];
      for (size_t i = 1; i < list->size(); ++i) build_.Plain((*list)[i]);
    }
    const HostText text = ReadHostText(program_, first, scope_.context.placeholder_values);
    if (!text.known) {
      build_.NoteValue(first);
      build_.Problem("its SQL comes from a value of the program");
    } else {
      build_.Note(text);
      raw_sql_ = FillPlaceholders(text.value);
      build_.call.has_placeholders = raw_sql_ != text.value;
    }
    build_.PlainFrom(call, 1);
  }

  void Write(const HostCall& call, const std::string& name) {
    const bool all =
        absl::EndsWith(name, "_all") || absl::EndsWith(name, "_by") || name == "truncate";
    const bool refined = !build_.query.where.empty() || build_.call.has_conditions;
    // On a record, or by its key.
    if (!all && (loaded_ || chain_.receiver_kind == Receiver::kVariable ||
                 (!call.arguments.empty() && absl::StartsWith(name, "de")))) {
      if (!refined && method_->role != MethodRole::kInsert) build_.ById();
    }
    for (const HostRange& argument : call.arguments) {
      const auto pairs = ReadPairs(program_, argument);
      if (!pairs.has_value()) {
        if (all && method_->role == MethodRole::kDelete) {
          build_.Conditions({&argument, 1});
        } else if (name == "update_all") {
          build_.Set(argument);
        } else {
          build_.Plain(argument);
        }
      } else if (method_->role == MethodRole::kDelete) {
        if (program_.php() && std::any_of(pairs->begin(), pairs->end(), [](const auto& pair) {
              return pair.first == "conditions";
            })) {
          build_.Options(*pairs);
        } else {
          build_.Conditions({&argument, 1});
        }
      } else if (name == "update_all" && program_.php() && pairs->front().first == "set") {
        build_.Options(*pairs);
      } else {
        build_.Set(argument);
      }
    }
  }

  Reading Finish() {
    Reading reading;
    const bool raw = build_.call.raw_sql;
    const MethodRole role = role_;
    if (raw && build_.problems.empty()) {
      reading = scope_.embedded(EmbeddedTarget(scope_.target), raw_sql_);
    } else if (!raw && WeightOf(role) > 0 && role != MethodRole::kTransaction &&
               role != MethodRole::kLock && role != MethodRole::kSchema && !connection_) {
      reading = OfModel(role);
    } else {
      reading.verdict.understood = true;
      if (method_ != nullptr) {
        reading.verdict.kind = method_->kind;
        reading.verdict.safety = method_->safety;
      } else if (build_.problems.empty()) {
        build_.Problem("calls no method that is in the table of methods");
      }
      if (reading.verdict.safety == Safety::kSafe) {
        reading.verdict.effects.undo = Undo::kNothingToUndo;
      }
    }
    Judge(role, raw, &reading);
    build_.call.receiver = SanitizeForDisplay(Truncate(chain_.receiver, 80));
    build_.call.in_loop = scope_.context.in_loop;
    reading.facts.call = build_.call;
    return reading;
  }

  Reading OfModel(MethodRole role) {
    const bool no_table = build_.query.table.empty();
    if (no_table) build_.query.table = "t";
    const bool selects = !build_.query.select.empty();
    Reading reading = scope_.embedded(EmbeddedTarget(scope_.target),
                                      build_.query.ToSql(EmbeddedTarget(scope_.target), role));
    if (!selects) reading.facts.query.select_star = false;
    if (no_table) {
      reading.verdict.uses.clear();
      reading.verdict.tables.clear();
      reading.facts.objects.clear();
    }
    reading.verdict.kind = method_->kind;
    Facts& facts = reading.facts;
    const bool changes = role == MethodRole::kUpdate || role == MethodRole::kDelete;
    facts.verb = role == MethodRole::kInsert   ? Verb::kInsert
                 : role == MethodRole::kUpdate ? Verb::kUpdate
                 : role == MethodRole::kDelete ? Verb::kDelete
                                               : Verb::kSelect;
    facts.query.unguarded_write =
        changes && (build_.query.where.empty() || facts.query.always_true_where);
    if (role == MethodRole::kInsert) reading.verdict.adds_only = true;
    return reading;
  }

  void Judge(MethodRole role, bool raw, Reading* reading) {
    Verdict& verdict = reading->verdict;
    const bool writes = !raw && method_ != nullptr && method_->safety == Safety::kDestructive;
    if (writes) {
      verdict.safety = Safety::kDestructive;
      verdict.reasons.insert(verdict.reasons.begin(),
                             absl::StrCat(method_->name, " ", method_->note));
    }
    verdict.transaction_control = verdict.transaction_control || role == MethodRole::kTransaction;
    if (build_.call.concatenates) {
      verdict.safety = Safety::kDestructive;
      verdict.understood = false;
      verdict.adds_only = false;
      verdict.reasons.push_back("its SQL is joined with a value of the program");
      if (verdict.doubt.empty()) verdict.doubt = verdict.reasons.back();
    }
    for (std::string& problem : build_.problems) {
      verdict.safety = Safety::kDestructive;
      verdict.understood = false;
      verdict.adds_only = false;
      if (verdict.doubt.empty()) verdict.doubt = problem;
      verdict.reasons.push_back(std::move(problem));
    }
  }

  const HostProgram& program_;
  const HostChain& chain_;
  const HostScope scope_;
  QueryBuilder build_;
  bool connection_ = false;
  bool schema_ = false;  // Laravel's Schema.
  bool loaded_ = false;  // A record has been read.
  bool ran_raw_ = false;
  MethodRole role_ = MethodRole::kInMemory;
  const ModelMethod* method_ = nullptr;
  std::string raw_sql_;
};

}  // namespace

Reading ReadChain(const HostProgram& program, const HostChain& chain, HostScope scope,
                  HostFindings* findings) {
  return ChainReader(program, chain, scope, findings).Read();
}

}  // namespace dbfleet::sql
