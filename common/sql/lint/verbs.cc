#include "common/sql/lint/script.h"

namespace dbfleet::sql {

bool IsDdl(Verb verb) {
  switch (verb) {
    case Verb::kCreateTable:
    case Verb::kAlterTable:
    case Verb::kDropTable:
    case Verb::kRenameTable:
    case Verb::kCreateIndex:
    case Verb::kDropIndex:
    case Verb::kCreateView:
    case Verb::kDropView:
    case Verb::kCreateSchema:
    case Verb::kAlterSchema:
    case Verb::kDropSchema:
    case Verb::kCreateRoutine:
    case Verb::kAlterRoutine:
    case Verb::kDropRoutine:
    case Verb::kCreateType:
    case Verb::kAlterType:
    case Verb::kDropType:
    case Verb::kCreateDomain:
    case Verb::kAlterDomain:
    case Verb::kCreateSequence:
    case Verb::kAlterSequence:
    case Verb::kDropSequence:
    case Verb::kTruncate:
      return true;
    default:
      return false;
  }
}

bool IsDml(Verb verb) {
  switch (verb) {
    case Verb::kInsert:
    case Verb::kUpdate:
    case Verb::kDelete:
    case Verb::kMerge:
    case Verb::kCopy:
      return true;
    default:
      return false;
  }
}

bool ChangesRows(const Facts& facts) { return IsDml(facts.verb) && !facts.sends_rows; }

}  // namespace dbfleet::sql
