#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"

#include "controller/notify/span_keeper.h"
#include "controller/notify/window_watch.h"
#include "tests/unit/controller/notify/notify_fixture.h"

namespace dbfleet::controller {

inline constexpr char kQuiet[] =
    "follows: [windows, changes], silences: {url: 'https://am.example/', bearer_secret: am, "
    "matchers: ['instance=~\"{{instance}}(:[0-9]+)?\"', 'severity!=\"page\"']}";
inline constexpr char kDrawn[] =
    "follows: [windows, freezes, changes], grafana: {url: 'https://g.example', bearer_secret: "
    "graf, tags: [db]}";

class SpanKeeperTest : public NotifyTest {
 protected:
  using Json = nlohmann::json;

  SpanKeeperTest() {
    WriteSecret("am", "s3cr3t-am");
    WriteSecret("graf", "s3cr3t-graf");
    secrets_ = RouteSecrets(folder_ + "/secrets", {{"am", {"silences", {"am.example"}}},
                                                   {"graf", {"grafana", {"g.example"}}}});
    AddInstance("db1", "qa");
    AddInstance("db2", "qa");
    AddInstance("db3", "production");
    RestartKeeper();
    Watch({});
  }
  void AddInstance(const std::string& id, const std::string& environment) {
    Instance instance;
    instance.id = id;
    instance.agent_id = "a";
    instance.environment = environment;
    EXPECT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertInstance(&instance); }).ok());
  }
  void RestartKeeper() {
    transfers_ = std::make_unique<FakeTransfers>();
    keeper_ = std::make_unique<SpanKeeper>(
        *full_store_, *time_, *transfers_, secrets_, registry_,
        [](std::function<void()> fn) { fn(); }, [] { return 0.999; });
  }
  // These windows are declared, and looked at.
  void Watch(std::vector<DeclaredWindow> windows) {
    book_ = std::make_shared<const WindowBook>(std::move(windows));
    LookAtWindows();
  }
  void LookAtWindows() {
    if (watch_ == nullptr) {
      watch_ = std::make_unique<WindowWatch>(
          *store_,
          [this](ReadTx&) -> absl::StatusOr<std::shared_ptr<const WindowBook>> { return book_; });
    }
    for (;;) {
      const absl::StatusOr<bool> more = watch_->Tell(clock_.Now());
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) return;
    }
  }
  DeclaredWindow Nightly(absl::Duration length, const std::string& environment = "qa") {
    DeclaredWindow declared;
    declared.window.name = "nightly";
    declared.window.times.once = Span{begin_, begin_ + length};
    declared.environments = {environment};
    return declared;
  }
  // A change that runs on the instance.
  void Run(const std::string& job_id, const std::string& instance) {
    Job job = MakeJob(job_id);
    job.kind = JobKind::kMigrate;
    job.title = "add\na column";
    Task task;
    task.id = job_id + "-t";
    task.job_id = job_id;
    task.instance_id = instance;
    attempt_ = Attempt();
    attempt_.id = job_id + "-1";
    attempt_.task_id = job_id + "-t";
    attempt_.job_id = job_id;
    attempt_.instance_id = instance;
    attempt_.agent_id = "a";
    attempt_.number = 1;
    attempt_.state = AttemptState::kRunning;
    attempt_.create_time = attempt_.start_time = clock_.Now();
    const absl::Status written = Mutate([&](WriteTx& tx) -> absl::Status {
      RETURN_IF_ERROR(tx.InsertJob(&job));
      RETURN_IF_ERROR(tx.InsertTask(&task));
      return tx.InsertAttempt(&attempt_);
    });
    ASSERT_TRUE(written.ok()) << written;
  }
  void Becomes(AttemptState state) {
    attempt_.state = state;
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateAttempt(&attempt_); }).ok());
  }
  void Tick() {
    const auto next = keeper_->Tick(clock_.Now());
    ASSERT_TRUE(next.ok()) << next.status();
  }
  void After(absl::Duration duration) {
    clock_.Advance(duration);
    Tick();
  }
  // The one request that waits: "POST https://...".
  std::string Asked() {
    if (transfers_->waiting.size() != 1) {
      return absl::StrCat(transfers_->waiting.size(), " requests");
    }
    const FakeTransfers::Sent& sent = transfers_->waiting.front();
    const char* const verbs[] = {"POST", "GET", "PATCH", "DELETE"};
    return absl::StrCat(verbs[static_cast<int>(sent.method)], " ", sent.url);
  }
  Json Body() { return Json::parse(transfers_->waiting.front().body); }
  void Answer(int code, const std::string& body = "") {
    transfers_->Answer(code, body);
    Tick();
  }
  std::string Silence(const std::string& id, const std::string& state, absl::Time end) {
    return Json{{"id", id},
                {"status", {{"state", state}}},
                {"comment", comment_},
                {"matchers", matchers_},
                {"startsAt", "2026-11-21T10:00:00.123Z"},
                {"endsAt", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", end, absl::UTCTimeZone())}}
        .dump();
  }
  static std::string Moment(absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
  }
  // What Alertmanager keeps of the request that waits.
  void Note() {
    comment_ = Body()["comment"];
    matchers_ = Body()["matchers"];
  }
  void MakeSilence(const std::string& id) {
    ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
    Note();
    Answer(200, Json{{"silenceID", id}}.dump());
  }
  size_t Kept() {
    return Read([](ReadTx& tx) {
             return tx.ListResources(kFollowedSpanKind, {100, ""});
           })
        .value()
        .items.size();
  }
  std::vector<std::string> GivenUp() {
    std::vector<std::string> words;
    for (const AuditRow& row : Trail()) {
      if (row.entry.action != "notification.failed") continue;
      words.push_back(absl::StrCat(row.entry.resource, " ", row.entry.details.at("subject"), " ",
                                   row.entry.details.at("error")));
    }
    return words;
  }

  const absl::Time begin_ = absl::FromUnixMillis(absl::ToUnixMillis(clock_.Now()));
  std::shared_ptr<const WindowBook> book_;
  std::unique_ptr<WindowWatch> watch_;
  std::unique_ptr<SpanKeeper> keeper_;
  Attempt attempt_;
  std::string comment_;
  Json matchers_ = Json::array();
};

}  // namespace dbfleet::controller
