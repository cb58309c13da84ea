#include "common/sql/active_record/host_variables.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/arel.h"
#include "common/sql/active_record/framework_calls.h"
#include "common/sql/active_record/given_sql.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/query_builder.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

bool IsDriverClass(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "mysql2::client",    "mysqli",          "pdo",    "pg", "pg::connection", "sequel", "sqlite3",
      "sqlite3::database", "tinytds::client", "trilogy"};
  while (!name.empty() && name[0] == '\\') name.remove_prefix(1);
  return IsOneOf(absl::AsciiStrToLower(name), kNames);
}

// conn.exec_params("...", [x])
bool GivesResultOfDriver(const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {"async_exec", "exec", "exec_params",
                                                 "exec_prepared", "sync_exec"};
  const HostCall& call = chain.calls.back();
  return chain.calls.size() == 1 && chain.receiver_kind == Receiver::kVariable &&
         IsNothingButConnection(chain.receiver) && IsOneOf(call.name, kNames) && call.has_parens &&
         !call.arguments.empty() && !call.block.has_value();
}

}  // namespace

HostVariables::HostVariables(const HostProgram& program) : program_(program) {
  for (size_t i = 0; i < program.size(); ++i) Look(i);
  scopes_.clear();
}

const HostVariables::Bindings* HostVariables::Of(absl::string_view name) const {
  const auto found = bindings_.find(name);
  return found == bindings_.end() ? nullptr : &found->second;
}

bool HostVariables::IsCalled(absl::string_view name) const {
  return called_.find(name) != called_.end();
}

bool HostVariables::IsPlain(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->plain && !found->other && !IsCalled(name);
}
bool HostVariables::IsClosure(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->closure && !found->plain && !found->other && !IsCalled(name);
}
bool HostVariables::MayHoldWrite(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->write;
}
bool HostVariables::MayHoldWritingSql(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->sql;
}
bool HostVariables::MayHoldConnection(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->connection;
}
bool HostVariables::IsResult(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->result && !found->no_result && !IsCalled(name);
}
bool HostVariables::IsQuery(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->query && !found->no_query && !IsCalled(name);
}
std::string HostVariables::StandInOf(absl::string_view name) const {
  const Bindings* found = Of(name);
  if (found == nullptr || found->words.empty() || found->no_words || IsCalled(name)) return "";
  return StandInFor(found->words);
}

void HostVariables::AddWord(absl::string_view name, HostContext* context) const {
  const std::string word = StandInOf(name);
  if (!word.empty()) context->words.emplace(name, word);
}

void HostVariables::AddTo(HostRange range, HostContext* context) const {
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = program_[i];
    const bool named = token.kind == HostTokenKind::kVariable || token.kind == HostTokenKind::kName;
    if (named && IsQuery(token.text)) context->queries.emplace(token.text);
    if (named && IsClosure(token.text)) context->functions.emplace(token.text);
    if (named) AddWord(token.text, context);
    for (const StringPart& part : token.parts) {
      if (part.is_code) AddWord(absl::StripAsciiWhitespace(part.text), context);
    }
  }
}
bool HostVariables::MayHoldAssociation(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->association;
}

bool HostVariables::MayHoldCallable(absl::string_view name) const {
  const Bindings* found = Of(name);
  return found != nullptr && found->callable;
}

// [$svc, 'handle'], [Svc::class, 'handle'], $this->handle(...), Closure::fromCallable('handle')
bool HostVariables::IsCallable(size_t value) const {
  if (!program_.php()) return false;
  if (program_[value].Is("[") && program_.CloseOf(value) < program_.size()) {
    const std::vector<HostRange> parts = program_.Parts({value + 1, program_.CloseOf(value)});
    if (parts.size() != 2 || !ReadWord(program_, parts[1]).has_value()) return false;
    const HostToken& object = program_[parts[0].begin];
    return object.kind == HostTokenKind::kVariable || object.kind == HostTokenKind::kName;
  }
  const std::optional<HostChain> chain = program_.ChainAt(value, program_.size());
  if (!chain.has_value()) return false;
  const HostCall& last = chain->calls.back();
  return (last.arguments.size() == 1 && program_.Source(last.arguments[0]) == "...") ||
         (absl::EndsWith(chain->receiver, "Closure") && chain->calls.size() == 1);
}

