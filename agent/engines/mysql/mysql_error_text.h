#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace dbfleet::agent {

// What of an error's text may be shown: the text if it is worded as MySQL, MariaDB or their client
// library word that number, else "" (SIGNAL can give any number any text, and a server may speak
// another language than English). Values are masked even then.
std::string ShowableMysqlText(int number, absl::string_view message);

}  // namespace dbfleet::agent
