#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/byte_order_mark.h"
#include "common/base/status.h"
#include "common/sql/active_record/active_record.h"
#include "common/sql/active_record/association_walk.h"
#include "common/sql/active_record/batches.h"
#include "common/sql/active_record/framework_calls.h"
#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_builders.h"
#include "common/sql/active_record/host_declarations.h"
#include "common/sql/active_record/host_effects.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_migration.h"
#include "common/sql/active_record/host_prepared.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_records.h"
#include "common/sql/active_record/host_session.h"
#include "common/sql/active_record/host_targets.h"
#include "common/sql/active_record/host_trust.h"
#include "common/sql/active_record/host_unknown.h"
#include "common/sql/active_record/host_values.h"
#include "common/sql/active_record/local_records.h"
#include "common/sql/active_record/own_queries.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/record_flow.h"
#include "common/sql/active_record/schema_calls.h"
#include "common/sql/active_record/sql_blocks.h"
#include "common/sql/active_record/statement_places.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// clang-format off
constexpr absl::string_view kLoopCalls[] = {
    "all?", "array_map", "array_walk", "collect", "downto", "each", "each_pair", "each_slice",
    "each_value", "each_with_index", "each_with_object", "find_each", "find_in_batches", "flat_map",
    "in_batches", "loop", "map", "reject", "select", "step", "times", "upto",
};
// clang-format on
constexpr absl::string_view kLoopWords[] = {"for", "foreach", "until", "while"};

class Splitter {
 public:
  // `shared` learns what is bound, and tells what was.
  Splitter(const HostProgram& program, absl::string_view text, const Target& embedded,
           HostRecords* shared)
      : program_(program),
        text_(text),
        shared_(*shared),
        values_(program),
        variables_(program),
        prepared_(program),
        builders_(program, prepared_.locals()),
        trust_(program, variables_),
        own_queries_(program),
        unknown_(program, *shared, variables_, trust_),
        migration_(program),
        session_(embedded),
        places_(text),
        records_(program, *shared),
        flow_(program, variables_, prepared_, shared, &records_) {}

  std::vector<Statement> All() {
    Scan({0, program_.size()}, false);
    for (size_t torn : torn_) {
      std::string& doubt = statements_[torn].host.doubt;
      if (doubt.empty()) doubt = "the heredoc of another call stands in it";
    }
    if (!statements_.empty()) places_.AttachComments(program_, &statements_);
    return std::move(statements_);
  }

  // Of a program without statements.
  bool Declares() const { return OnlyDeclares(program_, trust_); }

 private:
  // Depth: brackets are not nested more than HostProgram allows.
  void Scan(HostRange range, bool in_loop) {
    for (size_t i = range.begin; i < range.end;) i = One(i, range.end, in_loop);
  }

