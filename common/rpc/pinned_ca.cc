#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/pem.h"
#include "common/rpc/tls.h"
#include "common/time/clock.h"

namespace dbfleet::rpc {
namespace {

using crypto::CertPtr;
using crypto::StoreCtxPtr;
using crypto::StorePtr;

using SslCtxPtr = std::unique_ptr<SSL_CTX, crypto::Deleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, crypto::Deleter<SSL_free>>;
using AddressesPtr = std::unique_ptr<addrinfo, crypto::Deleter<freeaddrinfo>>;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// OpenSSL writes to the socket without MSG_NOSIGNAL: a server that hangs up would end this process.
class SigpipeBlocker {
 public:
  SigpipeBlocker() {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &old_mask_);
  }
  ~SigpipeBlocker() {
    const timespec no_wait{};
    while (!was_pending_ && sigtimedwait(&sigpipe_, nullptr, &no_wait) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
  }
  SigpipeBlocker(const SigpipeBlocker&) = delete;
  SigpipeBlocker& operator=(const SigpipeBlocker&) = delete;

 private:
  bool was_pending_ = false;
  sigset_t sigpipe_;
  sigset_t old_mask_;
};

// Waits until the socket is ready, until the deadline that every step shares.
class Deadline {
 public:
  explicit Deadline(absl::Duration timeout)
      : clock_(MakeSystemClock()), end_(clock_->Monotonic() + timeout) {}

  bool WaitFor(int fd, short events) const {
    for (;;) {
      const absl::Duration left = end_ - clock_->Monotonic();
      if (left <= absl::ZeroDuration()) return false;
      pollfd waiting{fd, events, 0};
      const int millis =
          static_cast<int>(std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 1 << 30));
      const int n = poll(&waiting, 1, millis);
      if (n > 0) return true;
      if (n < 0 && errno != EINTR) return false;
    }
  }

 private:
  const std::unique_ptr<Clock> clock_;
  const absl::Duration end_;
};

absl::Status Unreachable(const std::string& address, absl::string_view why) {
  return Error(absl::StatusCode::kUnavailable, "CONTROLLER_UNREACHABLE",
               absl::StrCat("cannot reach ", address, ": ", why));
}

absl::Status Mismatch(const std::string& address, absl::string_view why) {
  return Error(absl::StatusCode::kUnauthenticated, "CA_MISMATCH",
               absl::StrCat("the server at ", address, " ", why,
                            "; compare the address and the fingerprint with the controller's"));
}

absl::Status SplitAddress(const std::string& address, std::string* host, std::string* port) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
                 absl::StrCat("\"", address, "\" is not of the form host:port"));
  }
  *host = address.substr(0, colon);
  *port = address.substr(colon + 1);
  if (host->size() > 2 && host->front() == '[' && host->back() == ']') {
    *host = host->substr(1, host->size() - 2);
  }
  return absl::OkStatus();
}

absl::StatusOr<Socket> ConnectTo(const addrinfo& to, const std::string& address,
                                 const Deadline& deadline) {
  Socket socket(
      ::socket(to.ai_family, to.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to.ai_protocol));
  if (socket.get() < 0) return ErrnoStatus(errno, "socket");
  if (connect(socket.get(), to.ai_addr, to.ai_addrlen) == 0) return socket;
  int error = errno;
  if (error == EINPROGRESS) {
    if (!deadline.WaitFor(socket.get(), POLLOUT)) return Unreachable(address, "timed out");
    socklen_t size = sizeof error;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  }
  if (error != 0) return Unreachable(address, ErrnoStatus(error, "connect").message());
  return socket;
}

absl::StatusOr<Socket> ConnectToAny(const std::string& address, const std::string& host,
                                    const std::string& port, const Deadline& deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return Unreachable(address, gai_strerror(error));
  }
  const AddressesPtr addresses(found);
  absl::Status last = Unreachable(address, "the name has no address");
  for (const addrinfo* to = addresses.get(); to != nullptr; to = to->ai_next) {
    absl::StatusOr<Socket> socket = ConnectTo(*to, address, deadline);
    if (socket.ok()) return socket;
    last = std::move(socket).status();
  }
  return last;
}

absl::StatusOr<SslPtr> NewSession(SSL_CTX* context, const std::string& host, int fd) {
  static constexpr unsigned char kAlpn[] = {2, 'h', '2'};
  SslPtr ssl(SSL_new(context));
  // The result of SSL_set_alpn_protos is 0 on success, unlike its neighbours'.
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1 ||
      SSL_set_alpn_protos(ssl.get(), kAlpn, sizeof kAlpn) != 0 ||
      SSL_set_tlsext_host_name(ssl.get(), host.c_str()) != 1) {
    return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED", crypto::LastError());
  }
  return ssl;
}

absl::Status Handshake(SSL* ssl, int fd, const std::string& address, const Deadline& deadline) {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(ssl);
    if (result == 1) return absl::OkStatus();
    short events = 0;
    switch (SSL_get_error(ssl, result)) {
      case SSL_ERROR_WANT_READ:
        events = POLLIN;
        break;
      case SSL_ERROR_WANT_WRITE:
        events = POLLOUT;
        break;
      default:
        return Unreachable(address, absl::StrCat("TLS handshake failed: ", crypto::LastError()));
    }
    if (!deadline.WaitFor(fd, events)) return Unreachable(address, "TLS handshake timed out");
  }
}

absl::StatusOr<std::string> CheckChain(SSL* ssl, const std::string& address,
                                       absl::string_view pin) {
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  const int size = chain == nullptr ? 0 : sk_X509_num(chain);
  if (size < 2) return Mismatch(address, "does not send its certificate authority");
  X509* leaf = sk_X509_value(chain, 0);
  X509* ca = sk_X509_value(chain, size - 1);
  EVP_PKEY* key = X509_get0_pubkey(ca);
  if (key == nullptr || !ConstantTimeEquals(crypto::SpkiSha256(key), pin)) {
    ERR_clear_error();
    return Mismatch(address, "has another certificate authority than the fingerprint names");
  }
  StorePtr store(X509_STORE_new());
  StoreCtxPtr context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_add_cert(store.get(), ca) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), leaf, nullptr) != 1 ||
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER) != 1) {
    return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED", crypto::LastError());
  }
  if (X509_verify_cert(context.get()) != 1) {
    const char* why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
    ERR_clear_error();
    return Mismatch(address,
                    absl::StrCat("has a certificate that its authority does not bear out: ", why));
  }
  return crypto::WriteCertificate(ca);
}

}  // namespace

absl::StatusOr<std::string> FetchPinnedCa(const std::string& address,
                                          absl::string_view spki_sha256_hex,
                                          absl::Duration timeout) {
  const Deadline deadline(timeout);
  const SigpipeBlocker blocker;
  std::string host;
  std::string port;
  RETURN_IF_ERROR(SplitAddress(address, &host, &port));
  ASSIGN_OR_RETURN(const Socket socket, ConnectToAny(address, host, port, deadline));
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return Error(absl::StatusCode::kInternal, "CRYPTO_FAILED", crypto::LastError());
  }
  // The chain is checked below, under the one certificate authority that the pin names.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  ASSIGN_OR_RETURN(const SslPtr ssl, NewSession(context.get(), host, socket.get()));
  RETURN_IF_ERROR(Handshake(ssl.get(), socket.get(), address, deadline));
  return CheckChain(ssl.get(), address, absl::AsciiStrToLower(spki_sha256_hex));
}

}  // namespace dbfleet::rpc
