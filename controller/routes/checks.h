#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/config/problems.h"

// What the fields of several receivers have in common. Problems go to `problems`, with `field`.
namespace dbfleet::controller {

bool IsPrintableAscii(absl::string_view text);

// `plaintext`: nothing secret is sent along, so that http will do.
void CheckUrl(const std::string& url, const std::string& field, bool plaintext,
              config::Problems* problems);

// Is there a parameter whose name speaks of a secret, as in "?token=..."? A guess, for advice.
bool MayHoldSecret(absl::string_view url);

// The name of a secret of the controller's configuration.
void CheckSecret(const std::string& name, const std::string& field, bool needed,
                 config::Problems* problems);

}  // namespace dbfleet::controller
