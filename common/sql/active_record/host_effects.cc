#include "common/sql/active_record/host_effects.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"

#include "common/sql/active_record/harmless_methods.h"
#include "common/sql/active_record/host_reader.h"
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
  // list.fetch(0), hash.values_at(:a, :b): of a list.
  static constexpr absl::string_view kElements[] = {
      "at",        "compact",      "delete_at", "dig",    "drop",      "each_slice",
      "fetch",     "fetch_values", "filter",    "max_by", "min_by",    "minmax_by",
      "partition", "pop",          "reject",    "rotate", "sample",    "shift",
      "slice",     "sort_by",      "take",      "uniq",   "values_at", "zip"};
  const HostCall& last = chain.calls.back();
  if (program.php() ? !last.is_property
                    : last.name.back() == '?' ||
                          (!IsOneOf(last.name, kElements) &&
                           (IsPureHostFunction(last.name) || GivesData(program, last)))) {
    return false;
  }
  return std::all_of(chain.calls.begin(), chain.calls.end(), [&](const HostCall& call) {
    if (program.php()) return call.is_property;
    return call.op == HostOperator::kNone && (call.bare() || IsOneOf(call.name, kElements));
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
  // `callable`: what begins there is $this->cancel(...), which is only handed on.
  Before(const HostProgram& program, const HostBlocks& blocks, size_t at, bool callable = false)
      : program_(program), blocks_(blocks), at_(at), callable_(callable) {
    Reach(at);
  }

  bool TakesValue() {
    for (size_t i = at_; i-- > limit_;) {
      const HostToken& token = program_[i];
      if (token.Is(")") || token.Is("]")) {
        const size_t open = OpenOf(i);
        if (EndsHead(open)) return false;
        i = open;
        continue;
      }
      if (const size_t match = MatchOf(i); match < i) {
        i = match;
        Reach(match);
        continue;
      }
      if (Begins(i) || IsGivenForEffect(i) || IsHandedForEffect(i)) return false;
      Guard(i);
      if (Takes(i)) return true;
    }
    return false;
  }

 private:
  static constexpr size_t kFar = 200;  // In tokens: of what is longer nothing is known.

  void Reach(size_t at) { limit_ = at > kFar ? at - kFar : 0; }

  size_t OpenOf(size_t close) const { return program_.OpenBefore(close, limit_); }

  // match ($x) { 1 => CHAIN }: who takes the value of the match takes that of the arm. The token
  // of the match; that of the arrow if it is none of one.
  size_t MatchOf(size_t arrow) const {
    if (!program_.php() || !program_[arrow].Is("=>")) return arrow;
    const size_t brace = blocks_.OpenOf(arrow);
    if (brace == HostBlocks::kNone || brace < 2 || !program_[brace].Is("{") ||
        !program_[brace - 1].Is(")")) {
      return arrow;
    }
    const size_t head = blocks_.OpenOf(brace - 2);  // Of (), the one before it.
    const size_t open = program_[brace - 2].Is("(") ? brace - 2 : head;
    return open != HostBlocks::kNone && open > 0 && program_[open - 1].IsName("match") ? open - 1
                                                                                       : arrow;
  }

  // $a === 1 && CHAIN, $a == 1 ? CHAIN : 0: what is compared stands in front of the guard.
  // $x = 1 and CHAIN: what is bound, too.
  void Guard(size_t i) {
    static constexpr absl::string_view kLow[] = {"and", "or"};
    const HostToken& token = program_[i];
    const bool pair =
        (token.Is("&") || token.Is("|")) && i > 0 && program_[i - 1].text == token.text;
    const bool word = IsWord(token, kLow) && !program_.IsMember(i - 1);
    guarded_ = guarded_ || pair || word || token.Is("?") || token.Is("&&") || token.Is("||");
    unbound_ = unbound_ || word;
  }

  // def cancel(order) = CHAIN
  bool IsEndlessDef(size_t equals) const {
    if (program_.php() || equals < 2) return false;
    size_t name = equals - 1;
    if (program_[name].Is(")")) name = OpenOf(name) - 1;
    if (name < 1) return false;
    return program_[name - 1].IsName("def") ||
           (name > 2 && program_[name - 1].Is(".") && program_[name - 3].IsName("def"));
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
    if (token.Is("=") && IsEndlessDef(i)) return true;
    if (program_.php()) return IsWord(token, kPhp);
    if (token.kind == HostTokenKind::kNewline) return !GoesOn(program_[i - 1]);
    // |user| CHAIN, but not a || CHAIN.
    if (token.Is("|")) return !program_[i - 1].Is("|") && !program_[i + 1].Is("|");
    return !program_.IsMember(i - 1) && IsWord(token, kRuby);
  }

  // $orders->each(fn($order) => CHAIN): what the function gives is asked for nothing.
  bool IsGivenForEffect(size_t arrow) const {
    if (!program_.php() || !program_[arrow].Is("=>") || arrow < 4) return false;
    size_t close = arrow - 1;
    // fn ($o): ?bool =>
    while (close > limit_ && close + kLongestType > arrow && !program_[close].Is(")") &&
           (program_[close].kind == HostTokenKind::kName || program_[close].Is("?") ||
            program_[close].Is("|") || program_[close].Is(":"))) {
      --close;
    }
    if (!program_[close].Is(")")) return false;
    size_t fn = OpenOf(close);
    if (fn < 3 || !program_[--fn].IsName("fn")) return false;
    if (program_[fn - 1].IsName("static")) --fn;
    return IsArgumentForEffect(fn);
  }

  // $orders->each($this->cancel(...)): what is called so.
  bool IsHandedForEffect(size_t i) const {
    return program_.php() && callable_ && (program_[i].Is("(") || program_[i].Is(",")) &&
           IsArgumentForEffect(i + 1);
  }

  // Whether what is given there is called for its effect: by each(), or by map() whose own value
  // nobody takes.
  bool IsArgumentForEffect(size_t argument) const {
    static constexpr absl::string_view kCallers[] = {"array_walk", "each", "eachspread", "tap"};
    static constexpr absl::string_view kMappers[] = {"array_map", "filter", "flatmap", "map",
                                                     "transform"};
    const size_t open = blocks_.OpenOf(argument);
    if (open == HostBlocks::kNone || open == 0 || !program_[open].Is("(")) return false;
    if (IsWord(program_[open - 1], kCallers)) return true;
    const size_t close = program_.CloseOf(open);
    return IsWord(program_[open - 1], kMappers) && program_[close + 1].Is(";") &&
           !Before(program_, blocks_, open - 1).TakesValue();
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
    if (token.Is("=") && program_.IsComparison(i)) return !guarded_;
    if (token.Is("=") && unbound_) return false;
    if (token.Is("=") || token.Is("=>") || token.Is(",") || token.Is("[")) return true;
    if (program_.php() && guarded_ && token.IsName("instanceof")) return false;
    const HostToken& before = program_[i - 1];
    const bool operand = before.kind == HostTokenKind::kName ||
                         before.kind == HostTokenKind::kVariable || before.Is(")") ||
                         before.Is("]");
    if (token.Is("(") && i > 0 && operand) return true;  // A call's, or the head of an if.
    if (program_.php()) return IsWord(token, kPhp);
    if (token.kind == HostTokenKind::kLabel) return true;
    // csv << CHAIN, a + CHAIN
    static constexpr absl::string_view kBinary[] = {"%", "*", "+", "/", "<", "<<"};
    if (token.kind == HostTokenKind::kPunct && IsOneOf(token.text, kBinary)) return true;
    if (token.kind != HostTokenKind::kName) return false;
    // puts CHAIN, return CHAIN; also if CHAIN.
    const HostToken& next = program_[i + 1];
    static constexpr absl::string_view kOperators[] = {"and", "do", "not", "or", "rescue", "then"};
    const bool operand_next =
        (next.kind == HostTokenKind::kName || next.kind == HostTokenKind::kVariable) &&
        !IsWord(next, kOperators) && !IsWord(next, kRuby);
    // logger.info CHAIN
    if (program_.IsMember(i - 1)) return operand_next && next.offset > token.end;
    return IsWord(token, kRuby) || (!IsWord(token, kOperators) && operand_next);
  }

  static constexpr size_t kLongestType = 12;

  const HostProgram& program_;
  const HostBlocks& blocks_;
  const size_t at_;
  const bool callable_;
  size_t limit_ = 0;
  bool guarded_ = false;  // Behind an operator that decides whether it is called at all, ...
  bool unbound_ = false;  // ... one that binds less than an assignment.
};

}  // namespace

