#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_variables.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

// Where a program binds its variables. What is left out here is believed to hold only what some
// other line gives it, so that every way to bind counts.
namespace dbfleet::sql {
namespace {

bool IsAccess(const HostToken& token) {
  return token.Is(".") || token.Is("&.") || token.Is("::") || token.Is("->") || token.Is("?->");
}

// x = ..., not x == ..., x =~ ..., x => ...
bool IsAssignment(const HostProgram& program, size_t sign) {
  const HostToken& next = program[sign + 1];
  const bool touches = program[sign].end == next.offset;
  return program[sign].Is("=") && !next.Is("=") && !next.Is("~") && !(touches && next.Is(">"));
}

bool IsWordOfRuby(absl::string_view word) {
  static constexpr absl::string_view kWords[] = {
      "and",   "begin", "break",  "case",   "do",    "else",   "elsif", "end",   "ensure",
      "false", "for",   "if",     "in",     "loop",  "module", "next",  "nil",   "not",
      "or",    "raise", "redo",   "rescue", "retry", "return", "self",  "super", "then",
      "true",  "undef", "unless", "until",  "when",  "while",  "yield"};
  return IsOneOf(word, kWords);
}

}  // namespace

// function f(callable $f, ?\Closure $g, Closure|string $h)
void HostVariables::BindCallables(HostRange parameters) {
  bool callable = false;
  for (size_t i = parameters.begin; i < parameters.end; ++i) {
    const HostToken& token = program_[i];
    if (token.Is(",")) callable = false;
    absl::string_view type = token.text;
    type.remove_prefix(type.rfind('\\') + 1);
    callable = callable ||
               (token.kind == HostTokenKind::kName && (absl::EqualsIgnoreCase(type, "callable") ||
                                                       absl::EqualsIgnoreCase(type, "closure")));
    if (token.kind == HostTokenKind::kVariable && callable) {
      bindings_[std::string(token.text)].callable = true;
    }
  }
}

// Whatever the names in the range are bound to is not seen.
void HostVariables::BindList(size_t begin, size_t end) {
  for (size_t i = begin; i < end && i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    const bool name = token.kind == HostTokenKind::kVariable ||
                      (!program_.php() &&
                       (token.kind == HostTokenKind::kName || token.kind == HostTokenKind::kLabel));
    if (!name) continue;
    Bindings& bound = bindings_[std::string(token.text)];
    bound.other = bound.no_result = bound.no_query = bound.no_words = true;
    BindInScope(i);
  }
}

// File.open("x") { |f| ... }: a file is no record.
void HostVariables::BindBlocks(size_t i) {
  const std::optional<HostChain> chain = program_.ChainAt(i, program_.size());
  if (!chain.has_value() || chain->receiver_kind != Receiver::kClass ||
      IsModelClass(chain->receiver) || !chain->calls.back().block.has_value()) {
    return;
  }
  const size_t body = chain->calls.back().block->begin;
  size_t open = body;
  while (open > i && body - open < 8 && !program_[open - 1].Is("{") &&
         !program_[open - 1].IsName("do")) {
    --open;
  }
  if (program_[open].Is("|")) plain_parameters_ = open;
}

// Ruby: a name that is bound in one method is a method's own in another.
void HostVariables::BindInScope(size_t i) {
  if (program_.php() || program_[i].kind == HostTokenKind::kVariable) return;
  scopes_.back().bound.emplace(program_[i].text);
}

void HostVariables::EnterScope(size_t i) {
  while (scopes_.size() > 1 && scopes_.back().end < i) scopes_.pop_back();
  const HostToken& token = program_[i];
  const bool opens = token.IsName("def") || token.IsName("class") || token.IsName("module");
  if (!opens || IsAccess(program_[i - 1]) || program_[i - 1].IsName("def")) return;
  size_t end = program_.CloseOf(i);
  if (end >= program_.size()) {  // def x = y
    for (end = i; end < program_.size() && program_[end].kind != HostTokenKind::kNewline;) ++end;
  }
  scopes_.push_back({end, {}});
}

// A name that nothing has bound so far in its method is a call: account.suspend.
void HostVariables::NoteCalled(size_t i) {
  const HostToken& token = program_[i];
  for (const StringPart& part : token.parts) {  // "#{account}"
    if (!part.is_code) continue;
    const absl::string_view code = absl::StripAsciiWhitespace(part.text);
    const auto end = std::find_if_not(code.begin(), code.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
    });
    const absl::string_view first = code.substr(0, static_cast<size_t>(end - code.begin()));
    if (!first.empty() && scopes_.back().bound.count(first) == 0) called_.emplace(first);
  }
  const bool name = token.kind == HostTokenKind::kName && !IsAccess(program_[i - 1]) &&
                    !program_[i - 1].IsName("def") && !absl::ascii_isupper(token.text[0]) &&
                    !IsWordOfRuby(token.text);
  size_t at = i + 1;  // Of x ||= y, too.
  while (at < i + 3 && (program_[at].Is("|") || program_[at].Is("&"))) ++at;
  if (!name || IsAssignment(program_, at)) return;
  if (scopes_.back().bound.count(token.text) == 0) called_.emplace(token.text);
}

