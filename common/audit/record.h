#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dbfleet::audit {

// A record of the audit trail. Its hash is SHA-256 over CanonicalBytes, which include the hash of
// the record before it: the chain. The first record's previous hash is 32 zero bytes.
struct Record {
  uint64_t seq = 0;  // 1, 2, 3, ... without gaps.
  absl::Time time;   // Kept to the microsecond.
  std::string actor;
  std::string action;
  std::string resource;
  std::string environment;
  std::map<std::string, std::string> details;
  std::string previous_hash;  // 32 raw bytes.
};

// The same, of what somebody else holds.
struct RecordView {
  uint64_t seq = 0;
  absl::Time time;
  absl::string_view actor;
  absl::string_view action;
  absl::string_view resource;
  absl::string_view environment;
  const std::map<std::string, std::string>& details;
  absl::string_view previous_hash;
};

// The bytes under the hash, domain "dbfleet.audit.v1" (common/base/canonical.h): seq, time in unix
// microseconds, actor, action, resource, environment, details, previous hash.
std::string CanonicalBytes(const RecordView& record);
std::string CanonicalBytes(const Record& record);

// 32 raw bytes.
std::string HashOf(const Record& record);

std::string GenesisHash();

}  // namespace dbfleet::audit
