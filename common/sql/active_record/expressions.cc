#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/framework_calls.h"
#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/harmless_methods.h"
#include "common/sql/active_record/host_builders.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr int kDeepest = 50;

// Words of PHP that make or run something where an expression is expected.
constexpr absl::string_view kRuns[] = {"clone",   "die",          "eval", "exit",
                                       "include", "include_once", "new",  "require",
                                       "throw",   "require_once", "yield"};
// Words in front of parentheses that are no calls.
constexpr absl::string_view kControl[] = {
    "if",    "elseif", "while", "for",   "foreach", "switch", "catch", "array",    "list", "isset",
    "empty", "return", "echo",  "print", "and",     "or",     "use",   "function", "fn"};

class Reader {
 public:
  Reader(const HostProgram& program, HostScope scope) : program_(program), scope_(scope) {}

  HostFindings Read(HostRange range) {
    begin_ = range.begin;
    end_ = range.end;
    for (size_t i = range.begin; i < range.end;) i = One(i);
    return std::move(findings_);
  }

 private:
  void Problem(std::string text) { findings_.problems.push_back(std::move(text)); }

  size_t One(size_t i) {
    const HostToken& token = program_[i];
    switch (token.kind) {
      case HostTokenKind::kString:
        Parts(token);
        return i + 1;
      case HostTokenKind::kOther:
        Parts(token);
        if (absl::StartsWith(token.text, "`") || absl::StartsWith(token.text, "%x")) {
          Problem("runs a shell command");
        }
        return i + 1;
      case HostTokenKind::kVariable:
      case HostTokenKind::kName:
        return Word(i);
      case HostTokenKind::kPunct:
        if (program_.BeginsReceiver(i)) return Word(i);
        if (!program_.php() && token.Is("&")) return BlockArgument(i);
        // A call of what a variable holds, or another call gave.
        if (token.Is("(") && i > 0 &&
            (program_[i - 1].kind == HostTokenKind::kVariable ||
             (program_.php() && (program_[i - 1].Is(")") || program_[i - 1].Is("]") ||
                                 program_[i - 1].kind == HostTokenKind::kString)))) {
          Problem("calls what a variable holds");
        }
        return i + 1;
      default:
        return i + 1;
    }
  }

  void Parts(const HostToken& token) {
    for (const StringPart& part : token.parts) {
      // An escape is not code that runs.
      if (part.is_code && !absl::StartsWith(part.text, "\\")) Code(part.text);
    }
  }

  // map(&:name) takes attributes; each(&:destroy), each(&callback) run something.
  size_t BlockArgument(size_t i) {
    const HostToken& next = program_[i + 1];
    const bool touches = next.offset == program_[i].offset + 1;
    const bool begins = i == begin_ || program_[i - 1].Is("(") || program_[i - 1].Is(",");
    if (!begins || !touches) return i + 1;
    const ModelMethod* method =
        next.kind == HostTokenKind::kSymbol ? FindModelMethod(next.text) : nullptr;
    const bool writes = (method != nullptr && method->safety == Safety::kDestructive) ||
                        (next.kind == HostTokenKind::kSymbol && NamesWrite(next.text));
    const bool only_reads = NamesAttribute(next.text) || IsPureHostFunction(next.text) ||
                            (method != nullptr && method->role == MethodRole::kInMemory);
    if (next.kind != HostTokenKind::kSymbol || writes || next.text.back() == '!' || !only_reads) {
      Unknown(next.text);
    }
    return i + 2;
  }

  void Code(const std::string& code) {
    HostScope inner = scope_;
    inner.generous = inner.for_effect = false;
    if (++inner.depth > kDeepest) {
      Problem("is nested too deeply");
      return;
    }
    absl::StatusOr<HostProgram> program = HostProgram::Read(scope_.target.dialect, code);
    if (!program.ok() || !program->balanced()) {
      Problem("holds code in a text that cannot be read");
      return;
    }
    program->Redefine(program_.redefined());
    findings_.Add(ReadExpressions(*program, {0, program->size()}, inner));
  }

  size_t Word(size_t i) {
    const HostToken& token = program_[i];
    const std::optional<HostChain> chain = program_.ChainAt(i, end_);
    if (!chain.has_value()) {
      if (MakesSql(i)) Unknown(token.text);
      const std::string lower = absl::AsciiStrToLower(token.text);
      if (program_.php() && token.kind == HostTokenKind::kName) {
        const bool data = lower == "new" && !IsModelClass(program_[i + 1].text);
        if (data) return i + 2;
        if (IsOneOf(lower, kRuns)) Problem(absl::StrCat("uses ", lower));
        const bool defined = program_[i - 1].IsName("function");
        if (program_[i + 1].Is("(") && !defined && !IsPureHostFunction(lower) &&
            !IsOneOf(lower, kControl) && !IsOneOf(lower, kRuns)) {
          Unknown(token.text);
        }
      }
      return i + 1;
    }
    if (scope_.depth > kDeepest) {
      Problem("is nested too deeply");
      return chain->range.end;
    }
    for (const HostCall& call : chain->calls) {
      if (call.cut) Problem("calls without parentheses stand one inside the other; write them");
    }
    if (std::string doubt = DoubtOfRedis(program_, *chain); !doubt.empty()) {
      Problem(std::move(doubt));
    }
    if (ReachesDatabase(program_, *chain, scope_.generous, nullptr) || BuildsOwn(*chain) ||
        scope_.context.prepared.count(BuilderKey(chain->receiver)) > 0) {
      HostScope inner = scope_;
      ++inner.depth;
      inner.generous = inner.for_effect = false;
      HostFindings found;
      findings_.readings.push_back(ReadChain(program_, *chain, inner, &found));
      findings_.Add(std::move(found));
      Receiver(*chain, inner);
      return chain->range.end;
    }
    return Computes(*chain);
  }

