#include "common/audit/verify.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/audit/evidence.h"
#include "common/audit/export.h"
#include "common/audit/export_evidence.h"
#include "common/audit/record.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

enum class LineEnd { kNewline, kEndOfStream, kTooLong };

// Reads up to the next newline, but never more than kMaxLineBytes into memory.
LineEnd ReadLine(std::istream& in, std::string* line) {
  line->clear();
  std::streambuf* buffer = in.rdbuf();
  for (;;) {
    const int c = buffer->sbumpc();
    if (c == std::char_traits<char>::eof()) return LineEnd::kEndOfStream;
    if (c == '\n') return LineEnd::kNewline;
    if (line->size() == kMaxLineBytes) return LineEnd::kTooLong;
    line->push_back(static_cast<char>(c));
  }
}

absl::Status Unreadable() {
  return Error(absl::StatusCode::kInternal, "EXPORT_UNREADABLE",
               "the audit export cannot be read; it must be a file that this user may read");
}

absl::Status NotWhatItShouldBe(absl::string_view what, const absl::Status& why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_EVIDENCE",
               absl::StrCat(what, ": ", why.message()));
}

// What nobody can have made as what it is given as is a mistake of the caller, not of the trail.
absl::Status CheckGiven(const VerifyOptions& options) {
  for (size_t i = 0; i < options.checkpoints.size(); ++i) {
    const absl::Status read = ParseCheckpoint(options.checkpoints[i]).status();
    if (read.ok()) continue;
    return NotWhatItShouldBe(absl::StrCat("checkpoint ", i + 1, " of those given apart is none"),
                             read);
  }
  for (size_t i = 0; i < options.receipts.size(); ++i) {
    const absl::Status read = ParseReceipt(options.receipts[i].text).status();
    if (read.ok()) continue;
    return NotWhatItShouldBe(absl::StrCat("receipt ", i + 1, " of those given apart is none"),
                             read);
  }
  if (options.receipt_trust.ca_pem.empty()) return absl::OkStatus();
  const absl::Status authority = CheckAuthority(options.receipt_trust.ca_pem);
  return authority.ok() ? authority : NotWhatItShouldBe("the agents' authority", authority);
}

// Follows the chain record by record, and the evidence that stands between records.
class Trail {
 public:
  explicit Trail(const VerifyOptions& options) : options_(options), evidence_(options) {}

  std::string Begin() { return evidence_.Load(); }

  // "" if the line continues the trail, else what is wrong with it.
  std::string Add(absl::string_view line) {
    switch (KindOfLine(line)) {
      case LineKind::kCheckpoint:
        return AddCheckpoint(line);
      case LineKind::kReceipt:
        return AddReceipt(line);
      case LineKind::kAdoption:
        return AddAdoption(line);
      case LineKind::kRecord:
        return AddRecord(line);
    }
    return "it is of no known kind";
  }

  // "" if the export may end here.
  std::string Finish() {
    if (report_.records == 0) return "the export holds no record";
    if (std::string problem = evidence_.Finish(point_.size); !problem.empty()) return problem;
    if (options_.trusted_seq == 0) return "";
    if (report_.last_seq < options_.trusted_seq) {
      return absl::StrCat("the export ends before the trusted record ", options_.trusted_seq);
    }
    if (report_.first_seq > options_.trusted_seq) {
      return absl::StrCat("the export begins after the trusted record ", options_.trusted_seq);
    }
    return "";
  }

  void MarkBad(uint64_t line, std::string problem) {
    evidence_.Fill(&report_);
    report_.bad_seq = repeated_seq_ != 0 ? repeated_seq_ : expected();
    if (report_.bad_from != 0) report_.bad_seq = report_.bad_from;
    report_.bad_line = line;
    report_.problem = std::move(problem);
  }

  VerifyReport report() const {
    VerifyReport report = report_;
    evidence_.Fill(&report);
    report.head_hash = report_.records == 0 ? "" : HexEncode(point_.head);
    if (point_.tree != nullptr) report.root = HexEncode(tree_.Root());
    return report;
  }

 private:
  // The number that the next record must have; 1 if it is the first and may have any.
  uint64_t expected() const {
    if (started_) return point_.size + 1;
    return options_.first_seq == 0 ? 1 : options_.first_seq;
  }

  // The trail goes on after record `size` with the hash `head`; "" if that is not known.
  std::string StartAfter(uint64_t size, std::string head) {
    started_ = true;
    point_.size = size;
    point_.head = size == 0 ? GenesisHash() : std::move(head);
    point_.tree = size == 0 ? &tree_ : nullptr;
    return evidence_.Start(point_);
  }

