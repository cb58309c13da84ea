// A journal that was damaged on its disk: it is refused, or it opens and tells of no attempt that
// was never accepted, nothing of one attempt under another's name, and the same whichever way it is
// asked. Each call then gives a status, and what was opened once opens again.
//
// The input says which journal is taken, how its files or rows are changed, and what is done then.
#include <fcntl.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "agent/journal/database.h"
#include "agent/journal/journal.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fuzz/require.h"

namespace dbfleet::agent {
namespace {

constexpr int64_t kMaxBytes = 64 << 20;
constexpr char kDatabase[] = "journal.db";
constexpr char kWal[] = "journal.db-wal";
constexpr char kBoot[] = "journal.boot";

using Files = std::map<std::string, std::string>;

void MustOk(const absl::Status& status) { Require(status.ok()); }

const std::string& Folder() {
  static const std::string& folder = *new std::string([] {
    const bool shared_memory = access("/dev/shm", W_OK) == 0;
    std::string pattern = absl::StrCat(shared_memory ? "/dev/shm" : "/tmp", "/fuzz-journal-XXXXXX");
    Require(mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }());
  return folder;
}
std::string PathOf(const std::string& name) { return absl::StrCat(Folder(), "/", name); }

Files TakeFiles() {
  Files files;
  for (const char* name : {kDatabase, kWal, kBoot}) {
    auto content = ReadFile(PathOf(name), kMaxBytes);
    if (!content.ok()) continue;
    // What follows the last frame is reserved room.
    if (name == std::string(kWal)) content->resize(content->find_last_not_of('\0') + 1);
    files[name] = *std::move(content);
  }
  return files;
}
void PutFiles(const Files& files) {
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    std::filesystem::remove(entry.path());
  }
  for (const auto& [name, content] : files) {
    const int fd = open(PathOf(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    Require(fd >= 0);
    Require(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    close(fd);
  }
}

v1::Offer MakeOffer(const std::string& id, uint64_t fence) {
  v1::Offer offer;
  offer.set_attempt_id(id);
  offer.set_job_id("job-of-" + id);
  offer.set_instance(fence % 2 == 0 ? "orders" : "cache");
  offer.set_fence(fence);
  offer.set_purpose(v1::PURPOSE_EXECUTE);
  offer.mutable_spec()->mutable_migrate()->set_database("shop");
  return offer;
}
v1::Grant MakeGrant(const v1::Offer& offer) {
  v1::Grant grant;
  grant.set_attempt_id(offer.attempt_id());
  grant.set_fence(offer.fence());
  grant.set_digest("0123456789abcdef");
  return grant;
}

// Attempts in every phase, "attempt-1" to "attempt-6".
void Fill(Journal& journal) {
  MustOk(journal.NoteEpoch(41, "life"));
  for (int i = 1; i <= 6; ++i) {
    const std::string id = absl::StrCat("attempt-", i);
    const v1::Offer offer = MakeOffer(id, 100 + i);
    MustOk(journal.Accept(offer, absl::Seconds(5), "boot"));
    if (i >= 2) MustOk(journal.Grant(MakeGrant(offer)));
    if (i < 3) continue;
    MustOk(journal.Start(id));
    work::v1::StepReport step;
    step.set_index(1);
    MustOk(journal.Step(id, step));
    MustOk(journal.Checkpoint(id, "checkpoint"));
    if (i < 4) continue;
    v1::Finished finished;
    finished.set_outcome(v1::OUTCOME_SUCCEEDED);
    finished.mutable_result()->mutable_migrate()->add_applied_versions("1");
    MustOk(journal.Finish(id, finished));
    if (i == 5) MustOk(journal.Forget(id));
  }
  MustOk(journal.Acknowledge(7));
}

// [0]: all in the database file; [1]: most of it in the WAL.
const std::vector<Files>& Bases() {
  static const std::vector<Files>& bases = *new std::vector<Files>([] {
    FakeClock clock;
    std::vector<Files> made(2);
    PutFiles({});
    Fill(*Journal::Open(Folder(), kMaxBytes, clock).value());
    made[1] = TakeFiles();
    MustOk(Database::Open(PathOf(kDatabase)).value()->CheckpointWal());
    made[0] = TakeFiles();
    made[0].erase(kWal);
    return made;
  }());
  return bases;
}

void EditBytes(FuzzedDataProvider& input, Files* files) {
  const char* const names[] = {kDatabase, kWal, kBoot};
  std::string& content = (*files)[names[input.ConsumeIntegralInRange<int>(0, 2)]];
  const auto last = static_cast<uint32_t>(content.empty() ? 0 : content.size() - 1);
  const auto at = input.ConsumeIntegralInRange<uint32_t>(0, last);
  switch (input.ConsumeIntegralInRange<int>(0, 3)) {
    case 0:
      content.resize(std::min<size_t>(at, content.size()));
      break;
    case 1: {
      const std::string bytes = input.ConsumeRandomLengthString(64);
      if (at + bytes.size() <= content.size()) content.replace(at, bytes.size(), bytes);
      break;
    }
    default:
      if (!content.empty()) content[at] = input.ConsumeIntegral<char>();
  }
}

// One row changed through SQLite itself, so that only its meaning is damaged.
void EditRow(FuzzedDataProvider& input) {
  const char* const kUpdates[] = {
      "UPDATE attempts SET id = ?1 WHERE n = ?2",
      "UPDATE attempts SET fence = ?1 WHERE n = ?2",
      "UPDATE attempts SET phase = ?1 WHERE n = ?2",
      "UPDATE attempts SET outcome = ?1 WHERE n = ?2",
      "UPDATE attempts SET accepted_boottime = ?1 WHERE n = ?2",
      "UPDATE attempts SET boot_id = ?1 WHERE n = ?2",
      "UPDATE attempts SET forgotten_at = ?1 WHERE n = ?2",
      "UPDATE attempts SET finish_seq = ?1 WHERE n = ?2",
      "UPDATE attempts SET grant_blob = ?1 WHERE n = ?2",
      "UPDATE attempts SET finished_blob = ?1 WHERE n = ?2",
      "UPDATE attempts SET checkpoint = ?1 WHERE n = ?2",
      "UPDATE attempts SET offer_blob = ?1 WHERE n = ?2",
      "UPDATE attempts AS a SET offer_blob = b.offer_blob FROM attempts b WHERE b.n=?1 AND a.n=?2",
      "UPDATE events SET event = ?1 WHERE seq = ?2",
      "UPDATE events SET seq = ?1 WHERE seq = ?2",
      "DELETE FROM events WHERE ?1 IS NOT NULL AND seq = ?2",
      "DELETE FROM attempts WHERE ?1 IS NOT NULL AND n = ?2",
      "UPDATE fences SET fence = ?1 WHERE ?2 > 0",
      "UPDATE meta SET value = ?1 WHERE key = 'last_event_seq' AND ?2 > 0",
      "UPDATE meta SET value = ?1 WHERE key = 'boot_sequence' AND ?2 > 0",
      "UPDATE meta SET value = ?1 WHERE key = 'highest_epoch' AND ?2 > 0",
      "UPDATE meta SET value = ?1 WHERE key = 'journal_id' AND ?2 > 0",
  };
  auto db = Database::Open(PathOf(kDatabase));
  if (!db.ok()) return;
  auto update =
      (*db)->Prepare(kUpdates[input.ConsumeIntegralInRange<size_t>(0, std::size(kUpdates) - 1)]);
  if (!update.ok()) return;
  switch (input.ConsumeIntegralInRange<int>(0, 3)) {
    case 0:
      update->Int(1, input.ConsumeIntegral<int64_t>());
      break;
    case 1:
      update->Int(1, input.ConsumeIntegralInRange<int>(0, 20));
      break;
    case 2:
      update->Text(1, input.ConsumeRandomLengthString(40));
      break;
    default:
      update->Blob(1, input.ConsumeRandomLengthString(200));
  }
  update->Int(2, input.ConsumeIntegralInRange<int>(1, 20)).Run().IgnoreError();
}

// The attempts that an opened journal tells of, after checking that all its answers agree.
std::vector<JournaledAttempt> Examine(Journal& journal, bool names_are_known) {
  const auto attempts = journal.Attempts();
  const auto states = journal.AttemptStates();
  if (!attempts.ok() || !states.ok()) return {};
  Require(attempts->size() == states->size());
  std::set<std::string> seen;
  for (size_t i = 0; i < attempts->size(); ++i) {
    const JournaledAttempt& attempt = (*attempts)[i];
    const std::string& id = attempt.offer.attempt_id();
    Require(id == (*states)[i].attempt_id() && seen.insert(id).second);
    Require(attempt.offer.fence() == (*states)[i].fence());
    Require(attempt.phase == (*states)[i].phase());
    Require(attempt.phase >= v1::ATTEMPT_PHASE_ACCEPTED &&
            attempt.phase <= v1::ATTEMPT_PHASE_FINISHED);
    Require((attempt.phase == v1::ATTEMPT_PHASE_FINISHED) == attempt.finished.has_value());
    Require((attempt.phase == v1::ATTEMPT_PHASE_ACCEPTED) <= !attempt.grant.has_value());
    if (attempt.grant.has_value()) {
      Require(attempt.grant->attempt_id() == id && attempt.grant->fence() == attempt.offer.fence());
    }
    if (names_are_known) Require(id.size() == 9 && id.rfind("attempt-", 0) == 0);
    const auto found = journal.Find(id);
    Require(found.ok() && found->has_value() && (*found)->phase == attempt.phase);
  }
  uint64_t seq = 0;
  for (const v1::Event& event : journal.EventsFrom(1, 1000).value_or(std::vector<v1::Event>())) {
    Require(event.seq() > seq && event.seq() <= journal.LastEventSeq());
    seq = event.seq();
  }
  return *attempts;
}

// Life goes on: whatever comes back is a status, and no attempt starts twice.
void Live(FuzzedDataProvider& input, Journal& journal) {
  std::set<std::string> started;
  const auto attempts = journal.Attempts().value_or(std::vector<JournaledAttempt>());
  for (const JournaledAttempt& attempt : attempts) {
    if (attempt.phase >= v1::ATTEMPT_PHASE_RUNNING) started.insert(attempt.offer.attempt_id());
  }
  for (int i = 0; i < 16 && input.remaining_bytes() > 0; ++i) {
    const int number = input.ConsumeIntegralInRange<int>(1, 8);
    const std::string id = absl::StrCat("attempt-", number);
    const v1::Offer offer = MakeOffer(id, 100 + input.ConsumeIntegralInRange<int>(0, 40));
    const uint64_t last = journal.LastEventSeq();
    switch (input.ConsumeIntegralInRange<int>(0, 9)) {
      case 0:
        journal.Accept(offer, absl::Seconds(9), "boot").IgnoreError();
        break;
      case 1:
        journal.Decline(offer, {}).IgnoreError();
        break;
      case 2:
        journal.Grant(MakeGrant(MakeOffer(id, 100 + number))).IgnoreError();
        break;
      case 3:
        if (journal.Start(id).ok()) Require(started.insert(id).second);
        break;
      case 4:
        journal.Step(id, {}).IgnoreError();
        break;
      case 5:
        journal.Checkpoint(id, "more").IgnoreError();
        break;
      case 6:
        journal.Finish(id, {}).IgnoreError();
        break;
      case 7:
        // Gone for good: under the same name another one may come.
        if (journal.Drop(id).ok() && !journal.Find(id).value_or(std::nullopt).has_value()) {
          started.erase(id);
        }
        break;
      case 8:
        journal.Forget(id).IgnoreError();
        break;
      default:
        journal.Acknowledge(input.ConsumeIntegral<uint64_t>()).IgnoreError();
    }
    Require(journal.LastEventSeq() == last || journal.LastEventSeq() == last + 1);
  }
}

}  // namespace
}  // namespace dbfleet::agent

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  dbfleet::log::Init(dbfleet::log::Level::kError, dbfleet::log::Format::kText);
  atexit([] { std::filesystem::remove_all(dbfleet::agent::Folder()); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dbfleet::agent;
  FuzzedDataProvider input(data, size);
  const auto& bases = Bases();
  Files files = bases[input.ConsumeIntegralInRange<int>(0, 1)];
  const int byte_edits = input.ConsumeIntegralInRange<int>(0, 3);
  const int row_edits = input.ConsumeIntegralInRange<int>(0, 3);
  for (int i = 0; i < byte_edits; ++i) EditBytes(input, &files);
  PutFiles(files);
  for (int i = 0; i < row_edits; ++i) EditRow(input);

  dbfleet::FakeClock clock;
  // An edit of one place cannot put the same new name into a row and its index.
  const bool names_are_known = byte_edits + row_edits <= 1;
  {
    const auto journal = Journal::Open(Folder(), kMaxBytes, clock);
    if (!journal.ok()) return 0;
    Examine(**journal, names_are_known);
    Live(input, **journal);
    Examine(**journal, names_are_known);
  }
  const auto again = Journal::Open(Folder(), kMaxBytes, clock);
  dbfleet::Require(again.ok());
  Examine(**again, names_are_known);
  return 0;
}
