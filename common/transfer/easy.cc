#include "common/transfer/easy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::transfer {
namespace {

std::string AddressText(const curl_sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "?";
  const void* in = address->family == AF_INET
                       ? static_cast<const void*>(
                             &reinterpret_cast<const sockaddr_in*>(&address->addr)->sin_addr)
                       : &reinterpret_cast<const sockaddr_in6*>(&address->addr)->sin6_addr;
  inet_ntop(address->family, in, text, sizeof(text));
  return text;
}

// RFC 9110, 10.2.3: seconds, or a date, which is compared with the answer's own Date: the clocks of
// two machines tell nothing about a delay.
std::optional<absl::Duration> RetryAfter(absl::string_view value, absl::Time answered) {
  int64_t seconds = 0;
  if (absl::SimpleAtoi(value, &seconds)) return absl::Seconds(std::max<int64_t>(0, seconds));
  absl::Time time;
  if (answered == absl::InfinitePast() ||
      !absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", value, &time, nullptr)) {
    return std::nullopt;
  }
  return std::max(absl::ZeroDuration(), time - answered);
}

absl::Status FailureOf(CURLcode code, absl::string_view words) {
  using absl::StatusCode;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_FTP_ACCEPT_TIMEOUT:
      return Error(StatusCode::kDeadlineExceeded, "TIMED_OUT", words);
    case CURLE_COULDNT_RESOLVE_HOST:
      return Error(StatusCode::kUnavailable, "NAME_UNKNOWN", words);
    case CURLE_COULDNT_CONNECT:
      return Error(StatusCode::kUnavailable, "CONNECT_FAILED", words);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED:
      return Error(StatusCode::kUnavailable, "TLS_FAILED", words);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error(StatusCode::kInvalidArgument, "BAD_URL", "the URL cannot be used");
    case CURLE_LOGIN_DENIED:
      return Error(StatusCode::kUnauthenticated, "LOGIN_DENIED", words);
    default:
      return Error(StatusCode::kUnavailable, "BROKEN_OFF", words);
  }
}

}  // namespace

Easy::Easy(Request request, const Client::Options& options, Client::Done done)
    : request_(std::move(request)),
      options_(options),
      done_(std::move(done)),
      handle_(curl_easy_init()) {}

Easy::~Easy() {
  if (handle_ != nullptr) curl_easy_cleanup(handle_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(recipients_);
}

absl::Status Easy::Prepare() {
  if (handle_ == nullptr) {
    return Error(absl::StatusCode::kResourceExhausted, "NO_MEMORY", "libcurl gives no handle");
  }
  const auto milliseconds = [](absl::Duration d) {
    return static_cast<long>(std::max<int64_t>(1, absl::ToInt64Milliseconds(d)));
  };
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer must hold up neither the other transfers nor the end of the
  // process: the thread that waits for it is left behind.
  curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(handle_, CURLOPT_URL, request_.url.Reveal().c_str());
  curl_easy_setopt(handle_, CURLOPT_PROXY, "");
  curl_easy_setopt(handle_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  // A connection serves one transfer, so that nothing of one route reaches another's.
  curl_easy_setopt(handle_, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(handle_, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, milliseconds(request_.timeout));
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_timeout));
  curl_easy_setopt(handle_, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                   std::max(1L, static_cast<long>(absl::ToInt64Seconds(options_.reply_timeout))));
  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(handle_, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(handle_, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(handle_, CURLOPT_OPENSOCKETFUNCTION, &Easy::OnOpen);
  curl_easy_setopt(handle_, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(handle_, CURLOPT_CLOSESOCKETFUNCTION, &Easy::OnClose);
  curl_easy_setopt(handle_, CURLOPT_CLOSESOCKETDATA, this);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Easy::OnBody);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Easy::OnHeader);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  return request_.mail.has_value() ? PrepareMail() : PrepareHttp();
}

absl::Status Easy::PrepareHttp() {
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  using Method = Request::Method;
  if (request_.method == Method::kGet || request_.method == Method::kDelete) {
    curl_easy_setopt(handle_, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(handle_, CURLOPT_POST, 1L);
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_.body.c_str());
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
  }
  if (request_.method == Method::kPatch) {
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, "PATCH");
  } else if (request_.method == Method::kDelete) {
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, "DELETE");
  }
  for (const Secret& header : request_.headers) {
    // What would end the line begins another one.
    if (header.Reveal().find_first_of("\r\n\0", 0, 3) != std::string::npos) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_HEADER",
                   "a header holds a line break or a zero byte");
    }
    headers_ = curl_slist_append(headers_, header.Reveal().c_str());
  }
  headers_ = curl_slist_append(headers_, "Expect:");  // It costs a second where it is not known.
  headers_ = curl_slist_append(headers_, "User-Agent: dbfleet");
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
  return absl::OkStatus();
}

