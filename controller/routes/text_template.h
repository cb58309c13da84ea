#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dbfleet::controller {

struct FieldInfo {
  absl::string_view name;
  absl::string_view meaning;
};

// What a template can say.
absl::Span<const FieldInfo> TemplateFields();

// A text with "{{field}}" in it. Immutable.
class TextTemplate {
 public:
  using Escape = std::function<std::string(absl::string_view)>;

  TextTemplate() = default;
  // INVALID_ARGUMENT (BAD_TEMPLATE): an unknown field, braces without their counterpart.
  static absl::StatusOr<TextTemplate> Parse(absl::string_view text);

  // Fields that are not there are empty. What they say goes through `escape`; the template's own
  // text does not, since it was written for its receiver.
  std::string Render(const std::map<std::string, std::string>& fields, const Escape& escape) const;

  bool empty() const { return pieces_.empty(); }

 private:
  struct Piece {
    bool field = false;
    std::string text;
  };
  std::vector<Piece> pieces_;
};

// Text from outside as a field: on one line, without control characters or what turns the
// direction of writing, and of bounded length, so that nobody can make lines that look like ours.
std::string FieldText(absl::string_view text);

// The same for text of several lines: each is on a line of its own behind two spaces, which none of
// ours begins with. If it is too long, lines at its end are left out, or a line's end, and its last
// line says so; `cut` is set then.
std::string FieldLines(absl::string_view text, bool* cut);

}  // namespace dbfleet::controller
