#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/report/report.h"

namespace dbfleet::sql {

// The id under which SARIF names statements that are destructive.
inline constexpr absl::string_view kDestructiveRule = "dbf-destructive";

// A SARIF 2.1.0 log, piece by piece: Begin, then Statement for each in order, then End; Failed in
// between for each file that could not be read, which then is no clean file without results. The
// pieces make one JSON document of pure ASCII. What was ignored is there with a suppression.
class SarifWriter {
 public:
  // `version`: of dbfleet. `with_class`: a result for each destructive statement, too.
  SarifWriter(absl::string_view version, EnvironmentClass environment, bool with_class)
      : version_(version), environment_(environment), with_class_(with_class) {}

  std::string Begin() const;
  std::string Statement(const StatementReport& report);
  void Failed(absl::string_view file, absl::string_view problem);
  std::string End() const;

 private:
  const std::string version_;
  const EnvironmentClass environment_;
  const bool with_class_;
  bool first_ = true;
  std::string failures_;  // Notifications with commas between them.
};

// A path as a URI: relative ones stay so, for code hosts to find them in the repository.
std::string ToUri(absl::string_view path);

}  // namespace dbfleet::sql
