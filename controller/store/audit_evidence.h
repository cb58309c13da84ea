#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

// What the store keeps beside the audit records to prove them.
namespace dbfleet::controller {

// A signed checkpoint of the audit trail: a text of common/audit/checkpoint.h with what it says.
struct AuditCheckpoint {
  int64_t id = 0;  // Ascending in the order of signing; given by the store.
  std::string log_id;
  uint64_t size = 0;
  absl::Time time;
  std::string text;
};

// An agent's receipt (common/audit/receipt.h) for a checkpoint.
struct AuditReceipt {
  std::string agent_id;
  std::string log_id;
  uint64_t size = 0;
  std::string text;
  std::string signature;
  std::string certificate_pem;
};

// A start of a controller on this store.
struct ControllerStart {
  uint64_t epoch = 0;
  std::string life;         // Random; "" if a former version started.
  uint64_t audit_size = 0;  // The audit records before it.
  bool first = false;       // The earliest that the store knows of.
};

}  // namespace dbfleet::controller
