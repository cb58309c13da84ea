#include "tests/fakes/memory_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_join.h"

#include "common/audit/merkle.h"
#include "common/audit/record.h"
#include "common/audit/tiles.h"
#include "controller/domain/transitions.h"
#include "tests/fakes/memory_rules.h"
#include "tests/fakes/memory_tables.h"
#include "tests/fakes/memory_tasks.h"
#include "tests/fakes/no_outbox.h"

namespace dbfleet::controller {
namespace {

using memory::Get;
using memory::Insert;
using memory::List;
using memory::ListNewestFirst;
using memory::Select;
using memory::Update;

bool Matches(absl::string_view filter, absl::string_view value) {
  return filter.empty() || filter == value;
}

std::string Text(const EnvironmentFilter& filter) {
  return filter.all() ? "" : absl::StrCat("only ", absl::StrJoin(filter.names(), " "));
}

AuditRow MakeRow(const AuditEntry& entry, uint64_t seq, absl::Time now, std::string previous) {
  audit::Record record;
  record.seq = seq;
  record.time = absl::FromUnixMicros(absl::ToUnixMicros(now));
  record.actor = entry.actor;
  record.action = entry.action;
  record.resource = entry.resource;
  record.environment = entry.environment;
  record.details = entry.details;
  record.previous_hash = previous;
  AuditRow row;
  row.seq = seq;
  row.record_time = record.time;
  row.entry = entry;
  row.previous_hash = std::move(previous);
  row.hash = audit::HashOf(record);
  row.canonical = audit::CanonicalBytes(record);
  return row;
}

// Reads and writes the tables of one transaction. Readers only ever see it as a ReadTx.
class Transaction : public MemoryTaskTx {
 public:
  Transaction(MemoryStore::Tables* tables, const Clock* clock)
      : MemoryTaskTx(tables), clock_(clock), rules_(tables) {}

  const OutboxReader& outbox_reader() override { return outbox_; }
  const RuleReader& rules_reader() override { return rules_; }
  absl::StatusOr<Environment> GetEnvironment(absl::string_view name) override {
    return Get(t_.environments, "environment", name);
  }
  absl::StatusOr<Page<Environment>> ListEnvironments(const PageRequest& page) override {
    return List(t_.environments, "environments", page, [](const Environment&) { return true; });
  }

  absl::StatusOr<Agent> GetAgent(absl::string_view id) override {
    return Get(t_.agents, "agent", id);
  }
  absl::StatusOr<Page<Agent>> ListAgents(const EnvironmentFilter& environment,
                                         const PageRequest& page) override {
    return List(t_.agents, absl::StrCat("agents ", Text(environment)), page,
                [&](const Agent& agent) { return environment.Has(agent.environment); });
  }
  absl::StatusOr<JoinToken> GetJoinToken(absl::string_view hash) override {
    return Get(t_.join_tokens, "join_token", hash);
  }

  absl::StatusOr<Instance> GetInstance(absl::string_view id) override {
    return Get(t_.instances, "instance", id);
  }
  absl::StatusOr<Page<Instance>> ListInstances(const EnvironmentFilter& environment,
                                               const PageRequest& page) override {
    return List(t_.instances, absl::StrCat("instances ", Text(environment)), page,
                [&](const Instance& instance) {
                  return !instance.removed && environment.Has(instance.environment);
                });
  }
  absl::StatusOr<std::vector<Instance>> InstancesOfAgent(absl::string_view agent_id) override {
    return Select(t_.instances, [&](const Instance& instance) {
      return !instance.removed && instance.agent_id == agent_id;
    });
  }