bool HostVariables::MayHoldRedis(absl::string_view name) const {
  const Bindings* found = Of(name);
  // Of Ruby's attr_reader :store is @store.
  const Bindings* member = program_.php() ? nullptr : Of(absl::StrCat("@", name));
  return (found != nullptr && found->redis) || (member != nullptr && member->redis);
}

// r = Redis.new; r = q, which holds one.
void HostVariables::BindRedis(absl::string_view name, size_t value) {
  const bool alone = EndsValue(value + 1);
  if (!GivesRedis(program_, value) && !(alone && MayHoldRedis(program_[value].text))) return;
  bindings_[std::string(name)].redis = true;
}

// Whether nothing more of a value can stand there.
bool HostVariables::EndsValue(size_t i) const {
  const HostToken& token = program_[i];
  return token.text.empty() || token.kind == HostTokenKind::kNewline || token.Is(";") ||
         token.Is("}") || token.Is(")") || token.Is(",") || token.IsName("if") ||
         token.IsName("unless") || token.IsName("end");
}

bool HostVariables::IsPlainValue(size_t value) const {
  size_t at = value;
  if (!program_.php() && (program_[at].Is("+") || program_[at].Is("-"))) ++at;
  const HostToken& first = program_[at];
  if (first.kind == HostTokenKind::kString || first.kind == HostTokenKind::kNumber ||
      (first.kind == HostTokenKind::kOther && !absl::StartsWith(first.text, "`"))) {
    if (program_[at + 1].Is(".") &&
        (program_[at + 2].IsName("dup") || program_[at + 2].IsName("freeze"))) {
      at += 2;
    }
    return EndsValue(at + 1);
  }
  if (first.Is("[") || (first.Is("{") && !program_.php())) {
    return program_.CloseOf(at) < program_.size() && EndsValue(program_.CloseOf(at) + 1);
  }
  if (program_.php() && first.IsName("array") && program_[at + 1].Is("(")) {
    return program_.CloseOf(at + 1) < program_.size() && EndsValue(program_.CloseOf(at + 1) + 1);
  }
  const std::optional<HostChain> chain = program_.ChainAt(at, program_.size());
  if (!chain.has_value() || !EndsValue(chain->range.end)) {
    // Set[1, 2]
    const bool list = first.IsName("Set") && program_[at + 1].Is("[");
    // new Collection(): nothing is called on it.
    const bool made =
        program_.php() && first.IsName("new") &&
        (program_[at + 1].IsName("Collection") || !IsModelClass(program_[at + 1].text));
    const size_t open = at + (made ? 2 : 1);
    if (!list && !made) return false;
    if (!program_[open].Is("(") && !program_[open].Is("[")) return made && EndsValue(open);
    return program_.CloseOf(open) < program_.size() && EndsValue(program_.CloseOf(open) + 1);
  }
  if (chain->receiver_kind == Receiver::kNone && program_.php()) {
    return chain->calls.size() == 1 && IsDataFunction(chain->calls[0].name) &&
           !MayGiveRecord(chain->calls[0]);
  }
  const HostCall& last = chain->calls.back();
  if (last.op != HostOperator::kNone) return false;
  return GivesData(program_, last) ||
         (chain->receiver_kind == Receiver::kClass && chain->calls.size() == 1 &&
          !IsModelClass(chain->receiver) && !MayGiveRecord(chain->receiver, last.name));
}

// Of a value that begins with a text: what is joined to it there.
size_t HostVariables::EndOfText(size_t value) const {
  constexpr size_t kFar = 20;  // In tokens.
  size_t end = value + 1;
  while (end < value + kFar && (program_[end].Is(".") || program_[end].Is("+"))) end += 2;
  return std::min(end, program_.size());
}

