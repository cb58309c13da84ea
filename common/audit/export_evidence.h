#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/audit/receipt.h"

// The lines of an export that are no records (export.h). Like records' lines, every byte of them is
// determined by what they say:
//
//   {"type":"checkpoint","text":"<the checkpoint's text>"}
//   {"type":"adoption","text":"<a checkpoint's text>"}
//   {"type":"receipt","text":"<the receipt's text>","signature":"<base64>","certificate":"<PEM>"}
//
// A checkpoint or receipt stands directly after the last record that it covers (before the first
// record: a checkpoint of the size before it, from which a partial export goes on). Adoptions stand
// before everything else: each is a checkpoint of a log that was itself replaced, so that the
// export may hold nothing of it at its place, and tells which log that one had replaced.
namespace dbfleet::audit {

enum class LineKind { kRecord, kCheckpoint, kReceipt, kAdoption };

// By how the line begins; whatever is none of the others is to be read as a record.
LineKind KindOfLine(absl::string_view line);

// Without the final newline. Reading: INVALID_ARGUMENT (BAD_AUDIT_LINE) unless the line is byte for
// byte what writing gives. Signatures are not looked at.
std::string WriteCheckpointLine(const std::string& text);
absl::StatusOr<std::string> ReadCheckpointLine(absl::string_view line);
std::string WriteAdoptionLine(const std::string& text);
absl::StatusOr<std::string> ReadAdoptionLine(absl::string_view line);
std::string WriteReceiptLine(const SignedReceipt& receipt);
absl::StatusOr<SignedReceipt> ReadReceiptLine(absl::string_view line);

}  // namespace dbfleet::audit
