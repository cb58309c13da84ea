#include "common/audit/lineage.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace dbfleet::audit {

std::string Lineage::Learn(const std::string& log_id,
                           const std::optional<Predecessor>& predecessor) {
  Log& log = logs_[log_id];
  if (log.known && log.predecessor != predecessor) {
    return absl::StrCat("log ", log_id, " names another predecessor here than elsewhere");
  }
  log.known = true;
  log.predecessor = predecessor;
  if (predecessor.has_value()) Name(predecessor->log_id);
  return "";
}

std::string Lineage::Check() const {
  std::string first;
  std::set<std::string> followed;
  for (const auto& [log_id, log] : logs_) {
    if (!log.predecessor.has_value()) {
      if (!first.empty()) {
        return absl::StrCat("logs ", first, " and ", log_id,
                            " are both spoken of, and no signed adoption joins them (a checkpoint "
                            "of each log in between, given apart, and the trusted keys would)");
      }
      first = log_id;
    } else if (!followed.insert(log.predecessor->log_id).second) {
      return absl::StrCat("two logs follow log ", log.predecessor->log_id);
    }
  }
  if (first.empty() && !logs_.empty()) return "the logs follow each other in a circle";
  return "";
}

bool Lineage::Follows(const std::string& later, const std::string& earlier) const {
  std::string log_id = later;
  // A circle, which Check refuses, must not hang.
  for (size_t i = 0; i <= logs_.size(); ++i) {
    if (log_id == earlier) return true;
    const auto it = logs_.find(log_id);
    if (it == logs_.end() || !it->second.predecessor.has_value()) return false;
    log_id = it->second.predecessor->log_id;
  }
  return false;
}

std::string Lineage::SuccessorOf(const std::string& log_id) const {
  for (const auto& [id, log] : logs_) {
    if (log.predecessor.has_value() && log.predecessor->log_id == log_id) return id;
  }
  return "";
}

std::optional<uint64_t> Lineage::KeptOf(const std::string& log_id) const {
  std::optional<uint64_t> kept;
  std::string next = SuccessorOf(log_id);
  // A circle, which Check refuses, must not hang.
  for (size_t i = 0; i < logs_.size() && !next.empty(); ++i) {
    const uint64_t adopted = logs_.at(next).predecessor->size;
    kept = std::min(kept.value_or(adopted), adopted);
    next = SuccessorOf(next);
  }
  return kept;
}

bool Lineage::HasPredecessor(const std::string& log_id) const {
  const auto it = logs_.find(log_id);
  return it != logs_.end() && it->second.predecessor.has_value();
}

uint64_t Lineage::StartOf(const std::string& log_id) const {
  const auto it = logs_.find(log_id);
  if (it == logs_.end() || !it->second.predecessor.has_value()) return 0;
  return it->second.predecessor->size;
}

}  // namespace dbfleet::audit
