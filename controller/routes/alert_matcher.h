#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dbfleet::controller {

// An instance that silences are about.
struct SilenceTarget {
  std::string instance;
  std::string environment;
  std::map<std::string, std::string> labels;
};

// One matcher of a silence, with placeholders for its targets: {{instance}}, {{environment}},
// {{label:NAME}}. Immutable.
class AlertMatcher {
 public:
  // As Alertmanager takes it.
  struct Rendered {
    std::string name;
    std::string value;
    bool regex = false;
    bool equal = true;
  };

  // `name=~"value"`, with \" and \\ inside of the quotes. INVALID_ARGUMENT (BAD_MATCHER), also for
  // a regular expression that can do without its placeholders, as in ".*|{{instance}}".
  static absl::StatusOr<AlertMatcher> Parse(absl::string_view text);

  // Does it keep alerts of anything else out?
  bool Narrows() const;
  // Has the target what the placeholders name?
  bool Fits(const SilenceTarget& target) const;
  // For all of the targets together, which all fit: several values become a regular expression of
  // alternatives. What comes of targets is quoted in it, the matcher's own text is not.
  Rendered For(absl::Span<const SilenceTarget> targets) const;

 private:
  struct Piece {
    std::string field;  // "": `text` as it is.
    std::string text;
  };
  bool has_fields() const;
  absl::Status CheckGroups() const;

  std::string name_;
  bool regex_ = false;
  bool equal_ = true;
  std::vector<Piece> pieces_;
};

}  // namespace dbfleet::controller
