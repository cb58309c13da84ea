#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/http/server.h"

namespace dbfleet::http {

// Splits a request target ("/a%20b?x=1") into the decoded path and query. INVALID_ARGUMENT
// (BAD_REQUEST_TARGET) for anything but an absolute path, broken escapes, control characters, and
// "." or ".." segments.
absl::Status ParseTarget(absl::string_view target, Request* request);

// The handlers by path. Fill it before use, then it is thread-safe.
class Routes {
 public:
  void Add(absl::string_view method, absl::string_view path, Handler handler);

  // Calls the handler for the request, GET's for HEAD. 404, 405 with `allow` set, 500 if it throws.
  Response Dispatch(const Request& request, std::string* allow) const;

 private:
  using Methods = std::map<std::string, Handler>;
  const Methods* Find(const std::string& path) const;

  std::map<std::string, Methods> by_path_;
};

}  // namespace dbfleet::http
