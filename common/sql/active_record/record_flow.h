#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_prepared.h"
#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_records.h"
#include "common/sql/active_record/host_variables.h"
#include "common/sql/active_record/local_records.h"

namespace dbfleet::sql {

// By which ways a record gets other names: what is bound to it, what it is handed to, in which list
// it is put. Holds nothing of its own but what it has counted; what it is made of has to live
// longer. Not thread-safe.
class RecordFlow {
 public:
  RecordFlow(const HostProgram& program, const HostVariables& variables,
             const HostPrepared& prepared, HostRecords* shared, LocalRecords* records)
      : program_(program),
        variables_(variables),
        prepared_(prepared),
        shared_(*shared),
        records_(*records) {}

  // Whether a chain in the range reaches the database.
  bool Reaches(HostRange range);
  // Whether what the range gives may be a record, or a list of them.
  bool MayHold(HostRange range) { return Reaches(range) || records_.AreNamed(range); }
  // array_map(function ($o) { ... }, [$order])
  bool IsGivenRecords(const HostChain& chain);
  // end($orders), Line.new(order): what it gives is, or holds, what it is given.
  bool Carries(const HostChain& chain);
  // each_order { |o| ... }: a method of the file that gives its block records.
  bool Yields(const HostChain& chain) const;

  // "$x = ...": what is got from the database is known to be of it.
  void BindRecords(HostRange value);
  // $x = $order: a second name of a record, or (not `plain`) of what one has, which is none where
  // another method uses it.
  void Copy(HostRange value, bool plain);
  // Why nobody knows what the value is bound to: $$name = X, $this->{'order'} = X; "" if it is
  // bound to nothing of that kind.
  std::string DoubtOfTarget(HostRange value) const;

  // A method of the file that is given a record has one in its parameter. `of_records`: the chain
  // hands out records, also to what it is given to call: $orders->map($f).
  void HandOver(const HostChain& chain, bool of_records);
  // What is called without a name that stands in a chain: new Invoice($order), $f($order),
  // (fn ($x) => ...)($order).
  void HandToUnnamed(size_t i);
  // batch << order, batch.push(order), array_push($batch, $order)
  void Append(const HostChain& chain);

  // |user| of a block over records, function ($user) { ... }.
  void Parameters(size_t block);
  // fn($user) => ...
  void ParametersOfArrows(const HostChain& chain);
  // $previous = $order; at the end of a loop counts in its next round.
  void BindAhead(HostRange body);
  // for u in User.all
  void BindLoop(size_t i);
  // case X; in {order:}: at "in".
  void BindBranch(size_t i);

 private:
  void HandOver(absl::string_view method, const HostCall& call);
  void HandToCallables(const HostChain& chain, bool of_records);
  void HandToBlock(const HostChain& chain, bool of_records);
  void TakeResults(absl::string_view method, const HostCall& call);
  void BindPattern(size_t i);
  void ParametersOfClosure(size_t body);
  bool HoldsMember(const HostCall& call) const;
  bool AnyHeld(const HostCall& call);
  bool IsFound(HostRange argument) const;

  const HostProgram& program_;
  const HostVariables& variables_;
  const HostPrepared& prepared_;
  HostRecords& shared_;
  LocalRecords& records_;
  std::vector<size_t> reaching_;  // Up to each token, how many chains reach the database.
};

}  // namespace dbfleet::sql
