#include <curl/curl.h>

#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/call_once.h"

#include "common/base/status.h"
#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/transfer/easy.h"
#include "common/transfer/transfer.h"

namespace dbfleet::transfer {
namespace {

constexpr int kPollMs = 1000;
constexpr int kMailPollMs = 200;

absl::Status Stopped() {
  return Error(absl::StatusCode::kCancelled, "STOPPED", "the controller is stopping");
}

class CurlClient : public Client {
 public:
  CurlClient(Options options, CURLM* multi)
      : options_(std::move(options)),
        multi_(multi),
        mails_(MakeThreadPool("mail", options_.mail_threads)),
        thread_([this] { Run(); }) {}

  ~CurlClient() override {
    Stop();
    curl_multi_cleanup(multi_);
  }

  void Start(Request request, Done done) override {
    const bool mail = request.mail.has_value();
    auto easy = std::make_shared<Easy>(std::move(request), options_, std::move(done));
    if (const absl::Status ready = easy->Prepare(); !ready.ok()) return easy->End(ready);
    if (mail) {
      if (!mails_->Add([this, easy] { SendMail(easy); })) easy->End(Stopped());
      return;
    }
    {
      MutexLock lock(&mutex_);
      if (!stopping_) {
        waiting_.push_back(std::move(easy));
        curl_multi_wakeup(multi_);
        return;
      }
    }
    easy->End(Stopped());
  }

  void Stop() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      for (Easy* easy : mailing_) easy->Cut();
      curl_multi_wakeup(multi_);
    }
    if (thread_.joinable()) thread_.join();
    mails_->Shutdown();
  }

 private:
  using Transfers = std::vector<std::shared_ptr<Easy>>;

  bool stopping() {
    MutexLock lock(&mutex_);
    return stopping_;
  }

  void Run() {
    std::set<std::shared_ptr<Easy>> running;
    for (;;) {
      Transfers added;
      {
        MutexLock lock(&mutex_);
        if (stopping_) break;
        added.swap(waiting_);
      }
      for (std::shared_ptr<Easy>& easy : added) {
        if (curl_multi_add_handle(multi_, easy->handle()) != CURLM_OK) {
          easy->End(Error(absl::StatusCode::kInternal, "CURL_FAILED", "libcurl takes no transfer"));
          continue;
        }
        running.insert(std::move(easy));
      }
      int active = 0;
      curl_multi_perform(multi_, &active);
      End(&running);
      curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
    Transfers rest(running.begin(), running.end());
    for (const std::shared_ptr<Easy>& easy : rest) curl_multi_remove_handle(multi_, easy->handle());
    {
      MutexLock lock(&mutex_);
      rest.insert(rest.end(), waiting_.begin(), waiting_.end());
      waiting_.clear();
    }
    for (const std::shared_ptr<Easy>& easy : rest) easy->End(Stopped());
  }

  void End(std::set<std::shared_ptr<Easy>>* running) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      CURL* const handle = message->easy_handle;
      for (auto it = running->begin(); it != running->end(); ++it) {
        if ((*it)->handle() != handle) continue;
        const std::shared_ptr<Easy> easy = *it;
        curl_multi_remove_handle(multi_, handle);
        running->erase(it);
        easy->End(code);
        break;
      }
    }
  }

  // By a loop of its own, and not curl_easy_perform, so that Stop ends it in every phase.
  void SendMail(const std::shared_ptr<Easy>& easy) {
    {
      MutexLock lock(&mutex_);
      if (!stopping_) mailing_.insert(easy.get());
    }
    CURLM* const multi = curl_multi_init();
    bool ended = multi == nullptr || curl_multi_add_handle(multi, easy->handle()) != CURLM_OK;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    while (!ended && !stopping()) {
      int active = 0, left = 0;
      curl_multi_perform(multi, &active);
      while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        code = message->data.result;
        ended = true;
      }
      if (!ended) curl_multi_poll(multi, nullptr, 0, kMailPollMs, nullptr);
    }
    if (multi != nullptr) {
      curl_multi_remove_handle(multi, easy->handle());
      curl_multi_cleanup(multi);
    }
    {
      MutexLock lock(&mutex_);
      mailing_.erase(easy.get());
    }
    if (ended) {
      easy->End(code);
    } else {
      easy->End(Stopped());
    }
  }

  const Options options_;
  CURLM* const multi_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Transfers waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<Easy*> mailing_ ABSL_GUARDED_BY(mutex_);
  const std::unique_ptr<Executor> mails_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(Options options) {
  static absl::once_flag once;
  absl::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  CURLM* const multi = curl_multi_init();
  if (multi == nullptr) {
    return Error(absl::StatusCode::kResourceExhausted, "NO_MEMORY", "libcurl gives no handle");
  }
  return std::make_unique<CurlClient>(std::move(options), multi);
}

}  // namespace dbfleet::transfer
