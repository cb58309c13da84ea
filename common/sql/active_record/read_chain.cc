#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "common/sql/active_record/batches.h"
#include "common/sql/active_record/chain_reader.h"
#include "common/sql/active_record/framework_calls.h"
#include "common/sql/active_record/given_sql.h"
#include "common/sql/active_record/harmless_methods.h"
#include "common/sql/active_record/host_builders.h"
#include "common/sql/active_record/host_constants.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/sql_blocks.h"
#include "common/sql/active_record/whole_tables.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// where(...) in a scope or a method of a model: of its own rows.
bool BuildsOwn(const HostChain& chain) {
  const ModelMethod* method = FindModelMethod(chain.calls[0].name);
  return method != nullptr && chain.calls[0].op == HostOperator::kNone &&
         (method->role == MethodRole::kRefine || method->role == MethodRole::kRead);
}

}  // namespace

ChainReader::ChainReader(const HostProgram& program, const HostChain& chain, HostScope scope,
                         HostFindings* findings)
    : program_(program), chain_(chain), scope_(scope), build_(program, scope, findings) {
  connection_ = IsConnectionName(chain.receiver.substr(0, chain.receiver.find('['))) ||
                (chain.receiver_kind == Receiver::kNone && !program.php() && !BuildsOwn(chain));
  if (chain.receiver_kind == Receiver::kClass && !connection_)
    build_.query.table = TableOf(chain.receiver);
  if (scope.context.queries.count(chain.receiver) > 0) held_ = Held::kQuery;
  if (scope.context.prepared.count(BuilderKey(chain.receiver)) > 0) {
    // What it was told before stands in statements of its own.
    connection_ = false;
    builder_ = selects_ = from_ = got_query_ = true;
    method_ = FindModelMethod("select");
    role_ = MethodRole::kRefine;
  }
  schema_ = chain.receiver_kind == Receiver::kClass && TableOf(chain.receiver) == "schemas";
  all_rows_ = chain.receiver_kind == Receiver::kClass && !connection_ &&
              IsModelClass(chain.receiver) && IsNamedAsModel(chain.receiver);
}

// What a link is called on, as written: "$this->db".
std::string ChainReader::CallerOf(const HostCall& call) const {
  const char* const begin = program_.text().data() + program_[chain_.range.begin].offset;
  const char* const end = program_.text().data() + program_.text().size();
  if (call.name.data() < begin || call.name.data() >= end) return "";
  absl::string_view caller(begin, static_cast<size_t>(call.name.data() - begin));
  // What is longer than this is compared with nothing.
  constexpr size_t kLongest = 200;
  if (caller.size() > kLongest) return "";
  for (absl::string_view member : {"?->", "->", "&.", "::", "."}) {
    if (absl::ConsumeSuffix(&caller, member)) break;
  }
  return std::string(absl::StripAsciiWhitespace(caller));
}

// $statement, or the object's own property: $this->statement.
std::string ChainReader::Holder(const HostCall& call) const {
  const bool property = program_.php() && chain_.receiver == "$this" && chain_.calls.size() > 1 &&
                        chain_.calls[0].is_property && &call == &chain_.calls[1];
  return property ? absl::StrCat("$this->", chain_.calls[0].name) : chain_.receiver;
}

// $statement->execute(), ->execute([$x]): what was prepared, and values for it.
bool ChainReader::RunsPrepared(const HostCall& call) const {
  if (call.arguments.empty()) return true;
  const auto found = scope_.context.prepared.find(Holder(call));
  if (found == scope_.context.prepared.end()) return false;
  // Of a statement that is known a text is a value for it, too.
  return !found->second.empty() || program_[call.arguments[0].begin].kind != HostTokenKind::kString;
}

Reading ChainReader::Read() {
  // (new User(...))->save()
  loaded_ = program_.php() &&
            (program_[chain_.range.begin].IsName("new") || program_[chain_.range.begin].Is("("));
  if (const HostFunction* function = FunctionOf(program_, chain_); function != nullptr) {
    Function(chain_.calls[0], *function);
  } else {
    TakeIndex();
    Take(chain_.calls[0]);
  }
  for (size_t i = 1; i < chain_.calls.size(); ++i) Take(chain_.calls[i]);
  for (const HostRange& inside : chain_.inside) build_.Block(inside, false);
  return Finish();
}

