#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/identity/rights.h"
#include "controller/resources/event_rule_resource.h"
#include "controller/store/compiled_once.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

struct EventRuleBook {
  std::map<std::string, DeclaredEventRule, std::less<>> rules;
  // Stored ones that cannot be read, with the reason: they propose nothing, the others do.
  std::map<std::string, std::string> unreadable;
};

// The declared rules as a transaction sees them, compiled once for each change to them, which a
// setting counts. Thread-safe.
class EventRuleSource {
 public:
  absl::StatusOr<std::shared_ptr<const EventRuleBook>> Read(ReadTx& tx);

 private:
  CompiledOnce<EventRuleBook> book_;
};

// The rule in a stored resource. DATA_LOSS (STORE_CORRUPT).
absl::StatusOr<DeclaredEventRule> EventRuleIn(const Resource& resource);

// Part of every transaction that creates or changes a rule. What happened before is not for one
// that is new or was suspended; `moved`: it was about other environments before, so that it is
// another rule, whose proposals are its own. `principal` is one of those who do not approve what
// it submits.
absl::Status NoteEventRuleApplied(WriteTx& tx, const DeclaredEventRule& rule, bool moved,
                                  bool was_suspended, const std::string& principal, absl::Time now);
// Part of every transaction that deletes one.
absl::Status NoteEventRuleDeleted(WriteTx& tx, const std::string& name,
                                  const std::string& principal, absl::Time now);

// Puts `principal` among those who do not approve what the rule submits.
absl::Status NoteEventRuleUser(WriteTx& tx, const std::string& rule, const std::string& principal);

}  // namespace dbfleet::controller