  // User.or(where("...")): SQL of the model's own, in an argument.
  bool BuildsOwn(const HostChain& chain) const {
    const HostCall& call = chain.calls[0];
    return !program_.php() && chain.receiver_kind == Receiver::kNone && !call.arguments.empty() &&
           call.op == HostOperator::kNone && FindModelMethod(call.name) != nullptr &&
           (BuildsSql(call.name) || call.name == "pluck" || call.name == "from");
  }

  // :sleep.sql_function(5), "...".lit: Sequel's methods of texts.
  bool MakesSql(size_t i) const {
    static constexpr absl::string_view kNames[] = {"function", "lit", "sql_expr", "sql_function"};
    return !program_.php() && program_[i - 1].Is(".") && IsOneOf(program_[i].text, kNames);
  }

  // What stands in parentheses in front of the first call runs, too.
  void Receiver(const HostChain& chain, const HostScope& inner) {
    const HostRange inside = program_.InsideReceiver(chain.range.begin);
    if (inside.empty()) return;
    findings_.Add(ReadExpressions(program_, inside, inner));
    // Behind it what is called so: (fn() => ...)(1)
    if (program_.php() && program_[inside.end + 1].Is("(")) Problem("calls what a function gives");
  }

  // A chain that does not reach the database must be one that only computes.
  size_t Computes(const HostChain& chain) {
    HostScope inner = scope_;
    ++inner.depth;
    inner.generous = inner.for_effect = false;
    Receiver(chain, inner);
    for (const HostRange& inside : chain.inside) {
      findings_.Add(ReadExpressions(program_, inside, inner));
    }
    for (const HostCall& call : chain.calls) {
      const bool word = call.arguments.empty() && !call.has_parens && !call.block.has_value() &&
                        call.name.back() != '!';
      const bool for_effect = scope_.for_effect && &call == &chain.calls.back() &&
                              chain.receiver_kind == Receiver::kVariable &&
                              program_.IsWholeStatement(chain.range);
      const bool attribute = word && (call.is_property || !program_.php()) && !for_effect;
      const bool cuts = CutsText(program_, call);
      const ModelMethod* method = cuts ? nullptr : FindModelMethod(call.name);
      if (cuts) {
        for (const HostRange& argument : call.arguments) {
          findings_.Add(ReadExpressions(program_, argument, inner));
        }
        continue;
      }
      const bool writes = (method != nullptr ? method->safety == Safety::kDestructive
                                             : !attribute && NamesWrite(call.name)) &&
                          chain.receiver_kind != Receiver::kNone && !call.is_property;
      // Of parameters it picks one; by itself it runs a file.
      const bool loads = call.name == "require" && chain.receiver_kind == Receiver::kNone;
      const bool harmless = &call == &chain.calls.front() && call.op == HostOperator::kNone &&
                            chain.receiver_kind == Receiver::kNone &&
                            IsHarmlessFunction(program_.php(), call.name);
      // $request->integer('per_page', 15)
      const bool getter = program_.php() && !writes && chain.receiver == "$request" &&
                          &call == &chain.calls.front() && IsHarmlessMethod("request", call.name);
      const bool on = scope_.generous && program_.php() && TellsJoin(program_, call);
      const bool sums = program_.php() && SumsColumn(program_, call);
      if (writes || loads ||
          (!attribute && !on && !sums && !harmless && !getter && !IsPureHostFunction(call.name))) {
        Unknown(call.name);
      }
      for (const HostRange& argument : call.arguments) {
        findings_.Add(ReadExpressions(program_, argument, inner));
      }
      if (call.block.has_value()) findings_.Add(ReadExpressions(program_, *call.block, inner));
    }
    return chain.range.end;
  }

  void Unknown(absl::string_view name) {
    Problem(absl::StrCat("calls ", SanitizeForDisplay(Truncate(name, 60)),
                         ", which is not known to only compute"));
  }

  const HostProgram& program_;
  const HostScope scope_;
  size_t begin_ = 0;
  size_t end_ = 0;
  HostFindings findings_;
};

}  // namespace

void HostFindings::Add(HostFindings&& other) {
  for (Reading& reading : other.readings) readings.push_back(std::move(reading));
  for (std::string& problem : other.problems) problems.push_back(std::move(problem));
}

HostFindings ReadExpressions(const HostProgram& program, HostRange range, HostScope scope) {
  return Reader(program, scope).Read(range);
}

}  // namespace dbfleet::sql