  std::string AddRecord(absl::string_view line) {
    absl::StatusOr<ExportedRecord> exported = ReadJsonLine(line);
    if (!exported.ok()) {
      return absl::StrCat(exported.status().message(),
                          line.empty() || line[0] != '{'
                              ? " (what can be verified are the JSON lines of an export)"
                              : "");
    }
    const Record& record = exported->record;
    if (std::string problem = CheckNumber(record.seq); !problem.empty()) return problem;
    if (exported->canonical != CanonicalBytes(record)) {
      return "its canonical bytes do not belong to what it says";
    }
    if (exported->hash != Sha256(exported->canonical)) {
      return "its hash does not belong to its canonical bytes";
    }
    if (!started_) {
      std::string problem = StartAfter(record.seq - 1, record.previous_hash);
      if (!problem.empty()) return problem;
    }
    if (record.previous_hash != point_.head) {
      return "its previous hash is not the hash of the record before";
    }
    if (record.seq == options_.trusted_seq &&
        HexEncode(exported->hash) != absl::AsciiStrToLower(options_.trusted_hash)) {
      return "its hash is not the one that is trusted for it";
    }
    if (report_.records == 0) report_.first_seq = record.seq;
    ++report_.records;
    report_.last_seq = record.seq;
    point_.size = record.seq;
    point_.head = std::move(exported->hash);
    if (point_.tree != nullptr) tree_.Append(LeafHash(exported->canonical));
    return evidence_.Reach(point_);
  }

  std::string AddCheckpoint(absl::string_view line) {
    const absl::StatusOr<std::string> text = ReadCheckpointLine(line);
    if (!text.ok()) return std::string(text.status().message());
    if (!started_) {
      const absl::StatusOr<SignedCheckpoint> parsed = ParseCheckpoint(*text);
      if (!parsed.ok()) return std::string(parsed.status().message());
      const Checkpoint& checkpoint = parsed->checkpoint;
      if (options_.first_seq != 0 && checkpoint.size + 1 != options_.first_seq) {
        return absl::StrCat("record ", options_.first_seq, " should follow, but here stands a ",
                            "checkpoint over ", checkpoint.size, " records");
      }
      std::string problem = StartAfter(checkpoint.size, checkpoint.head);
      if (!problem.empty()) return problem;
    }
    return evidence_.AddCheckpoint(*text, point_);
  }

  std::string AddAdoption(absl::string_view line) {
    const absl::StatusOr<std::string> text = ReadAdoptionLine(line);
    if (!text.ok()) return std::string(text.status().message());
    if (started_) return "an adoption stands here, but all of them stand at the beginning";
    return evidence_.AddAdoption(*text);
  }

  std::string AddReceipt(absl::string_view line) {
    const absl::StatusOr<SignedReceipt> receipt = ReadReceiptLine(line);
    if (!receipt.ok()) return std::string(receipt.status().message());
    if (!started_) return "a receipt stands before what it is for";
    return evidence_.AddReceipt(*receipt, point_);
  }

  std::string CheckNumber(uint64_t seq) {
    if (!started_ && options_.first_seq == 0) {
      return seq == 0 ? "records are numbered from 1" : "";
    }
    if (seq > expected()) {
      return absl::StrCat("record ", expected(), " is missing: here stands record ", seq);
    }
    if (seq < expected()) {
      repeated_seq_ = seq;
      if (seq < report_.first_seq) {
        return absl::StrCat("record ", seq, " stands after record ", report_.last_seq,
                            ", but the export begins with record ", report_.first_seq,
                            ": lines were swapped or inserted");
      }
      return absl::StrCat("record ", seq, " comes again, where record ", expected(), " should be");
    }
    return "";
  }

  const VerifyOptions& options_;
  impl::Evidence evidence_;
  VerifyReport report_;
  bool started_ = false;
  CompactRange tree_;
  impl::TrailPoint point_;
  uint64_t repeated_seq_ = 0;  // Of a line whose number is one that was passed already.
};

void DemandSignature(const VerifyOptions& options, VerifyReport* report) {
  if (!report->ok() || options.keys.empty() || !options.demand_signature) return;
  if (report->checkpoints > 0) return;
  report->problem =
      "no checkpoint in the export, or given apart, is signed by the trusted keys, so nothing "
      "tells that these are the records that were written";
  report->bad_from = report->first_seq;
  report->bad_to = report->last_seq;
  report->bad_seq = report->first_seq;
}

}  // namespace

absl::StatusOr<VerifyReport> VerifyExport(std::istream& in) {
  return VerifyExport(in, VerifyOptions());
}

absl::StatusOr<VerifyReport> VerifyExport(std::istream& in, const VerifyOptions& options) {
  if (!in.good() || in.rdbuf() == nullptr) return Unreadable();
  RETURN_IF_ERROR(CheckGiven(options));
  Trail trail(options);
  if (std::string problem = trail.Begin(); !problem.empty()) {
    trail.MarkBad(0, std::move(problem));
    return trail.report();
  }
  std::string line;
  for (uint64_t number = 1;; ++number) {
    LineEnd end = LineEnd::kEndOfStream;
    try {
      end = ReadLine(in, &line);
    } catch (const std::ios_base::failure&) {
      // libstdc++ throws out of the buffer, for example when a folder is read as a file.
      return Unreadable();
    }
    if (end == LineEnd::kEndOfStream && line.empty()) {
      if (std::string problem = trail.Finish(); !problem.empty()) trail.MarkBad(number, problem);
      VerifyReport report = trail.report();
      DemandSignature(options, &report);
      return report;
    }
    std::string problem;
    if (end == LineEnd::kTooLong) {
      problem = absl::StrCat("it is longer than ", kMaxLineBytes, " bytes");
    } else if (end == LineEnd::kEndOfStream) {
      problem = "it does not end in a newline: something was cut off or altered here";
    } else {
      problem = trail.Add(line);
    }
    if (!problem.empty()) {
      trail.MarkBad(number, problem);
      return trail.report();
    }
  }
}

}  // namespace dbfleet::audit
