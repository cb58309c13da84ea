#pragma once

#include <cstdint>
#include <istream>
#include <string>

#include "absl/status/statusor.h"

namespace dbfleet::audit {

struct VerifyReport {
  uint64_t records = 0;
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  std::string head_hash;  // Hex, of the last record.
  // When the trail is bad: the first record that is, and why. 0: the trail holds.
  uint64_t bad_seq = 0;
  uint64_t bad_line = 0;
  std::string problem;
  bool ok() const { return bad_line == 0; }
};

// One record as a line of JSON (RFC 8259) for exports: the decoded view together with "canonical"
// (base64), "hash" and "previous_hash" (hex). WriteJsonLine(ReadJsonLine(x)) is x (export.h).
struct ExportedRecord;

// Verifies an export (JSON lines) with nothing but the export: every line parses, its canonical
// bytes equal those recomputed from the decoded view, its hash is right, numbers run without gap
// from the first, and each previous hash is the hash before. An error status only if the stream
// cannot be read; a bad trail is a report. Memory does not grow with the export.
//
// `bad_seq` is the number that the bad line should have had, or its own when it comes a second
// time. What the chain alone cannot show: records cut off at the end, records before `first_seq`,
// and a trail rewritten as a whole from some record on. VerifyOptions close this for whoever has
// noted a record's hash elsewhere; signed checkpoints (export.h) will for everybody.
absl::StatusOr<VerifyReport> VerifyExport(std::istream& in);

struct VerifyOptions {
  uint64_t first_seq = 0;    // The first record must have this number; 0: any.
  uint64_t trusted_seq = 0;  // This record must be there with this hash; 0: none.
  std::string trusted_hash;  // Hex.
};
absl::StatusOr<VerifyReport> VerifyExport(std::istream& in, const VerifyOptions& options);

}  // namespace dbfleet::audit
