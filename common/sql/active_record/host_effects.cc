#include "common/sql/active_record/host_effects.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"

#include "common/sql/active_record/harmless_methods.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Of a record; a class has methods only.
bool IsAttribute(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  const bool of_class = chain.receiver_kind == Receiver::kClass && &call == &chain.calls[0];
  return !program.php() && !of_class && NamesAttribute(call.name);
}

}  // namespace

bool CallsUnknown(const HostProgram& program, const HostChain& chain, size_t from) {
  return std::any_of(chain.calls.begin() + from, chain.calls.end(), [&](const HostCall& call) {
    if (call.is_property || (call.bare() && IsAttribute(program, chain, call))) return false;
    const ModelMethod* method = FindModelMethod(call.name);
    return method != nullptr
               ? method->safety == Safety::kDestructive
               : !IsPureHostFunction(call.name) && !IsOfResult(absl::AsciiStrToLower(call.name));
  });
}

// $order->customer, order.customer: what a record has may be one.
bool GivesAttribute(const HostProgram& program, const HostChain& chain) {
  const HostCall& last = chain.calls.back();
  if (program.php()
          ? !last.is_property
          : last.name.back() == '?' || IsPureHostFunction(last.name) || GivesData(program, last)) {
    return false;
  }
  return std::all_of(chain.calls.begin(), chain.calls.end(), [&](const HostCall& call) {
    return program.php() ? call.is_property : call.bare() && call.op == HostOperator::kNone;
  });
}

bool CallsSomething(const HostProgram& program, const HostChain& chain, bool for_effect) {
  static constexpr absl::string_view kOnlyBlock[] = {"tap", "then", "yield_self"};
  for (const HostCall& call : chain.calls) {
    const ModelMethod* method = FindModelMethod(call.name);
    const bool bare = call.arguments.empty() && !call.has_parens;
    if (call.is_property || (bare && IsAttribute(program, chain, call))) continue;
    if (!program.php() && call.block.has_value() && IsOneOf(call.name, kOnlyBlock)) continue;
    if (method != nullptr
            ? method->role != MethodRole::kInMemory
            : !IsPureHostFunction(call.name) && !IsOfResult(absl::AsciiStrToLower(call.name)) &&
                  (!bare || for_effect || call.name.back() == '!')) {
      return true;
    }
  }
  return false;
}

// res.each { ... }, res.ntuples, res[0]["name"], res.clear
bool OnlyOfResult(const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {
      "check",         "clear",         "cleared?",
      "cmd_status",    "cmd_tuples",    "cmdtuples",
      "collect",       "each",          "each_with_index",
      "empty?",        "error_message", "first",
      "fnumber",       "ftype",         "getvalue",
      "length",        "map",           "num_fields",
      "num_tuples",    "res_status",    "result_error_message",
      "result_status", "size",          "to_a"};
  const std::string name = absl::AsciiStrToLower(chain.calls[0].name);
  return IsOneOf(name, kNames) || IsOfResult(name);
}

// The parameter of create_table's block is no record.
bool DefinesSchema(const HostChain& chain) {
  return std::any_of(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
    const ModelMethod* method = FindModelMethod(call.name);
    return method != nullptr && method->role == MethodRole::kSchema;
  });
}

namespace {

bool IsWord(const HostToken& token, absl::Span<const absl::string_view> words) {
  return token.kind == HostTokenKind::kName &&
         std::find(words.begin(), words.end(), absl::AsciiStrToLower(token.text)) != words.end();
}

// What stands behind a chain of Ruby, so that its value goes nowhere, or is asked for no more than
// whether there is one.
bool EndsStatement(const HostToken& after) {
  static constexpr absl::string_view kWords[] = {"and",    "end",    "if",    "or",
                                                 "rescue", "unless", "until", "while"};
  return after.text.empty() || after.kind == HostTokenKind::kNewline || after.Is(";") ||
         after.Is("}") || after.Is(")") || after.Is("&") || after.Is("|") || after.Is(":") ||
         IsWord(after, kWords);
}

// Goes back from a chain to where its statement begins.
class Before {
 public:
  Before(const HostProgram& program, size_t at)
      : program_(program), at_(at), limit_(at > kFar ? at - kFar : 0) {}

