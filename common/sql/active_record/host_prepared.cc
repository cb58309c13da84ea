#include "common/sql/active_record/host_prepared.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr int kMostBindings = 20;

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

bool IsPrepare(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return lower == "prepare" || lower == "async_prepare" || lower == "sync_prepare";
}

bool IsStatementFunction(absl::string_view name) {
  while (!name.empty() && name[0] == '\\') name.remove_prefix(1);
  const std::string lower = absl::AsciiStrToLower(name);
  return lower == "mysqli_execute" ||
         (absl::StartsWith(lower, "mysqli_stmt_") && lower != "mysqli_stmt_prepare") ||
         (absl::StartsWith(lower, "sqlsrv_") && lower != "sqlsrv_prepare");
}

}  // namespace

HostPrepared::HostPrepared(const HostProgram& program)
    : program_(program), locals_(program), constants_(program, locals_) {
  bool prepares = false;
  for (size_t i = 0; i < program.size() && !prepares; ++i) {
    prepares = program[i].kind == HostTokenKind::kName &&
               absl::StrContains(absl::AsciiStrToLower(program[i].text), "prepare");
  }
  for (size_t i = 0; i < program.size() && prepares; ++i) {
    if (locals_.IsLocal(i)) Look(i);
    if (!program.php()) LookForName(i);
  }
  if (prepares) FindProperties();
}

void HostPrepared::LookForName(size_t i) {
  const HostToken& token = program_[i];
  const bool called = token.IsName("prepare") || token.IsName("async_prepare") ||
                      token.IsName("send_prepare") || token.IsName("sync_prepare");
  if (!called || !program_[i - 1].Is(".") || !program_[i + 1].Is("(")) {
    names_unclear_ = names_unclear_ || called;
    return;
  }
  const std::vector<HostRange> parts = program_.Parts({i + 2, program_.CloseOf(i + 1)});
  if (parts.size() < 2) return;
  const auto name = ReadWord(program_, parts[0]);
  const HostText sql = ReadHostText(program_, parts[1], {});
  if (!name.has_value() || !sql.known || sql.concatenates || sql.escapes || sql.value.empty()) {
    names_unclear_ = true;
    return;
  }
  std::string& all = named_[*name];
  if (!all.empty()) all.push_back(kBetweenTexts);
  all += sql.value;
  // Each use of the name reads all of it.
  constexpr size_t kLongest = 16 << 10;
  names_unclear_ = names_unclear_ || ++named_count_[*name] > kMostBindings || all.size() > kLongest;
}

void HostPrepared::Look(size_t i) {
  Variable& variable = variables_[locals_.KeyOf(i)];
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
  const bool runs = function != nullptr && chain->calls.size() == 1 && function->sql >= 0;
  if (!runs && (!IsPrepare(last.name) || !program_.Trusts("prepare"))) return false;
  variable->prepared = true;
  if (last.arguments.size() <= at || !ends(chain->range.end)) return false;
  const HostRange given = last.arguments[at];
  std::string sql;
  if (given.end == given.begin + 1) sql = constants_.TextsAt(given.begin);
  if (sql.empty()) {
    const HostText text = ReadHostText(program_, given, {});
    if (!text.known || text.concatenates || text.escapes) return false;
    sql = text.value;
  }
  // Whichever of them it holds: each is read.
  if (variable->bindings > 1) variable->sql.push_back(kBetweenTexts);
  variable->sql += sql;
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
  if (variables_.empty() || !locals_.IsLocal(i)) return nullptr;
  const auto found = variables_.find(locals_.KeyOf(i));
  return found != variables_.end() && found->second.prepared ? &found->second : nullptr;
}

bool HostPrepared::Holds(size_t i) const { return Of(i) != nullptr; }

void HostPrepared::AddTo(HostRange range, HostContext* context) const {
  constants_.AddTo(range, context);
  for (size_t i = range.begin; i < range.end && !names_unclear_ && !named_.empty(); ++i) {
    if (!program_[i].IsName("exec_prepared")) continue;
    const size_t at = program_[i + 1].Is("(") ? i + 2 : i + 1;
    const auto name = ReadWord(program_, {at, at + 1});
    const auto found = name.has_value() ? named_.find(*name) : named_.end();
    if (found != named_.end()) context->prepared[absl::StrCat("\"", *name)] = found->second;
  }
  for (size_t i = range.begin; i < range.end && !properties_.empty(); ++i) {
    std::string name;
    PropertyAt(i, &name);
    const auto found = properties_.find(name);
    if (found != properties_.end()) context->prepared[name] = found->second.sql;
  }
  for (size_t i = range.begin; i < range.end; ++i) {
    const Variable* variable = Of(i);
    if (variable == nullptr) continue;
    const std::string name(program_[i].text);
    const bool known = variable->understood && locals_.IsOnlyItsMethods(name);
    context->prepared[name] = known ? variable->sql : "";
  }
}

}  // namespace dbfleet::sql
