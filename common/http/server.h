#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dbfleet::http {

struct Request {
  std::string method;
  std::string path;  // Without the query, percent-decoded.
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

using Handler = std::function<Response(const Request&)>;

struct Options {
  std::string listen;  // host:port; port 0 takes a free one.
  size_t max_body_bytes = 1 << 20;
  absl::Duration request_timeout = absl::Seconds(30);
  int max_connections = 256;  // Further ones are closed at once.
  int threads = 1;            // Handlers run on these; they should be quick.
};

// A small HTTP/1.1 listener over Boost.Beast: keep-alive, limits on header (16 KiB), body and time.
// Routes are exact paths or prefixes ending in "/". Unknown path 404, other method than registered
// 405, too large 413. HEAD works where GET does. Thread-safe after Start.
class Server {
 public:
  static std::unique_ptr<Server> Create(Options options);
  virtual ~Server() = default;  // Stops.

  virtual void Handle(absl::string_view method, absl::string_view path, Handler handler) = 0;
  // INVALID_ARGUMENT for a bad address, UNAVAILABLE (ADDRESS_IN_USE) if it is taken.
  virtual absl::Status Start() = 0;
  virtual void Stop() = 0;
  virtual int port() const = 0;
};

}  // namespace dbfleet::http