  size_t One(size_t i, size_t end, bool in_loop) {
    const HostToken& token = program_[i];
    if (shared_.IsGiven(i)) {
      records_.Add(i);
      if (program_.php()) shared_.Promote(i);
    }
    if (token.kind == HostTokenKind::kName && IsOneOf(token.text, kLoopWords)) {
      return Loop(i, end, in_loop);
    }
    if (own_queries_.Acts(i)) {
      Emit(HostRange{i, i + 1}, in_loop);
      statements_.back().host.doubt = "locks or writes rows of the model that it stands in";
      return i + 1;
    }
    if (const auto doubt = DoubtOfHiddenCode(program_, token, trust_);
        doubt.has_value() || ShowsMethodOfRecord(token)) {
      Emit(HostRange{i, i + 1}, in_loop);
      statements_.back().host.doubt = doubt.value_or("");
      return i + 1;
    }
    if (const size_t close = EndOfCallOfValue(program_, i, variables_); close > 0) {
      Emit(HostRange{i, close + 1}, in_loop);
      return close + 1;
    }
    if (program_.php() && token.kind == HostTokenKind::kString && program_[i + 1].Is("::") &&
        program_[i + 3].Is("(")) {
      Emit(HostRange{i, i + 3}, in_loop);  // 'Order'::truncate()
      statements_.back().host.doubt = "calls a method of the class that a text names";
      return i + 3;
    }
    size_t bound_until = 0;
    if (std::string doubt = trust_.DoubtOfBinding(i, &bound_until); !doubt.empty()) {
      Emit(HostRange{i, bound_until}, in_loop);
      statements_.back().host.doubt = std::move(doubt);
      return i + 1;
    }
    flow_.HandToUnnamed(i);
    const bool may_begin = token.kind == HostTokenKind::kVariable ||
                           token.kind == HostTokenKind::kName || program_.BeginsReceiver(i);
    if (!may_begin || IsLookedAt(i)) return i + 1;
    // PHP's attributes: #[ORM\Column(...)] hold constants.
    if (program_.php() && i > 1 && program_[i - 1].Is("[") && program_[i - 2].Is("#")) {
      return std::min(program_.CloseOf(i - 1), end);
    }
    Follow(i);
    if (token.IsName("in") && !program_.php()) flow_.BindBranch(i);
    const std::optional<HostChain> chain = program_.ChainAt(i, end);
    if (!chain.has_value()) {
      const bool held =
          token.kind == HostTokenKind::kVariable &&
          (records_.Hold(token.text) || (program_[i + 1].Is("(") && shared_.Gives(token.text)));
      if (held) Copy({i, i + 1}, in_loop);
      if (!held && program_.php() && shared_.IsTyped(token.text)) BindFound({i, i + 1});
      if (const size_t call = CallOnGiven(i); call > 0) {
        Emit(HostRange{i, call}, in_loop);
        statements_.back().host.doubt = "calls a method of what a function in a variable gives";
      }
      return i + 1;
    }
    session_.TakeCharset(program_, *chain);
    // csv << [order.id]: of a list in memory, whatever has a name like it.
    const bool appended =
        !program_.php() && AppendsToVariable(program_, *chain) && variables_.IsPlain(token.text);
    const HostRange inner = program_.InsideReceiver(i);
    const bool opens = inner.begin > i;
    const bool tells_join = in_builder_ && program_.php() && chain->calls.size() == 1 &&
                            TellsJoin(program_, chain->calls[0]);
    const bool held = (records_.Hold(chain->receiver) && !appended) || shared_.BeginsOn(*chain) ||
                      (!chain->receiver.empty() && own_queries_.GivesRecords(i)) ||
                      shared_.IsDelegated(*chain) || builders_.Holds(i) ||
                      (in_builder_ && chain->receiver_kind == Receiver::kVariable) ||
                      (variables_.IsResult(chain->receiver) && !OnlyOfResult(*chain)) ||
                      (opens && flow_.Reaches(inner));
    const bool known = held && !tells_join;
    // [@a, @b].each { ... }: a list of them is none, but what it hands out is.
    // So is what a method of the file gives.
    const bool given = shared_.BeginsOnGiven(*chain) && !appended;
    const bool carries = flow_.Carries(*chain);
    const bool lists = given || carries || (opens && !known && records_.AreNamed(inner));
    std::string doubt = trust_.DoubtOfCall(*chain);
    const bool typed = program_.php() && !known && shared_.MayBegin(*chain);
    const bool finds = FindsByRepository(program_, *chain);
    const bool record = known || lists || (!program_.php() && shared_.MayBegin(*chain));
    // What PHP's records are asked for that is not known is told when the chain is read.
    if (doubt.empty() && !(program_.php() && record)) doubt = unknown_.DoubtOfDeed(*chain, record);
    if (doubt.empty() && program_.php() && !known) doubt = unknown_.DoubtOfTyped(*chain);
    // $order->load('items')
    const bool reads =
        typed && CallsSomething(program_, *chain, false) && !CallsUnknown(program_, *chain);
    const bool reaches =
        !doubt.empty() || reads ||
        (!OnlyReadsConstantOfRedis(program_, *chain) &&
         (ReachesDatabase(program_, *chain, known, &variables_) || IsOfModel(program_, *chain))) ||
        own_queries_.Has(*chain) ||
        (CallsClassOfValue(program_, *chain) && !unknown_.ConstructsRepository(*chain)) ||
        (lists && CallsUnknown(program_, *chain, given || carries ? 1 : 0)) ||
        (known && CallsSomething(program_, *chain,
                                 !program_.php() && program_.IsWholeStatement(chain->range))) ||
        (shared_.MayBegin(*chain) && IsForEffect(*chain) && CallsSomething(program_, *chain, true));
    if (doubt.empty() && reaches) doubt = DoubtOfBlock(*chain);
    if (doubt.empty() && reaches) doubt = unknown_.DoubtOfSql(*chain, true);
    if (doubt.empty() && reaches) doubt = unknown_.DoubtOfVerb(*chain);
    const std::optional<Reading> schema_call = ReadAsSchemaCall(*chain);
    const bool of_schema = schema_call.has_value();
    if (!reaches) {
      std::string unknown = EffectOf(*chain);
      if (unknown.empty()) unknown = unknown_.DoubtOfSql(*chain, false);
      // What Rails' change_table is told has rules of its own.
      const bool told = of_schema && (block_.kind == SchemaBlock::kChanges ||
                                      !schema_call->facts.columns.empty() ||
                                      !schema_call->facts.foreign_keys.empty());
      if (!unknown.empty() || told) {
        Emit(*chain, in_loop);
        statements_.back().host.doubt = of_schema ? "" : std::move(unknown);
        statements_.back().host.schema_call = of_schema;
      }
    }
    if (reaches) {
      if (doubt.empty()) doubt = unknown_.DoubtInArguments(*chain, records_);
      Emit(*chain, in_loop);
      statements_.back().host.doubt = of_schema ? "" : std::move(doubt);
      statements_.back().host.schema_call = of_schema;
      std::string& why = statements_.back().host.doubt;
      if (why.empty() && !of_schema && !GivesNumber(*chain)) {
        why = flow_.DoubtOfTarget(chain->range);
      }
      flow_.BindRecords(chain->range);
      shared_.Bind(chain->range);
    } else if (shared_.Is(*chain) ||
               (chain->calls.size() == 1 && chain->calls[0].bare() && chain->receiver.empty() &&
                records_.Hold(chain->calls[0].name))) {
      Copy(chain->range, in_loop);
    } else if (finds || (typed && GivesAttribute(program_, *chain))) {
      BindFound(chain->range);
    } else if (lists || (known && GivesAttribute(program_, *chain))) {
      flow_.Copy(chain->range, false);
    }
    const bool of_records = reaches || known || lists || typed;
    flow_.HandOver(*chain, of_records);
    if (program_.php()) shared_.HandOverTyped(*chain);
    flow_.Append(*chain);
    // What runs inside stands for itself; the rest of a chain that reaches the database is its own.
    size_t inside = chain->range.begin;
    const std::vector<Hole> holes = HolesOf(*chain);
    for (const Hole& hole : holes) {
      if (!reaches || !hole.loop || !statements_.back().host.walked.empty()) continue;
      statements_.back().host.walked = WalkedAssociation(
          program_, *chain, FirstParameter(program_, hole.range.begin), hole.range);
    }
    const bool schema = DefinesSchema(*chain) || chain->receiver == "Schema";
    const bool binds_records =
        (of_records || flow_.IsGivenRecords(*chain) || flow_.Yields(*chain)) &&
        !DefinesSchema(*chain);
    for (const Hole& hole : holes) {
      if (hole.range.begin < inside) continue;
      if (binds_records) flow_.Parameters(hole.range.begin);
      if (binds_records && hole.loop) flow_.BindAhead(hole.range);
      if (!reaches) Scan({std::max(inside, i + 1), hole.range.begin}, in_loop);
      const bool in_builder = std::exchange(in_builder_, in_builder_ || (reaches && hole.builds));
      const bool in_schema = std::exchange(in_schema_, in_schema_ || (reaches && schema));
      Batch batch = batch_;
      if (hole.loop) batch_.each = false;
      if (!hole.batch.empty()) batch_ = {hole.batch, true};
      const SchemaBlock block = std::exchange(block_, BlockIn(*chain, hole.range));
      Scan(hole.range, in_loop || hole.loop);
      block_ = block;
      in_builder_ = in_builder;
      in_schema_ = in_schema;
      batch_ = std::move(batch);
      inside = hole.range.end;
    }
    if (binds_records && !reaches) flow_.ParametersOfArrows(*chain);
    if (!reaches) looked_until_ = std::max(looked_until_, chain->range.end);
    if (!reaches) return inside > i ? inside : i + 1;
    return chain->range.end;
  }

