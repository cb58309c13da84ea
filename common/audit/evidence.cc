#include "common/audit/evidence.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"

namespace dbfleet::audit::impl {
namespace {

constexpr size_t kMaxNotes = 100;

}  // namespace

absl::StatusOr<Evidence::Claim> Evidence::ReadCheckpoint(const std::string& text,
                                                         Checkpoint* checkpoint) const {
  Claim claim;
  claim.vouched = !options_.keys.empty();
  if (claim.vouched) {
    absl::StatusOr<Checkpoint> verified = VerifyCheckpoint(text, options_.keys);
    if (!verified.ok()) return verified.status();
    *checkpoint = *std::move(verified);
  } else {
    absl::StatusOr<SignedCheckpoint> parsed = ParseCheckpoint(text);
    if (!parsed.ok()) return parsed.status();
    *checkpoint = std::move(parsed->checkpoint);
  }
  claim.size = checkpoint->size;
  claim.root = checkpoint->root;
  claim.head = checkpoint->head;
  claim.log_id = checkpoint->log_id;
  claim.what = absl::StrCat("the checkpoint over ", claim.size, " records of log ", claim.log_id);
  claim.counter = &VerifyReport::checkpoints;
  return claim;
}

absl::StatusOr<Evidence::Claim> Evidence::ReadReceipt(const SignedReceipt& receipt) const {
  Claim claim;
  claim.vouched = !options_.receipt_trust.empty();
  const absl::StatusOr<Receipt> read =
      claim.vouched ? VerifyReceipt(receipt, options_.receipt_trust) : ParseReceipt(receipt.text);
  if (!read.ok()) return read.status();
  claim.size = read->size;
  claim.root = read->root;
  claim.log_id = read->log_id;
  claim.what = absl::StrCat("the receipt of agent ", read->agent_id, " for ", claim.size,
                            " records of log ", claim.log_id);
  claim.counter = &VerifyReport::receipts;
  return claim;
}

std::string Evidence::Join(const Claim& claim, const Checkpoint* checkpoint) {
  lineage_.Name(claim.log_id);
  // Without a good signature nobody has adopted anything.
  if (checkpoint == nullptr || !claim.vouched) return "";
  return lineage_.Learn(checkpoint->log_id, checkpoint->predecessor);
}

std::string Evidence::NoteAdoption(const Checkpoint& checkpoint, const TrailPoint* point) {
  if (!checkpoint.predecessor.has_value()) return "";
  const Predecessor& base = *checkpoint.predecessor;
  if (!adoptions_.emplace(checkpoint.log_id, base).second) return "";
  Claim claim;
  claim.size = base.size;
  claim.root = base.root;
  claim.log_id = base.log_id;
  claim.what = absl::StrCat("the adoption of ", base.size, " records of log ", base.log_id,
                            " by log ", checkpoint.log_id);
  claim.vouched = true;
  if (point == nullptr || base.size > point->size) {
    waiting_.emplace(claim.size, claim);
    return "";
  }
  if (base.size == point->size) return Compare(claim, *point);
  if (point->tree == nullptr || base.size == 0) return "";
  const auto known = roots_.find(base.size);
  if (known == roots_.end()) {
    return absl::StrCat("it follows ", claim.what,
                        ", which cannot be checked any more here: give the successor's first "
                        "checkpoint apart");
  }
  return known->second == claim.root ? "" : Disagree(claim);
}

std::string Evidence::LoadCheckpoints() {
  for (size_t i = 0; i < options_.checkpoints.size(); ++i) {
    Checkpoint checkpoint;
    absl::StatusOr<Claim> claim = ReadCheckpoint(options_.checkpoints[i], &checkpoint);
    std::string problem;
    if (claim.ok()) {
      problem = Join(*claim, &checkpoint);
      if (problem.empty() && claim->vouched) problem = NoteAdoption(checkpoint, nullptr);
    } else {
      problem = std::string(claim.status().message());
    }
    if (!problem.empty()) {
      return absl::StrCat("checkpoint ", i + 1, " of those given apart: ", problem);
    }
    waiting_.emplace(claim->size, *std::move(claim));
  }
  return "";
}

std::string Evidence::LoadReceipts() {
  for (size_t i = 0; i < options_.receipts.size(); ++i) {
    absl::StatusOr<Claim> claim = ReadReceipt(options_.receipts[i]);
    if (!claim.ok()) {
      return absl::StrCat("receipt ", i + 1, " of those given apart: ", claim.status().message());
    }
    Join(*claim, nullptr);
    waiting_.emplace(claim->size, *std::move(claim));
  }
  return "";
}

std::string Evidence::Load() {
  if (!options_.log_id.empty()) lineage_.Name(options_.log_id);
  if (std::string problem = LoadCheckpoints(); !problem.empty()) return problem;
  // Whether all their logs are joined shows at the end: the export itself may tell of adoptions.
  return LoadReceipts();
}

std::string Evidence::GoOn(const std::string& log_id) {
  if (!current_log_.empty() && !lineage_.Follows(log_id, current_log_)) {
    if (lineage_.Follows(current_log_, log_id)) {
      return absl::StrCat("here log ", log_id, " goes on, but log ", current_log_,
                          " had replaced that one");
    }
    return absl::StrCat(
        "here stands something of log ", log_id, " in an export of log ", current_log_,
        ", and no signed adoption joins them",
        options_.keys.empty() ? " (without the trusted keys none counts: give them)" : "");
  }
  current_log_ = log_id;
  return "";
}

std::string Evidence::Start(const TrailPoint& point) {
  if (point.tree == nullptr) {
    report_.notes.push_back(
        absl::StrCat("the export begins after record ", point.size,
                     ": it was checked by its chain only, not by the tree; of what came before it "
                     "this says nothing"));
    agreed_ = point.size;
  }
  while (!waiting_.empty() && waiting_.begin()->first < point.size) {
    if (report_.notes.size() < kMaxNotes) {
      report_.notes.push_back(
          absl::StrCat("not checked: ", waiting_.begin()->second.what, ", older than the export"));
    }
    waiting_.erase(waiting_.begin());
  }
  return Reach(point);
}

std::string Evidence::Reach(const TrailPoint& point) {
  while (!waiting_.empty() && waiting_.begin()->first == point.size) {
    const Claim claim = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    if (std::string problem = Compare(claim, point); !problem.empty()) return problem;
  }
  return "";
}

std::string Evidence::AddAdoption(const std::string& text) {
  Checkpoint checkpoint;
  const absl::StatusOr<Claim> claim = ReadCheckpoint(text, &checkpoint);
  if (!claim.ok()) return std::string(claim.status().message());
  if (!claim->vouched) return "";
  if (!checkpoint.predecessor.has_value()) {
    return absl::StrCat("log ", checkpoint.log_id, " adopted no other");
  }
  if (std::string problem = Join(*claim, &checkpoint); !problem.empty()) return problem;
  return NoteAdoption(checkpoint, nullptr);
}

std::string Evidence::AddCheckpoint(const std::string& text, const TrailPoint& point) {
  Checkpoint checkpoint;
  absl::StatusOr<Claim> claim = ReadCheckpoint(text, &checkpoint);
  if (!claim.ok()) return std::string(claim.status().message());
  claim->in_export = true;
  if (claim->size != point.size) {
    return absl::StrCat("here stands ", claim->what, ", but after record ", point.size);
  }
  if (text == last_text_) return absl::StrCat(claim->what, " comes again");
  last_text_ = text;
  if (std::string problem = Join(*claim, &checkpoint); !problem.empty()) return problem;
  if (std::string problem = GoOn(claim->log_id); !problem.empty()) return problem;
  if (claim->vouched) {
    if (std::string problem = NoteAdoption(checkpoint, &point); !problem.empty()) return problem;
  }
  return Compare(*claim, point);
}

std::string Evidence::AddReceipt(const SignedReceipt& receipt, const TrailPoint& point) {
  absl::StatusOr<Claim> claim = ReadReceipt(receipt);
  if (!claim.ok()) return std::string(claim.status().message());
  if (claim->size != point.size) {
    return absl::StrCat("here stands ", claim->what, ", but after record ", point.size);
  }
  Join(*claim, nullptr);
  if (std::string problem = GoOn(claim->log_id); !problem.empty()) return problem;
  return Compare(*claim, point);
}

bool Evidence::GivenUp(const Claim& claim) {
  const std::optional<uint64_t> kept = lineage_.KeptOf(claim.log_id);
  if (!kept.has_value() || claim.size <= *kept) return false;
  if (report_.notes.size() < kMaxNotes) {
    report_.notes.push_back(absl::StrCat("given up by an adopted restore, which kept ", *kept,
                                         " records: what ", claim.what, " covered beyond them"));
  }
  return true;
}

std::string Evidence::Compare(const Claim& claim, const TrailPoint& point) {
  // What a successor adopted may end before its predecessor began: all of that one's was lost.
  const bool adoption = claim.counter == nullptr;
  if (!adoption && claim.size < lineage_.StartOf(claim.log_id)) {
    return absl::StrCat(claim.what, " is smaller than what its log began with");
  }
  if (GivenUp(claim)) {
    return claim.in_export
               ? absl::StrCat(claim.what, " stands here, but another log had replaced that one")
               : "";
  }
  if (!claim.head.empty() && !point.head.empty() && claim.head != point.head) {
    return Disagree(claim);
  }
  if (point.tree != nullptr) {
    std::string& root = roots_[point.size];
    if (root.empty()) root = point.tree->Root();
    if (root != claim.root) return Disagree(claim);
  } else if (claim.head.empty() || point.head.empty()) {
    if (report_.notes.size() < kMaxNotes) {
      report_.notes.push_back(
          absl::StrCat("not checked: ", claim.what, ", which needs the whole export"));
    }
    return "";
  }
  Agree(claim);
  return "";
}

void Evidence::Agree(const Claim& claim) {
  agreed_ = std::max(agreed_, claim.size);
  if (claim.counter == nullptr) return;
  ++(report_.*(claim.vouched ? claim.counter : &VerifyReport::unsigned_evidence));
  if (claim.vouched) report_.covered_seq = std::max(report_.covered_seq, claim.size);
  if (claim.counter == &VerifyReport::checkpoints) report_.log_id = claim.log_id;
}

std::string Evidence::Disagree(const Claim& claim) {
  // Evidence of the same size that contradicts each other leaves only that record to name.
  report_.bad_from = std::min(agreed_ + 1, std::max<uint64_t>(claim.size, 1));
  report_.bad_to = std::max<uint64_t>(claim.size, 1);
  return absl::StrCat(claim.what, " covers another trail than this one: records ", report_.bad_from,
                      " to ", report_.bad_to,
                      " are not those for which it was signed, although their chain holds");
}

std::string Evidence::Finish(uint64_t last_size) {
  for (const auto& [size, claim] : waiting_) {
    if (GivenUp(claim)) continue;
    report_.bad_from = last_size + 1;
    report_.bad_to = size;
    return absl::StrCat("the export ends with record ", last_size, ", but there is ", claim.what,
                        ": the records ", report_.bad_from, " to ", report_.bad_to,
                        " are missing, or the export is older");
  }
  return lineage_.Check();
}

void Evidence::Fill(VerifyReport* report) const {
  report->bad_from = report_.bad_from;
  report->bad_to = report_.bad_to;
  report->log_id = report_.log_id;
  report->checkpoints = report_.checkpoints;
  report->receipts = report_.receipts;
  report->unsigned_evidence = report_.unsigned_evidence;
  report->covered_seq = report_.covered_seq;
  report->notes = report_.notes;
}

}  // namespace dbfleet::audit::impl
