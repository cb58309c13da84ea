#include "common/http/server.h"

#include <pthread.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/http/routes.h"
#include "common/log/log.h"

namespace dbfleet::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;

constexpr uint32_t kMaxHeaderBytes = 16 << 10;
constexpr size_t kMaxDrainBytes = 8 << 20;
constexpr size_t kDrainChunkBytes = 16 << 10;
constexpr absl::Duration kStopGrace = absl::Seconds(5);

Request ToRequest(const bhttp::request<bhttp::string_body>& message) {
  Request request;
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string& value = request.headers[absl::AsciiStrToLower(
        absl::string_view(field.name_string().data(), field.name_string().size()))];
    absl::StrAppend(&value, value.empty() ? "" : ", ",
                    absl::string_view(field.value().data(), field.value().size()));
  }
  request.body = message.body();
  return request;
}

class Session;

// What the sessions need of their server.
struct Shared {
  explicit Shared(const Options& options) : options(options) {}

  const Options options;
  Routes routes;
  std::atomic<bool> stopping{false};
  Mutex mutex;
  CondVar all_gone;
  std::set<Session*> sessions ABSL_GUARDED_BY(mutex);
};

// One connection. All its work runs on its socket's strand; it lives until the last of its pending
// operations has ended, held by their handlers.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Shared* shared) : stream_(std::move(socket)), shared_(shared) {}

  ~Session() {
    MutexLock lock(&shared_->mutex);
    if (shared_->sessions.erase(this) > 0 && shared_->sessions.empty()) {
      shared_->all_gone.SignalAll();
    }
  }

  // False if there are too many already.
  bool Enter() {
    MutexLock lock(&shared_->mutex);
    if (shared_->sessions.size() >= static_cast<size_t>(shared_->options.max_connections)) {
      return false;
    }
    shared_->sessions.insert(this);
    return true;
  }

  void Start() {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->Read(); });
  }

  // Ends the connection now if no request has begun on it, else after the response.
  void StopWhenIdle() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
      if (self->parser_.has_value() && !self->parser_->got_some()) self->stream_.close();
    });
  }

 private:
  void SetDeadline() {
    stream_.expires_after(absl::ToChronoNanoseconds(shared_->options.request_timeout));
  }

  void Read() {
    if (shared_->stopping) return Close();
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(shared_->options.max_body_bytes);
    SetDeadline();
    bhttp::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnRead(error); });
  }

  void OnRead(beast::error_code error) {
    if (!error) return Answer();
    if (error == bhttp::error::body_limit) {
      Refuse(413, "the request's body is too large\n");
    } else if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
      Refuse(431, "the request's header is too large\n");
    } else if (error.category() == bhttp::make_error_code(bhttp::error::bad_method).category() &&
               error != bhttp::error::end_of_stream && error != bhttp::error::partial_message) {
      Refuse(400, "bad request\n");
    } else {
      Close();
    }
  }

  // Answers a request that could not be read to its end; the connection cannot be used again.
  void Refuse(int status, absl::string_view text) {
    drain_bytes_ = kMaxDrainBytes;
    Send({.status = status, .body = std::string(text)}, "", false, false);
  }

  // Takes what the client still sends: closing with unread data resets the connection, and the
  // client would lose the answer.
  void Drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kDrainChunkBytes),
                            [self = shared_from_this()](beast::error_code error, size_t n) {
                              if (error || n >= self->drain_bytes_) return;
                              self->drain_bytes_ -= n;
                              self->Drain();
                            });
  }

  void Answer() {
    const auto message = parser_->release();
    parser_.reset();
    Request request = ToRequest(message);
    const bool head = request.method == "HEAD";
    const absl::Status target =
        ParseTarget(absl::string_view(message.target().data(), message.target().size()), &request);
    std::string allow;
    const Response response =
        target.ok() ? shared_->routes.Dispatch(request, &allow)
                    : Response{.status = 400, .body = absl::StrCat(target.message(), "\n")};
    Send(response, allow, head, message.keep_alive() && !shared_->stopping);
  }

  void Send(const Response& response, absl::string_view allow, bool head, bool keep_alive) {
    auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
    message->version(11);
    message->result(static_cast<unsigned>(response.status));
    message->set(bhttp::field::content_type, response.content_type);
    message->set("X-Content-Type-Options", "nosniff");
    message->set(bhttp::field::cache_control, "no-store");
    if (!allow.empty()) message->set(bhttp::field::allow, std::string(allow));
    message->keep_alive(keep_alive);
    message->content_length(response.body.size());
    if (!head) message->body() = response.body;
    SetDeadline();
    bhttp::async_write(
        stream_, *message,
        [self = shared_from_this(), message, keep_alive](beast::error_code error, size_t) {
          if (error || !keep_alive) return self->Close();
          self->Read();
        });
  }

  void Close() {
    parser_.reset();
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (drain_bytes_ == 0 || shared_->stopping) return;
    stream_.expires_after(std::chrono::seconds(2));
    Drain();
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kMaxHeaderBytes + (64 << 10)};
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  size_t drain_bytes_ = 0;  // Above 0 once a request was refused unread.
  Shared* const shared_;
};