bool IsDiscarded(const HostProgram& program, const HostBlocks& blocks, const HostChain& chain) {
  const size_t open = blocks.OpenOf(chain.range.begin);
  // for (...; $it->valid(); $it->next())
  if (open != HostBlocks::kNone && open > 0 && program[open].Is("(") &&
      program[open - 1].IsName("for")) {
    // The last part is called for its effect.
    int parts = 0;
    for (size_t i = open + 1; i < chain.range.begin; ++i) {
      if (program[i].Is(";") && blocks.OpenOf(i) == open) ++parts;
    }
    if (parts < 2) return false;
  }
  if (!program.php() && !EndsStatement(program[chain.range.end])) return false;
  if (program[chain.range.end].Is("=>")) return false;  // The condition of a match's arm.
  const std::vector<HostRange>& given = chain.calls.back().arguments;
  const bool callable = given.size() == 1 && program.Source(given[0]) == "...";
  return !Before(program, blocks, chain.range.begin, callable).TakesValue();
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
absl::string_view NamedMayWrite(const HostProgram& program, const HostCall& call, bool last) {
  static constexpr absl::string_view kBlocks[] = {"blk", "block"};
  static constexpr absl::string_view kForEffect[] = {"cycle",
                                                     "each",
                                                     "each_cons",
                                                     "each_entry",
                                                     "each_index",
                                                     "each_key",
                                                     "each_pair",
                                                     "each_slice",
                                                     "each_value",
                                                     "each_with_index",
                                                     "each_with_object",
                                                     "find_each",
                                                     "reverse_each",
                                                     "tap"};
  static constexpr absl::string_view kMaps[] = {"collect", "filter_map", "flat_map", "map"};
  if (program.php()) return "";
  for (const HostRange& argument : call.arguments) {
    const HostToken& first = program[argument.begin];
    const HostToken& next = program[argument.begin + 1];
    const bool sends = IsSender(call.name) && &argument == &call.arguments[0];
    if (sends && first.kind != HostTokenKind::kSymbol) return call.name;
    if (sends && !IsHarmlessWord("", first.text)) return first.text;
    const bool for_effect = IsOneOf(call.name, kForEffect) || (last && IsOneOf(call.name, kMaps));
    if (!first.Is("&") || !for_effect) continue;
    const bool harmless = next.kind == HostTokenKind::kSymbol ? IsHarmlessWord("", next.text)
                                                              : IsOneOf(next.text, kBlocks);
    if (!harmless) return next.text;
  }
  return "";
}

}  // namespace

