#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

// Where chains of calls begin and end.
namespace dbfleet::sql {
namespace {

// In tokens: so far arguments without parentheses are read.
constexpr size_t kLongestCommand = 500;

// Ruby's words that end a call without parentheses, or stand in front of an expression.
constexpr absl::string_view kModifiers[] = {"and",    "do",   "end",    "ensure", "if",    "or",
                                            "rescue", "then", "unless", "until",  "while", "else",
                                            "elsif",  "when", "in",     "return"};

// PHP's words in front of parentheses that are no functions.
constexpr absl::string_view kPhpWords[] = {
    "and",   "array", "catch", "declare", "die",     "echo",     "else",  "elseif",
    "empty", "exit",  "fn",    "for",     "foreach", "function", "if",    "isset",
    "list",  "match", "or",    "print",   "return",  "switch",   "unset", "use",
    "while", "xor",   "yield", "static",  "new",     "clone"};

}  // namespace

bool HostProgram::BeginsArgument(size_t i) const {
  const HostToken& token = (*this)[i];
  const HostToken& before = (*this)[i - 1];
  const bool space = token.offset > before.offset + before.text.size();
  switch (token.kind) {
    case HostTokenKind::kName:
      return !IsOneOf(token.text, kModifiers);
    case HostTokenKind::kNewline:
      return false;
    case HostTokenKind::kPunct: {
      // "foo [1]" and "foo -1", but not "foo[1]" and "foo - 1".
      const bool next_touches = (*this)[i + 1].offset == token.offset + token.text.size();
      if (token.Is("->")) return true;
      if ((*this)[i + 1].Is("=")) return false;                   // "foo -= 1"
      if (token.Is("&") && (*this)[i + 1].Is("&")) return false;  // "foo? && bar?"
      return space && next_touches &&
             (token.Is("[") || token.Is("-") || token.Is("*") || token.Is("&"));
    }
    default:
      return true;
  }
}

// Of a call without parentheses: where its arguments end.
size_t HostProgram::EndOfCommand(size_t from, size_t limit) const {
  const size_t end = std::min(limit, from + kLongestCommand);
  for (size_t i = from; i < end; ++i) {
    const HostToken& token = tokens_[i];
    if (token.kind == HostTokenKind::kNewline || token.Is(";") || token.Is(")") || token.Is("]") ||
        token.Is("}")) {
      return i;
    }
    if (token.kind == HostTokenKind::kName && IsOneOf(token.text, kModifiers) && !IsMember(i - 1)) {
      return i;
    }
    if (close_[i] < end) i = close_[i];
  }
  return end;
}

// Of Ruby: {a: Post}[:a], and not the block of a call or of a lambda.
bool HostProgram::BeginsHash(size_t at) const {
  if (php_ || !tokens_[at].Is("{")) return false;
  const HostToken& before = (*this)[at - 1];
  if (at == 0 || before.IsName("return")) return true;
  return ExpectsOperand(at - 1) && !before.Is("->");
}

// match ($x) { 1 => $post }: its brace; 0 if it is none.
size_t HostProgram::BraceOfMatch(size_t at) const {
  if (!php_ || !tokens_[at].IsName("match") || !(*this)[at + 1].Is("(") || IsMember(at - 1))
    return 0;
  const size_t open = close_[at + 1] + 1;
  return (*this)[open].Is("{") && close_[open] < size() ? open : 0;
}

HostRange HostProgram::InsideReceiver(size_t at) const {
  const size_t match = BraceOfMatch(at);
  const size_t open = match > 0 ? match : at;
  const HostToken& first = (*this)[open];
  const bool opens = first.Is("(") || first.Is("[") || (first.Is("{") && (match > 0 || !php_));
  return opens && close_[open] < size() ? HostRange{open + 1, close_[open]} : HostRange{at, at};
}

// From the right, so that a row of a thousand of them is gone through once: f(1)(1)(1)...
void HostProgram::FindIndexes() {
  behind_.resize(tokens_.size());
  for (size_t i = tokens_.size(); i-- > 0;) {
    const bool index = tokens_[i].Is("[") || (php_ && tokens_[i].Is("("));
    behind_[i] = index && close_[i] < size() ? BehindIndexes(close_[i] + 1) : i;
  }
}

// Behind what is called on: (...)[0], and of PHP (fn() => ...)(1).
size_t HostProgram::BehindIndexes(size_t i) const { return i < behind_.size() ? behind_[i] : i; }

bool HostProgram::BeginsReceiver(size_t at) const {
  if (at >= size()) return false;
  const HostToken& first = tokens_[at];
  if (const size_t brace = BraceOfMatch(at); brace > 0) return IsMember(close_[brace] + 1);
  // %w[Post].each(&...)
  if (!php_ && first.kind == HostTokenKind::kOther && absl::StartsWith(first.text, "%") &&
      first.text.size() > 1 && absl::StrContains("wWiI", absl::string_view(&first.text[1], 1))) {
    return IsMember(BehindIndexes(at + 1));
  }
  const bool hash = BeginsHash(at);
  if (!(first.Is("(") || first.Is("[") || hash) || close_[at] >= size()) return false;
  if (php_ && first.Is("(") && (*this)[at + 1].IsName("new")) return true;
  // Behind a value they are its arguments or index; of PHP's calls of values what follows counts.
  const HostToken& before = (*this)[at - 1];
  const bool touches = before.end == first.offset && !before.text.empty();
  const bool name = before.kind == HostTokenKind::kName && !before.IsName("return") &&
                    !before.IsName("echo") && !before.IsName("clone") && !before.IsName("print");
  const bool value = before.kind == HostTokenKind::kVariable || before.Is(")") || before.Is("]") ||
                     before.Is("}") || before.kind == HostTokenKind::kString;
  if (!hash && (php_ ? name || (value && first.Is("[")) : (name || value) && touches)) return false;
  const size_t i = BehindIndexes(close_[at] + 1);
  const bool appended = !php_ && first.Is("(") && (*this)[i].Is("<") && (*this)[i + 1].Is("<");
  return appended || IsMember(i);
}

size_t HostProgram::TakeReceiver(size_t at, HostChain* chain) const {
  const HostToken& first = tokens_[at];
  size_t i = at;
  if (php_ && first.IsName("new") && (*this)[at + 1].kind == HostTokenKind::kName) {
    chain->receiver_kind = Receiver::kClass;
    chain->receiver = std::string(tokens_[at + 1].text);
    i = at + 2;
    if ((*this)[i].Is("(") && close_[i] < size()) i = close_[i] + 1;
    return i;
  }
  if (php_ && first.Is("(") && (*this)[at + 1].IsName("new") && close_[at] < size()) {
    TakeReceiver(at + 1, chain);
    return close_[at] + 1;
  }
  if (BeginsReceiver(at)) {
    chain->receiver_kind = Receiver::kVariable;
    const HostRange inside = InsideReceiver(at);
    i = BehindIndexes(inside.end + 1);
    chain->receiver = std::string(Source({at, i}));
    return i;
  }
  // PHP's names of the class around name no model: parent::delete() deletes the one record.
  const bool own_class =
      php_ && (first.IsName("parent") || first.IsName("static")) && (*this)[at + 1].Is("::");
  if (first.kind == HostTokenKind::kVariable || first.IsName("self") || own_class) {
    chain->receiver_kind = Receiver::kVariable;
    ++i;
  } else if (first.kind == HostTokenKind::kName && !php_ && absl::ascii_isupper(first.text[0])) {
    chain->receiver_kind = Receiver::kClass;
    ++i;
    while (!php_ && (*this)[i].Is("::") && (*this)[i + 1].kind == HostTokenKind::kName &&
           absl::ascii_isupper((*this)[i + 1].text[0])) {
      i += 2;
    }
  } else if (first.kind == HostTokenKind::kName) {
    if (php_) {
      if (!(*this)[at + 1].Is("::")) return at;
      chain->receiver_kind = Receiver::kClass;
      ++i;
    } else if (IsMember(at + 1) ||
               ((*this)[at + 1].Is("[") && close_[at + 1] < size() &&
                (*this)[at + 1].offset == first.end && IsMember(close_[at + 1] + 1))) {
      chain->receiver_kind = Receiver::kVariable;
      ++i;
    } else {
      return at;  // A bare call.
    }
  } else {
    return at;
  }
  // Indexes belong to it: $users[0]->delete().
  while ((*this)[i].Is("[") && close_[i] < size() && IsMember(close_[i] + 1)) {
    chain->inside.push_back({i + 1, close_[i]});
    i = close_[i] + 1;
  }
  chain->receiver = std::string(Source({at, i}));
  return i;
}

size_t HostProgram::TakeBlock(size_t at, size_t limit, HostCall* call) const {
  if (php_ || at >= limit || !((*this)[at].Is("{") || (*this)[at].IsName("do")) ||
      close_[at] >= limit) {
    return at;
  }
  size_t begin = at + 1;
  if ((*this)[begin].Is("|")) {
    ++begin;
    while (begin < close_[at] && !tokens_[begin].Is("|")) ++begin;
    ++begin;
  }
  call->block = HostRange{begin, close_[at]};
  return close_[at] + 1;
}

// `at` is the call's name; returns where what follows it begins.
size_t HostProgram::TakeCall(size_t at, size_t limit, HostCall* call) const {
  call->name = tokens_[at].text;
  size_t i = at + 1;
  const bool touches = (*this)[i].offset == tokens_[at].offset + tokens_[at].text.size();
  if (i < limit && (*this)[i].Is("(") && close_[i] < limit && (php_ || touches)) {
    call->has_parens = true;
    call->arguments = Parts({i + 1, close_[i]});
    i = close_[i] + 1;
  } else if (php_) {
    call->is_property = true;
  } else if (tokens_[at].kind == HostTokenKind::kName && i < limit && BeginsArgument(i)) {
    const size_t end = EndOfCommand(i, limit);
    call->cut = (*this)[end].Is(",") || end == i + kLongestCommand;
    call->arguments = Parts({i, end});
    i = end;
  }
  return TakeBlock(i, limit, call);
}

// def execute(sql) ... super("DELETE ..."): the name of the method around, where one of that name
// runs what it is given; else "super".
absl::string_view HostProgram::NameOfSuper(size_t at) const {
  static constexpr MethodRole kRunning[] = {MethodRole::kRawRead, MethodRole::kRaw,
                                            MethodRole::kSchema,  MethodRole::kRunPrepared,
                                            MethodRole::kShell,   MethodRole::kOpaque};
  constexpr size_t kLongestMethod = 2000;  // In tokens.
  size_t def = at;
  while (def > 0 && !(tokens_[def].IsName("def") && !IsMember(def - 1))) {
    if (at - --def > kLongestMethod) return "execute";
  }
  const size_t name = IsMember(def + 2) ? def + 3 : def + 1;  // def self.execute
  const ModelMethod* const method = FindModelMethod((*this)[name].text);
  const bool runs = method != nullptr && std::find(std::begin(kRunning), std::end(kRunning),
                                                   method->role) != std::end(kRunning);
  return runs ? (*this)[name].text : tokens_[at].text;
}

// A function of PHP; in Ruby a method of self or a variable. Keywords are none.
size_t HostProgram::TakeBareCall(size_t at, size_t limit, HostChain* chain) const {
  const HostToken& token = tokens_[at];
  const HostToken& before = (*this)[at - 1];
  if (token.kind != HostTokenKind::kName || IsMember(at - 1)) return at;
  if (php_) {
    const bool defined =
        before.IsName("function") || (before.Is("&") && (*this)[at - 2].IsName("function"));
    if (!(*this)[at + 1].Is("(") || close_[at + 1] >= limit || defined || before.IsName("new") ||
        IsOneOf(absl::AsciiStrToLower(token.text), kPhpWords)) {
      return at;
    }
  } else if (IsOneOf(token.text, kModifiers) || before.IsName("def")) {
    return at;
  }
  HostCall call;
  const size_t end = TakeCall(at, limit, &call);
  call.is_super = !php_ && token.IsName("super");
  if (call.is_super && !call.arguments.empty()) call.name = NameOfSuper(at);
  // \mysqli_query is the function of that name; App\strlen may be anything.
  if (absl::StartsWith(call.name, "\\") && call.name.rfind('\\') == 0) call.name.remove_prefix(1);
  chain->calls.push_back(std::move(call));
  return end;
}

// "<<", "=" or "+=" and the like, and what it is given.
size_t HostProgram::TakeOperator(size_t at, size_t limit, HostChain* chain) const {
  const auto touches = [&](size_t i) { return (*this)[i].offset == (*this)[i - 1].end; };
  size_t i = at;
  HostCall call;
  if ((*this)[at].Is("<") && (*this)[at + 1].Is("<") && touches(at + 1)) {
    call.op = HostOperator::kAppend;
    i = at + 2;
    if ((*this)[i].Is("=")) return at;
  } else if (!chain->calls.empty() && chain->calls.back().bare() &&
             tokens_[at - 1].text.data() == chain->calls.back().name.data() &&
             tokens_[at - 1].text.back() != '?' && tokens_[at - 1].text.back() != '!' &&
             IsMember(at - 2)) {
    while (i < at + 2 &&
           ((*this)[i].Is("|") || (*this)[i].Is("&") || (*this)[i].Is("+") || (*this)[i].Is("-"))) {
      if (i > at && !touches(i)) return at;
      ++i;
    }
    const HostToken& next = (*this)[i + 1];
    if (!(*this)[i].Is("=") || (i > at && !touches(i)) ||
        (touches(i + 1) && (next.Is("=") || next.Is("~")))) {
      return at;
    }
    call.op = HostOperator::kAssign;
    ++i;
  }
  if (call.op == HostOperator::kNone || i >= limit) return at;
  const size_t end = EndOfCommand(i, limit);
  if (end == i) return at;
  const size_t from = tokens_[at].offset;
  call.name = text_.substr(from, tokens_[i - 1].end - from);
  call.arguments = Parts({i, end});
  call.cut = end == i + kLongestCommand;
  chain->calls.push_back(std::move(call));
  return end;
}

// Sequel's DB["SELECT ..."], on which nothing is called.
size_t HostProgram::TakeQueryInIndex(size_t at, size_t i, size_t limit, HostChain* chain) const {
  const size_t open = at + 1;
  const bool text = (*this)[open].Is("[") && (*this)[open + 1].kind == HostTokenKind::kString &&
                    (*this)[open].offset == tokens_[at].end && close_[open] < limit;
  const bool bare = chain->calls.empty() ||
                    (chain->calls.size() == 1 && chain->calls[0].bare() && chain->receiver.empty());
  if (!text || !bare || !IsNothingButConnection(tokens_[at].text)) return i;
  chain->receiver_kind =
      tokens_[at].kind == HostTokenKind::kName && absl::ascii_isupper(tokens_[at].text[0])
          ? Receiver::kClass
          : Receiver::kVariable;
  chain->receiver = std::string(tokens_[at].text);
  HostCall call;
  call.name = "[]";
  call.arguments = Parts({open + 1, close_[open]});
  chain->calls = {std::move(call)};
  return close_[open] + 1;
}

std::optional<HostChain> HostProgram::ChainAt(size_t at, size_t limit) const {
  if (at >= size()) return std::nullopt;
  HostChain chain;
  size_t i = TakeReceiver(at, &chain);
  if (i == at) i = TakeBareCall(at, limit, &chain);
  if (i == at) return std::nullopt;
  while (i < limit) {
    const bool index = (*this)[i].Is("[") && close_[i] < limit;
    if (index && tokens_[i].offset == tokens_[i - 1].end) {
      chain.inside.push_back({i + 1, close_[i]});
      i = close_[i] + 1;
      continue;
    }
    if (!IsMember(i) || i + 1 >= limit) break;
    HostCall call;
    if (!php_ && (*this)[i + 1].Is("<") && (*this)[i + 2].Is("<")) {
      ++i;  // user.posts.<<(post)
      break;
    }
    // Names that a value gives: ->$method(), ->{$x}(), .(): calls of nobody knows what.
    const bool computed = (*this)[i + 1].Is("{") || (*this)[i + 1].Is("(");
    if (computed && close_[i + 1] >= limit) break;
    if (computed && (*this)[i + 1].Is("{")) chain.inside.push_back({i + 2, close_[i + 1]});
    call.statically = php_ && tokens_[i].Is("::");
    i = TakeCall(computed ? close_[i + 1] : i + 1, limit, &call);
    chain.calls.push_back(std::move(call));
  }
  if (!php_) {
    i = TakeQueryInIndex(at, i, limit, &chain);
    i = TakeOperator(i, limit, &chain);
  }
  if (chain.calls.empty()) return std::nullopt;
  chain.range = {at, i};
  return chain;
}

}  // namespace dbfleet::sql
