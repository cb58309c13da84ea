#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_records.h"
#include "common/sql/active_record/host_trust.h"
#include "common/sql/active_record/host_variables.h"
#include "common/sql/active_record/local_records.h"

namespace dbfleet::sql {

// What is called for its effect on objects of which nobody knows the class. Holds nothing of its
// own; what it is made of has to live longer.
class HostUnknown {
 public:
  HostUnknown(const HostProgram& program, const HostRecords& shared, const HostVariables& variables,
              const HostTrust& trust)
      : program_(program),
        shared_(shared),
        variables_(variables),
        trust_(trust),
        repositories_(RepositoriesOf(program)) {}

  // Why a chain is not understood whose value nothing takes; "" if its names say that it writes
  // nothing. `held`: its receiver may be a record.
  std::string DoubtOfEffect(const HostChain& chain, bool held) const;
  // Payment::find(1)->reverse(): what computes with lists and queries is a verb of a record.
  std::string DoubtOfVerb(const HostChain& chain) const;
  // if (@order.cancel), Order.archive_all.count: what is called so acts, although it is given
  // nothing and its value is asked for. `record`: the chain is called on a record. Also on what a
  // query in the chain found, of whatever: @repo.find(1).cancel.
  std::string DoubtOfDeed(const HostChain& chain, bool record) const;
  // Post.find(ImportOrders.call), with(['posts' => fn ($q) => $q->when($x, $f)]): what is called
  // there is no better known than it would be as a statement of its own. Bodies between braces are
  // looked at as such.
  std::string DoubtInArguments(const HostChain& chain, const LocalRecords& records) const;
  // Of PHP, on what is a record by its type: if ($order->cancel()).
  std::string DoubtOfTyped(const HostChain& chain) const;
  // parent::__construct($registry, User::class) of a repository of Doctrine, whose constructor only
  // keeps what it is given; unless the file gives the name of that class to another one.
  bool ConstructsRepository(const HostChain& chain) const;
  // Of a text of SQL that writes, in a variable: $helper->go($sql).
  std::string DoubtOfSql(const HostChain& chain, bool reaches) const;

 private:
  static std::vector<HostRange> RepositoriesOf(const HostProgram& program);
  bool WritesAnywhere(const HostChain& chain, size_t link) const;
  bool Discards(const HostChain& chain) const;
  bool IsTail(const HostChain& chain) const;
  size_t BehindUser(const HostChain& chain) const;

  const HostProgram& program_;
  const HostRecords& shared_;
  const HostVariables& variables_;
  const HostTrust& trust_;
  const std::vector<HostRange> repositories_;  // Between the braces of Doctrine's.
};

// The method of the file that an argument names: [$this, 'one'], $this->one(...), 'one', or
// the variable that holds one: $f; "" if it names none.
std::string CallableOf(const HostProgram& program, const HostRange& argument);
// Whether it finds a record by way of what holds a model's name or queries for others:
// $this->model->find(1), klass.find(1), $repository->findOneBy([...]).
bool FindsByRepository(const HostProgram& program, const HostChain& chain);
// Something that is called on what may be a model, and is not known to only compute.
bool IsOfModel(const HostProgram& program, const HostChain& chain);
// $model::prune(): the same, of a class that a value names.
bool CallsClassOfValue(const HostProgram& program, const HostChain& chain);
// PHP's functions that give what they are given, or elements of it: end, array_merge.
bool GivesElements(absl::string_view function);
// batch << order, batch.push(order), with nothing around the variable.
bool AppendsToVariable(const HostProgram& program, const HostChain& chain);

}  // namespace dbfleet::sql