  bool TakesValue() {
    for (size_t i = at_; i-- > limit_;) {
      const HostToken& token = program_[i];
      if (token.Is(")") || token.Is("]")) {
        const size_t open = OpenOf(i);
        if (EndsHead(open)) return false;
        i = open;
        continue;
      }
      if (Begins(i) || IsGivenForEffect(i)) return false;
      if (Takes(i)) return true;
    }
    return false;
  }

 private:
  static constexpr size_t kFar = 200;  // In tokens: of what is longer nothing is known.

  size_t OpenOf(size_t close) const {
    for (size_t i = close; i-- > limit_;) {
      if (program_.CloseOf(i) == close) return i;
    }
    return limit_;
  }

  // if ($c) CHAIN; def x(a) CHAIN end
  bool EndsHead(size_t open) const {
    static constexpr absl::string_view kHeads[] = {"declare", "elseif", "for",  "foreach",
                                                   "if",      "switch", "while"};
    if (open == 0) return false;
    if (program_.php()) return IsWord(program_[open - 1], kHeads);
    return open > 1 &&
           (program_[open - 2].IsName("def") || (open > 3 && program_[open - 4].IsName("def")));
  }

  bool Begins(size_t i) const {
    static constexpr absl::string_view kPhp[] = {"case", "default", "do", "else"};
    static constexpr absl::string_view kRuby[] = {"begin",  "do",     "else",
                                                  "ensure", "rescue", "then"};
    const HostToken& token = program_[i];
    if (token.Is(";") || token.Is("{") || token.Is("}")) return true;
    if (program_.php()) return IsWord(token, kPhp);
    if (token.kind == HostTokenKind::kNewline) return !GoesOn(program_[i - 1]);
    // |user| CHAIN, but not a || CHAIN.
    if (token.Is("|")) return !program_[i - 1].Is("|") && !program_[i + 1].Is("|");
    return !program_.IsMember(i - 1) && IsWord(token, kRuby);
  }

  // $orders->each(fn($order) => CHAIN): what the function gives is asked for nothing.
  bool IsGivenForEffect(size_t arrow) const {
    static constexpr absl::string_view kCallers[] = {"array_walk", "each", "eachspread", "tap"};
    const bool function = program_[arrow].Is("=>") && program_[arrow - 1].Is(")");
    if (!program_.php() || !function) return false;
    size_t fn = OpenOf(arrow - 1);
    if (fn < 3 || !program_[--fn].IsName("fn")) return false;
    if (program_[fn - 1].IsName("static")) --fn;
    return program_[fn - 1].Is("(") && IsWord(program_[fn - 2], kCallers);
  }

  static bool GoesOn(const HostToken& last) {
    static constexpr absl::string_view kSigns[] = {"=", "&", "?", ",", "(", "[", ".", "+", "=>"};
    return (last.kind == HostTokenKind::kPunct && IsOneOf(last.text, kSigns)) ||
           last.kind == HostTokenKind::kLabel;
  }

  bool Takes(size_t i) const {
    static constexpr absl::string_view kPhp[] = {"clone", "echo",   "from",  "instanceof", "new",
                                                 "print", "return", "throw", "yield"};
    static constexpr absl::string_view kRuby[] = {"case",   "elsif", "if",   "in",
                                                  "unless", "until", "when", "while"};
    const HostToken& token = program_[i];
    if (token.Is("=") || token.Is("=>") || token.Is(",") || token.Is("[")) return true;
    const HostToken& before = program_[i - 1];
    const bool operand = before.kind == HostTokenKind::kName ||
                         before.kind == HostTokenKind::kVariable || before.Is(")") ||
                         before.Is("]");
    if (token.Is("(") && i > 0 && operand) return true;  // A call's, or the head of an if.
    if (program_.php()) return IsWord(token, kPhp);
    if (token.kind == HostTokenKind::kLabel) return true;
    if (token.kind != HostTokenKind::kName || program_.IsMember(i - 1)) return false;
    // puts CHAIN, return CHAIN; also if CHAIN.
    const HostToken& next = program_[i + 1];
    const bool operator_word = token.text == "and" || token.text == "or" || token.text == "not";
    return IsWord(token, kRuby) || (!operator_word && (next.kind == HostTokenKind::kName ||
                                                       next.kind == HostTokenKind::kVariable));
  }

  const HostProgram& program_;
  const size_t at_;
  const size_t limit_;
};

}  // namespace

