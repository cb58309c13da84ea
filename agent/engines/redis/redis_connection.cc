#include "agent/engines/redis/redis_connection.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include <sys/time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/engine/account.h"
#include "agent/engine/statement_text.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxValueBytes = 16 << 20;

timeval AtLeastOneMs(absl::Duration d) {
  return absl::ToTimeval(std::max(d, absl::Milliseconds(1)));
}

absl::Status TimedOut(absl::Duration limit) {
  return Error(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT",
               absl::StrCat("the server did not answer within ", absl::FormatDuration(limit)));
}

// hiredis builds replies through these callbacks; ours hand the values on instead of keeping them.
struct Visit {
  const RedisVisitor& visitor;
  std::string error;  // The whole reply is this error.
  bool stopped = false;

  static std::string Path(const redisReadTask* task) {
    std::string path;
    for (; task->parent != nullptr; task = task->parent) {
      path = path.empty() ? absl::StrCat(task->idx + 1) : absl::StrCat(task->idx + 1, ".", path);
    }
    return path;
  }

  // hiredis takes a null object for "out of memory" and gives up, which is what stops a reply.
  static void* Give(const redisReadTask* task, RedisReply::Type type, absl::string_view value) {
    Visit& self = *static_cast<Visit*>(task->privdata);
    if (type == RedisReply::Type::kError && task->parent == nullptr) {
      self.error = std::string(value);
      return &self;
    }
    self.stopped = self.stopped || !self.visitor(Path(task), type, value);
    return self.stopped ? nullptr : &self;
  }

  static void* String(const redisReadTask* task, char* text, size_t size) {
    return Give(
        task, task->type == REDIS_REPLY_ERROR ? RedisReply::Type::kError : RedisReply::Type::kText,
        absl::string_view(text, size));
  }
  static void* Integer(const redisReadTask* task, long long value) {
    return Give(task, RedisReply::Type::kInteger, absl::StrCat(value));
  }
  static void* Nil(const redisReadTask* task) { return Give(task, RedisReply::Type::kNil, ""); }
  static void* Array(const redisReadTask* task, int elements) { return task->privdata; }
  static void Free(void*) {}
};

redisReplyObjectFunctions visit_functions = {Visit::String, Visit::Array, Visit::Integer,
                                             Visit::Nil, Visit::Free};

RedisReply Convert(const redisReply& reply) {
  RedisReply result;
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      result.type = RedisReply::Type::kInteger;
      result.text = absl::StrCat(reply.integer);
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      result.type = RedisReply::Type::kText;
      result.text.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_ERROR:
      result.type = RedisReply::Type::kError;
      result.text.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_ARRAY:
      result.type = RedisReply::Type::kArray;
      for (size_t i = 0; i < reply.elements; ++i) {
        result.elements.push_back(Convert(*reply.element[i]));
      }
      break;
    default:
      break;
  }
  return result;
}

}  // namespace

RedisConnection::RedisConnection(InstanceSpec spec, Options options)
    : spec_(std::move(spec)),
      options_(std::move(options)),
      clock_(MakeSystemClock()),
      start_(clock_->Monotonic()) {}

RedisConnection::~RedisConnection() {
  if (context_ != nullptr) redisFree(context_);
}

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Open(const InstanceSpec& spec,
                                                                       const Options& options) {
  std::unique_ptr<RedisConnection> connection(new RedisConnection(spec, options));
  if (absl::Status status = connection->Connect(); !status.ok()) {
    return Annotate(status, absl::StrCat("connecting to ", spec.endpoint.Describe(), " for ",
                                         NameOf(options.account)));
  }
  return connection;
}

absl::Status RedisConnection::Connect() {
  const Endpoint& endpoint = spec_.endpoint;
  const timeval limit = AtLeastOneMs(options_.deadline);
  context_ = endpoint.socket.empty()
                 ? redisConnectWithTimeout(endpoint.host.c_str(),
                                           endpoint.port > 0 ? endpoint.port : 6379, limit)
                 : redisConnectUnixWithTimeout(endpoint.socket.c_str(), limit);
  if (context_ == nullptr) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY", "no memory to connect");
  }
  if (context_->err != 0) return ContextStatus();
  socket_ = SocketHandle::Duplicate(context_->fd);
  return Authenticate();
}

absl::Status RedisConnection::Authenticate() {
  ASSIGN_OR_RETURN(const AccountConfig account, AccountFor(spec_, options_.account));
  ASSIGN_OR_RETURN(const Secret password, ReadPassword(account));
  const bool is_default = account.user.empty() || account.user == "default";
  if (!is_default) {
    RETURN_IF_ERROR(Command({"AUTH", account.user, password.Reveal()}).status());
  } else if (!password.empty()) {
    // The form with one argument is all that versions before 6 know.
    RETURN_IF_ERROR(Command({"AUTH", password.Reveal()}).status());
  } else {
    RETURN_IF_ERROR(Command({"PING"}).status());
  }
  if (options_.database == 0) return absl::OkStatus();
  return Command({"SELECT", absl::StrCat(options_.database)}).status();
}

absl::Status RedisConnection::ContextStatus() {
  const bool slow = (context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT)) ||
                    clock_->Monotonic() - start_ >= options_.deadline;
  if (slow) return TimedOut(options_.deadline);
  return Error(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE",
               context_->errstr[0] == '\0' ? "the connection was given up"
                                           : SanitizeForDisplay(context_->errstr));
}

