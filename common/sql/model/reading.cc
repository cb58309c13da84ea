#include "common/sql/model/reading.h"

namespace dbfleet::sql {

void MakeDoubtful(const std::string& reason, Verdict* verdict) {
  verdict->safety = Safety::kDestructive;
  verdict->understood = verdict->adds_only = false;
  if (verdict->doubt.empty()) verdict->doubt = reason;
  AddReason(reason, &verdict->reasons);
}

void Doubt(const std::string& reason, Reading* reading) {
  MakeDoubtful(reason, &reading->verdict);
  reading->facts.complete = false;
}

}  // namespace dbfleet::sql