  // $order = $this->model->find(1), and $x = $order of a typed one: of PHP's nobody knows whether
  // it is a record, but that it may be.
  void BindFound(HostRange value) {
    if (!program_.php()) return flow_.Copy(value, false);
    for (size_t target : TargetsOf(program_, value.begin)) {
      if (program_[target].text != "$this") shared_.AddTyped(program_[target].text);
    }
  }

  // $f()->approve(): where the name of the method ends; 0 if it is none, or $f gives no record.
  size_t CallOnGiven(size_t i) const {
    const size_t close = program_[i + 1].Is("(") ? program_.CloseOf(i + 1) : program_.size();
    const bool gives = program_[i].kind == HostTokenKind::kVariable &&
                       (shared_.Gives(program_[i].text) || records_.Hold(program_[i].text));
    const bool calls =
        close < program_.size() && program_.IsMember(close + 1) && program_[close + 3].Is("(");
    return gives && calls ? close + 3 : 0;
  }

  // A record under a second name; under which one has to be seen.
  void Copy(HostRange value, bool in_loop) {
    if (std::string doubt = flow_.DoubtOfTarget(value); !doubt.empty()) {
      Emit(value, in_loop);
      statements_.back().host.doubt = std::move(doubt);
    }
    flow_.Copy(value, true);
  }