// [$a, $b] = ..., list($a, 'b' => $b) = ..., foreach (... as [$a, $b]), global $a, $b;
void HostVariables::LookInPhp(size_t i) {
  const HostToken& token = program_[i];
  const HostToken& before = program_[i - 1];
  const auto until = [&](size_t from, absl::string_view end) {
    while (from < program_.size() && !program_[from].Is(end) && !program_[from].Is(";")) {
      const bool list = program_[from].Is("(") || program_[from].Is("[");
      from =
          list && program_.CloseOf(from) < program_.size() ? program_.CloseOf(from) + 1 : from + 1;
    }
    return from;
  };
  if (token.IsName("function") || token.IsName("fn")) {
    size_t open = i + 1;
    while (open < i + 4 && !program_[open].Is("(")) ++open;
    if (!program_[open].Is("(")) return;
    BindList(open, program_.CloseOf(open));
    BindCallables({open + 1, std::min(program_.CloseOf(open), open + 200)});
  } else if (token.IsName("as") || token.IsName("catch")) {
    const size_t from = token.IsName("catch") ? i + 2 : i + 1;
    if (!program_[i - 1].Is("::")) BindList(from, until(from, ")"));
  } else if (token.IsName("global") ||
             (token.IsName("static") && program_[i + 1].kind == HostTokenKind::kVariable)) {
    BindList(i + 1, until(i + 1, ";"));
  } else if (token.Is("&") && program_[i + 1].kind == HostTokenKind::kVariable) {
    BindList(i + 1, i + 2);
  } else if (token.Is("[") || (token.Is("(") && before.IsName("list"))) {
    // $a[$i] = ... binds none.
    const bool index = token.Is("[") && (before.kind == HostTokenKind::kVariable ||
                                         before.kind == HostTokenKind::kName || before.Is("]"));
    const size_t close = program_.CloseOf(i);
    if (close < program_.size() && IsAssignment(program_, close + 1) && !index) BindList(i, close);
  }
}

// a, b = ..., (a, b), c = ..., x.y, b = ...: the names in front of the sign.
void HostVariables::BindTargets(size_t sign) {
  size_t first = sign;
  bool several = false;
  while (first > 0) {
    const HostToken& token = program_[first - 1];
    several = several || token.Is(",") || token.Is("*");
    const bool part = token.Is(",") || token.Is("*") || token.Is("(") || token.Is(")") ||
                      token.Is("]") || token.Is("[") || IsAccess(token) ||
                      token.kind == HostTokenKind::kName || token.kind == HostTokenKind::kVariable;
    if (!part) break;
    --first;
  }
  if (several) BindList(first, sign);
}

