#include "common/audit/verify.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/audit/export.h"
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
  return Error(absl::StatusCode::kUnavailable, "EXPORT_UNREADABLE",
               "the audit export cannot be read; it must be a file that this user may read");
}

// Follows the chain record by record.
class Chain {
 public:
  explicit Chain(const VerifyOptions& options) : options_(options) {}

  // The number that the next record must have; 1 if it is the first and may have any.
  uint64_t expected() const {
    if (report_.records > 0) return report_.last_seq + 1;
    return options_.first_seq == 0 ? 1 : options_.first_seq;
  }

  // "" if the line continues the chain, else what is wrong with it.
  std::string Add(absl::string_view line) {
    const absl::StatusOr<ExportedRecord> exported = ReadJsonLine(line);
    if (!exported.ok()) return std::string(exported.status().message());
    const Record& record = exported->record;
    if (std::string problem = CheckNumber(record.seq); !problem.empty()) return problem;
    if (exported->canonical != CanonicalBytes(record)) {
      return "its canonical bytes do not belong to what it says";
    }
    if (exported->hash != Sha256(exported->canonical)) {
      return "its hash does not belong to its canonical bytes";
    }
    if (report_.records == 0 && record.seq == 1) head_ = GenesisHash();
    if (!head_.empty() && record.previous_hash != head_) {
      return "its previous hash is not the hash of the record before";
    }
    if (record.seq == options_.trusted_seq &&
        HexEncode(exported->hash) != absl::AsciiStrToLower(options_.trusted_hash)) {
      return "its hash is not the one that is trusted for it";
    }
    if (report_.records == 0) report_.first_seq = record.seq;
    ++report_.records;
    report_.last_seq = record.seq;
    head_ = exported->hash;
    return "";
  }

  // "" if the export may end here.
  std::string Finish() const {
    if (report_.records == 0) return "the export holds no record";
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
    report_.bad_seq = repeated_seq_ != 0 ? repeated_seq_ : expected();
    report_.bad_line = line;
    report_.problem = std::move(problem);
  }

  VerifyReport report() const {
    VerifyReport report = report_;
    report.head_hash = HexEncode(head_);
    return report;
  }

 private:
  std::string CheckNumber(uint64_t seq) {
    const bool any = report_.records == 0 && options_.first_seq == 0;
    if (any) return seq == 0 ? "records are numbered from 1" : "";
    if (seq > expected()) {
      return absl::StrCat("record ", expected(), " is missing: here stands record ", seq);
    }
    if (seq < expected()) {
      repeated_seq_ = seq;
      return absl::StrCat("record ", seq, " comes again, where record ", expected(), " should be");
    }
    return "";
  }

  const VerifyOptions& options_;
  VerifyReport report_;
  std::string head_;           // Raw; "" before the first record.
  uint64_t repeated_seq_ = 0;  // Of a line whose number was there before.
};

}  // namespace

absl::StatusOr<VerifyReport> VerifyExport(std::istream& in) {
  return VerifyExport(in, VerifyOptions());
}

absl::StatusOr<VerifyReport> VerifyExport(std::istream& in, const VerifyOptions& options) {
  if (!in.good() || in.rdbuf() == nullptr) return Unreadable();
  Chain chain(options);
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
      if (std::string problem = chain.Finish(); !problem.empty()) chain.MarkBad(number, problem);
      return chain.report();
    }
    std::string problem;
    if (end == LineEnd::kTooLong) {
      problem = absl::StrCat("it is longer than ", kMaxLineBytes, " bytes");
    } else if (end == LineEnd::kEndOfStream) {
      problem = "it does not end in a newline: something was cut off or altered here";
    } else {
      problem = chain.Add(line);
    }
    if (!problem.empty()) {
      chain.MarkBad(number, problem);
      return chain.report();
    }
  }
}

}  // namespace dbfleet::audit
