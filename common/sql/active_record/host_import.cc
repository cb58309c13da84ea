#include "common/sql/active_record/host_import.h"

namespace dbfleet::sql {

void HostImport::Take(const HostProgram& program, size_t i) {
  const HostToken& token = program[i];
  if (!inside_) {
    // Not that of a closure: function () use ($x).
    inside_ = token.IsName("use") && program[i + 1].kind == HostTokenKind::kName;
    all_ = inside_ && program[i + 1].IsName("function");
    one_ = false;
    return;
  }
  if (token.Is(";")) inside_ = false;
  if (token.Is(",") || token.Is("}")) one_ = false;
  if (token.IsName("function")) one_ = true;
}

}  // namespace dbfleet::sql
