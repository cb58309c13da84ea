#include "common/audit/record.h"

#include <functional>
#include <set>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"

namespace dbfleet::audit {
namespace {

Record Sample() {
  Record record;
  record.seq = 7;
  record.time = absl::FromUnixMicros(1'700'000'000'000'001);
  record.actor = "users/ada";
  record.action = "change.approve";
  record.resource = "jobs/J";
  record.environment = "production";
  record.details = {{"a", "1"}, {"b", "2"}};
  record.previous_hash = GenesisHash();
  return record;
}

// The format may never change: exports of years ago must verify. Computed by hand from
// common/base/canonical.h.
TEST(Record, TheCanonicalBytesOfAFixedRecordStayTheSame) {
  Record record;
  record.seq = 1;
  record.time = absl::FromUnixMicros(2);
  record.actor = "a";
  record.previous_hash = GenesisHash();
  const std::string zero7(7, '\0');
  const auto length = [](char n) { return std::string(7, '\0') + n; };
  const std::string want = "D" + length(16) + "dbfleet.audit.v1" + "U" + length(8) + zero7 + '\1' +
                           "I" + length(8) + zero7 + '\2' + "T" + length(1) + "a" + "T" +
                           length(0) + "T" + length(0) + "T" + length(0) + "L" + length(8) +
                           std::string(8, '\0') + "T" + length(32) + std::string(32, '\0');
  EXPECT_EQ(absl::BytesToHexString(CanonicalBytes(record)), absl::BytesToHexString(want));
  EXPECT_EQ(HashOf(record), Sha256(want));
}

TEST(Record, TheHashFollowsEveryField) {
  std::set<std::string> hashes = {HashOf(Sample())};
  const std::function<void(Record&)> changes[] = {
      [](Record& r) { r.seq = 8; },
      [](Record& r) { r.time += absl::Microseconds(1); },
      [](Record& r) { r.actor = "users/eve"; },
      [](Record& r) { r.action = "x"; },
      [](Record& r) { r.resource = "x"; },
      [](Record& r) { r.environment = "qa"; },
      [](Record& r) { r.details["a"] = "2"; },
      [](Record& r) { r.details["c"] = ""; },
      [](Record& r) { r.details.erase("b"); },
      [](Record& r) { r.previous_hash[31] = 1; },
      [](Record& r) {
        r.actor = "users/adac";
        r.action = "hange.approve";
      },
  };
  for (const auto& change : changes) {
    Record record = Sample();
    change(record);
    EXPECT_TRUE(hashes.insert(HashOf(record)).second);
  }
}

TEST(Record, TimeBelowTheMicrosecondDoesNotCount) {
  Record record = Sample();
  record.time += absl::Nanoseconds(999);
  EXPECT_EQ(HashOf(record), HashOf(Sample()));
}

}  // namespace
}  // namespace dbfleet::audit
