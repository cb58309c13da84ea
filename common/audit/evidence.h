#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

#include "common/audit/checkpoint.h"
#include "common/audit/lineage.h"
#include "common/audit/merkle.h"
#include "common/audit/receipt.h"
#include "common/audit/verify.h"

namespace dbfleet::audit::impl {

// Where reading an export stands.
struct TrailPoint {
  uint64_t size = 0;                   // The last record's number.
  std::string head;                    // Its hash, raw; "" if not known.
  const CompactRange* tree = nullptr;  // Over all records up to it; null in a partial export.
};

// What checkpoints and receipts, in an export and given apart, claim of it, compared as the export
// is read. Functions return "" or what is wrong. Call Load, then AddAdoption, then Start, then
// Reach for every record and Add... for the lines between, then Finish; nothing more after
// something was wrong. Not thread-safe.
class Evidence {
 public:
  // `options` must outlive it.
  explicit Evidence(const VerifyOptions& options) : options_(options) {}

  std::string Load();
  // Records will come from after `point`: older claims cannot be checked.
  std::string Start(const TrailPoint& point);
  std::string Reach(const TrailPoint& point);
  // Before Start. Without trusted keys it proves nothing and is passed over.
  std::string AddAdoption(const std::string& text);
  std::string AddCheckpoint(const std::string& text, const TrailPoint& point);
  std::string AddReceipt(const SignedReceipt& receipt, const TrailPoint& point);
  std::string Finish(uint64_t last_size);

  // The fields from bad_from on that evidence knows of.
  void Fill(VerifyReport* report) const;

 private:
  struct Claim {
    uint64_t size = 0;
    std::string root;
    std::string head;  // "": says nothing of it.
    std::string log_id;
    std::string what;  // "the checkpoint over 12 records of log x".
    bool vouched = false;
    bool in_export = false;
    uint64_t VerifyReport::*counter = nullptr;  // Null: an adoption, which is part of a checkpoint.
  };

  absl::StatusOr<Claim> ReadCheckpoint(const std::string& text, Checkpoint* checkpoint) const;
  absl::StatusOr<Claim> ReadReceipt(const SignedReceipt& receipt) const;
  std::string LoadCheckpoints();
  std::string LoadReceipts();
  std::string Join(const Claim& claim, const Checkpoint* checkpoint);
  // May a line of this log stand here?
  std::string GoOn(const std::string& log_id);
  // The adoption that began `checkpoint`'s log, if it is news.
  std::string NoteAdoption(const Checkpoint& checkpoint, const TrailPoint* point);
  std::string Compare(const Claim& claim, const TrailPoint& point);
  std::string Disagree(const Claim& claim);
  void Agree(const Claim& claim);
  bool GivenUp(const Claim& claim);

  const VerifyOptions& options_;
  Lineage lineage_;
  std::multimap<uint64_t, Claim> waiting_;
  std::map<std::string, Predecessor> adoptions_;  // By successor.
  std::map<uint64_t, std::string> roots_;         // Of the sizes that were compared.
  std::string last_text_;
  std::string current_log_;  // Of the last line in the export.
  uint64_t agreed_ = 0;
  VerifyReport report_;
};

}  // namespace dbfleet::audit::impl