  // Order::count(), which is no record.
  static bool GivesNumber(const HostChain& chain) {
    static constexpr absl::string_view kNames[] = {
        "avg", "average", "count", "doesntexist", "exists", "max", "min", "pluck", "sum", "value"};
    return IsOneOf(absl::AsciiStrToLower(chain.calls.back().name), kNames);
  }

  std::string EffectOf(const HostChain& chain) const {
    return in_schema_ ? "" : unknown_.DoubtOfEffect(chain, records_.Hold(chain.receiver));
  }

  // Of a statement of its own, whose words no definition of the file takes the place of.
  std::optional<Reading> ReadAsSchemaCall(const HostChain& chain) const {
    if (!program_.IsWholeStatement(chain.range)) return std::nullopt;
    const bool named = chain.receiver_kind != Receiver::kVariable;
    if (named && !program_.php() && trust_.Defines(chain.calls[0].name)) return std::nullopt;
    HostContext context;
    context.schema_block = block_;
    context.migration = migration_.is_one();
    return ReadSchemaCall(program_, chain, context, nullptr);
  }

  // The block around what stands in a chain's closure.
  SchemaBlock BlockIn(const HostChain& chain, HostRange body) const {
    SchemaBlock inner = SchemaBlockOf(program_, chain, body);
    if (inner.kind == SchemaBlock::kDirections && !migration_.is_one()) return {};
    if (inner.kind != SchemaBlock::kNone) return inner;
    // Another one's parameter of that name is something else.
    return FirstParameter(program_, body.begin) == block_.variable ? SchemaBlock() : block_;
  }