void ChainReader::Take(const HostCall& call) {
  build_.caller = CallerOf(call);
  std::string name = absl::AsciiStrToLower(call.name);
  const bool all_rows = std::exchange(all_rows_, false);
  if (call.op != HostOperator::kNone) {
    name = call.op == HostOperator::kAppend ? "<<" : "=";
    if (call.cut) build_.Problem("what it is given does not end; write parentheses");
  }
  if (HoldsSql(program_, chain_, call)) {
    ReadSqlBlock(program_, *call.block, &build_);
  } else if (call.block.has_value()) {
    build_.Block(*call.block, !GivesValues(name));
  }
  const ModelMethod* const of_held = TakeHeld(call, name);
  if (call.is_property) {
    if (IsConnectionName(name)) connection_ = true;
    return;
  }
  const bool gives_connection = program_.php() && chain_.receiver_kind != Receiver::kNone &&
                                &call != &chain_.calls.back() && GivesConnection(name);
  if (schema_) {
    Schema(call, name);
    return;
  }
  if (name == "[]") return;  // TakeIndex read it.
  if (TakeBean(call, name)) return;
  if (name == "exec_prepared" && !program_.php() && !call.arguments.empty()) {
    method_ = FindConnectionMethod("execute");
    role_ = method_->role;
    build_.call.method = name;
    const auto statement = ReadWord(program_, call.arguments[0]);
    RunPrepared(absl::StrCat("\"", statement.value_or("")));
    build_.PlainFrom(call, 1);
    return;
  }
  if (TakeBuilder(call, name)) return;
  if (name == "inject" || name == "reduce" || name == "map") TakeSymbols(call);
  if (TakesWrite(program_, call)) build_.Problem("is given a method that writes");
  const ModelMethod* method = connection_ ? FindConnectionMethod(name) : FindModelMethod(name);
  if (name == "cursor" && call.arguments.empty()) method = FindModelMethod(name);
  if (of_held != nullptr) method = of_held;
  if (const auto sql = SqlAmong(call, method); sql.has_value()) {
    if (WeightOf(role_) > WeightOf(MethodRole::kRaw)) {
      build_.Problem("runs SQL behind what writes by itself");
    } else {
      method_ = FindConnectionMethod("select");
      role_ = MethodRole::kRaw;
    }
    build_.call.method = name;
    Raw(call, *sql);
    return;
  }
  if (gives_connection) {
    connection_ = true;
    build_.PlainFrom(call, 0);
    if (method == nullptr) return;
  }
  // User::query()->where(...)
  if (name == "query" && !connection_ && call.arguments.empty()) method = FindModelMethod("where");
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
  if (all_rows) NoteRows(call, name);
}

// Of a call behind a query of every row of a model.
void ChainReader::NoteRows(const HostCall& call, const std::string& name) {
  const bool limited = build_.call.has_conditions || build_.call.has_limit ||
                       !build_.query.where.empty() || !build_.query.group.empty();
  if (limited) return;
  if (LoadsRows(program_, chain_, call, name)) {
    build_.call.loads_all = name;
  } else {
    all_rows_ = KeepsRows(program_, name);
  }
}

// $x->getConnection()->scalar("DELETE ..."), $helper->go("DELETE ..."): of a model it is no SQL.
std::optional<size_t> ChainReader::SqlAmong(const HostCall& call, const ModelMethod* method) const {
  const bool of_model = chain_.receiver_kind == Receiver::kClass && !connection_;
  const bool raw = method != nullptr && WeightOf(method->role) >= WeightOf(MethodRole::kRaw);
  if (of_model || raw || ran_raw_) return std::nullopt;
  return WriteAmong(program_, chain_, call);
}

// PG's conn.prepare("by_id", "SELECT ...").
bool ChainReader::IsNamedPrepare(const HostCall& call, absl::string_view name) const {
  return !program_.php() && name == "prepare" && call.arguments.size() >= 2 &&
         ReadWord(program_, call.arguments[0]).has_value();
}

void ChainReader::TakeSymbols(const HostCall& call) {
  for (const HostRange& argument : call.arguments) {
    const HostToken& token = program_[argument.begin];
    if (token.kind != HostTokenKind::kSymbol || token.text.empty()) continue;
    const ModelMethod* method = FindModelMethod(token.text);
    const bool word = absl::ascii_isalpha(static_cast<unsigned char>(token.text[0]));
    const bool computes = IsPureHostFunction(token.text) || NamesAttribute(token.text) ||
                          (method != nullptr && method->role == MethodRole::kInMemory);
    const bool calls = call.name != "map" && word && !computes;
    if (calls || token.text.back() == '!' ||
        (method != nullptr && method->safety == Safety::kDestructive)) {
      build_.Problem(
          absl::StrCat("calls ", SanitizeForDisplay(Truncate(token.text, 60)), " by its name"));
    }
  }
}