absl::Status RedisConnection::LimitNextRead() {
  if (context_->err != 0) return ContextStatus();
  const absl::Duration left = options_.deadline - (clock_->Monotonic() - start_);
  if (left <= absl::ZeroDuration()) {
    // What still arrives belongs to a command that nobody waits for.
    context_->err = REDIS_ERR_OTHER;
    return TimedOut(options_.deadline);
  }
  if (redisSetTimeout(context_, AtLeastOneMs(left)) != REDIS_OK) return ContextStatus();
  return absl::OkStatus();
}

absl::Status RedisConnection::Send(const std::vector<std::string>& words) {
  std::vector<const char*> argv;
  std::vector<size_t> lengths;
  for (const std::string& word : words) {
    argv.push_back(word.data());
    lengths.push_back(word.size());
  }
  RETURN_IF_ERROR(LimitNextRead());
  if (redisAppendCommandArgv(context_, static_cast<int>(words.size()), argv.data(),
                             lengths.data()) != REDIS_OK) {
    return ContextStatus();
  }
  for (int done = 0; done == 0;) {
    RETURN_IF_ERROR(LimitNextRead());
    if (redisBufferWrite(context_, &done) != REDIS_OK) return ContextStatus();
  }
  return absl::OkStatus();
}

absl::Status RedisConnection::WaitFor(bool* done, const std::function<absl::Status()>& take) {
  for (;;) {
    RETURN_IF_ERROR(take());
    if (*done) return absl::OkStatus();
    if (context_->reader->len > kMaxValueBytes) {
      context_->err = REDIS_ERR_OTHER;
      return Error(absl::StatusCode::kResourceExhausted, "VALUE_TOO_LARGE",
                   absl::StrCat("the reply holds a value above ", kMaxValueBytes,
                                " bytes; read a part of it, for example with GETRANGE"));
    }
    RETURN_IF_ERROR(LimitNextRead());
    if (redisBufferRead(context_) != REDIS_OK) return ContextStatus();
  }
}

absl::StatusOr<RedisReply> RedisConnection::Command(const std::vector<std::string>& words) {
  RETURN_IF_ERROR(Send(words));
  RedisReply result;
  bool done = false;
  RETURN_IF_ERROR(WaitFor(&done, [&]() -> absl::Status {
    void* raw = nullptr;
    if (redisGetReplyFromReader(context_, &raw) != REDIS_OK) return ContextStatus();
    if (raw == nullptr) return absl::OkStatus();
    result = Convert(*static_cast<redisReply*>(raw));
    freeReplyObject(raw);
    done = true;
    return absl::OkStatus();
  }));
  if (result.type == RedisReply::Type::kError) return RedisErrorStatus(result.text);
  return result;
}

absl::Status RedisConnection::Visit(const std::vector<std::string>& words,
                                    const RedisVisitor& visitor) {
  RETURN_IF_ERROR(Send(words));
  struct Visit visit = {visitor};
  redisReader* const reader = context_->reader;
  redisReplyObjectFunctions* const usual = std::exchange(reader->fn, &visit_functions);
  void* const usual_data = std::exchange(reader->privdata, &visit);
  bool done = false;
  const absl::Status status = WaitFor(&done, [&]() -> absl::Status {
    void* raw = nullptr;
    const int result = redisGetReplyFromReader(context_, &raw);
    if (visit.stopped) {
      done = true;  // The rest of the reply stays unread, so the connection is of no use any more.
      context_->err = REDIS_ERR_OTHER;
      return absl::OkStatus();
    }
    if (result != REDIS_OK) return ContextStatus();
    done = raw != nullptr;
    return absl::OkStatus();
  });
  // A reply that broke off leaves our object in the reader, which frees it when the connection
  // ends: then our function must still be there to do nothing. No other reply is read from it any
  // more.
  RETURN_IF_ERROR(status);
  if (visit.stopped) return absl::OkStatus();
  reader->fn = usual;
  reader->privdata = usual_data;
  return visit.error.empty() ? absl::OkStatus() : RedisErrorStatus(visit.error);
}

absl::Status RedisErrorStatus(absl::string_view reply) {
  using absl::StatusCode;
  const absl::string_view word = reply.substr(0, reply.find(' '));
  // Texts that repeat the command's arguments show them in quotes.
  const std::string text = Truncate(
      SanitizeForDisplay(word == "NOPERM" ? std::string(reply) : MaskQuoted(reply, '\'')), 1024);
  if (word == "NOAUTH" || word == "WRONGPASS" || word == "DENIED" ||
      absl::StrContains(reply, "invalid password") || absl::StartsWith(reply, "ERR AUTH")) {
    return Error(StatusCode::kUnauthenticated, "DATABASE_AUTH", text);
  }
  if (word == "NOPERM") return Error(StatusCode::kPermissionDenied, "DATABASE_PERMISSION", text);
  if (word == "LOADING" || word == "MASTERDOWN" || word == "BUSY" ||
      absl::StrContains(reply, "max number of clients")) {
    return Error(StatusCode::kUnavailable, "DATABASE_UNREACHABLE", text);
  }
  if (word == "READONLY" || word == "MISCONF" || word == "OOM" || word == "NOREPLICAS") {
    return Error(StatusCode::kFailedPrecondition, "DATABASE_ERROR", text);
  }
  return Error(StatusCode::kInvalidArgument, "BAD_COMMAND", text);
}

}  // namespace dbfleet::agent
