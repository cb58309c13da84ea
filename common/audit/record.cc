#include "common/audit/record.h"

#include <utility>

#include "common/base/canonical.h"
#include "common/base/hash.h"

namespace dbfleet::audit {

std::string CanonicalBytes(const RecordView& record) {
  CanonicalWriter writer("dbfleet.audit.v1");
  writer.Uint(record.seq)
      .Int(absl::ToUnixMicros(record.time))
      .Text(record.actor)
      .Text(record.action)
      .Text(record.resource)
      .Text(record.environment)
      .Map(record.details)
      .Text(record.previous_hash);
  return std::move(writer).Take();
}

std::string CanonicalBytes(const Record& record) {
  return CanonicalBytes(RecordView{record.seq, record.time, record.actor, record.action,
                                   record.resource, record.environment, record.details,
                                   record.previous_hash});
}

std::string HashOf(const Record& record) { return Sha256(CanonicalBytes(record)); }

std::string GenesisHash() { return std::string(32, '\0'); }

}  // namespace dbfleet::audit
