#include "absl/strings/match.h"

#include "common/sql/active_record/framework_calls.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_trust.h"

namespace dbfleet::sql {
namespace {

bool IsShellCommand(const HostToken& token) {
  return token.kind == HostTokenKind::kOther &&
         (absl::StartsWith(token.text, "`") || absl::StartsWith(token.text, "%x"));
}

bool RunsIn(const HostProgram& program, const HostTrust& trust) {
  for (size_t i = 0; i < program.size(); ++i) {
    if (IsShellCommand(program[i]) || HidesCode(program, program[i], trust)) return true;
    const std::optional<HostChain> chain = program.ChainAt(i, program.size());
    if (!chain.has_value()) continue;
    if (ReachesDatabase(program, *chain, false, nullptr)) return true;
    if (!DoubtOfRedis(program, *chain).empty()) return true;
    const HostCall& call = chain->calls[0];
    if (chain->receiver_kind == Receiver::kNone && (call.has_parens || call.name.back() == '!') &&
        !trust.Knows(call.name)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool HidesCode(const HostProgram& program, const HostToken& token, const HostTrust& trust) {
  if (token.kind != HostTokenKind::kString && token.kind != HostTokenKind::kOther) return false;
  if (IsShellCommand(token)) {
    return token.parts.size() != 1 || token.parts[0].is_code ||
           !IsHarmlessCommand(token.parts[0].text);
  }
  for (const StringPart& part : token.parts) {
    if (!part.is_code || absl::StartsWith(part.text, "\\")) continue;
    const auto code = HostProgram::Read(
        program.php() ? Dialect::kActiveRecordPhp : Dialect::kActiveRecordRuby, part.text);
    if (!code.ok() || RunsIn(*code, trust)) return true;
  }
  return false;
}

}  // namespace dbfleet::sql
