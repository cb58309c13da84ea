#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "agent/engine/socket_handle.h"
#include "common/time/clock.h"

struct redisContext;
struct redisReadTask;

namespace dbfleet::agent {

// One reply of the server.
struct RedisReply {
  enum class Type { kNil, kText, kInteger, kArray, kError };
  Type type = Type::kNil;
  std::string text;  // Of kText and kError; an integer's digits.
  std::vector<RedisReply> elements;
};

// Gets a reply's values one by one as they arrive, so that a long reply need not be held. `path` is
// the place in nested arrays, "2.1" for the first element of the second; "" for a reply that is one
// value. False stops reading; the connection is closed then.
using RedisVisitor =
    std::function<bool(const std::string& path, RedisReply::Type type, absl::string_view value)>;

// One connection to a Redis server, authenticated. All its calls together end by `deadline`,
// counted from Open, whatever the server does. Not thread-safe but for Break; no exception. Errors
// as engine.h documents, also PERMISSION_DENIED (DATABASE_PERMISSION) and INVALID_ARGUMENT
// (BAD_COMMAND). After UNAVAILABLE or DEADLINE_EXCEEDED it is dead: every further call fails.
class RedisConnection {
 public:
  struct Options {
    AccountUse account = AccountUse::kInspect;
    int database = 0;
    absl::Duration deadline = absl::Seconds(5);
  };
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Open(const InstanceSpec& spec,
                                                               const Options& options);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // One command, its words sent as they are. The server's refusal is an error.
  absl::StatusOr<RedisReply> Command(const std::vector<std::string>& words);

  // The same for replies of any length. A single value above 16 MiB is RESOURCE_EXHAUSTED
  // (VALUE_TOO_LARGE).
  absl::Status Visit(const std::vector<std::string>& words, const RedisVisitor& visitor);

  // Cuts the connection: a call that waits and all later ones are UNAVAILABLE. Does not block.
  // Thread-safe.
  void Break() { socket_.Cut(); }

 private:
  RedisConnection(InstanceSpec spec, Options options);
  absl::Status Connect();
  absl::Status Authenticate();
  absl::Status Send(const std::vector<std::string>& words);
  absl::Status WaitFor(bool* done, const std::function<absl::Status()>& take);
  absl::Status LimitNextRead();
  absl::Status ContextStatus();

  const InstanceSpec spec_;
  const Options options_;
  const std::unique_ptr<Clock> clock_;
  const absl::Duration start_;
  redisContext* context_ = nullptr;
  SocketHandle socket_;  // Of context_; set before anybody else knows of us.
};

// The server's error reply as a status.
absl::Status RedisErrorStatus(absl::string_view reply);

}  // namespace dbfleet::agent
