#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/config/yaml_tree.h"

namespace dbfleet::config {

// Collects what only its meaning shows to be wrong in a configuration that parsed well, and tells
// for each problem where in the file it is. Not thread-safe.
class Problems {
 public:
  // For a configuration that came from no file: problems name their fields only.
  Problems() = default;
  // `lines_before`: as ReadYamlTree has it.
  Problems(absl::string_view path, absl::string_view text, int lines_before = 0);

  // `field` is a path such as "instances[1].accounts.inspect.user".
  void Add(absl::string_view field, absl::string_view problem);
  void Note(absl::string_view field, const absl::Status& status) {
    if (!status.ok()) Add(field, status.message());
  }

  // "PATH:LINE:COLUMN: " of a field, or of what it is missing in if that is there; "" without a
  // file.
  std::string PlaceOf(absl::string_view field) const;

  // ToStatus with what ParseYaml found before: all of it in one error.
  absl::Status Together(const absl::Status& parsed) const;

  // OK, or INVALID_ARGUMENT (BAD_CONFIG) with a line "PATH:LINE:COLUMN: FIELD: PROBLEM" for each. A
  // field that is not in the file has the place of what it is missing in, if that is there.
  absl::Status ToStatus() const;

 private:
  std::string path_;
  YamlNode root_;
  std::vector<std::string> all_;
};

}  // namespace dbfleet::config