void HostVariables::LookInRuby(size_t i) {
  const HostToken& token = program_[i];
  const HostToken& before = program_[i - 1];
  const bool member = IsAccess(before);
  const auto line = [&](size_t from) {
    while (from < program_.size() && !program_[from].Is(";") && !program_[from].IsName("then") &&
           program_[from].kind != HostTokenKind::kNewline) {
      ++from;
    }
    return from;
  };
  EnterScope(i);
  NoteCalled(i);
  if (token.IsName("def") && !member) {
    const bool own = program_[i + 2].Is(".");
    const size_t open = own ? i + 4 : i + 2;
    const bool list = program_[open].Is("(") && program_.CloseOf(open) < program_.size();
    BindList(open, list ? program_.CloseOf(open) : line(open));
  } else if (token.Is("|") && (before.Is("{") || before.IsName("do"))) {
    size_t end = i + 1;
    while (end < program_.size() && end < i + 500 && !program_[end].Is("|")) ++end;
    if (plain_parameters_ == i && i > 0) {
      for (size_t k = i + 1; k < end; ++k) {
        if (program_[k].kind != HostTokenKind::kName) continue;
        Bindings& bound = bindings_[std::string(program_[k].text)];
        bound.plain = bound.no_query = bound.no_words = true;
        BindInScope(k);
      }
    } else {
      BindList(i + 1, end);
    }
  } else if (token.Is("->")) {  // ->(x) { ... }, -> x do ... end
    const bool list = program_[i + 1].Is("(") && program_.CloseOf(i + 1) < program_.size();
    size_t end = i + 1;
    while (!list && end < program_.size() && end < i + 50 && !program_[end].Is("{") &&
           !program_[end].IsName("do")) {
      ++end;
    }
    BindList(i + 1, list ? program_.CloseOf(i + 1) : end);
  } else if (token.IsName("for") || token.IsName("rescue") || token.IsName("in")) {
    BindList(i + 1, line(i + 1));
  } else if (token.Is("=>") && (program_[i + 1].Is("{") || program_[i + 1].Is("["))) {
    // row => {user:}: a pattern, unless it is a value in a list.
    BindList(i + 2, std::min(program_.CloseOf(i + 1), i + 50));
  } else if (token.Is("=") && IsAssignment(program_, i) && !before.Is("=") && !before.Is("!")) {
    BindTargets(i);
  } else if (token.kind == HostTokenKind::kName && absl::ascii_isupper(token.text[0]) && !member) {
    BindBlocks(i);
  }
}

void HostVariables::Look(size_t i) {
  const HostToken& token = program_[i];
  const HostToken& before = program_[i - 1];
  const bool member = IsAccess(before);
  if (program_.php()) {
    LookInPhp(i);
  } else {
    LookInRuby(i);
  }
  const bool variable = token.kind == HostTokenKind::kVariable ||
                        (!program_.php() && token.kind == HostTokenKind::kName && !member);
  if (!variable) return;
  size_t at = i + 1;
  // $this->store = new Redis(); self.store = Redis.new
  const HostToken& property = program_[i + 2];
  if ((token.text == "$this" || token.IsName("self")) && program_.IsMember(i + 1) &&
      program_[i + 3].Is("=") && !program_[i + 4].Is("=")) {
    BindRedis(absl::StrCat("->", property.text), i + 4);
  }
  while (at < i + 3 && (program_[at].Is("|") || program_[at].Is("&") || program_[at].Is("?"))) ++at;
  if (IsAssignment(program_, at) && (before.Is(",") || before.Is("*"))) {
    BindList(i, i + 1);
  } else if (IsAssignment(program_, at)) {
    Assign(i, at + 1);
    BindInScope(i);
  } else if (program_[i + 1].kind == HostTokenKind::kPunct && program_[i + 2].Is("=") &&
             program_[i + 1].end == program_[i + 2].offset && !program_[i + 1].Is("=") &&
             !program_[i + 1].Is("!") && !program_[i + 1].Is("<") && !program_[i + 1].Is(">")) {
    // x += y, $x .= $y: a list or text stays one.
    Bindings& bound = bindings_[std::string(token.text)];
    bound.no_query = bound.no_words = true;
  }
}

}  // namespace dbfleet::sql