bool GivesOneRecord(absl::string_view method) {
  static constexpr absl::string_view kNames[] = {
      "find",   "find_by", "find_by!",    "find_sole_by", "findone", "findoneby", "findorfail",
      "first",  "first!",  "firstorfail", "firstwhere",   "fourth",  "last",      "last!",
      "second", "sole",    "take",        "take!",        "third"};
  return IsOneOf(absl::AsciiStrToLower(method), kNames);
}

bool MayBeVerb(const HostProgram& program, const HostChain& chain, size_t link, bool tail) {
  static constexpr absl::string_view kVerbs[] = {
      "advance", "annotate", "build", "free",   "join",    "limit", "load", "merge", "page",
      "permit",  "pick",     "quote", "reject", "reverse", "skip",  "sub",  "take"};
  const HostCall& call = chain.calls[link];
  // What its value is called on is asked for that.
  if (tail || link + 1 < chain.calls.size() || call.is_property || call.block.has_value()) {
    return false;
  }
  const std::string name = absl::AsciiStrToLower(call.name);
  const absl::string_view holder = link > 0 ? chain.calls[link - 1].name : chain.receiver;
  const bool family = absl::StartsWith(name, "find_by_") || absl::StartsWith(name, "count_by_") ||
                      absl::StartsWith(name, "find_all_by_");
  if (family) return call.arguments.empty();
  if (!IsOneOf(name, kVerbs) || IsPlainData(holder)) return false;
  if (IsHarmlessMethod(holder, name) || IsConnectionName(holder)) return false;
  if (name == "build" && NamesCollection(holder)) return false;        // user.posts.build
  if (name == "join" && call.arguments.empty()) return program.php();  // thread.join
  if (call.arguments.empty()) return true;
  const HostToken& first = program[call.arguments[0].begin];
  // $orders->load('items'); $users->reject(fn ($u) => ...)
  if (name == "load") return first.kind != HostTokenKind::kString && !first.Is("[");
  return !first.IsName("fn") && !first.IsName("function") && !first.IsName("static") &&
         !first.Is("&");
}

