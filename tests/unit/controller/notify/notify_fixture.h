#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/config/yaml.h"
#include "common/metrics/registry.h"
#include "controller/notify/collector.h"
#include "controller/notify/sender.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {

// Keeps what is to be sent until the test answers.
class FakeTransfers : public transfer::Client {
 public:
  struct Sent {
    std::string url;
    std::vector<std::string> headers;
    std::string body;
    std::string to;
    Done done;
    transfer::Request::Method method = transfer::Request::Method::kPost;

    std::string Header(const std::string& name) const {
      for (const std::string& header : headers) {
        if (header.rfind(name + ": ", 0) == 0) return header.substr(name.size() + 2);
      }
      return "";
    }
  };

  void Start(transfer::Request request, Done done) override {
    Sent sent{request.url.Reveal(), {}, request.body, "", std::move(done), request.method};
    for (const Secret& header : request.headers) sent.headers.push_back(header.Reveal());
    if (request.mail.has_value()) sent.to = request.mail->to;
    waiting.push_back(std::move(sent));
  }
  void Stop() override {}

  // Answers the first that waits.
  void Answer(int code, const std::string& body = "",
              std::optional<absl::Duration> retry_after = std::nullopt) {
    ASSERT_FALSE(waiting.empty());
    Sent sent = std::move(waiting.front());
    waiting.pop_front();
    answered.push_back(sent);
    sent.done(transfer::Response{code, body, retry_after});
  }
  void Fail(const char* reason) {
    ASSERT_FALSE(waiting.empty());
    Sent sent = std::move(waiting.front());
    waiting.pop_front();
    answered.push_back(sent);
    sent.done(Error(absl::StatusCode::kUnavailable, reason, "it did not work"));
  }

  std::deque<Sent> waiting;
  std::vector<Sent> answered;
};

// A store that takes no writes while it is told so.
class FullStore : public Store {
 public:
  explicit FullStore(Store* store) : store_(*store) {}
  void Mutate(Mutation mutation, Done done) override {
    if (full) return done(Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full"));
    store_.Mutate(std::move(mutation), std::move(done));
  }
  absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override {
    return store_.Read(fn);
  }
  uint64_t epoch() const override { return store_.epoch(); }
  const std::string& life() const override { return store_.life(); }

  bool full = false;

 private:
  Store& store_;
};

class NotifyTest : public StoreTest {
 protected:
  NotifyTest() {
    Open();
    EXPECT_TRUE(MakeDirectories(folder_ + "/secrets", 0700).ok());
    WriteSecret("key", "s3cr3t-key");
    WriteSecret("token", "s3cr3t-token");
    WriteSecret("slack", "https://hooks.slack.com/services/s3cr3t-path");
    WriteSecret("hook", "https://h.example/in?team=dba&token=s3cr3t-parameter");
    secrets_ =
        RouteSecrets(folder_ + "/secrets", {{"hook", {"webhook", {"h.example"}}},
                                            {"key", {"webhook", {"h.example", "g.example"}}},
                                            {"token", {"pagerduty", {"events.pagerduty.com"}}},
                                            {"slack", {"slack", {"hooks.slack.com"}}}});
    Restart();
  }

  // As after a restart of the controller: nothing is left but the store.
  void Restart(Sender::Options options = {}) {
    options.random = [] { return 0.999; };
    transfers_ = std::make_unique<FakeTransfers>();
    time_ = std::make_unique<SteadyTime>(clock_);
    full_store_ = std::make_unique<FullStore>(store_.get());
    collector_ = std::make_unique<Collector>(*store_, *time_, registry_);
    sender_ = std::make_unique<Sender>(
        *full_store_, *time_, *transfers_, secrets_, registry_,
        [](std::function<void()> fn) { fn(); }, options);
  }

  void WriteSecret(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/secrets/" + name, text + "\n", 0600).ok());
  }

  // A route of this spec (YAML in braces).
  void Declare(const std::string& name, const std::string& spec) {
    resource::v1::NotificationRoute manifest;
    const absl::Status parsed = config::ParseYaml(
        "test",
        absl::StrCat("apiVersion: dbfleet/v1\nkind: NotificationRoute\nmetadata: {name: ", name,
                     "}\nspec: {", spec, "}\n"),
        &manifest);
    ASSERT_TRUE(parsed.ok()) << parsed;
    FillRoute(&manifest);
    config::Problems problems;
    (void)CompileRoute(manifest, &problems);
    ASSERT_TRUE(problems.ToStatus().ok()) << problems.ToStatus();
    Resource resource;
    resource.id = "notificationroutes/" + name;
    resource.kind = std::string(kRouteKind);
    resource.blob = manifest.SerializeAsString();
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertResource(&resource); }).ok());
  }
  static std::string Hook(const std::string& triggers, const std::string& host = "h.example") {
    return absl::StrCat("triggers: [", triggers, "], webhook: {url: 'https://", host,
                        "/x', signing_secret: key}");
  }

  void Record(const std::string& action, const std::string& resource,
              std::map<std::string, std::string> details = {},
              const std::string& environment = "qa") {
    ASSERT_TRUE(Mutate([&](WriteTx& tx) {
                  return tx.AppendAudit({"users/ada", action, resource, environment, details});
                }).ok());
  }
  void Collect() {
    for (;;) {
      const absl::StatusOr<bool> more = collector_->Collect();
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) return;
    }
  }
  void Send() {
    const absl::StatusOr<bool> sent = sender_->Send();
    ASSERT_TRUE(sent.ok()) << sent.status();
  }
  // Events of as many subjects, collected.
  void Happen(int count, const std::string& prefix = "jobs/J") {
    for (int i = 0; i < count; ++i)
      Record("job.end", absl::StrCat(prefix, i), {{"state", "failed"}});
    Collect();
  }
  std::vector<Notification> Rows(const NotificationFilter& filter = {}) {
    auto page = Read([&](ReadTx& tx) {
                  return tx.outbox_reader().List(filter, {1000, ""});
                }).value();
    std::sort(page.items.begin(), page.items.end(),
              [](const auto& a, const auto& b) { return a.seq < b.seq; });
    return page.items;
  }
  size_t Count(Notification::State state) { return Rows({state, ""}).size(); }

  metrics::Registry registry_;
  RouteSecrets secrets_;
  std::unique_ptr<FullStore> full_store_;  // The sender's.
  std::unique_ptr<FakeTransfers> transfers_;
  std::unique_ptr<SteadyTime> time_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<Sender> sender_;
};

}  // namespace dbfleet::controller