bool IsDiscarded(const HostProgram& program, const HostBlocks& blocks, const HostChain& chain) {
  const size_t open = blocks.OpenOf(chain.range.begin);
  // for (...; $it->valid(); $it->next())
  if (open != HostBlocks::kNone && open > 0 && program[open].Is("(") &&
      program[open - 1].IsName("for")) {
    return false;
  }
  if (!program.php() && !EndsStatement(program[chain.range.end])) return false;
  return !Before(program, chain.range.begin).TakesValue();
}

namespace {

// A word that reads or computes, whatever it is called on.
bool IsHarmlessWord(absl::string_view holder, absl::string_view name) {
  const ModelMethod* method = FindModelMethod(name);
  return (method != nullptr && method->safety == Safety::kSafe) || NamesAttribute(name) ||
         IsHarmlessMethod(holder, name) || IsPureHostFunction(name) ||
         IsOfResult(absl::AsciiStrToLower(name));
}

// Whose commands are judged as those of a server; see HostTrust.
bool IsRedis(absl::string_view holder) {
  return absl::EndsWith(absl::AsciiStrToLower(holder), "redis");
}

bool IsSender(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "__send__", "method", "public_method", "public_send", "send", "try", "try!"};
  return IsOneOf(name, kNames);
}

// user.send(:archive), users.each(&:archive), users.each(&archiver): what is called by its name. ""
// if it is harmless, or nothing is.
absl::string_view NamedMayWrite(const HostProgram& program, const HostCall& call) {
  static constexpr absl::string_view kBlocks[] = {"blk", "block"};
  static constexpr absl::string_view kForEffect[] = {"each",      "each_entry",   "each_with_index",
                                                     "find_each", "reverse_each", "tap"};
  if (program.php()) return "";
  for (const HostRange& argument : call.arguments) {
    const HostToken& first = program[argument.begin];
    const HostToken& next = program[argument.begin + 1];
    const bool sends = IsSender(call.name) && &argument == &call.arguments[0];
    if (sends && first.kind != HostTokenKind::kSymbol) return call.name;
    if (sends && !IsHarmlessWord("", first.text)) return first.text;
    if (!first.Is("&") || !IsOneOf(call.name, kForEffect)) continue;
    const bool harmless = next.kind == HostTokenKind::kSymbol ? IsHarmlessWord("", next.text)
                                                              : IsOneOf(next.text, kBlocks);
    if (!harmless) return next.text;
  }
  return "";
}

}  // namespace

absl::string_view MayWrite(const HostProgram& program, const HostChain& chain, size_t from) {
  // Of the table, but left to what they are called on by who decides whether a chain reaches the
  // database: they are those of streams and locks, too.
  static constexpr absl::string_view kOfRecordsToo[] = {"flush", "lock", "persist", "sync",
                                                        "toggle"};
  for (size_t i = from; i < chain.calls.size(); ++i) {
    const HostCall& call = chain.calls[i];
    if (call.is_property || call.op != HostOperator::kNone) continue;
    const absl::string_view holder = i > 0 ? chain.calls[i - 1].name : chain.receiver;
    if (absl::string_view named = NamedMayWrite(program, call); !named.empty()) return named;
    if (!program.php()) {
      // post.author.name = "x": an attribute; what is called on what it gives decides.
      const bool passed = i + 1 < chain.calls.size() && call.bare();
      const bool called = call.name == "call" && i > 0 && IsSender(chain.calls[i - 1].name);
      if (passed || called || (IsSender(call.name) && !call.arguments.empty())) continue;
    }
    const std::string name = absl::AsciiStrToLower(call.name);
    const ModelMethod* method = FindModelMethod(name);
    if (method != nullptr && !IsOneOf(name, kOfRecordsToo)) continue;
    if (IsHarmlessMethod(holder, call.name) || IsPureHostFunction(name) || IsOfResult(name) ||
        GivesData(program, call) || (call.bare() && IsAttribute(program, chain, call)) ||
        (IsConnectionName(holder) && IsHarmlessOfConnection(name)) || IsRedis(holder)) {
      continue;
    }
    if (!program.php() && (ChangesTextOrList(call.name) || IsConnectionName(call.name))) continue;
    if (IsPlainData(holder) && IsDataCall(program, holder, call)) continue;
    return call.name;
  }
  return "";
}

}  // namespace dbfleet::sql
