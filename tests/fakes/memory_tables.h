#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/store/store.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {

// A map that is shared between snapshots and copied by the first write to it.
template <typename T>
class MemoryTable {
 public:
  using Rows = std::map<std::string, T, std::less<>>;

  const Rows& rows() const { return *rows_; }
  Rows& Mutable() {
    if (rows_.use_count() > 1) rows_ = std::make_shared<Rows>(*rows_);
    return *rows_;
  }

 private:
  std::shared_ptr<Rows> rows_ = std::make_shared<Rows>();
};

// The nouns are named once here; reasons such as JOB_NOT_FOUND come from them.
struct MemoryStore::Tables {
  MemoryTable<Environment> environments;
  MemoryTable<Agent> agents;
  MemoryTable<JoinToken> join_tokens;
  MemoryTable<Instance> instances;
  MemoryTable<Job> jobs;
  MemoryTable<bool> damaged_jobs;
  MemoryTable<Task> tasks;
  MemoryTable<size_t> task_positions;
  MemoryTable<Attempt> attempts;
  MemoryTable<Backup> backups;
  MemoryTable<User> users;
  MemoryTable<ApiToken> tokens;
  MemoryTable<Resource> resources;
  MemoryTable<ScheduleState> schedules;
  MemoryTable<Occurrence> occurrences;
  MemoryTable<EventRuleState> rules;
  MemoryTable<EventRuleCount> rule_counts;
  MemoryTable<JobProposal> job_proposals;
  MemoryTable<std::string> contents;
  MemoryTable<std::string> settings;
  MemoryTable<std::pair<std::string, absl::Time>> request_keys;  // With when they expire.
  std::vector<std::shared_ptr<const AuditRow>> audit;
  std::vector<AuditCheckpoint> checkpoints;
  std::map<std::pair<std::string, std::string>, AuditReceipt> receipts;  // By agent and log.
  // Life and audit size by epoch.
  std::map<uint64_t, std::pair<std::string, uint64_t>> starts;
};

namespace memory {

inline std::string Reason(absl::string_view noun, absl::string_view suffix) {
  return absl::StrCat(absl::AsciiStrToUpper(noun), "_", suffix);
}

template <typename T>
absl::StatusOr<T> Get(const MemoryTable<T>& table, absl::string_view noun, absl::string_view key) {
  const auto it = table.rows().find(key);
  if (it != table.rows().end()) return it->second;
  return Error(absl::StatusCode::kNotFound, Reason(noun, "NOT_FOUND"),
               absl::StrCat("there is no ", noun, " \"", key, "\""));
}

template <typename T>
absl::Status Insert(MemoryTable<T>* table, absl::string_view noun, const std::string& key,
                    T* value) {
  if (table->rows().count(key) != 0) {
    return Error(absl::StatusCode::kAlreadyExists, Reason(noun, "EXISTS"),
                 absl::StrCat("there is a ", noun, " \"", key, "\" already"));
  }
  value->version = 1;
  table->Mutable().emplace(key, *value);
  return absl::OkStatus();
}

// What keeps the value that the row was inserted with, as sqlite's tables have it (v.Fixed).
template <typename T>
auto FixedOf(const T&) {
  return std::tuple<>();
}
inline auto FixedOf(const Job& job) { return std::tie(job.kind, job.environment, job.request_key); }
inline auto FixedOf(const Task& task) { return std::tie(task.job_id); }
inline auto FixedOf(const Attempt& attempt) {
  return std::tie(attempt.task_id, attempt.job_id, attempt.instance_id, attempt.number);
}
inline auto FixedOf(const Backup& backup) { return std::tie(backup.instance_id); }
inline auto FixedOf(const ApiToken& token) { return std::tie(token.user_id); }

template <typename T>
absl::Status Update(MemoryTable<T>* table, absl::string_view noun, const std::string& key,
                    T* value) {
  const auto it = table->rows().find(key);
  if (it == table->rows().end()) return Get(*table, noun, key).status();
  if (it->second.version != value->version) {
    return Error(absl::StatusCode::kAborted, "STALE",
                 absl::StrCat(noun, " \"", key, "\" was changed meanwhile; read it again"));
  }
  if (FixedOf(it->second) != FixedOf(*value)) {
    return Error(absl::StatusCode::kInternal, "FIXED_COLUMN",
                 absl::StrCat("an update of the ", noun, " \"", key,
                              "\" would change a column that is fixed"));
  }
  ++value->version;
  table->Mutable()[key] = *value;
  return absl::OkStatus();
}

inline absl::Status BadPageToken() {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN",
               "the page token does not belong to this listing; start again without one");
}

// The key after which the page begins; "" for the first page. A token carries its query, so that
// one from another listing is refused.
inline absl::StatusOr<std::string> KeyOfToken(const PageRequest& page, const std::string& query) {
  if (page.token.empty()) return std::string();
  std::string text;
  const std::string prefix = absl::StrCat(query, "\n");
  if (!absl::WebSafeBase64Unescape(page.token, &text) || !absl::StartsWith(text, prefix)) {
    return BadPageToken();
  }
  return text.substr(prefix.size());
}

inline absl::StatusOr<int> PageSize(const PageRequest& page) {
  if (page.size < 0) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_PAGE_SIZE",
                 absl::StrCat("the page size ", page.size, " is negative"));
  }
  return page.size == 0 ? 50 : std::min(page.size, 1000);
}

// One page out of the (key, value) pairs of [begin, end) that come after the token's key in their
// order and satisfy `wanted`.
template <typename T, typename Iterator, typename Wanted>
absl::StatusOr<Page<T>> ListRange(Iterator begin, Iterator end, const std::string& query,
                                  const PageRequest& page, const Wanted& wanted) {
  ASSIGN_OR_RETURN(const std::string after, KeyOfToken(page, query));
  ASSIGN_OR_RETURN(const int size, PageSize(page));
  Page<T> result;
  std::string last;
  bool started = after.empty();
  for (auto it = begin; it != end; ++it) {
    if (!started) {
      // Rows are never deleted, so the token's row is there if the store made the token.
      started = it->first == after;
      continue;
    }
    if (!wanted(it->second)) continue;
    if (static_cast<int>(result.items.size()) == size) {
      result.next_token = absl::WebSafeBase64Escape(absl::StrCat(query, "\n", last));
      return result;
    }
    result.items.push_back(it->second);
    last = it->first;
  }
  if (!started) return BadPageToken();
  return result;
}

template <typename T, typename Wanted>
absl::StatusOr<Page<T>> List(const MemoryTable<T>& table, const std::string& query,
                             const PageRequest& page, const Wanted& wanted) {
  return ListRange<T>(table.rows().begin(), table.rows().end(), query, page, wanted);
}

// The keys are ULIDs, so the newest come first.
template <typename T, typename Wanted>
absl::StatusOr<Page<T>> ListNewestFirst(const MemoryTable<T>& table, const std::string& query,
                                        const PageRequest& page, const Wanted& wanted) {
  return ListRange<T>(table.rows().rbegin(), table.rows().rend(), query, page, wanted);
}

template <typename T, typename Wanted>
std::vector<T> Select(const MemoryTable<T>& table, const Wanted& wanted) {
  std::vector<T> found;
  for (const auto& [key, value] : table.rows()) {
    if (wanted(value)) found.push_back(value);
  }
  return found;
}

}  // namespace memory
}  // namespace dbfleet::controller
