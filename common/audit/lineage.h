#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/audit/checkpoint.h"

namespace dbfleet::audit {

// The logs that evidence speaks of, and how adoptions join them. Not thread-safe.
class Lineage {
 public:
  // A log was named by something that cannot vouch for its predecessor.
  void Name(const std::string& log_id) { logs_.try_emplace(log_id); }
  // A checkpoint with a good signature told of it. "" or what contradicts what is known.
  std::string Learn(const std::string& log_id, const std::optional<Predecessor>& predecessor);

  // "" if one log follows all others, else why not.
  std::string Check() const;

  // Is `later` the same log or, by however many adoptions, a successor?
  bool Follows(const std::string& later, const std::string& earlier) const;

  // How many of the log's records the last of its successors kept; nullopt: all, it has none.
  std::optional<uint64_t> KeptOf(const std::string& log_id) const;
  bool HasPredecessor(const std::string& log_id) const;
  // With how many records the log began.
  uint64_t StartOf(const std::string& log_id) const;

 private:
  struct Log {
    bool known = false;
    std::optional<Predecessor> predecessor;
  };
  // The logs that name this one.
  std::vector<std::string> SuccessorsOf(const std::string& log_id) const;
  using Kept = std::map<std::string, std::optional<uint64_t>>;
  std::optional<uint64_t> KeptOf(const std::string& log_id, Kept* known) const;

  std::map<std::string, Log> logs_;
};

}  // namespace dbfleet::audit
