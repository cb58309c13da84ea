#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/acting_words.h"
#include "common/sql/active_record/framework_calls.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_trust.h"
#include "common/sql/active_record/host_unknown.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

// What runs in the texts of a program.
namespace dbfleet::sql {
namespace {

bool IsShellCommand(const HostToken& token) {
  return token.kind == HostTokenKind::kOther &&
         (absl::StartsWith(token.text, "`") || absl::StartsWith(token.text, "%x"));
}

// Words by which an object that is made for one thing is told to do it.
bool NamesInvoking(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "__invoke", "call", "do", "exec", "execute", "fire", "handle", "invoke", "perform", "run"};
  return IsOneOf(absl::AsciiStrToLower(name), kNames) || absl::StartsWith(name, "perform_");
}

// What a value in a text is asked for is shown. What is called like a deed does more, whatever it
// is called on: "{$svc->handle($order)}", "#{self.class.wipe(1)}".
std::string DoubtOfDeedIn(const HostProgram& program, const HostChain& chain,
                          const HostTrust& trust) {
  static constexpr absl::string_view kBlocks[] = {"blk", "block"};
  const bool function = chain.receiver_kind == Receiver::kNone;
  for (size_t i = function ? 1 : 0; i < chain.calls.size(); ++i) {
    const HostCall& call = chain.calls[i];
    if (call.is_property || call.op != HostOperator::kNone) continue;
    const absl::string_view holder =
        i > 0 ? absl::string_view(chain.calls[i - 1].name) : absl::string_view(chain.receiver);
    const bool own = i == 0 && (holder == "$this" || holder == "self") && trust.Defines(call.name);
    const bool of_block = i == 0 && !program.php() && IsOneOf(holder, kBlocks);
    if (own || of_block || FindModelMethod(call.name) != nullptr) continue;
    const bool acts = NamesInvoking(call.name) ||
                      (call.bare() ? NamesDeed(call.name) : NamesDeedOfRecord(call.name, false));
    if (acts && !IsPlainData(holder)) return trust.DoubtOf(call.name);
  }
  return "";
}

// nullopt if it only computes.
std::optional<std::string> DoubtOfCode(const HostProgram& code, const HostTrust& trust) {
  std::optional<std::string> doubt;
  const auto take = [&](std::string why) {
    if (!doubt.has_value() || doubt->empty()) doubt = std::move(why);
  };
  for (size_t i = 0; i < code.size(); ++i) {
    if (IsShellCommand(code[i])) take("");
    if (auto hidden = DoubtOfHiddenCode(code, code[i], trust)) take(*std::move(hidden));
    if (EndOfCallOfValue(code, i, trust.variables()) > 0) take("calls what a variable holds");
    size_t end = 0;
    if (std::string why = trust.DoubtOfBinding(i, &end); !why.empty()) take(std::move(why));
    const HostToken& before = code[i - 1];
    if (before.Is(".") || before.Is("&.") || before.Is("->") || before.Is("?->")) continue;
    const std::optional<HostChain> chain = code.ChainAt(i, code.size());
    if (!chain.has_value()) continue;
    std::string why = trust.DoubtOfCall(*chain);
    if (why.empty()) why = DoubtOfDeedIn(code, *chain, trust);
    if (!why.empty()) {
      take(std::move(why));
    } else if (ReachesDatabase(code, *chain, false, &trust.variables()) ||
               IsOfModel(code, *chain) || CallsClassOfValue(code, *chain)) {
      take("");
    }
    if (doubt.has_value() && !doubt->empty()) break;
  }
  return doubt;
}

}  // namespace

std::optional<std::string> DoubtOfHiddenCode(const HostProgram& program, const HostToken& token,
                                             const HostTrust& trust) {
  if (token.kind != HostTokenKind::kString && token.kind != HostTokenKind::kOther) {
    return std::nullopt;
  }
  if (IsShellCommand(token)) {
    const bool shows = token.parts.size() == 1 && !token.parts[0].is_code &&
                       IsHarmlessCommand(token.parts[0].text);
    return shows ? std::nullopt : std::optional<std::string>("");
  }
  std::optional<std::string> doubt;
  for (const StringPart& part : token.parts) {
    if (!part.is_code || absl::StartsWith(part.text, "\\")) continue;
    const auto code = HostProgram::Read(
        program.php() ? Dialect::kActiveRecordPhp : Dialect::kActiveRecordRuby, part.text);
    if (!code.ok()) return "holds code in a text that cannot be read";
    auto one = DoubtOfCode(*code, HostTrust(*code, trust));
    if (!one.has_value() || (doubt.has_value() && one->empty())) continue;
    doubt = std::move(one);
    if (!doubt->empty()) break;
  }
  return doubt;
}

}  // namespace dbfleet::sql
