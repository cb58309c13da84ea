#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/audit/record.h"

// The export format: one JSON object (RFC 8259) per line, each line ended by "\n". Every byte of a
// line is determined by its record, so that any other byte is an alteration:
//
//   {"type":"record","seq":1,"time":"2026-01-02T03:04:05.000006Z","actor":...,"action":...,
//    "resource":...,"environment":...,"details":{...},"previous_hash":"<hex>","hash":"<hex>",
//    "canonical":"<base64>"}
//
// "type" names the kind of line. Beside records there are signed checkpoints of the trail and
// agents' receipts for them (export_evidence.h). Readers refuse types that they do not know instead
// of skipping them.
namespace dbfleet::audit {

struct ExportedRecord {
  Record record;
  std::string canonical;  // Raw bytes, as stored.
  std::string hash;       // 32 raw bytes, as stored.
};

// Lines are at most this long; a longer one is refused before it fills the memory.
inline constexpr size_t kMaxLineBytes = 16 << 20;

// Without the final newline. The record's texts must be UTF-8 (the store sees to it); other bytes
// are replaced, and the line then does not verify.
std::string WriteJsonLine(const ExportedRecord& record);

// INVALID_ARGUMENT (BAD_AUDIT_LINE) unless the line is byte for byte what WriteJsonLine writes; so
// also for lines of other types.
// Does not look at the hash or at the canonical bytes: VerifyExport does.
absl::StatusOr<ExportedRecord> ReadJsonLine(absl::string_view line);

}  // namespace dbfleet::audit
