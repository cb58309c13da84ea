#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_records.h"

namespace dbfleet::sql {

// Variables that hold what came from the database, taken in the order of the text: which do at the
// token that was looked at last. Rather too many than too few: loops and methods are not told
// apart, and of branches all count. Not thread-safe.
class LocalRecords {
 public:
  LocalRecords(const HostProgram& program, const HostRecords& shared)
      : program_(program), shared_(shared), looks_left_(kMostLooks * program.size()) {}

  // The variable at the token holds a record from here on, and so do those that are the same one.
  void Add(size_t i);
  // A variable that stands nowhere: Ruby's "it" in the block at the token.
  void Add(absl::string_view name, size_t block);
  // At "x = ...": it holds another thing from here on, unless it got its record in another branch,
  // or the new value is made of the old one.
  void Forget(size_t i);

  // Whether there is none, neither here nor in the rest of the program.
  bool none() const { return held_.empty() && shared_.bound() == 0; }
  // Whether what is called so may be one; users[0] is one if users are.
  bool Hold(absl::string_view receiver) const;
  // Whether a piece of the program names one, and calls nothing on it: [$o, $this->p].
  // Lists inside of lists are looked at again and again; of those that take too long it is assumed.
  bool AreNamed(HostRange range) const;

 private:
  static constexpr size_t kMostLooks = 20;   // At each token.
  static constexpr size_t kMostPlaces = 64;  // Of a name that gets more none is forgotten.

  bool IsNamed(size_t scope) const;
  bool IsNamedAt(size_t i) const;

  const HostProgram& program_;
  const HostRecords& shared_;
  std::map<std::string, std::set<size_t>, std::less<>> held_;  // And where they got it.
  mutable size_t looks_left_;
};

}  // namespace dbfleet::sql
