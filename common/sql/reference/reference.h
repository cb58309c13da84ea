#pragma once

#include <string>

// The pages of docs/reference that are made of the code's own tables; a test holds files and tables
// equal. `dbfleet sql reference lint|classification` prints them. To renew the files:
//   dbfleet sql reference lint > docs/reference/lint.md
namespace dbfleet::sql {

std::string LintReference();            // docs/reference/lint.md
std::string ClassificationReference();  // docs/reference/classification.md

}  // namespace dbfleet::sql
