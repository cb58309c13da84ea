#include "controller/store/sqlite/writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/store/rehearsal.h"
#include "controller/store/sqlite/audit_tree.h"
#include "controller/store/sqlite/transaction.h"

namespace dbfleet::controller::sqlite {
namespace {

constexpr size_t kMaxGroup = 256;
constexpr size_t kMaxQueue = 16'384;
constexpr int kCheckpointPages = 1000;

absl::Status DiskFull() {
  return Error(
      absl::StatusCode::kResourceExhausted, "DISK_FULL",
      "the controller's disk is full, so it accepts only cancel, abort and agents' events; "
      "free some space on the store's file system and try again");
}

}  // namespace

struct Writer::Metrics {
  explicit Metrics(metrics::Registry& registry)
      : commits(registry.GetCounter("dbfleet_store_commits_total",
                                    "Groups of mutations that the store committed")),
        succeeded(registry.GetCounter("dbfleet_store_mutations_total",
                                      "Mutations of the store, by outcome",
                                      {{"outcome", "committed"}})),
        failed(registry.GetCounter("dbfleet_store_mutations_total",
                                   "Mutations of the store, by outcome", {{"outcome", "failed"}})),
        rehearsed(registry.GetCounter("dbfleet_store_mutations_total",
                                      "Mutations of the store, by outcome",
                                      {{"outcome", "rehearsed"}})),
        checkpoint_failures(registry.GetCounter(
            "dbfleet_store_checkpoint_failures_total",
            "Checkpoints of the store's write-ahead log that found no space or were busy")),
        commit_seconds(
            registry.GetHistogram("dbfleet_store_commit_seconds",
                                  "Time that a group of mutations took, with its commit")),
        last_group(registry.GetGauge("dbfleet_store_last_group_mutations",
                                     "Mutations in the last group that was committed")),
        disk_full(registry.GetGauge("dbfleet_store_disk_full",
                                    "1 while only essential mutations are accepted")) {}

  metrics::Counter& commits;
  metrics::Counter& succeeded;
  metrics::Counter& failed;
  metrics::Counter& rehearsed;

  metrics::Counter& Of(const absl::Status& status) {
    return status.ok() ? succeeded : IsRehearsed(status) ? rehearsed : failed;
  }