  // Its value goes nowhere, unlike that of return $order->isPaid().
  bool IsForEffect(const HostChain& chain) const {
    return program_.IsWholeStatement(chain.range) &&
           !program_[chain.range.begin - 1].IsName("return");
  }

  // Post.where { sleep(5) }: Ruby's sleep, or the server's.
  std::string DoubtOfBlock(const HostChain& chain) const {
    for (const HostCall& call : chain.calls) {
      if (MayHoldSql(program_, call) && !HoldsSql(program_, chain, call) &&
          CallsInSql(program_, *call.block)) {
        return "calls what may be a function of the server in a block that may become SQL";
      }
    }
    return "";
  }

  // "{$user->wipe()}": of what came from the database.
  bool ShowsMethodOfRecord(const HostToken& token) const {
    if (records_.none()) return false;
    if (token.kind != HostTokenKind::kString && token.kind != HostTokenKind::kOther) return false;
    for (const StringPart& part : token.parts) {
      if (!part.is_code || absl::StartsWith(part.text, "\\")) continue;
      const auto code = HostProgram::Read(
          program_.php() ? Dialect::kActiveRecordPhp : Dialect::kActiveRecordRuby, part.text);
      if (!code.ok()) return true;
      for (size_t i = 0; i < code->size(); ++i) {
        const std::optional<HostChain> chain = code->ChainAt(i, code->size());
        if (chain.has_value() &&
            (records_.Hold(chain->receiver) || shared_.BeginsOn(*chain) ||
             shared_.BeginsOnGiven(*chain) || (program_.php() && shared_.MayBegin(*chain))) &&
            CallsUnknown(program_, *chain)) {
          return true;
        }
      }
    }
    return false;
  }

  // A link of a chain that was looked at as a whole. What is called on a text is none.
  bool IsLookedAt(size_t i) const {
    const HostToken& before = program_[i - 1];
    const bool member = before.Is(".") || before.Is("&.") || before.Is("->") || before.Is("?->");
    return i < looked_until_ && member && program_[i - 2].kind != HostTokenKind::kString;
  }

  void Follow(size_t i) {
    // Of an object's property: it is none of the variables.
    if (values_.Follow(i) == i + 2) records_.Forget(i);
  }

  // foreach (X as $y) { ... }, for y in x ... end, while x ... end.
  size_t Loop(size_t i, size_t end, bool in_loop) {
    if (!program_.php()) {
      const size_t close = program_.CloseOf(i);
      if (close >= end) return i + 1;
      if (program_[i].IsName("for")) flow_.BindLoop(i);
      flow_.BindAhead({i + 1, close});
      const bool each = std::exchange(batch_.each, false);
      Scan({i + 1, close}, true);
      batch_.each = each;
      return close;
    }
    const size_t close = program_.CloseOf(std::min(i + 1, program_.size() - 1));
    if (!program_[i + 1].Is("(") || close >= end) return i + 1;
    const size_t before = statements_.size();
    // The head of a foreach runs once.
    Scan({i + 2, close}, in_loop || !program_[i].IsName("foreach"));
    // foreach ($users as $u)
    size_t as = i + 2;
    while (as < close && !program_[as].IsName("as")) ++as;
    const std::optional<HostChain> list = program_.ChainAt(i + 2, as);
    // foreach ($orders as $u), of a class of the file that says what it gives.
    const bool iterates = shared_.Gives("getIterator") || shared_.Gives("current");
    const bool of_records =
        statements_.size() > before || iterates || records_.AreNamed({i + 2, as}) ||
        (list.has_value() && records_.Hold(list->receiver) && GivesAttribute(program_, *list));
    // as $u, as $k => $u, as [$u]
    constexpr size_t kLongest = 40;
    const bool of_typed = program_.php() && !of_records && shared_.AreTyped({i + 2, as}, list);
    for (size_t k = close; (of_records || of_typed) && k-- > i && close - k < kLongest &&
                           !program_[k].IsName("as");) {
      if (program_[k].kind != HostTokenKind::kVariable) continue;
      of_records ? records_.Add(k) : shared_.AddTyped(program_[k].text);
    }
    size_t last = close + 1;
    flow_.BindAhead({last, end});
    if (program_[last].Is("{")) {
      last = std::min(program_.CloseOf(last), end);
    } else {
      const bool words = program_[last].Is(":");
      while (last < end &&
             !(words ? program_[last].IsName("endforeach") || program_[last].IsName("endfor") ||
                           program_[last].IsName("endwhile")
                     : program_[last].Is(";"))) {
        ++last;
      }
    }
    // The head is one chain, which gives the records.
    if (statements_.size() == before + 1 && list.has_value() && list->range.end == as) {
      statements_.back().host.walked =
          WalkedAssociation(program_, *list, program_[close - 1].text, {close + 1, last});
    }
    Scan({close + 1, last}, true);
    return last;
  }