// 'a', x ? 'a' : 'b', match (...) { 1 => 'a', default => 'b' }: the words of which it is one; none
// if it may be something else.
std::vector<std::string> HostVariables::WordsIn(size_t value) const {
  constexpr size_t kLongestCondition = 40;  // In tokens.
  if (const auto word = ReadWord(program_, {value, value + 1}); word && EndsValue(value + 1)) {
    return {*word};
  }
  if (program_.php() && program_[value].IsName("match") && program_[value + 1].Is("(")) {
    const size_t open = program_.CloseOf(value + 1) + 1;
    if (!program_[open].Is("{") || program_.CloseOf(open) >= program_.size()) return {};
    std::vector<std::string> words;
    for (const HostRange& arm : program_.Parts({open + 1, program_.CloseOf(open)})) {
      const bool constant = arm.end > arm.begin + 1 && program_[arm.end - 2].Is("=>");
      const auto word =
          constant ? ReadWord(program_, {arm.end - 1, arm.end}) : std::optional<std::string>();
      if (!word.has_value()) return {};
      words.push_back(*word);
    }
    return words;
  }
  for (size_t i = value; i < value + kLongestCondition && !EndsValue(i);) {
    if (program_[i].Is("?") && !program_[i + 1].Is("?") && !program_[i + 1].Is("->")) {
      const auto one = ReadWord(program_, {i + 1, i + 2});
      const auto other = ReadWord(program_, {i + 3, i + 4});
      const bool both = program_[i + 2].Is(":") && one && other && EndsValue(i + 4);
      return both ? std::vector<std::string>{*one, *other} : std::vector<std::string>();
    }
    i = program_.CloseOf(i) < program_.size() ? program_.CloseOf(i) + 1 : i + 1;
  }
  return {};
}

void HostVariables::Assign(size_t i, size_t value) {
  Bindings& bound = bindings_[std::string(program_[i].text)];
  std::vector<std::string> words = program_[value - 2].text.data() == program_[i].text.data()
                                       ? WordsIn(value)
                                       : std::vector<std::string>();
  constexpr size_t kMostWords = 20;  // Each mention reads all of them.
  bound.no_words = bound.no_words || words.empty() || bound.words.size() > kMostWords;
  bound.words.insert(bound.words.end(), words.begin(), words.end());
  const HostToken& first = program_[value];
  const bool made = program_.php() && (first.IsName("function") || first.IsName("fn") ||
                                       (first.IsName("static") && !program_[value + 1].Is("::")));
  BindRedis(program_[i].text, value);
  bound.callable = bound.callable || IsCallable(value);
  (made ? bound.closure : IsPlainValue(value) ? bound.plain : bound.other) = true;
  if (const auto word = ReadWord(program_, {value, value + 1}); word.has_value()) {
    bound.write = bound.write || NamesRunningFunction(*word) || NamesMethodThatWrites(*word);
  }
  bound.sql = bound.sql || BeginsLikeWrite(program_, {value, EndOfText(value)}, false);
  const size_t close = program_.CloseOf(std::min(value, program_.size() - 1));
  if (first.Is("[") && close < program_.size()) {
    bound.write = bound.write || IsCallableThatWrites(program_, {value, close + 1});
  } else if (first.IsName("array") && program_[value + 1].Is("(") &&
             program_.CloseOf(value + 1) < program_.size()) {
    bound.write =
        bound.write || IsCallableThatWrites(program_, {value, program_.CloseOf(value + 1) + 1});
  }
  if (program_.php() && first.IsName("new") && IsDriverClass(program_[value + 1].text)) {
    bound.connection = true;
  }
  const bool may_begin =
      first.kind == HostTokenKind::kName || first.kind == HostTokenKind::kVariable;
  const std::optional<HostChain> chain =
      may_begin ? program_.ChainAt(value, program_.size()) : std::nullopt;
  const bool result = chain.has_value() && GivesResultOfDriver(*chain);
  (result ? bound.result : bound.no_result) = true;
  const bool query = chain.has_value() && program_[i + 1].Is("=") && EndsValue(chain->range.end) &&
                     (IsQueryOfModel(program_, chain->range) || IsArelTable(program_, *chain));
  (query ? bound.query : bound.no_query) = true;
  if (!chain.has_value()) return;
  const HostCall& last = chain->calls.back();
  bound.connection = bound.connection || IsConnectionName(last.name) ||
                     (chain->receiver_kind == Receiver::kClass && IsDriverClass(chain->receiver));
  bound.association =
      bound.association ||
      (!program_.php() && last.bare() && last.op == HostOperator::kNone &&
       chain->receiver_kind != Receiver::kNone && !IsPlainData(last.name) &&
       !GivesData(program_, last) && !IsPureHostFunction(last.name) &&
       (chain->receiver_kind != Receiver::kClass || IsModelClass(chain->receiver)) &&
       last.name != "new");
}

}  // namespace dbfleet::sql