  metrics::Counter& checkpoint_failures;
  metrics::Histogram& commit_seconds;
  metrics::Gauge& last_group;
  metrics::Gauge& disk_full;
};

Writer::Writer(Options options)
    : connection_(std::move(options.connection)),
      tokens_(options.tokens),
      clock_(options.clock),
      disk_(std::move(options.disk)),
      metrics_(options.metrics == nullptr ? nullptr : std::make_unique<Metrics>(*options.metrics)),
      fatal_(std::move(options.fatal)),
      on_head_(std::move(options.on_head)),
      rows_(options.row_cache_bytes),
      head_(options.head),
      next_head_(options.head),
      tree_(std::move(options.tree)) {
  connection_->set_row_cache(&rows_);
  sqlite3_wal_hook(
      connection_->handle(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &wal_pages_);
  thread_ = std::thread([this] { Run(); });
}

Writer::~Writer() { Stop(); }

void Writer::Add(Store::Mutation mutation, Store::Done done, Kind kind) {
  absl::Status refusal;
  {
    MutexLock lock(&mutex_);
    if (closed_) {
      refusal = Error(absl::StatusCode::kUnavailable, "STORE_CLOSED",
                      "the controller is shutting down; try again");
    } else if (kind != Kind::kEssential && queue_.size() >= kMaxQueue) {
      refusal = Error(absl::StatusCode::kResourceExhausted, "STORE_OVERLOADED",
                      "too many changes wait for the controller's store; try again later");
    } else {
      queue_.push_back({std::move(mutation), std::move(done), kind, absl::OkStatus()});
      added_.Signal();
      return;
    }
  }
  if (done) done(refusal);
}

void Writer::Stop() {
  {
    MutexLock lock(&mutex_);
    closed_ = true;
    added_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Writer::Run() {
  for (;;) {
    std::vector<Item> group = TakeGroup();
    if (group.empty()) return;
    if (!Process(&group) || !CheckpointIfDue()) break;
  }
  // Only a test's fatal handler comes back. Nothing that waits is answered, as if the process had
  // ended.
  MutexLock lock(&mutex_);
  closed_ = true;
  queue_.clear();
}

std::vector<Writer::Item> Writer::TakeGroup() {
  std::vector<Item> group;
  MutexLock lock(&mutex_);
  while (queue_.empty() && !closed_) added_.Wait(&mutex_);
  while (!queue_.empty() && group.size() < kMaxGroup) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

bool Writer::Process(std::vector<Item>* group) {
  const bool full = disk_->IsFull();
  if (metrics_ != nullptr) metrics_->disk_full.Set(full ? 1 : 0);
  const absl::Duration start = clock_->Monotonic();
  std::vector<Item> run;
  for (Item& item : *group) {
    if (full && !item.essential()) continue;
    // An essential one may run twice: a copy, so that the second finds its captures as they were.
    run.push_back({item.essential() ? item.mutation : std::move(item.mutation), nullptr, item.kind,
                   absl::OkStatus()});
  }
  GroupEnd end = run.empty() ? GroupEnd::kDone : TryCommit(&run);
  bool essential_only = full;
  if (end == GroupEnd::kDiskFull && (disk_->Release() || !full)) {
    essential_only = true;
    run.clear();
    for (Item& item : *group) {
      if (item.essential()) run.push_back({item.mutation, nullptr, item.kind, absl::OkStatus()});
    }
    end = run.empty() ? GroupEnd::kDone : TryCommit(&run);
  }
  if (end == GroupEnd::kFatal) return false;

  if (metrics_ != nullptr) {
    metrics_->commit_seconds.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - start));
    metrics_->last_group.Set(static_cast<double>(run.size()));
  }
  size_t next = 0;
  for (Item& item : *group) {
    const bool ran = !essential_only || item.essential();
    absl::Status status = ran ? std::move(run[next].status) : DiskFull();
    // What the function captured dies before the caller hears of the end: it may point to the
    // caller's things.
    if (ran) run[next++].mutation = nullptr;
    item.mutation = nullptr;
    if (metrics_ != nullptr) metrics_->Of(status).Increment();
    if (item.done) item.done(std::move(status));
  }
  return true;
}

Writer::GroupEnd Writer::TryCommit(std::vector<Item>* group) {
  connection_->ClearFailure();
  if (absl::Status begin = connection_->Repeat("BEGIN IMMEDIATE"); !begin.ok()) {
    for (Item& item : *group) item.status = begin;
    return IsDiskFull(begin) ? GroupEnd::kDiskFull : GroupEnd::kDone;
  }
  next_head_ = head_;
  new_leaves_.clear();
  actions_.Clear();
  bool changed = false;
  for (size_t at = 0; at < group->size();) {
    const absl::Span<Item> items = absl::MakeSpan(*group).subspan(at, Neighbours(*group, at));
    at += items.size();
    if (items.size() == 1 || !RunTogether(items)) {
      for (Item& item : items) {
        if (GroupGoesOn()) RunMutation(&item);
      }
    }
    for (const Item& item : items) changed = changed || item.status.ok();
    if (GroupGoesOn()) continue;
    const absl::Status failure = connection_->failure();
    return Abandon(group,
                   failure.ok() ? absl::InternalError("the store ended its transaction") : failure);
  }
  if (!changed) return Abandon(group, absl::OkStatus());
  connection_->ClearFailure();
  // Of a copy, which is thrown away together with the group.
  audit::TreeAppender tree = tree_;
  for (const std::string& leaf : new_leaves_) tree.Append(leaf);
  if (const absl::Status tiles = AppendTiles(*connection_, tree.TakeChanges()); !tiles.ok()) {
    return Abandon(group, tiles);
  }
  absl::Status commit = DBFLEET_FAILPOINT_TAGS("store.commit.before", actions_);
  if (commit.ok()) commit = connection_->Repeat("COMMIT");
  if (!commit.ok()) return IsDiskFull(commit) ? Abandon(group, commit) : Fatal(commit);
  // An error here is that of a COMMIT that took effect all the same.
  commit = DBFLEET_FAILPOINT_TAGS("store.commit.after", actions_);
  if (!commit.ok()) return Fatal(commit);
  const bool moved = head_.seq != next_head_.seq;
  head_ = next_head_;
  tree_ = std::move(tree);
  if (metrics_ != nullptr) metrics_->commits.Increment();
  if (moved && on_head_) on_head_(head_);
  return GroupEnd::kDone;
}

bool Writer::GroupGoesOn() const {
  return connection_->in_transaction() && !IsDiskFull(connection_->failure());
}

// How many from here on share a savepoint.
size_t Writer::Neighbours(const std::vector<Item>& group, size_t from) {
  size_t end = from + 1;
  if (group[from].repeatable()) {
    while (end < group.size() && group[end].repeatable()) ++end;
  }
  return end - from;
}

bool Writer::RunTogether(absl::Span<Item> items) {
  const ChainHead before = next_head_;
  const size_t leaves_before = new_leaves_.size();
  connection_->ClearFailure();
  if (!connection_->Repeat("SAVEPOINT mutation").ok()) return false;
  rows_.BeginMutation();
  bool succeeded = true;
  for (Item& item : items) {
    WriteTransaction transaction(connection_.get(), tokens_, clock_, &next_head_, &new_leaves_,
                                 &actions_);
    item.status = item.mutation(transaction);
    if (item.status.ok()) item.status = transaction.Veto();
    // Also when a mutation overlooked that SQLite failed: that ends here, not with a later one.
    succeeded = item.status.ok() && connection_->in_transaction() && connection_->failure().ok();
    if (!succeeded) break;
  }
  if (succeeded) succeeded = connection_->Repeat("RELEASE mutation").ok();
  if (succeeded) return true;
  UndoTo(before, leaves_before);
  return false;
}

void Writer::RunMutation(Item* item) {
  const ChainHead before = next_head_;
  const size_t leaves_before = new_leaves_.size();
  connection_->ClearFailure();
  item->status = connection_->Repeat("SAVEPOINT mutation");
  if (!item->status.ok()) return;
  rows_.BeginMutation();
  WriteTransaction transaction(connection_.get(), tokens_, clock_, &next_head_, &new_leaves_,
                               &actions_);
  item->status = item->mutation(transaction);
  if (item->status.ok()) item->status = transaction.Veto();
  if (!connection_->in_transaction()) return;
  if (item->status.ok()) item->status = connection_->Repeat("RELEASE mutation");
  if (item->status.ok()) return;
  UndoTo(before, leaves_before);
}

void Writer::UndoTo(const ChainHead& head, size_t leaves) {
  next_head_ = head;
  new_leaves_.resize(leaves);
  rows_.UndoMutation();
  if (!connection_->in_transaction()) return;
  const absl::Status undo = connection_->Execute("ROLLBACK TO mutation; RELEASE mutation");
  if (undo.ok()) return;
  // The transaction may hold a part of the mutation: all of it goes, and TryCommit sees that it
  // did.
  log::Error("a mutation of the store could not be undone; its whole group is rolled back",
             {{"error", std::string(undo.message())}});
  if (connection_->in_transaction()) connection_->Execute("ROLLBACK").IgnoreError();
}

Writer::GroupEnd Writer::Abandon(std::vector<Item>* group, const absl::Status& why) {
  // Where each mutation was undone by itself, the rows in hand are as they were before.
  if (!why.ok() || !connection_->in_transaction()) rows_.Clear();
  if (connection_->in_transaction()) {
    const absl::Status rollback = connection_->Execute("ROLLBACK");
    if (!rollback.ok() || connection_->in_transaction()) return Fatal(rollback);
  }
  next_head_ = head_;
  if (IsDiskFull(why)) {
    for (Item& item : *group) item.status = DiskFull();
    return GroupEnd::kDiskFull;
  }
  if (why.ok()) return GroupEnd::kDone;
  for (Item& item : *group) {
    item.status = Annotate(why, "rolled back with the group of changes that it was in");
  }
  return GroupEnd::kDone;
}

Writer::GroupEnd Writer::Fatal(const absl::Status& status) {
  fatal_(status);
  return GroupEnd::kFatal;
}

bool Writer::CheckpointIfDue() {
  if (wal_pages_ < kCheckpointPages) return true;
  wal_pages_ = 0;  // The next COMMIT sets it again, so a busy or full disk is not asked in a loop.
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr,
                                             SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code == SQLITE_OK) return true;
  const bool harmless = (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_FULL;
  if (harmless) {
    if (metrics_ != nullptr) metrics_->checkpoint_failures.Increment();
    return true;
  }
  // After a failed fsync the kernel may call the next one a success without having written
  // anything; only the log, read again from the start, still has what was committed.
  return Fatal(connection_->Fail(code, "checkpoint")) != GroupEnd::kFatal;
}

}  // namespace dbfleet::controller::sqlite
