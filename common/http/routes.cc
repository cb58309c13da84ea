#include "common/http/routes.h"

#include <exception>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool PercentDecode(absl::string_view text, bool plus_is_space, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (absl::ascii_iscntrl(c)) return false;
    out->push_back(c);
  }
  return true;
}

absl::Status BadTarget(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_REQUEST_TARGET",
               absl::StrCat("the request's path ", why));
}

}  // namespace

absl::Status ParseTarget(absl::string_view target, Request* request) {
  if (!absl::StartsWith(target, "/")) return BadTarget("does not begin with /");
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(target, absl::MaxSplits('?', 1));
  if (!PercentDecode(parts.first, false, &request->path)) return BadTarget("has a bad escape");
  for (absl::string_view segment : absl::StrSplit(request->path, '/')) {
    if (segment == "." || segment == "..") return BadTarget("has a dot segment");
  }
  for (absl::string_view pair : absl::StrSplit(parts.second, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> item =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    std::string key, value;
    if (!PercentDecode(item.first, true, &key) || !PercentDecode(item.second, true, &value)) {
      return BadTarget("has a bad escape in its query");
    }
    request->query[key] = value;
  }
  return absl::OkStatus();
}

void Routes::Add(absl::string_view method, absl::string_view path, Handler handler) {
  by_path_[std::string(path)][std::string(method)] = std::move(handler);
}

const Routes::Methods* Routes::Find(const std::string& path) const {
  if (auto it = by_path_.find(path); it != by_path_.end()) return &it->second;
  // The longest registered prefix that ends in "/".
  for (size_t end = path.rfind('/'); end != std::string::npos; end = path.rfind('/', end - 1)) {
    if (auto it = by_path_.find(path.substr(0, end + 1)); it != by_path_.end()) return &it->second;
    if (end == 0) break;
  }
  return nullptr;
}

Response Routes::Dispatch(const Request& request, std::string* allow) const {
  const Methods* methods = Find(request.path);
  if (methods == nullptr) return {.status = 404, .body = "not found\n"};
  auto it = methods->find(request.method);
  if (it == methods->end() && request.method == "HEAD") it = methods->find("GET");
  if (it == methods->end()) {
    *allow = absl::StrJoin(*methods, ", ",
                           [](std::string* out, const auto& entry) { out->append(entry.first); });
    return {.status = 405, .body = "method not allowed\n"};
  }
  try {
    return it->second(request);
  } catch (const std::exception& error) {
    log::Error("an HTTP handler failed", {{"path", request.path}, {"error", error.what()}});
    return {.status = 500, .body = "internal error\n"};
  }
}

}  // namespace dbfleet::http
