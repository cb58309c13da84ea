#include "common/sql/active_record/host_session.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

#include "common/sql/active_record/host_constants.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/model/charsets.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql {
namespace {

bool SetsCharset(const HostCall& call) {
  const std::string name = absl::AsciiStrToLower(call.name);
  return !call.arguments.empty() &&
         (absl::EndsWith(name, "set_charset") || absl::EndsWith(name, "set_client_encoding") ||
          name == "setcharset");
}

// Not known is the worst.
CharsetRisk RiskOf(const HostProgram& program, const HostCall& call, Dialect dialect) {
  const std::optional<std::string> name = ReadWord(program, call.arguments.back());
  return name.has_value() ? RiskOfCharset(dialect, *name) : CharsetRisk::kAllBytes;
}

}  // namespace

void HostSession::TakeSql(absl::string_view sql) {
  const std::string lower = absl::AsciiStrToLower(sql);
  if (!absl::StrContains(lower, "set") && !absl::StrContains(lower, "execute")) return;
  for (absl::string_view one : absl::StrSplit(sql, kBetweenTexts)) {
    Lexer lexer(embedded_.dialect, one, DefaultOptions(embedded_.dialect));
    for (Token token; lexer.Next(&token);) watch_.Take(token);
    watch_.EndStatement();
  }
}

void HostSession::TakeCharset(const HostProgram& program, const HostChain& chain) {
  for (const HostCall& call : chain.calls) {
    if (!SetsCharset(call)) continue;
    charset_ = std::max(charset_, RiskOf(program, call, embedded_.dialect));
  }
}

void HostSession::Take(const HostProgram& program, const HostChain& chain) {
  for (const HostCall& call : chain.calls) {
    for (const HostRange& argument : call.arguments) {
      for (size_t i = argument.begin; i < argument.end; ++i) {
        if (program[i].kind != HostTokenKind::kString) continue;
        std::string sql;
        for (const StringPart& part : program[i].parts) {
          sql += part.is_code ? std::string("x") : part.text;
        }
        TakeSql(sql);
      }
    }
  }
}

}  // namespace dbfleet::sql
