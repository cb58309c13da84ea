#include "common/sql/active_record/host_prepared.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr int kMostBindings = 20;
constexpr size_t kLongestHead = 1000;  // Of a function or list of variables, in tokens.

// What by names and references may bind any variable of a program.
bool ReachesByName(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kPhp[] = {
      "assert",       "create_function", "eval",    "extract",   "include",
      "include_once", "mb_parse_str",    "require", "parse_str", "require_once"};
  static constexpr absl::string_view kRuby[] = {"binding", "eval", "instance_eval",
                                                "local_variable_set"};
  const HostToken& token = program[i];
  if (!program.php()) return token.kind == HostTokenKind::kName && IsOneOf(token.text, kRuby);
  if (token.text == "$GLOBALS" || token.Is("$")) return true;  // $$name, ${name}
  if (token.kind != HostTokenKind::kName || !IsOneOf(absl::AsciiStrToLower(token.text), kPhp)) {
    return false;
  }
  // The classes of libraries.
  for (size_t k = i + 1; k < i + 8 && !program[k].Is(";"); ++k) {
    const HostText path = ReadHostText(program, {k, std::min(k + 1, program.size())}, {});
    if (path.known && absl::EndsWith(path.value, "autoload.php")) return false;
  }
  return true;
}

bool IsStatementMethod(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "affected_rows", "bind_param",  "bind_params", "bind_result", "bindcolumn",   "bindparam",
      "bindvalue",     "close",       "closecursor", "columncount", "columns",      "each",
      "errno",         "error",       "errorcode",   "errorinfo",   "execute",      "executequery",
      "field_count",   "fields",      "free",        "free_result", "get_result",   "insert_id",
      "num_rows",      "querystring", "reset",       "rowcount",    "setfetchmode", "store_result"};
  const std::string lower = absl::AsciiStrToLower(name);
  return IsOneOf(lower, kNames) || absl::StartsWith(lower, "fetch");
}

bool IsStatementFunction(absl::string_view name) {
  while (!name.empty() && name[0] == '\\') name.remove_prefix(1);
  const std::string lower = absl::AsciiStrToLower(name);
  return lower == "mysqli_execute" ||
         (absl::StartsWith(lower, "mysqli_stmt_") && lower != "mysqli_stmt_prepare") ||
         (absl::StartsWith(lower, "sqlsrv_") && lower != "sqlsrv_prepare");
}

}  // namespace

HostPrepared::HostPrepared(const HostProgram& program) : program_(program) {
  bool prepares = false;
  for (size_t i = 0; i < program.size() && !prepares; ++i) {
    prepares = program[i].kind == HostTokenKind::kName &&
               absl::StrContains(absl::AsciiStrToLower(program[i].text), "prepare");
  }
  if (!prepares) return;
  FindScopes();
  FindSpoiled();
  for (size_t i = 0; i < program.size(); ++i) {
    if (IsLocal(i)) Look(i);
  }
}

// The method around each token; the text's own is at 0. PHP's fn shares the variables around it,
// and so do Ruby's blocks.
void HostPrepared::FindScopes() {
  scopes_.assign(program_.size(), 0);
  std::vector<HostRange> open = {{0, program_.size()}};
  for (size_t i = 0; i < program_.size(); ++i) {
    while (i >= open.back().end && open.size() > 1) open.pop_back();
    const HostToken& token = program_[i];
    if (program_.php() && token.IsName("function")) {
      size_t body = i + 1;
      const size_t limit = std::min(program_.size(), i + kLongestHead);
      while (body < limit && !program_[body].Is("{") && !program_[body].Is(";")) {
        body = program_.CloseOf(body) < program_.size() ? program_.CloseOf(body) + 1 : body + 1;
      }
      reached_by_name_ = reached_by_name_ || (body >= limit && limit < program_.size());
      if (program_[body].Is("{")) open.push_back({i, program_.CloseOf(body)});
    } else if (!program_.php() && program_.CloseOf(i) < program_.size() &&
               (token.IsName("def") || token.IsName("class") || token.IsName("module"))) {
      open.push_back({i, program_.CloseOf(i)});
    }
    scopes_[i] = open.back().begin;
  }
}

void HostPrepared::FindSpoiled() {
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    reached_by_name_ = reached_by_name_ || ReachesByName(program_, i);
    for (const StringPart& part : token.parts) {
      if (!part.is_code) continue;
      // "{$s->prepare($x)}": all names in it.
      for (size_t at = 0; at < part.text.size();) {
        size_t end = at;
        if (part.text[end] == '$') ++end;
        while (end < part.text.size() &&
               (absl::ascii_isalnum(part.text[end]) || part.text[end] == '_')) {
          ++end;
        }
        if (end > at) spoiled_.insert(part.text.substr(at, end - at));
        at = std::max(end, at + 1);
      }
    }
    // x => { s: } binds s; f(s:) hands it on.
    const HostToken& next = program_[i + 1];
    if (token.kind == HostTokenKind::kLabel &&
        (next.Is("}") || next.Is(",") || next.Is(")") || next.Is("]") ||
         next.kind == HostTokenKind::kNewline || next.text.empty())) {
      spoiled_.insert(std::string(token.text));
    }
    const bool shared = program_.php() && ((token.IsName("use") && program_[i + 1].Is("(")) ||
                                           token.IsName("global") || token.IsName("static"));
    for (size_t k = i + 1; shared && k < program_.size() && k < i + kLongestHead &&
                           !program_[k].Is(";") && !program_[k].Is("{");
         ++k) {
      reached_by_name_ = reached_by_name_ || k + 1 == i + kLongestHead;
      if (program_[k].kind == HostTokenKind::kVariable) {
        spoiled_.insert(std::string(program_[k].text));
      }
    }
  }
}