  struct Hole {
    HostRange range;
    bool loop = false;
    bool builds = false;  // It is given a builder, for nothing but telling it more.
    std::string batch;    // The variable that holds a batch in it.
  };

  // The blocks of a chain, and the bodies of PHP's closures among its arguments.
  std::vector<Hole> HolesOf(const HostChain& chain) const {
    std::vector<Hole> holes;
    for (const HostCall& call : chain.calls) {
      const bool loop = IsOneOf(call.name, kLoopCalls);
      const bool hole = call.block.has_value() && !HoldsSql(program_, chain, call);
      if (hole) holes.push_back({*call.block, loop, false, BatchOf(program_, chain, call)});
      if (!program_.php()) continue;
      const ModelMethod* method = FindModelMethod(call.name);
      const bool builds = method != nullptr && method->role == MethodRole::kRefine;
      for (const HostRange& argument : call.arguments) {
        // Also one in a list: with(['posts' => function ($q) { ... }]).
        for (size_t i = argument.begin; i < argument.end; ++i) {
          if (!program_[i].IsName("function")) continue;
          while (i < argument.end && !program_[i].Is("{")) ++i;
          if (i < argument.end && program_.CloseOf(i) < program_.size()) {
            holes.push_back({{i + 1, program_.CloseOf(i)}, loop, builds, ""});
            i = program_.CloseOf(i);
          }
        }
      }
    }
    return holes;
  }

  void Emit(HostRange range, bool in_loop) {
    HostChain chain;
    chain.range = range;
    Emit(chain, in_loop);
  }

  void Emit(const HostChain& chain, bool in_loop) {
    Statement statement;
    size_t begin = chain.range.begin;
    bool of_others = false;
    bool after_body = false;
    const auto add = [&](HostRange range) {
      of_others = of_others || program_.HoldsTextOfOthers(range);
      for (absl::string_view piece : program_.SourceOf(range)) {
        const size_t at = static_cast<size_t>(piece.data() - text_.data());
        places_.AddPiece(at, at + piece.size(), statements_.size());
        // The line of a heredoc's end is its own.
        const bool body = piece[0] == '\n';
        if (!statement.text.empty() && !body) statement.text.push_back(after_body ? '\n' : ' ');
        after_body = body;
        absl::StrAppend(&statement.text, piece);
      }
    };
    for (const Hole& hole : HolesOf(chain)) {
      if (hole.range.begin < begin) continue;
      add({begin, hole.range.begin});
      begin = hole.range.end;
    }
    add({begin, chain.range.end});
    places_.Place(program_[chain.range.begin].offset, &statement);
    statement.host = values_.ContextOf(chain.range);
    prepared_.AddTo(chain.range, &statement.host);
    builders_.AddTo(chain.range, &statement.host);
    variables_.AddTo(chain.range, &statement.host);
    statement.host.redefined = program_.redefined();
    statement.host.schema_block = block_;
    statement.host.migration = migration_.is_one();
    statement.host.way_back = migration_.IsWayBack(chain.range.begin);
    statement.host.in_loop = in_loop;
    statement.host.batch = batch_.variable;
    statement.host.each_batch = batch_.each;
    statement.host.charset = session_.charset();
    statement.modes_changed = session_.modes_changed();
    session_.Take(program_, chain);
    for (const auto& [name, sql] : statement.host.constants) session_.TakeSql(sql);
    if (of_others) torn_.push_back(statements_.size());
    statements_.push_back(std::move(statement));
  }