absl::Status SplitAddress(const std::string& listen, std::string* host, std::string* port) {
  const size_t colon = listen.rfind(':');
  int number = -1;
  if (colon != std::string::npos && colon > 0 &&
      absl::SimpleAtoi(listen.substr(colon + 1), &number) && number >= 0 && number <= 65535) {
    *host = listen.substr(0, colon);
    *port = absl::StrCat(number);
    if (absl::StartsWith(*host, "[") && absl::EndsWith(*host, "]")) {
      *host = host->substr(1, host->size() - 2);
    }
    if (!host->empty()) return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
               absl::StrCat("cannot listen on \"", listen,
                            "\": write host:port, for example 127.0.0.1:7480 or [::1]:7480"));
}

class ServerImpl : public Server {
 public:
  explicit ServerImpl(Options options)
      : shared_(options), io_(std::max(options.threads, 1)), acceptor_(io_), retry_(io_) {}

  ~ServerImpl() override { Stop(); }

  void Handle(absl::string_view method, absl::string_view path, Handler handler) override {
    shared_.routes.Add(method, path, std::move(handler));
  }

  absl::Status Start() override {
    RETURN_IF_ERROR(Open());
    Accept();
    for (int i = 0; i < std::max(shared_.options.threads, 1); ++i) {
      threads_.emplace_back([this] {
        pthread_setname_np(pthread_self(), "http");
        io_.run();
      });
    }
    return absl::OkStatus();
  }

  void Stop() override {
    if (shared_.stopping.exchange(true)) return;
    asio::post(accept_strand_, [this] {
      beast::error_code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
    });
    for (const auto& session : Sessions()) session->StopWhenIdle();
    {
      MutexLock lock(&shared_.mutex);
      while (!threads_.empty() && !shared_.sessions.empty()) {
        if (shared_.all_gone.WaitWithTimeout(&shared_.mutex, kStopGrace)) break;
      }
    }
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  int port() const override { return port_; }

 private:
  std::vector<std::shared_ptr<Session>> Sessions() {
    std::vector<std::shared_ptr<Session>> alive;
    MutexLock lock(&shared_.mutex);
    for (Session* session : shared_.sessions) {
      // One that is being destroyed is still in the set, waiting for the mutex.
      if (auto held = session->weak_from_this().lock()) alive.push_back(std::move(held));
    }
    return alive;
  }

  absl::Status Open() {
    std::string host, port;
    RETURN_IF_ERROR(SplitAddress(shared_.options.listen, &host, &port));
    beast::error_code error;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(host, port, tcp::resolver::passive, error);
    if (error || found.empty()) {
      return Error(
          absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
          absl::StrCat("cannot listen on \"", shared_.options.listen, "\": ", error.message()));
    }
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (error == asio::error::address_in_use) {
      return Error(absl::StatusCode::kUnavailable, "ADDRESS_IN_USE",
                   absl::StrCat("cannot listen on ", shared_.options.listen,
                                ": another process does; choose another address"));
    }
    if (error) {
      return Error(
          absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
          absl::StrCat("cannot listen on ", shared_.options.listen, ": ", error.message()));
    }
    port_ = acceptor_.local_endpoint().port();
    return absl::OkStatus();
  }

  void Accept() {
    acceptor_.async_accept(
        asio::make_strand(io_),
        asio::bind_executor(accept_strand_, [this](beast::error_code error, tcp::socket socket) {
          OnAccept(error, std::move(socket));
        }));
  }

  void OnAccept(beast::error_code error, tcp::socket socket) {
    if (shared_.stopping || error == asio::error::operation_aborted) return;
    if (error) {
      // Out of descriptors, mostly: trying again at once would spin.
      log::Warn("cannot accept an HTTP connection", {{"error", error.message()}});
      retry_.expires_after(std::chrono::milliseconds(200));
      retry_.async_wait(asio::bind_executor(accept_strand_, [this](beast::error_code cancelled) {
        if (!cancelled && !shared_.stopping) Accept();
      }));
      return;
    }
    auto session = std::make_shared<Session>(std::move(socket), &shared_);
    if (session->Enter()) session->Start();
    Accept();
  }

  Shared shared_;  // Outlives the sessions, which die with io_ at the latest.
  asio::io_context io_;
  asio::strand<asio::io_context::executor_type> accept_strand_ = asio::make_strand(io_);
  tcp::acceptor acceptor_;  // Used on accept_strand_ once started, like retry_.
  asio::steady_timer retry_;
  std::vector<std::thread> threads_;
  int port_ = 0;
};

}  // namespace

std::unique_ptr<Server> Server::Create(Options options) {
  return std::make_unique<ServerImpl>(std::move(options));
}

}  // namespace dbfleet::http
