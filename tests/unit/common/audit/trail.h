#pragma once

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/audit/export.h"
#include "common/audit/record.h"
#include "common/audit/verify.h"

namespace dbfleet::audit {

inline ExportedRecord Seal(Record record) {
  ExportedRecord exported;
  exported.canonical = CanonicalBytes(record);
  exported.hash = HashOf(record);
  exported.record = std::move(record);
  return exported;
}

// `n` records with texts that need escaping, from `first_seq` on.
inline std::vector<ExportedRecord> MakeTrail(int n, uint64_t first_seq = 1, int seed = 1) {
  std::mt19937 random(seed);
  std::vector<ExportedRecord> trail;
  std::string previous = first_seq == 1 ? GenesisHash() : std::string(32, 'p');
  for (int i = 0; i < n; ++i) {
    Record record;
    record.seq = first_seq + i;
    record.time = absl::FromUnixMicros(1'700'000'000'000'000 + random() % 1'000'000'007);
    record.actor = absl::StrCat("users/u", random() % 5);
    record.action = "change.approve";
    record.resource = absl::StrCat("jobs/", random());
    record.environment = random() % 2 == 0 ? "production" : "";
    for (unsigned k = 0; k < random() % 4; ++k) {
      record.details[absl::StrCat("key", k)] = absl::StrCat(
          "quote \" back \\ line \n tab \t nul ", std::string(1, '\0'), " \xC3\xA9 ", random());
    }
    record.previous_hash = previous;
    trail.push_back(Seal(record));
    previous = trail.back().hash;
  }
  return trail;
}

inline std::vector<std::string> Lines(const std::vector<ExportedRecord>& trail) {
  std::vector<std::string> lines;
  for (const ExportedRecord& record : trail) lines.push_back(WriteJsonLine(record));
  return lines;
}

inline std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  return text;
}

inline VerifyReport VerifyText(const std::string& text, const VerifyOptions& options = {}) {
  std::istringstream in(text);
  return VerifyExport(in, options).value();
}

}  // namespace dbfleet::audit
