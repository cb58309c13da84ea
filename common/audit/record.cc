#include "common/audit/record.h"

#include "common/base/canonical.h"
#include "common/base/hash.h"

namespace dbfleet::audit {

std::string CanonicalBytes(const Record& record) {
  CanonicalWriter writer("dbfleet.audit.v1");
  writer.Uint(record.seq)
      .Int(absl::ToUnixMicros(record.time))
      .Text(record.actor)
      .Text(record.action)
      .Text(record.resource)
      .Text(record.environment)
      .Map(record.details)
      .Text(record.previous_hash);
  return writer.bytes();
}

std::string HashOf(const Record& record) { return Sha256(CanonicalBytes(record)); }

std::string GenesisHash() { return std::string(32, '\0'); }

}  // namespace dbfleet::audit
