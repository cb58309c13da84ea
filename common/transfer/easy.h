#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/transfer/transfer.h"

namespace dbfleet::transfer {

// One transfer's libcurl handle with all its options, and what libcurl told meanwhile. Used by one
// thread, but for Cut.
class Easy {
 public:
  Easy(Request request, const Client::Options& options, Client::Done done);
  ~Easy();
  Easy(const Easy&) = delete;
  Easy& operator=(const Easy&) = delete;

  // INVALID_ARGUMENT (BAD_URL), RESOURCE_EXHAUSTED.
  absl::Status Prepare();
  CURL* handle() const { return handle_; }
  // Calls `done`.
  void End(CURLcode code);
  void End(absl::Status status);
  // Shuts the connection down, so that whatever waits for it goes on. From any thread.
  void Cut();

 private:
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnRead(char* data, size_t size, size_t count, void* self);
  static curl_socket_t OnOpen(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int OnClose(void* self, curl_socket_t socket);

  absl::Status PrepareHttp();
  absl::Status PrepareMail();
  void HeaderLine(absl::string_view line);
  absl::StatusOr<Response> ResultOf(CURLcode code) const;

  const Request request_;
  const Client::Options& options_;
  Client::Done done_;
  CURL* const handle_;
  curl_slist* headers_ = nullptr;
  curl_slist* recipients_ = nullptr;
  char error_[CURL_ERROR_SIZE] = "";
  Response response_;
  bool header_complete_ = false;
  std::string retry_after_;
  absl::Time answered_ = absl::InfinitePast();  // By the receiver's clock.
  size_t header_bytes_ = 0;
  size_t sent_ = 0;
  bool mail_begun_ = false;  // The server has asked for the mail's text (354),
  bool mail_taken_ = false;  // and said that it has it.
  std::string refused_;      // The address that the rules refused.
  Mutex mutex_;
  curl_socket_t socket_ ABSL_GUARDED_BY(mutex_) = CURL_SOCKET_BAD;
};

}  // namespace dbfleet::transfer
