#include "common/sql/model/reading.h"

namespace dbfleet::sql {

void Doubt(const std::string& reason, Reading* reading) {
  Verdict& verdict = reading->verdict;
  verdict.safety = Safety::kDestructive;
  verdict.understood = verdict.adds_only = false;
  if (verdict.doubt.empty()) verdict.doubt = reason;
  AddReason(reason, &verdict.reasons);
  reading->facts.complete = false;
}

}  // namespace dbfleet::sql