bool HostPrepared::IsLocal(size_t i) const {
  const HostToken& token = program_[i];
  const HostToken& before = program_[i - 1];
  if (program_.php()) return token.kind == HostTokenKind::kVariable && !before.Is("::");
  return token.kind == HostTokenKind::kName && !token.text.empty() &&
         (absl::ascii_islower(token.text[0]) || token.text[0] == '_') && !before.Is(".") &&
         !before.Is("&.") && !before.Is("::");
}

void HostPrepared::Look(size_t i) {
  Variable& variable = variables_[{scopes_[i], std::string(program_[i].text)}];
  if (program_[i + 1].Is("=") && !program_[i + 2].Is("=") && !program_[i + 2].Is("~")) {
    const HostToken& before = program_[i - 1];
    const bool plain = before.text.empty() || before.kind == HostTokenKind::kNewline ||
                       before.Is(";") || before.Is("{") || before.Is("}") || before.Is("(") ||
                       before.Is("!") || before.IsName("then") || before.IsName("do") ||
                       before.IsName("begin") || before.IsName("else") || before.Is("|");
    if (!Bind(i, &variable) || !plain) variable.understood = false;
  } else if (!IsUse(i)) {
    variable.understood = false;
  }
}

// $s = $db->prepare('SELECT ...'), $s = null.
bool HostPrepared::Bind(size_t i, Variable* variable) const {
  const HostToken& value = program_[i + 2];
  const auto ends = [&](size_t k) {
    const HostToken& token = program_[k];
    return token.text.empty() || token.Is(";") || token.Is(")") || token.Is("}") ||
           token.kind == HostTokenKind::kNewline;
  };
  if ((value.IsName("null") || value.IsName("NULL") || value.IsName("nil")) && ends(i + 3)) {
    return true;
  }
  ++variable->bindings;
  const std::optional<HostChain> chain = program_.ChainAt(i + 2, program_.size());
  if (!chain.has_value()) return false;
  const HostCall& last = chain->calls.back();
  const HostFunction* function = FunctionOf(program_, *chain);
  const size_t at = function != nullptr && chain->calls.size() == 1 && function->sql > 0 ? 1 : 0;
  if (!absl::StrContains(absl::AsciiStrToLower(last.name), "prepare")) return false;
  variable->prepared = true;
  if (last.arguments.size() <= at || !ends(chain->range.end)) return false;
  const HostText text = ReadHostText(program_, last.arguments[at], {});
  if (!text.known || text.concatenates) return false;
  // Whichever of them it holds: each is read.
  if (variable->bindings > 1) variable->sql.push_back(kBetweenPrepared);
  variable->sql += text.value;
  return variable->bindings <= kMostBindings;
}

bool HostPrepared::IsUse(size_t i) const {
  const HostToken& next = program_[i + 1];
  const bool member =
      program_.php() ? next.Is("->") || next.Is("?->") : next.Is(".") || next.Is("&.");
  const HostToken& before = program_[i - 1];
  const bool both = before.Is("&") && program_[i - 2].Is("&");
  if (before.Is("&") && !both) return false;
  if (member) {
    size_t after = i + 3;
    if (program_[after].Is("(") && program_.CloseOf(after) < program_.size()) {
      after = program_.CloseOf(after) + 1;
    }
    // $s->error = ...
    const bool assigned = after == i + 3 && program_[after].Is("=") && !program_[after + 1].Is("=");
    return program_[i + 2].kind == HostTokenKind::kName &&
           IsStatementMethod(program_[i + 2].text) && !assigned;
  }
  return program_.php() && IsUseOfPhp(i);
}

bool HostPrepared::IsUseOfPhp(size_t i) const {
  const HostToken& next = program_[i + 1];
  const HostToken& before = program_[i - 1];
  const HostToken& head = program_[i - 2];
  if (next.Is("=")) return program_[i + 2].Is("=");  // $s == false
  if (before.Is("!")) return next.Is(")");
  if (!before.Is("(")) return false;
  if (head.IsName("if") || head.IsName("elseif") || head.IsName("while")) return next.Is(")");
  if (head.IsName("foreach")) return next.IsName("as");
  return head.kind == HostTokenKind::kName && IsStatementFunction(head.text) &&
         (next.Is(",") || next.Is(")"));
}

const HostPrepared::Variable* HostPrepared::Of(size_t i) const {
  if (variables_.empty() || !IsLocal(i)) return nullptr;
  const auto found = variables_.find({scopes_[i], std::string(program_[i].text)});
  return found != variables_.end() && found->second.prepared ? &found->second : nullptr;
}

bool HostPrepared::Holds(size_t i) const { return Of(i) != nullptr; }

void HostPrepared::AddTo(HostRange range, HostContext* context) const {
  for (size_t i = range.begin; i < range.end; ++i) {
    const Variable* variable = Of(i);
    if (variable == nullptr) continue;
    const std::string name(program_[i].text);
    const bool known = variable->understood && !reached_by_name_ && spoiled_.count(name) == 0;
    context->prepared[name] = known ? variable->sql : "";
  }
}

}  // namespace dbfleet::sql
