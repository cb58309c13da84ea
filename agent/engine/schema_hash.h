#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "agent/engine/engine.h"
#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {

// Builds SqlMigrations::SchemaFingerprint from catalogue queries. The rows of each are sorted here,
// so that the server's collation has no say. Not thread-safe.
class SchemaHash {
 public:
  // `part` names what the rows are, for example "columns".
  absl::Status Add(MigrationSession& session, absl::string_view part, const std::string& query) {
    auto rows = session.Query(query);
    if (!rows.ok()) return Annotate(rows.status(), absl::string_view("reading the schema"));
    std::sort(rows->begin(), rows->end());
    writer_.Text(part).Begin(rows->size());
    for (const auto& row : *rows) {
      writer_.Begin(row.size());
      for (const auto& value : row) {
        writer_.Bool(value.has_value());
        if (value.has_value()) writer_.Text(*value);
      }
    }
    return absl::OkStatus();
  }

  std::string Hex() const { return Sha256Hex(writer_.bytes()); }

 private:
  CanonicalWriter writer_{"dbfleet.schema.v1"};
};

}  // namespace dbfleet::agent
