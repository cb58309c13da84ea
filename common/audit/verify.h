#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/audit/receipt.h"
#include "common/audit/trusted_keys.h"

// Offline verification of an export (export.h). It needs the export and, to show more than that the
// export agrees with itself, the public key and checkpoints or receipts that were kept elsewhere.
//
// What is shown by what:
// - The chain alone: records altered, deleted, duplicated, swapped or inserted, the first bad one
// by
//   name. Not: records cut off at the end, records before `first_seq`, and a trail that was hashed
//   anew as a whole from some record on.
// - Checkpoints in the export and given apart (`checkpoints`), with the trusted keys: a trail that
//   was hashed anew, by the first interval between checkpoints that disagrees; two trails spliced;
//   forks signed with a foreign key, or outside of a key's validity.
// - What is given apart, also receipts: a tail that was cut, up to the highest of them.
// Unprotected remains the tail since the last checkpoint that was pushed to somebody else: whoever
// owns the store can cut it off or rewrite it unseen (at most 60 s or 1,000 records, when the
// controller works). A checkpoint that stands only in the export protects nothing that can be cut
// off together with it. Nor is it seen when checkpoints or receipts are left out of an export.
// - An export that begins later than with record 1 has no tree: it is checked by the chain, and
//   against the chain's hash (`head`) in checkpoints; receipts cannot be compared. The report says
//   so.
//
// After a restore that was adopted (checkpoint.h), checkpoints and receipts of the former log for
// records that the restore lost are not contradictions; they are named in `notes`. This needs the
// trusted keys, for a signature is what makes the restore a deliberate one.
namespace dbfleet::audit {

struct VerifyReport {
  uint64_t records = 0;
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  std::string head_hash;  // Hex, of the last record.
  // When the trail is bad: the first record that is, and why. `bad_seq` is the number that the bad
  // line should have had, or its own when it comes too late. `bad_line` is 0 when the problem is in
  // what was given apart.
  uint64_t bad_seq = 0;
  uint64_t bad_line = 0;
  // When the chain holds but a checkpoint or receipt disagrees: the records between the last one
  // that agrees and it. 0: no such thing.
  uint64_t bad_from = 0;
  uint64_t bad_to = 0;
  std::string problem;

  std::string log_id;              // Of the last checkpoint that agrees; "" if there was none.
  std::string root;                // Hex, of the tree over all records; "" for a partial export.
  uint64_t checkpoints = 0;        // That agree, with a good signature.
  uint64_t receipts = 0;           // That agree, with a good signature.
  uint64_t unsigned_evidence = 0;  // That agree, but nobody was given whose signature to trust.
  // The highest record under a good signature; the records after it are the unprotected tail.
  uint64_t covered_seq = 0;
  std::vector<std::string> notes;  // What was not checked, and what an adoption gave up.
  bool ok() const { return problem.empty(); }
};

struct VerifyOptions {
  uint64_t first_seq = 0;    // The first record must have this number; 0: any.
  uint64_t trusted_seq = 0;  // This record must be there with this hash; 0: none.
  std::string trusted_hash;  // Hex.

  TrustedKeys keys;                      // Empty: checkpoints are compared, not authenticated.
  ReceiptTrust receipt_trust;            // Empty: the same for receipts.
  std::vector<std::string> checkpoints;  // Texts, from agents or wherever they were noted.
  std::vector<SignedReceipt> receipts;
  std::string log_id;  // The export must be of this log or of its successors; "": any.
  // Whoever names keys wants their word for it, for a trail that was hashed anew holds together,
  // too: with keys, at least one checkpoint that agrees must be signed by them.
  bool demand_signature = true;
};

// A bad trail is a report. An error status says nothing of the trail: INVALID_ARGUMENT
// (BAD_EVIDENCE) if what was given apart is not what it is given as, INTERNAL (EXPORT_UNREADABLE)
// if the stream cannot be read. Memory does not grow with the records, but with the checkpoints.
absl::StatusOr<VerifyReport> VerifyExport(std::istream& in);
absl::StatusOr<VerifyReport> VerifyExport(std::istream& in, const VerifyOptions& options);

}  // namespace dbfleet::audit
