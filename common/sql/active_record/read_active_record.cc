#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/active_record.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/schema_calls.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kMostReasons = 20;
constexpr absl::string_view kNotReadAgain = "it is no call of a migration by itself";
constexpr absl::string_view kReachesNothing = "no call in it is known to reach the database";

void AddReason(std::string reason, Verdict* verdict) {
  std::vector<std::string>& all = verdict->reasons;
  if (all.size() < kMostReasons && std::find(all.begin(), all.end(), reason) == all.end()) {
    all.push_back(std::move(reason));
  }
}

void Merge(Verdict&& other, Verdict* verdict) {
  verdict->adds_only = (verdict->adds_only || verdict->safety == Safety::kSafe) &&
                       (other.adds_only || other.safety == Safety::kSafe) &&
                       (verdict->adds_only || other.adds_only);
  verdict->kind = Heavier(verdict->kind, other.kind);
  if (other.safety == Safety::kDestructive) verdict->safety = Safety::kDestructive;
  for (std::string& reason : other.reasons) AddReason(std::move(reason), verdict);
  for (std::string& table : other.tables) verdict->tables.push_back(std::move(table));
  for (ObjectUse& use : other.uses) verdict->uses.push_back(std::move(use));
  Effects& effects = verdict->effects;
  effects.blocks = std::max(effects.blocks, other.effects.blocks);
  effects.locks_rows = effects.locks_rows || other.effects.locks_rows;
  effects.rewrites_table = effects.rewrites_table || other.effects.rewrites_table;
  effects.scans_table = effects.scans_table || other.effects.scans_table;
  effects.undo = std::max(effects.undo, other.effects.undo);
  verdict->understood = verdict->understood && other.understood;
  if (verdict->doubt.empty()) verdict->doubt = std::move(other.doubt);
  verdict->transactional = verdict->transactional && other.transactional;
  verdict->transaction_control = verdict->transaction_control || other.transaction_control;
  verdict->credentials = verdict->credentials || other.credentials;
}

// "calls x, which is not known ...": of a call of which the doubt says so, no problem says it again
// in other words.
void DropSaidTwice(absl::string_view doubt, std::vector<std::string>* problems) {
  constexpr absl::string_view kNotKnown = ", which is not known ";
  const size_t at = doubt.find(kNotKnown);
  if (at == absl::string_view::npos) return;
  const absl::string_view said = doubt.substr(0, at + kNotKnown.size());
  problems->erase(std::remove_if(problems->begin(), problems->end(),
                                 [&](const auto& one) { return absl::StartsWith(one, said); }),
                  problems->end());
}

// The one chain that a statement is.
std::optional<HostChain> WholeChain(const HostProgram& program) {
  std::optional<HostChain> chain = program.ChainAt(0, program.size());
  size_t end = chain.has_value() ? chain->range.end : 0;
  while (program[end].kind == HostTokenKind::kNewline) ++end;
  return end == program.size() ? chain : std::nullopt;
}

// execute "UPDATE ..." in a migration: that the method is ActiveRecord's is what the class says.
// Only of what is a change by its SQL: else the doubt is what makes it one.
bool IsOnlyInDoubtForItsClass(const HostContext& context, const HostProgram& program,
                              const HostFindings& findings) {
  constexpr absl::string_view kDoubt = "calls execute, which is judged as ActiveRecord's";
  const std::optional<HostChain> chain = WholeChain(program);
  return context.migration && !program.php() && absl::StartsWith(context.doubt, kDoubt) &&
         chain.has_value() && chain->calls.size() == 1 && chain->receiver_kind == Receiver::kNone &&
         findings.problems.empty() && findings.readings.size() == 1 &&
         findings.readings[0].verdict.understood &&
         findings.readings[0].verdict.safety == Safety::kDestructive &&
         !findings.readings[0].verdict.adds_only;
}

}  // namespace