namespace {

// [1, 2].delete(1), x.to_s.delete("a"), list.drop(1): what the table calls a write, of a list or
// text.
bool ChangesOnlyData(const HostProgram& program, const HostChain& chain, size_t link) {
  static constexpr absl::string_view kOfLists[] = {"append", "concat",  "drop",   "prepend",
                                                   "push",   "replace", "unshift"};
  const HostCall& call = chain.calls[link];
  if (DeletesKey(program, chain, call)) return true;
  const HostToken& first = program[chain.range.begin];
  const bool literal = first.Is("[") || first.Is("{") || first.kind == HostTokenKind::kString ||
                       first.kind == HostTokenKind::kOther;
  if (link == 0 ? literal : GivesData(program, chain.calls[link - 1])) return true;
  const absl::string_view holder = link > 0 ? chain.calls[link - 1].name : chain.receiver;
  // params[:ids].delete("")
  const absl::string_view list_of = holder.substr(0, holder.find('['));
  if (list_of.size() < holder.size() && (list_of == "params" || list_of == "session")) {
    return IsDataCall(program, list_of, call);
  }
  const bool list = IsPlainData(holder) || absl::EndsWith(holder, "collection");
  return list && !call.arguments.empty() && IsOneOf(absl::AsciiStrToLower(call.name), kOfLists);
}

// key.rotate!: of a text or list, which nobody knows it to be.
bool MayBeVerbOfRecord(const HostProgram& program, const HostCall& call) {
  static constexpr absl::string_view kVerbs[] = {"extract!", "fetch!",   "merge!",  "next!",
                                                 "reject!",  "reverse!", "rotate!", "select!"};
  if (!IsOneOf(call.name, kVerbs) || call.block.has_value()) return false;
  if (call.arguments.empty()) return true;
  const HostToken& first = program[call.arguments[0].begin];
  return !first.Is("{") && !first.Is("&") && first.kind != HostTokenKind::kLabel &&
         first.kind != HostTokenKind::kSymbol;
}

}  // namespace

absl::string_view MayWrite(const HostProgram& program, const HostChain& chain, size_t from,
                           bool tail) {
  // Of the table, but left to what they are called on by who decides whether a chain reaches the
  // database: they are those of streams and locks, too.
  static constexpr absl::string_view kOfRecordsToo[] = {"flush", "lock", "persist", "sync",
                                                        "toggle"};
  for (size_t i = from; i < chain.calls.size(); ++i) {
    const HostCall& call = chain.calls[i];
    if (call.is_property || call.op != HostOperator::kNone) continue;
    const absl::string_view holder = i > 0 ? chain.calls[i - 1].name : chain.receiver;
    const bool last = !tail && i + 1 == chain.calls.size();
    if (absl::string_view named = NamedMayWrite(program, call, last); !named.empty()) return named;
    if (!program.php()) {
      // post.author.name = "x": an attribute; what is called on what it gives decides.
      const bool passed = i + 1 < chain.calls.size() && call.bare();
      const bool called = call.name == "call" && i > 0 && IsSender(chain.calls[i - 1].name);
      if (passed || called || (IsSender(call.name) && !call.arguments.empty())) continue;
    }
    const std::string name = absl::AsciiStrToLower(call.name);
    const ModelMethod* method = FindModelMethod(name);
    if (MayBeVerb(program, chain, i, tail)) return call.name;
    const bool reads = method != nullptr && method->safety == Safety::kSafe;
    if (reads && !IsOneOf(name, kOfRecordsToo)) continue;
    if (method != nullptr && ChangesOnlyData(program, chain, i)) continue;
    if (!program.php() && call.bare() && (name == "clone" || name == "dup")) continue;
    if (IsHarmlessMethod(holder, call.name) || IsPureHostFunction(name) || IsOfResult(name) ||
        GivesData(program, call) || (call.bare() && IsAttribute(program, chain, call)) ||
        (IsConnectionName(holder) && IsHarmlessOfConnection(name)) || IsRedis(holder)) {
      continue;
    }
    const bool changes_list =
        ChangesTextOrList(call.name) && (tail || !MayBeVerbOfRecord(program, call));
    if (!program.php() && (changes_list || IsConnectionName(call.name))) continue;
    if (IsPlainData(holder) && IsDataCall(program, holder, call)) continue;
    return call.name;
  }
  return "";
}

}  // namespace dbfleet::sql