  absl::StatusOr<Job> GetJob(absl::string_view id) override {
    if (t_.damaged_jobs.rows().count(id) == 0) return Get(t_.jobs, "job", id);
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 absl::StrCat("job \"", id, "\" in the store cannot be read; restore the store"));
  }
  absl::StatusOr<std::optional<Job>> FindJobByRequestKey(absl::string_view key) override {
    if (key.empty()) return std::optional<Job>();
    for (const auto& [id, job] : t_.jobs.rows()) {
      if (job.request_key == key) return std::optional<Job>(job);
    }
    return std::optional<Job>();
  }
  absl::StatusOr<Page<Job>> ListJobs(const JobFilter& filter, const PageRequest& page) override {
    const std::string query =
        absl::StrCat("jobs ", Text(filter.environment), " ",
                     filter.kind.has_value() ? static_cast<int>(*filter.kind) : -1, " ",
                     filter.state.has_value() ? static_cast<int>(*filter.state) : -1);
    return ListNewestFirst(t_.jobs, query, page, [&](const Job& job) {
      return filter.environment.Has(job.environment) &&
             (!filter.kind.has_value() || *filter.kind == job.kind) &&
             (!filter.state.has_value() || *filter.state == job.state);
    });
  }
  absl::StatusOr<std::vector<Job>> JobsInState(JobState state, Unreadable* unreadable) override {
    return Select(t_.jobs, [&](const Job& job) {
      if (job.state != state || t_.damaged_jobs.rows().count(job.id) == 0)
        return job.state == state;
      unreadable->emplace(job.id, GetJob(job.id).status());
      return false;
    });
  }
  absl::StatusOr<std::vector<Job>> ChangesOfContent(const ContentFilter& filter,
                                                    int limit) override {
    std::vector<Job> found = Select(t_.jobs, [&](const Job& job) {
      return !job.content_digest.empty() && job.content_digest == filter.digest &&
             job.environment == filter.environment && !job.plan_only &&
             (filter.rollback_of.empty() || job.rollback_of == filter.rollback_of) &&
             (job.state == JobState::kSucceeded ||
              (!job.rollback_of.empty() &&
               (job.state == JobState::kPartial || job.state == JobState::kFailed)));
    });
    std::sort(found.begin(), found.end(), [](const Job& a, const Job& b) {
      return std::tie(b.end_time, b.id) < std::tie(a.end_time, a.id);
    });
    if (found.size() > static_cast<size_t>(limit)) found.resize(limit);
    return found;
  }
  absl::StatusOr<QueuedJobs> JobsQueuedFor(absl::string_view window) override {
    std::vector<QueuedJob> queued;
    for (const auto& [id, job] : t_.jobs.rows()) {
      if (window.empty() || job.queue.window != window || IsTerminal(job.state)) continue;
      queued.push_back({job.id, job.environment, job.state, job.error_reason, job.create_time,
                        job.queue.priority, job.queue.estimate});
    }
    std::sort(queued.begin(), queued.end(), [](const QueuedJob& a, const QueuedJob& b) {
      return std::tie(b.priority, a.create_time, a.id) < std::tie(a.priority, b.create_time, b.id);
    });
    return queued;
  }
  absl::StatusOr<WindowNames> QueuedWindows() override {
    std::set<std::string> windows;
    for (const auto& [id, job] : t_.jobs.rows()) {
      if (!job.queue.window.empty() && !IsTerminal(job.state)) windows.insert(job.queue.window);
    }
    return WindowNames(windows.begin(), windows.end());
  }
  absl::StatusOr<Attempt> GetAttempt(absl::string_view id) override {
    return Get(t_.attempts, "attempt", id);
  }
  absl::StatusOr<std::vector<Attempt>> AttemptsOfTask(absl::string_view task_id) override {
    std::vector<Attempt> found =
        Select(t_.attempts, [&](const Attempt& attempt) { return attempt.task_id == task_id; });
    std::sort(found.begin(), found.end(),
              [](const Attempt& a, const Attempt& b) { return a.number < b.number; });
    return found;
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttempts() override {
    return Select(t_.attempts, [](const Attempt& a) { return !IsTerminal(a.state); });
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfAgent(absl::string_view agent_id) override {
    return Select(t_.attempts,
                  [&](const Attempt& a) { return a.agent_id == agent_id && !IsTerminal(a.state); });
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfInstance(absl::string_view id) override {
    return Select(t_.attempts,
                  [&](const Attempt& a) { return a.instance_id == id && !IsTerminal(a.state); });
  }
  absl::StatusOr<std::vector<Attempt>> OpenAttemptsOfJob(absl::string_view job_id) override {
    return Select(t_.attempts,
                  [&](const Attempt& a) { return a.job_id == job_id && !IsTerminal(a.state); });
  }

  absl::StatusOr<Backup> GetBackup(absl::string_view id) override {
    return Get(t_.backups, "backup", id);
  }
  absl::StatusOr<Page<Backup>> ListBackups(const BackupFilter& filter,
                                           const PageRequest& page) override {
    const std::string query = absl::StrCat(filter.instance_id, " ", Text(filter.environment));
    return ListNewestFirst(t_.backups, query, page, [&](const Backup& backup) {
      return Matches(filter.instance_id, backup.instance_id) &&
             filter.environment.Has(backup.environment) &&
             filter.state.value_or(backup.state) == backup.state;
    });
  }
  absl::StatusOr<std::vector<Backup>> VerifiedBackups(absl::string_view instance_id) override {
    std::vector<Backup> found = Select(t_.backups, [&](const Backup& backup) {
      return backup.instance_id == instance_id && backup.state == Backup::State::kComplete &&
             backup.verified_level >= 1;
    });
    std::stable_sort(found.begin(), found.end(), [](const Backup& a, const Backup& b) {
      return a.snapshot_time > b.snapshot_time;
    });
    return found;
  }

  absl::StatusOr<User> GetUser(absl::string_view id) override { return Get(t_.users, "user", id); }
  absl::StatusOr<Page<User>> ListUsers(const PageRequest& page) override {
    return List(t_.users, "users", page, [](const User&) { return true; });
  }
  absl::StatusOr<ApiToken> GetToken(absl::string_view id) override {
    return Get(t_.tokens, "token", id);
  }
  absl::StatusOr<ApiToken> FindToken(absl::string_view hash) override {
    for (const auto& [id, token] : t_.tokens.rows()) {
      if (token.hash == hash) return token;
    }
    return Error(absl::StatusCode::kNotFound, "TOKEN_NOT_FOUND", "there is no such token");
  }
  absl::StatusOr<Page<ApiToken>> ListTokens(absl::string_view user_id,
                                            const PageRequest& page) override {
    return List(t_.tokens, absl::StrCat("tokens ", user_id), page,
                [&](const ApiToken& token) { return Matches(user_id, token.user_id); });
  }

  absl::StatusOr<Resource> GetResource(absl::string_view id) override {
    return Get(t_.resources, "resource", id);
  }
  absl::StatusOr<Page<Resource>> ListResources(absl::string_view kind,
                                               const PageRequest& page) override {
    return List(t_.resources, absl::StrCat("resources ", kind), page,
                [&](const Resource& resource) { return Matches(kind, resource.kind); });
  }

  absl::StatusOr<std::string> GetContent(absl::string_view sha256) override {
    return Get(t_.contents, "content", sha256);
  }
  absl::StatusOr<std::string> GetSetting(absl::string_view key) override {
    const auto it = t_.settings.rows().find(key);
    return it == t_.settings.rows().end() ? std::string() : it->second;
  }
  absl::StatusOr<std::string> GetRequestKey(absl::string_view key, absl::Time now) override {
    const auto it = t_.request_keys.rows().find(key);
    if (it == t_.request_keys.rows().end() || it->second.second <= now) return std::string();
    return it->second.first;
  }

  absl::StatusOr<Page<AuditRow>> ListAudit(const AuditFilter& filter,
                                           const PageRequest& page) override {
    std::vector<std::pair<std::string, AuditRow>> rows;
    for (auto it = t_.audit.rbegin(); it != t_.audit.rend(); ++it) {
      rows.emplace_back(absl::StrCat((*it)->seq), **it);
    }
    const auto& [resource, actor, exact, action, actions] = filter;
    const std::string query = absl::StrCat("audit ", resource, " ", actor, " ", exact, " ", action,
                                           " ", absl::StrJoin(actions, ","));
    return memory::ListRange<AuditRow>(
        rows.begin(), rows.end(), query, page, [&f = filter](const AuditRow& row) {
          const AuditEntry& entry = row.entry;
          return absl::StartsWith(entry.resource, f.resource_prefix) &&
                 (!f.exact || entry.resource == f.resource_prefix) &&
                 absl::StartsWith(entry.action, f.action_prefix) && Matches(f.actor, entry.actor) &&
                 (f.actions.empty() || absl::c_linear_search(f.actions, entry.action));
        });
  }
  absl::StatusOr<std::vector<AuditRow>> ReadAudit(uint64_t from_seq, int limit) override {
    std::vector<AuditRow> rows;
    for (uint64_t seq = std::max<uint64_t>(from_seq, 1);
         seq <= t_.audit.size() && static_cast<int>(rows.size()) < limit; ++seq) {
      rows.push_back(*t_.audit[seq - 1]);
    }
    return rows;
  }
  absl::StatusOr<std::vector<AuditRow>> SkimAudit(uint64_t from_seq, int limit) override {
    ASSIGN_OR_RETURN(std::vector<AuditRow> rows, ReadAudit(from_seq, limit));
    for (AuditRow& row : rows) {
      AuditRow skimmed;
      skimmed.seq = row.seq;
      skimmed.entry.action = row.entry.action;
      skimmed.entry.resource = row.entry.resource;
      row = skimmed;
    }
    return rows;
  }
  absl::StatusOr<std::vector<std::map<std::string, std::string>>> AuditDetails(
      absl::string_view resource, absl::string_view action) override {
    std::vector<std::map<std::string, std::string>> found;
    for (const auto& row : t_.audit) {
      if (row->entry.resource != resource || row->entry.action != action) continue;
      found.push_back(row->entry.details);
    }
    return found;
  }
  absl::StatusOr<bool> AuditMentions(absl::string_view resource, absl::string_view text) override {
    return std::any_of(t_.audit.begin(), t_.audit.end(), [&](const auto& row) {
      return row->entry.resource == resource &&
             std::any_of(
                 row->entry.details.begin(), row->entry.details.end(),
                 [&](const auto& detail) { return absl::StrContains(detail.second, text); });
    });
  }
  // Made anew each time: the trails of tests are short.
  absl::StatusOr<std::string> ReadAuditTile(int level, uint64_t index) override {
    audit::TreeAppender tree;
    for (const auto& row : t_.audit) tree.Append(audit::LeafHash(row->canonical));
    for (audit::TileAppend& tile : tree.TakeChanges()) {
      if (tile.id == audit::TileId{level, index}) return std::move(tile.hashes);
    }
    return std::string();
  }
  absl::StatusOr<std::vector<AuditCheckpoint>> AuditCheckpoints(uint64_t first_size,
                                                                uint64_t last_size) override {
    std::vector<AuditCheckpoint> found;
    for (const AuditCheckpoint& checkpoint : t_.checkpoints) {
      if (checkpoint.size >= first_size && checkpoint.size <= last_size)
        found.push_back(checkpoint);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.size < b.size; });
    return found;
  }
  absl::StatusOr<std::vector<AuditCheckpoint>> LastCheckpoints(absl::string_view log_id,
                                                               int limit) override {
    std::vector<AuditCheckpoint> found;
    for (auto it = t_.checkpoints.rbegin(); it != t_.checkpoints.rend(); ++it) {
      if (it->log_id == log_id && static_cast<int>(found.size()) < limit) found.push_back(*it);
    }
    return found;
  }
  absl::StatusOr<std::vector<std::string>> AuditLogs() override {
    std::vector<std::string> logs;
    for (const AuditCheckpoint& checkpoint : t_.checkpoints) {
      if (std::find(logs.begin(), logs.end(), checkpoint.log_id) == logs.end()) {
        logs.push_back(checkpoint.log_id);
      }
    }
    return logs;
  }
  absl::StatusOr<std::vector<AuditReceipt>> AuditReceipts(uint64_t first_size,
                                                          uint64_t last_size) override {
    std::vector<AuditReceipt> found;
    for (const auto& [key, receipt] : t_.receipts) {
      if (receipt.size >= first_size && receipt.size <= last_size) found.push_back(receipt);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.size < b.size; });
    return found;
  }
  absl::StatusOr<std::optional<ControllerStart>> StartFrom(uint64_t epoch) override {
    const auto it = t_.starts.lower_bound(epoch);
    if (it == t_.starts.end()) return std::optional<ControllerStart>();
    return std::make_optional<ControllerStart>(
        {it->first, it->second.first, it->second.second, it == t_.starts.begin()});
  }

  absl::Status InsertEnvironment(Environment* value) override {
    return Insert(&t_.environments, "environment", value->name, value);
  }
  absl::Status UpdateEnvironment(Environment* value) override {
    return Update(&t_.environments, "environment", value->name, value);
  }
  absl::Status InsertAgent(Agent* value) override {
    return Insert(&t_.agents, "agent", value->id, value);
  }
  absl::Status UpdateAgent(Agent* value) override {
    return Update(&t_.agents, "agent", value->id, value);
  }
  absl::Status InsertJoinToken(JoinToken* value) override {
    return Insert(&t_.join_tokens, "join_token", value->hash, value);
  }
  absl::Status UpdateJoinToken(JoinToken* value) override {
    return Update(&t_.join_tokens, "join_token", value->hash, value);
  }
  absl::Status InsertInstance(Instance* value) override {
    return Insert(&t_.instances, "instance", value->id, value);
  }
  absl::Status UpdateInstance(Instance* value) override {
    return Update(&t_.instances, "instance", value->id, value);
  }
  absl::Status InsertJob(Job* value) override {
    ASSIGN_OR_RETURN(const std::optional<Job> same, FindJobByRequestKey(value->request_key));
    if (same.has_value()) {
      return Error(absl::StatusCode::kAlreadyExists, "JOB_EXISTS",
                   absl::StrCat("job \"", same->id, "\" has this request key already"));
    }
    return Insert(&t_.jobs, "job", value->id, value);
  }
  absl::Status UpdateJob(Job* value) override { return Update(&t_.jobs, "job", value->id, value); }
  absl::Status InsertAttempt(Attempt* value) override {
    for (const auto& [id, attempt] : t_.attempts.rows()) {
      if (attempt.task_id == value->task_id && attempt.number == value->number) {
        return Error(absl::StatusCode::kAlreadyExists, "ATTEMPT_EXISTS",
                     absl::StrCat("task \"", value->task_id, "\" has an attempt number ",
                                  value->number, " already"));
      }
    }
    return Insert(&t_.attempts, "attempt", value->id, value);
  }
  absl::Status UpdateAttempt(Attempt* value) override {
    return Update(&t_.attempts, "attempt", value->id, value);
  }
  absl::Status InsertBackup(Backup* value) override {
    return Insert(&t_.backups, "backup", value->id, value);
  }
  absl::Status UpdateBackup(Backup* value) override {
    return Update(&t_.backups, "backup", value->id, value);
  }
  absl::Status InsertUser(User* value) override {
    return Insert(&t_.users, "user", value->id, value);
  }
  absl::Status UpdateUser(User* value) override {
    return Update(&t_.users, "user", value->id, value);
  }
  absl::Status InsertToken(ApiToken* value) override {
    if (FindToken(value->hash).ok()) {
      return Error(absl::StatusCode::kAlreadyExists, "TOKEN_EXISTS",
                   "there is a token with this hash already");
    }
    return Insert(&t_.tokens, "token", value->id, value);
  }
  absl::Status UpdateToken(ApiToken* value) override {
    return Update(&t_.tokens, "token", value->id, value);
  }
  absl::Status InsertResource(Resource* value) override {
    return Insert(&t_.resources, "resource", value->id, value);
  }
  absl::Status UpdateResource(Resource* value) override {
    return Update(&t_.resources, "resource", value->id, value);
  }
  absl::Status DeleteResource(const Resource& value) override {
    const auto it = t_.resources.rows().find(value.id);
    if (it == t_.resources.rows().end() || it->second.version != value.version) {
      return Error(absl::StatusCode::kAborted, "STALE", "the resource was changed meanwhile");
    }
    t_.resources.Mutable().erase(value.id);
    return absl::OkStatus();
  }
  Outbox& outbox() override { return outbox_; }
  RuleTables& rules() override { return rules_; }
  absl::Status PutContent(absl::string_view sha256, absl::string_view content) override {
    t_.contents.Mutable()[std::string(sha256)] = std::string(content);
    return absl::OkStatus();
  }
  absl::Status PutSetting(absl::string_view key, absl::string_view value) override {
    t_.settings.Mutable()[std::string(key)] = std::string(value);
    return absl::OkStatus();
  }
  absl::Status PutRequestKey(absl::string_view key, absl::string_view value,
                             absl::Time expire_time) override {
    t_.request_keys.Mutable()[std::string(key)] = {std::string(value), expire_time};
    return absl::OkStatus();
  }
  absl::Status PruneRequestKeys(absl::Time now, int limit) override {
    std::multimap<absl::Time, std::string> expired;
    for (const auto& [key, row] : t_.request_keys.rows()) {
      if (row.second <= now) expired.emplace(row.second, key);
    }
    for (const auto& [time, key] : expired) {
      if (limit-- <= 0) break;
      t_.request_keys.Mutable().erase(key);
    }
    return absl::OkStatus();
  }

  absl::Status InsertAuditCheckpoint(const AuditCheckpoint& value) override {
    t_.checkpoints.push_back(value);
    t_.checkpoints.back().id =
        t_.checkpoints.size() == 1 ? 1 : t_.checkpoints[t_.checkpoints.size() - 2].id + 1;
    return absl::OkStatus();
  }
  absl::Status DeleteAuditCheckpoint(int64_t id) override {
    t_.checkpoints.erase(std::remove_if(t_.checkpoints.begin(), t_.checkpoints.end(),
                                        [&](const auto& row) { return row.id == id; }),
                         t_.checkpoints.end());
    return absl::OkStatus();
  }
  absl::Status PutAuditReceipt(const AuditReceipt& value) override {
    AuditReceipt& row = t_.receipts[{value.agent_id, value.log_id}];
    if (value.size >= row.size) row = value;
    return absl::OkStatus();
  }

  absl::Status AppendAudit(const AuditEntry& entry) override {
    std::string previous = t_.audit.empty() ? audit::GenesisHash() : t_.audit.back()->hash;
    t_.audit.push_back(std::make_shared<const AuditRow>(
        MakeRow(entry, t_.audit.size() + 1, clock_->Now(), std::move(previous))));
    return absl::OkStatus();
  }

 private:
  const Clock* const clock_;
  NoOutbox outbox_;
  MemoryRules rules_;
};

}  // namespace

MemoryStore::MemoryStore(const Clock* clock, uint64_t epoch)
    : clock_(clock), epoch_(epoch), tables_(std::make_shared<Tables>()) {
  AddStart(epoch, 0, life_);
}

void MemoryStore::AddStart(uint64_t epoch, uint64_t audit_size, const std::string& life) {
  MutexLock lock(&snapshot_mutex_);
  auto tables = std::make_shared<Tables>(*tables_);
  tables->starts[epoch] = {life, audit_size};
  tables_ = std::move(tables);
}

MemoryStore::~MemoryStore() = default;

absl::Status MemoryStore::RunAndCommit(const Mutation& mutation) {
  MutexLock writer(&writer_mutex_);
  std::shared_ptr<Tables> tables;
  {
    MutexLock lock(&snapshot_mutex_);
    tables = std::make_shared<Tables>(*tables_);
  }
  Transaction transaction(tables.get(), clock_);
  RETURN_IF_ERROR(mutation(transaction));
  MutexLock lock(&snapshot_mutex_);
  if (failures_left_ > 0) {
    --failures_left_;
    return failure_;
  }
  tables_ = std::move(tables);
  ++commits_;
  return absl::OkStatus();
}

void MemoryStore::Mutate(Mutation mutation, Done done) {
  const absl::Status status = RunAndCommit(mutation);
  if (done) done(status);
}

absl::Status MemoryStore::Read(const std::function<absl::Status(ReadTx&)>& fn) {
  Tables tables;
  {
    MutexLock lock(&snapshot_mutex_);
    tables = *tables_;
  }
  Transaction transaction(&tables, clock_);
  return fn(transaction);
}

void MemoryStore::FailCommits(int count, const absl::Status& status) {
  MutexLock lock(&snapshot_mutex_);
  failures_left_ = count;
  failure_ = status;
}

void MemoryStore::DamageJob(const std::string& id, bool damaged) {
  MutexLock writer(&writer_mutex_);
  MutexLock lock(&snapshot_mutex_);
  auto tables = std::make_shared<Tables>(*tables_);
  if (damaged) {
    tables->damaged_jobs.Mutable()[id] = true;
  } else {
    tables->damaged_jobs.Mutable().erase(id);
  }
  tables_ = std::move(tables);
}

int MemoryStore::commits() const {
  MutexLock lock(&snapshot_mutex_);
  return commits_;
}

std::vector<AuditRow> MemoryStore::Audit() {
  std::vector<AuditRow> rows;
  MutexLock lock(&snapshot_mutex_);
  for (const auto& row : tables_->audit) rows.push_back(*row);
  return rows;
}

}  // namespace dbfleet::controller
