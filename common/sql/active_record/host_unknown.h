#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_records.h"
#include "common/sql/active_record/host_trust.h"
#include "common/sql/active_record/host_variables.h"

namespace dbfleet::sql {

// What is called for its effect on objects of which nobody knows the class. Holds nothing of its
// own; what it is made of has to live longer.
class HostUnknown {
 public:
  HostUnknown(const HostProgram& program, const HostRecords& shared, const HostVariables& variables,
              const HostTrust& trust)
      : program_(program), shared_(shared), variables_(variables), trust_(trust) {}

  // Why a chain is not understood whose value nothing takes; "" if its names say that it writes
  // nothing. `held`: its receiver may be a record.
  std::string DoubtOfEffect(const HostChain& chain, bool held) const;
  // Payment::find(1)->reverse(): what computes with lists and queries is a verb of a record.
  std::string DoubtOfVerb(const HostChain& chain) const;

 private:
  bool Discards(const HostChain& chain) const;
  bool IsTail(const HostChain& chain) const;
  size_t BehindUser(const HostChain& chain) const;

  const HostProgram& program_;
  const HostRecords& shared_;
  const HostVariables& variables_;
  const HostTrust& trust_;
};

// The method of the file that an argument names: [$this, 'one'], $this->one(...), 'one', or
// the variable that holds one: $f; "" if it names none.
std::string CallableOf(const HostProgram& program, const HostRange& argument);
// Something that is called on what may be a model, and is not known to only compute.
bool IsOfModel(const HostProgram& program, const HostChain& chain);
// PHP's functions that give what they are given, or elements of it: end, array_merge.
bool GivesElements(absl::string_view function);
// batch << order, batch.push(order), with nothing around the variable.
bool AppendsToVariable(const HostProgram& program, const HostChain& chain);

}  // namespace dbfleet::sql
