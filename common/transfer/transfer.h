#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/secret.h"
#include "common/transfer/address_rules.h"

namespace dbfleet::transfer {

inline constexpr size_t kKeptBody = 2048;

// One mail to one recipient: what an SMTP server accepts for one and refuses for another has two
// outcomes.
struct Mail {
  std::string from;
  std::string to;
  std::string user;  // "": no AUTH.
  Secret password;
  bool starttls = true;  // Demanded; false only for servers that are trusted without TLS.
};

struct Request {
  Secret url;  // http, https; smtp, smtps: the body is the message. May hold a token.
  // Of HTTP: GET and DELETE have no body.
  enum class Method { kPost, kGet, kPatch, kDelete };
  Method method = Method::kPost;
  std::vector<Secret> headers;  // "Name: value"; for HTTP.
  std::string body;
  std::optional<Mail> mail;
  // For all of it: looking up the name, connecting, sending, and the answer.
  absl::Duration timeout = absl::Seconds(30);
  size_t most_body = kKeptBody;  // Of an HTTP answer: what is kept of it.
};

struct Response {
  int code = 0;  // HTTP's status, or SMTP's last reply.
  // Its begin (`most_body`), as it came; of SMTP the first refusal, or the last reply that is no
  // farewell: with what words the server took the mail.
  std::string body;
  std::optional<absl::Duration> retry_after;
};

inline constexpr size_t kMostHeaderBytes = 64 << 10;

// A small client for HTTP(S) and SMTP over libcurl: no redirects, no proxies, no netrc, no
// cookies, TLS 1.2 or later with verification, address rules on each connection, and time limits
// on every phase, so that a receiver that trickles or hangs costs its time-out and no more.
//
// HTTP transfers share one thread, whatever their number. A mail has a thread for its time, of
// `mail_threads`, since libcurl says QUIT to a server that it waits for. Thread-safe.
class Client {
 public:
  struct Options {
    AddressRules addresses;
    std::string ca_file;  // PEM; "": the system's.
    absl::Duration connect_timeout = absl::Seconds(10);
    absl::Duration reply_timeout = absl::Seconds(20);  // Of an SMTP server to one command.
    int mail_threads = 16;
  };

  // Called once for each transfer, on a thread of the client's: it must not block. Without a
  // response: UNAVAILABLE (NAME_UNKNOWN, CONNECT_FAILED, TLS_FAILED, BROKEN_OFF), DEADLINE_EXCEEDED
  // (TIMED_OUT), PERMISSION_DENIED (ADDRESS_REFUSED), INVALID_ARGUMENT (BAD_URL), CANCELLED
  // (STOPPED). An answer whose header came is a response, whatever became of its body. Messages
  // hold neither the URL nor a header.
  using Done = std::function<void(absl::StatusOr<Response>)>;

  static absl::StatusOr<std::unique_ptr<Client>> Create(Options options);
  virtual ~Client() = default;  // Stops.

  virtual void Start(Request request, Done done) = 0;
  // Breaks off what is under way, at once; later transfers end with STOPPED too.
  virtual void Stop() = 0;
};

}  // namespace dbfleet::transfer
