#include "common/audit/lineage.h"

#include <algorithm>
#include <set>
#include <utility>

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
  if (predecessor.has_value()) {
    for (const std::string& id : predecessor->LogIds()) Name(id);
  }
  return "";
}

std::string Lineage::Check() const {
  std::string last;
  bool begun = false;  // Some log followed no other.
  for (const auto& [log_id, log] : logs_) {
    if (!log.predecessor.has_value()) begun = true;
    if (!SuccessorsOf(log_id).empty()) continue;
    if (!last.empty()) {
      if (log.predecessor.has_value() && logs_.at(last).predecessor.has_value()) {
        return absl::StrCat("two logs follow others, ", last, " and ", log_id,
                            ", and none follows them both");
      }
      return absl::StrCat("logs ", last, " and ", log_id,
                          " are both spoken of, and no signed adoption joins them (a checkpoint of "
                          "each log in between, given apart, and the trusted keys would)");
    }
    last = log_id;
  }
  if (!logs_.empty() && (last.empty() || !begun)) return "the logs follow each other in a circle";
  return "";
}

bool Lineage::Follows(const std::string& later, const std::string& earlier) const {
  std::set<std::string> seen;
  std::vector<std::string> waiting = {later};
  while (!waiting.empty()) {
    const std::string log_id = std::move(waiting.back());
    waiting.pop_back();
    if (log_id == earlier) return true;
    const auto it = logs_.find(log_id);
    // A circle, which Check refuses, must not hang.
    if (!seen.insert(log_id).second || it == logs_.end() || !it->second.predecessor.has_value()) {
      continue;
    }
    for (std::string& id : it->second.predecessor->LogIds()) waiting.push_back(std::move(id));
  }
  return false;
}

std::vector<std::string> Lineage::SuccessorsOf(const std::string& log_id) const {
  std::vector<std::string> found;
  for (const auto& [id, log] : logs_) {
    if (log.predecessor.has_value() && log.predecessor->Names(log_id)) found.push_back(id);
  }
  return found;
}

std::optional<uint64_t> Lineage::KeptOf(const std::string& log_id) const {
  Kept known;
  return KeptOf(log_id, &known);
}

// What a successor adopted counts as far as the successor itself was kept. When several adopted of
// one log, each of them is right.
std::optional<uint64_t> Lineage::KeptOf(const std::string& log_id, Kept* known) const {
  // What is not known yet counts as nothing: a circle, which Check refuses, must not hang.
  const auto [it, unknown] = known->emplace(log_id, 0);
  if (!unknown) return it->second;
  std::optional<uint64_t> kept;
  for (const std::string& next : SuccessorsOf(log_id)) {
    const uint64_t adopted = logs_.at(next).predecessor->size;
    const uint64_t still = std::min(adopted, KeptOf(next, known).value_or(adopted));
    kept = std::max(kept.value_or(0), still);
  }
  (*known)[log_id] = kept;
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
