#pragma once

#include <set>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/method_table.h"

namespace dbfleet::sql {

// Ruby: queries of a model by itself, which name no model: "lock.first" in a class method, a scope
// or a concern, "self.class.where(...)" in any method of its own.
class OwnQueries {
 public:
  // Of PHP there are none: it names what it calls on.
  explicit OwnQueries(const HostProgram& program);

  // Whether the chain is one that is not known to only read: it holds SQL, or goes on. Sound for
  // classes that derive from ApplicationRecord, another
  // ...Record or ActiveRecord::Base, for concerns, and for what says of itself what only models
  // say (has_many, scope).
  bool Has(const HostChain& chain) const;

  // The same of a bare word, which may be what a chain is called on: whether it may give a record,
  // as in "first.cancel", or locks or writes by itself, as in "lock.first", "first_or_create".
  bool GivesRecords(size_t word) const;
  bool Acts(size_t word) const;

 private:
  const ModelMethod* MethodAt(size_t word) const;
  bool IsModel(size_t declaration, size_t close) const;
  void FindClassLevel(HostRange body);
  void FindLocals();
  void TakeLocal(size_t i);
  bool IsQuery(const HostChain& chain, size_t call) const;

  const HostProgram& program_;
  std::vector<HostRange> models_;
  // In models: where self is a record, so that bare words are its attributes and associations.
  std::vector<HostRange> of_records_;
  std::set<absl::string_view> locals_;  // Of any method.
};

}  // namespace dbfleet::sql