Reading Combine(std::vector<Reading> readings) {
  if (readings.empty()) return Reading();
  // The facts are those of the heaviest: rules are about what does the most harm.
  size_t chosen = 0;
  for (size_t i = 1; i < readings.size(); ++i) {
    if (readings[chosen].verdict.safety == Safety::kSafe &&
        readings[i].verdict.safety == Safety::kDestructive) {
      chosen = i;
    }
  }
  // SQL that is joined anywhere in it is said of it.
  const auto joins = std::find_if(readings.begin(), readings.end(), [](const Reading& reading) {
    return reading.facts.call.has_value() && reading.facts.call->concatenates;
  });
  if (joins != readings.end() && readings[chosen].facts.call.has_value() &&
      !readings[chosen].facts.call->concatenates) {
    readings[chosen].facts.call->concatenates = true;
    readings[chosen].facts.call->placeholders_only = false;
    readings[chosen].facts.call->joined_value = joins->facts.call->joined_value;
  }
  Reading all = std::move(readings[0]);
  Facts first = std::move(all.facts);
  for (size_t i = 1; i < readings.size(); ++i) Merge(std::move(readings[i].verdict), &all.verdict);
  all.facts = chosen == 0 ? std::move(first) : std::move(readings[chosen].facts);
  return all;
}

Reading ReadActiveRecord(const Target& target, absl::string_view text, const HostContext& context,
                         EmbeddedReader embedded) {
  absl::StatusOr<HostProgram> program = HostProgram::Read(target.dialect, text);
  if (program.ok()) program->Redefine(context.redefined);
  if (!program.ok()) {
    Reading reading;
    reading.verdict.doubt = absl::StrCat("it cannot be read: ", program.status().message());
    AddReason(reading.verdict.doubt, &reading.verdict);
    return reading;
  }
  if (context.declares && program->balanced()) {
    Reading reading;
    reading.verdict.understood = true;
    reading.verdict.kind = Kind::kInspection;
    reading.verdict.safety = Safety::kSafe;
    reading.verdict.effects.undo = Undo::kNothingToUndo;
    return reading;
  }
  const Target server_target = EmbeddedTarget(target);
  const SchemaServer server = {server_target, embedded};
  if (context.schema_call && context.doubt.empty()) {
    const std::optional<HostChain> chain = WholeChain(*program);
    if (chain.has_value()) {
      if (auto reading = ReadSchemaCall(*program, *chain, context, &server))
        return *std::move(reading);
    }
  }
  HostScope scope = {target, context, embedded};
  scope.generous = scope.for_effect = true;
  HostFindings findings = ReadExpressions(*program, {0, program->size()}, scope);
  if (program->balanced() && IsOnlyInDoubtForItsClass(context, *program, findings)) {
    findings.problems.clear();
  } else if (!context.doubt.empty()) {
    DropSaidTwice(context.doubt, &findings.problems);
    findings.problems.insert(findings.problems.begin(), context.doubt);
  } else if (findings.readings.empty()) {
    findings.problems.emplace_back(kReachesNothing);
  }
  // Whatever else was in doubt of it was left unsaid.
  if (context.schema_call) findings.problems.emplace_back(kNotReadAgain);
  if (!program->balanced()) findings.problems.push_back("its brackets do not match");
  Reading reading = Combine(std::move(findings.readings));
  // Of what is no call of ActiveRecord nothing is said as of one.
  if (context.doubt == kReachesNothing) reading.facts.call.reset();
  if (findings.problems.empty() && reading.verdict.understood) {
    std::string doubt;
    if (const auto chain = WholeChain(*program)) {
      AddSchemaFacts(*program, *chain, server, &reading.facts, &doubt);
    }
    if (!doubt.empty()) findings.problems.push_back(std::move(doubt));
  }
  for (std::string& problem : findings.problems) {
    reading.verdict.safety = Safety::kDestructive;
    reading.verdict.understood = false;
    reading.verdict.adds_only = false;
    if (reading.verdict.doubt.empty()) reading.verdict.doubt = problem;
    AddReason(std::move(problem), &reading.verdict);
  }
  reading.facts.complete = reading.facts.complete && reading.verdict.understood;
  return reading;
}

}  // namespace dbfleet::sql