  const HostProgram& program_;
  const absl::string_view text_;
  HostRecords& shared_;
  HostValues values_;
  const HostVariables variables_;
  const HostPrepared prepared_;
  const HostBuilders builders_;
  const HostTrust trust_;
  const OwnQueries own_queries_;
  const HostUnknown unknown_;
  const HostMigration migration_;
  HostSession session_;
  std::vector<Statement> statements_;
  StatementPlaces places_;
  LocalRecords records_;
  RecordFlow flow_;
  SchemaBlock block_;
  struct Batch {
    std::string variable;  // See HostContext.
    bool each = false;
  };
  Batch batch_;
  std::vector<size_t> torn_;  // Statements in which the body of another one's heredoc stands.
  size_t looked_until_ = 0;
  bool in_schema_ = false;   // In a block that gives a table its columns: t.string :name
  bool in_builder_ = false;  // In a closure that tells a builder more.
};

constexpr int kMostPasses = 4;  // Behind the first.

void DoubtAll(absl::string_view why, std::vector<Statement>* statements) {
  for (Statement& statement : *statements) {
    if (statement.host.doubt.empty()) statement.host.doubt = std::string(why);
  }
}

}  // namespace

absl::StatusOr<std::vector<Statement>> SplitActiveRecord(const Target& target,
                                                         absl::string_view program) {
  // Ruby skips it, and PHP prints it.
  absl::ConsumePrefix(&program, kByteOrderMark);
  ASSIGN_OR_RETURN(const HostProgram read, HostProgram::Read(target.dialect, program));
  HostRecords shared(read);
  Splitter splitter(read, program, EmbeddedTarget(target), &shared);
  std::vector<Statement> statements = splitter.All();
  // What is bound somewhere may be used in front of it, and bind more there.
  size_t bound = 0;
  for (int passes = 0; shared.bound() > bound; ++passes) {
    if (passes == kMostPasses) {
      DoubtAll("it hands records from method to method too often to follow", &statements);
      break;
    }
    bound = shared.bound();
    statements = Splitter(read, program, EmbeddedTarget(target), &shared).All();
  }
  // No interpreter would run any of it; where its calls end is guessed.
  const std::string broken = read.DoubtOfEnd();
  for (Statement& statement : statements) {
    if (!broken.empty()) statement.host.doubt = broken;
  }
  if (!statements.empty() || read.size() == 0) return statements;
  Statement whole;
  whole.host.declares = broken.empty() && splitter.Declares();
  whole.host.doubt = broken;
  if (broken.empty() && !whole.host.declares)
    whole.host.doubt = "no call in it is known to reach the database";
  whole.text = std::string(read.Source({0, read.size()}));
  for (size_t i = 0; i < read[0].offset; ++i) {
    whole.column = program[i] == '\n' ? 1 : whole.column + 1;
    whole.line += program[i] == '\n' ? 1 : 0;
  }
  const absl::string_view before = program.substr(0, read[0].offset);
  const size_t in_line = static_cast<size_t>(whole.column) - 1;
  whole.character = CountCharacters(before.substr(before.size() - in_line)) + 1;
  return std::vector<Statement>{std::move(whole)};
}

}  // namespace dbfleet::sql