absl::Status Easy::PrepareMail() {
  const Mail& mail = *request_.mail;
  for (const std::string* address : {&mail.from, &mail.to}) {
    if (std::any_of(address->begin(), address->end(), [](char c) {
          return absl::ascii_iscntrl(c) || c == '<' || c == '>' || c == ' ';
        })) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
                   "a mail address holds what no address has");
    }
  }
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle_, CURLOPT_USE_SSL,
                   static_cast<long>(mail.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  if (!mail.user.empty()) {
    curl_easy_setopt(handle_, CURLOPT_USERNAME, mail.user.c_str());
    curl_easy_setopt(handle_, CURLOPT_PASSWORD, mail.password.Reveal().c_str());
  }
  curl_easy_setopt(handle_, CURLOPT_MAIL_FROM, absl::StrCat("<", mail.from, ">").c_str());
  recipients_ = curl_slist_append(recipients_, absl::StrCat("<", mail.to, ">").c_str());
  curl_easy_setopt(handle_, CURLOPT_MAIL_RCPT, recipients_);
  curl_easy_setopt(handle_, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle_, CURLOPT_READFUNCTION, &Easy::OnRead);
  curl_easy_setopt(handle_, CURLOPT_READDATA, this);
  return absl::OkStatus();
}

size_t Easy::OnBody(char* data, size_t size, size_t count, void* self) {
  Easy& easy = *static_cast<Easy*>(self);
  std::string& body = easy.response_.body;
  const size_t most = easy.request_.most_body;
  const size_t room = most - std::min(most, body.size());
  body.append(data, std::min(room, size * count));
  // More is not wanted; what the status said counts.
  return body.size() < most ? size * count : 0;
}

size_t Easy::OnHeader(char* data, size_t size, size_t count, void* self) {
  Easy& easy = *static_cast<Easy*>(self);
  easy.header_bytes_ += size * count;
  if (easy.header_bytes_ > kMostHeaderBytes) return 0;
  easy.HeaderLine(absl::string_view(data, size * count));
  return size * count;
}

void Easy::HeaderLine(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (request_.mail.has_value()) {
    // What was refused, and what the server said when it took the mail, is worth more than what it
    // says behind that: its words of farewell (221), or that it closes (421).
    const bool refused =
        !response_.body.empty() && (response_.body[0] == '4' || response_.body[0] == '5');
    if (refused || mail_taken_) return;
    if (absl::StartsWith(line, "354")) mail_begun_ = true;
    mail_taken_ = mail_begun_ && absl::StartsWith(line, "2");
    response_.body = std::string(line.substr(0, kKeptBody));
    return;
  }
  if (line.empty()) {
    long code = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &code);
    header_complete_ = code >= 200;  // An interim answer has its own header.
    response_.code = static_cast<int>(code);
    return;
  }
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return;
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (absl::EqualsIgnoreCase(name, "date")) {
    absl::Time time;
    if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", value, &time, nullptr)) answered_ = time;
  } else if (absl::EqualsIgnoreCase(name, "retry-after")) {
    retry_after_ = std::string(value);
  }
}

size_t Easy::OnRead(char* data, size_t size, size_t count, void* self) {
  Easy& easy = *static_cast<Easy*>(self);
  const std::string& body = easy.request_.body;
  const size_t n = std::min(size * count, body.size() - easy.sent_);
  std::memcpy(data, body.data() + easy.sent_, n);
  easy.sent_ += n;
  return n;
}

curl_socket_t Easy::OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
  Easy& easy = *static_cast<Easy*>(self);
  if (!easy.options_.addresses.Allows(&address->addr)) {
    easy.refused_ = AddressText(address);
    return CURL_SOCKET_BAD;
  }
  const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  MutexLock lock(&easy.mutex_);
  easy.socket_ = fd;
  return fd;
}

int Easy::OnClose(void* self, curl_socket_t socket) {
  Easy& easy = *static_cast<Easy*>(self);
  MutexLock lock(&easy.mutex_);
  if (easy.socket_ == socket) easy.socket_ = CURL_SOCKET_BAD;
  return close(socket);
}

void Easy::Cut() {
  MutexLock lock(&mutex_);
  if (socket_ != CURL_SOCKET_BAD) shutdown(socket_, SHUT_RDWR);
}

absl::StatusOr<Response> Easy::ResultOf(CURLcode code) const {
  Response response = response_;
  if (request_.mail.has_value()) {
    long reply = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &reply);
    response.code = static_cast<int>(reply);
    // A server that said no is an answer.
    const bool refused = reply >= 400 && reply < 600;
    if (code == CURLE_OK || refused) return response;
  } else if (header_complete_) {
    if (!retry_after_.empty()) response.retry_after = RetryAfter(retry_after_, answered_);
    return response;
  }
  if (!refused_.empty() && code == CURLE_COULDNT_CONNECT) {
    return Error(absl::StatusCode::kPermissionDenied, "ADDRESS_REFUSED",
                 absl::StrCat("the receiver's address ", refused_,
                              " is not one of the public internet, and the controller's "
                              "configuration does not allow its network "
                              "(notifications.allowed_networks)"));
  }
  const std::string words = SanitizeForDisplay(
      error_[0] != '\0' ? Truncate(error_, 300) : std::string(curl_easy_strerror(code)));
  return FailureOf(code, words);
}

void Easy::End(CURLcode code) { std::exchange(done_, nullptr)(ResultOf(code)); }

void Easy::End(absl::Status status) { std::exchange(done_, nullptr)(std::move(status)); }

}  // namespace dbfleet::transfer
