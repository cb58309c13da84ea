#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::controller {

// The secrets of one message, kept out of what is shown and stored, also where somebody quotes them
// encoded: percent-encoded (RFC 3986), as JSON escapes them, or within a base64 text.
class HiddenSecrets {
 public:
  void Add(absl::string_view secret);
  // One that is a secret itself: also its path, each segment of it, and what its parameters hold.
  void AddUrl(absl::string_view url);
  // Also as HTTP Basic (RFC 7617) and SMTP AUTH PLAIN (RFC 4616) send it.
  void AddLogin(absl::string_view user, absl::string_view password);

  // The message holds no secret.
  bool empty() const { return texts_.empty(); }
  // `text` with "[secret]" for each run of bytes that says one.
  std::string ReplaceIn(absl::string_view text) const;

 private:
  void AddPart(absl::string_view part);
  void AddBase64(absl::string_view text);

  std::vector<std::string> texts_;
};

}  // namespace dbfleet::controller