void ChainReader::Dispatch(const HostCall& call, const std::string& name, MethodRole role) {
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
      // Doctrine's statements are run by executeQuery().
      if ((name == "execute" ||
           (name == "executequery" && scope_.context.prepared.count(Holder(call)) > 0)) &&
          !ran_raw_ && RunsPrepared(call)) {
        RunPrepared(Holder(call));
        build_.PlainFrom(call, 0);
      } else if (!WritesTable(call, name)) {
        Raw(call, IsNamedPrepare(call, name) ? 1 : 0);
      }
      break;
    case MethodRole::kInsert:
    case MethodRole::kUpdate:
    case MethodRole::kDelete:
      Write(call, name);
      break;
    case MethodRole::kLock:
      build_.NoteTexts(call);
      break;
    default:
      if (name == "filter" && !program_.php() && !call.arguments.empty()) {
        build_.Conditions(call.arguments);  // Sequel's where.
        return;
      }
      build_.PlainFrom(call, 0);
  }
}

void ChainReader::Schema(const HostCall& call, const std::string& name) {
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

void ChainReader::Unknown(const HostCall& call, const std::string& name) {
  const bool word = call.arguments.empty() && !call.has_parens && !call.block.has_value() &&
                    (absl::ascii_isalnum(name.back()) || name.back() == '?');
  if (!program_.php() && word && method_ == nullptr) {
    // An association or attribute: user.orders.where(...).
    build_.query.table = name;
    if (IsConnectionName(name)) connection_ = true;
    return;
  }
  // auth()->user()
  const bool gives = &call != &chain_.calls.back() && chain_.receiver_kind == Receiver::kNone &&
                     &call == &chain_.calls[0] && IsSignedIn(*(&call + 1));
  if (gives || IsSignedIn(call)) return;
  if (IsRelation(call)) {
    build_.query.table = name;
    return;
  }
  if (!program_.php() && word && loaded_ && NamesAttribute(name)) return;
  const bool of_join = scope_.generous ||
                       (&call == &chain_.calls[0] && IsHarmlessMethod(chain_.receiver, call.name));
  if (of_join && program_.php() && TellsJoin(program_, call)) {
    build_.PlainFrom(call, 0);
    return;
  }
  if (BuildsSql(name)) build_.NoteTexts(call);
  // Whatever it says, it is a condition: whereStatus('paid').
  if (absl::StartsWith(name, "where")) build_.call.has_conditions = true;
  if (IsPureHostFunction(name) || (ran_raw_ && IsOfResult(name))) {
    build_.PlainFrom(call, 0);
    return;
  }
  build_.Problem(absl::StrCat("calls ", SanitizeForDisplay(Truncate(call.name, 60)),
                              ", which is not in the table of methods"));
}

// Sequel: the receiver's index is SQL, or names a table.
void ChainReader::TakeIndex() {
  const size_t open = chain_.range.begin + 1;
  const bool index = connection_ && chain_.receiver_kind != Receiver::kNone &&
                     program_[open].Is("[") && program_.CloseOf(open) < chain_.range.end;
  if (!index) return;
  const std::vector<HostRange> parts = program_.Parts({open + 1, program_.CloseOf(open)});
  if (parts.empty()) return;
  if (const auto word = ReadWord(program_, parts[0]);
      word.has_value() && program_[parts[0].begin].kind == HostTokenKind::kSymbol) {
    build_.query.table = *word;
    connection_ = false;
    return;
  }
  HostCall call;
  call.name = program_[open].text;
  call.arguments = parts;
  method_ = FindConnectionMethod("select");
  role_ = MethodRole::kRaw;
  build_.call.method = "[]";
  Raw(call, 0);
}

void ChainReader::TakeTable(const HostCall& call) {
  if (call.arguments.empty()) return;
  const std::optional<std::string> table = ReadWord(program_, call.arguments[0]);
  if (table.has_value()) {
    build_.query.table = *table;
  } else {
    build_.NoteValue(call.arguments[0]);
  }
  connection_ = false;
  if (program_.php()) held_ = Held::kQuery;
  all_rows_ = chain_.receiver_kind == Receiver::kClass;
}

Reading ChainReader::Finish() {
  Reading reading;
  const bool raw = build_.call.raw_sql;
  const MethodRole role = role_;
  if (raw && build_.problems.empty()) {
    std::vector<Reading> each;
    for (absl::string_view sql : absl::StrSplit(raw_sql_, kBetweenTexts)) {
      each.push_back(scope_.embedded(EmbeddedTarget(scope_.target), sql));
    }
    reading = each.size() == 1 ? std::move(each[0]) : Combine(std::move(each));
  } else if (!raw && WeightOf(role) > 0 && role != MethodRole::kTransaction &&
             role != MethodRole::kLock && role != MethodRole::kSchema &&
             (!connection_ || build_.query.HoldsSql())) {
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
  // @order.line_items.each { ... }: the rows are those of the association.
  const bool of_association = !program_.php() && chain_.receiver_kind == Receiver::kVariable &&
                              chain_.calls.size() == 2 && chain_.calls[0].bare() &&
                              chain_.calls[0].op == HostOperator::kNone;
  if (of_association) {
    build_.call.receiver = SanitizeForDisplay(Truncate(CallerOf(chain_.calls[1]), 80));
  }
  build_.call.in_loop = scope_.context.in_loop;
  NoteBatch();
  build_.call.walked = scope_.context.walked;
  build_.call.php = scope_.target.dialect == Dialect::kActiveRecordPhp;
  // The rules about models would advise REDIS.limit(n); that it is in doubt is told anyway.
  if (!raw && IsConstantOfRedis(program_, chain_)) {
    reading.facts = Facts();
    return reading;
  }
  reading.facts.call = build_.call;
  return reading;
}

// in_batches { |batch| batch.update_all(...) }, ... Item.where(order_id: batch).delete_all }
void ChainReader::NoteBatch() {
  const HostContext& context = scope_.context;
  if (context.batch.empty()) return;
  const bool own = chain_.receiver == context.batch;
  build_.call.has_limit = build_.call.has_limit || own;
  build_.call.each_batch =
      context.each_batch &&
      (own || (build_.call.has_conditions && NamesBatch(program_, chain_, context.batch)));
}

Reading ChainReader::OfModel(MethodRole role) {
  const bool no_table = build_.query.table.empty();
  if (no_table) build_.query.table = "t";
  const bool selects = !build_.query.select.empty();
  const Target server = EmbeddedTarget(scope_.target);
  const bool truncates = method_->name == "truncate";
  Reading reading = scope_.embedded(
      server, truncates ? absl::StrCat("TRUNCATE TABLE ", QuoteName(server, build_.query.table))
                        : build_.query.ToSql(server, role));
  if (!selects) reading.facts.query.select_star = false;
  if (no_table) {
    reading.verdict.uses.clear();
    reading.verdict.tables.clear();
    reading.facts.objects.clear();
  }
  reading.verdict.kind = method_->kind;
  Facts& facts = reading.facts;
  const bool changes = role == MethodRole::kUpdate || role == MethodRole::kDelete;
  if (truncates) return reading;
  facts.verb = role == MethodRole::kInsert   ? Verb::kInsert
               : role == MethodRole::kUpdate ? Verb::kUpdate
               : role == MethodRole::kDelete ? Verb::kDelete
                                             : Verb::kSelect;
  // What finds its rows by the keys that it is given.
  static constexpr absl::string_view kByKeys[] = {"updateorcreate", "updateorinsert", "upsert",
                                                  "upsert_all"};
  facts.query.unguarded_write = changes && !IsOneOf(method_->name, kByKeys) &&
                                (build_.query.where.empty() || facts.query.always_true_where);
  if (role == MethodRole::kInsert) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(build_.query.table, absl::MaxSplits('.', 1));
    reading.verdict.adds_only = parts.second.empty() ? !IsServersOwn("", parts.first)
                                                     : !IsServersOwn(parts.first, parts.second);
  }
  return reading;
}

void ChainReader::Judge(MethodRole role, bool raw, Reading* reading) {
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

Reading ReadChain(const HostProgram& program, const HostChain& chain, HostScope scope,
                  HostFindings* findings) {
  return ChainReader(program, chain, scope, findings).Read();
}

}  // namespace dbfleet::sql
