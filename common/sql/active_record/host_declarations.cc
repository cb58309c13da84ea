#include "common/sql/active_record/host_declarations.h"

#include "absl/strings/match.h"

namespace dbfleet::sql {

bool IsResourceCall(const HostChain& chain) {
  const absl::string_view name = chain.calls[0].name;
  return chain.receiver_kind == Receiver::kClass && absl::EndsWith(chain.receiver, "Resource") &&
         chain.calls.size() == 1 && (name == "collection" || name == "make");
}

bool OnlyDeclares(const HostProgram& program, const HostTrust& trust) {
  if (!program.balanced()) return false;
  return program.php() ? OnlyDeclaresPhp(program, trust) : OnlyDeclaresRuby(program, trust);
}

}  // namespace dbfleet::sql
