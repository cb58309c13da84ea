#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "common/transfer/transfer.h"

// Takes the place of the C library's, also for libcurl: one name is looked up for ever.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  static std::atomic<int> hung{0};
  if (node != nullptr && std::string(node) == "hangs.example" && ++hung > 0) {
    poll(nullptr, 0, 20'000);
    return EAI_AGAIN;
  }
  const auto real = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(node, service, hints, result);
}

namespace dbfleet::transfer {
namespace {

// A server that answers each connection as told; connections are served one after the other.
class Peer {
 public:
  explicit Peer(std::function<void(int)> serve) : serve_(std::move(serve)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (;;) {
        const int fd = accept(listener_, nullptr, nullptr);
        if (fd < 0) return;
        ++connections;
        serve_(fd);
        close(fd);
      }
    });
  }
  ~Peer() {
    shutdown(listener_, SHUT_RDWR);
    close(listener_);
    thread_.join();
  }
  std::string Url() const { return absl::StrCat("http://127.0.0.1:", port_, "/x?token=s3cr3t"); }
  int port() const { return port_; }

  static std::string Read(int fd) {
    char buffer[4096];
    const ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
    return n <= 0 ? "" : std::string(buffer, static_cast<size_t>(n));
  }
  static void Write(int fd, const std::string& text) {
    (void)send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Until the other side goes.
  static void Hang(int fd) {
    while (!Read(fd).empty()) {
    }
  }

  std::atomic<int> connections{0};

 private:
  const std::function<void(int)> serve_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

class ClientTest : public ::testing::Test {
 protected:
  void Open(bool local = true) {
    Client::Options options;
    if (local) options.addresses = *AddressRules::Make({"127.0.0.0/8"});
    options.connect_timeout = absl::Seconds(2);
    options.reply_timeout = absl::Seconds(1);
    client_ = *Client::Create(std::move(options));
  }
  absl::StatusOr<Response> Send(Request request) {
    struct Result {
      Mutex mutex;
      CondVar changed;
      std::unique_ptr<absl::StatusOr<Response>> value;
    };
    auto result = std::make_shared<Result>();
    client_->Start(std::move(request), [result](absl::StatusOr<Response> response) {
      MutexLock lock(&result->mutex);
      result->value = std::make_unique<absl::StatusOr<Response>>(std::move(response));
      result->changed.SignalAll();
    });
    MutexLock lock(&result->mutex);
    while (result->value == nullptr) result->changed.Wait(&result->mutex);
    return *result->value;
  }
  absl::StatusOr<Response> Post(const std::string& url,
                                absl::Duration timeout = absl::Seconds(10)) {
    Request request;
    request.url = Secret(url);
    request.headers.push_back(Secret("X-Thing: 1"));
    request.body = "hello";
    request.timeout = timeout;
    return Send(std::move(request));
  }

  const std::unique_ptr<Clock> clock_ = MakeSystemClock();
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, PostsAndGivesTheAnswer) {
  std::string seen;
  Peer peer([&](int fd) {
    while (seen.find("hello") == std::string::npos) seen += Peer::Read(fd);
    Peer::Write(fd, "HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nwait");
  });
  Open();
  const auto response = Post(peer.Url());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code, 429);
  EXPECT_EQ(response->body, "wait");
  EXPECT_EQ(response->retry_after, absl::Seconds(7));
  EXPECT_NE(seen.find("POST /x?token=s3cr3t HTTP/1.1"), std::string::npos) << seen;
  EXPECT_NE(seen.find("X-Thing: 1"), std::string::npos) << seen;
}

TEST_F(ClientTest, RetryAfterMayBeADateByTheReceiversClock) {
  Peer peer([&](int fd) {
    Peer::Read(fd);
    Peer::Write(fd,
                "HTTP/1.1 503 No\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
                "Retry-After: Wed, 21 Oct 2015 07:30:00 GMT\r\nContent-Length: 0\r\n\r\n");
  });
  Open();
  const auto response = Post(peer.Url());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->retry_after, absl::Minutes(2));
}

TEST_F(ClientTest, RedirectsAreNotFollowed) {
  Peer other([](int) {});
  Peer peer([&](int fd) {
    Peer::Read(fd);
    Peer::Write(fd, absl::StrCat("HTTP/1.1 302 There\r\nLocation: ", other.Url(),
                                 "\r\nContent-Length: 0\r\n\r\n"));
  });
  Open();
  const auto response = Post(peer.Url());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code, 302);
  EXPECT_EQ(other.connections, 0);
}

TEST_F(ClientTest, AddressesAreCheckedWhereTheConnectionIsMade) {
  Peer peer([](int) {});
  Open(/*local=*/false);
  for (const std::string& host :
       {std::string("127.0.0.1"), std::string("localhost"), std::string("[::ffff:127.0.0.1]")}) {
    const auto response = Post(absl::StrCat("http://", host, ":", peer.port(), "/"));
    EXPECT_EQ(ReasonOf(response.status()), "ADDRESS_REFUSED") << host << response.status();
  }
  EXPECT_EQ(peer.connections, 0);
}

TEST_F(ClientTest, AReceiverThatHangsCostsItsTimeOutAndNoOther) {
  Peer hanging([](int fd) { Peer::Hang(fd); });
  Peer quick([](int fd) {
    Peer::Read(fd);
    Peer::Write(fd, "HTTP/1.1 204 Good\r\n\r\n");
  });
  Open();
  std::atomic<bool> ended{false};
  Request slow;
  slow.url = Secret(hanging.Url());
  slow.timeout = absl::Seconds(3);
  const absl::Duration begin = clock_->Monotonic();
  client_->Start(std::move(slow), [&](absl::StatusOr<Response> response) {
    EXPECT_EQ(ReasonOf(response.status()), "TIMED_OUT");
    ended = true;
  });
  EXPECT_TRUE(Post(quick.Url()).ok());
  EXPECT_FALSE(ended);
  EXPECT_LT(clock_->Monotonic() - begin, absl::Seconds(2));
  while (!ended && clock_->Monotonic() - begin < absl::Seconds(20)) Post(quick.Url()).IgnoreError();
  EXPECT_TRUE(ended);
}

TEST_F(ClientTest, WhatTheStatusSaidCountsWhateverBecomesOfTheBody) {
  Peer trickling([](int fd) {
    Peer::Read(fd);
    Peer::Write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n.");
    Peer::Hang(fd);
  });
  Open();
  const auto slow = Post(trickling.Url(), absl::Seconds(1));
  ASSERT_TRUE(slow.ok()) << slow.status();
  EXPECT_EQ(slow->code, 200);

  Peer flooding([](int fd) {
    Peer::Read(fd);
    Peer::Write(fd, "HTTP/1.1 500 Bad\r\nContent-Length: 1000000\r\n\r\n");
    for (int i = 0; i < 1000; ++i) Peer::Write(fd, std::string(1000, 'x'));
  });
  const auto large = Post(flooding.Url());
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(large->code, 500);
  EXPECT_LE(large->body.size(), kKeptBody);
}

TEST_F(ClientTest, OtherMethodsAndLongerAnswersAreToBeHad) {
  std::string asked;
  Peer peer([&](int fd) {
    asked = Peer::Read(fd);
    Peer::Write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + std::string(9000, 'x'));
  });
  Open();
  const auto send = [&](Request::Method method, const std::string& body) {
    Request request;
    request.url = Secret(peer.Url());
    request.method = method;
    request.body = body;
    request.most_body = 1 << 20;
    const auto response = Send(std::move(request));
    EXPECT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response.ok() ? response->body.size() : 0, 9000u);
    return asked.substr(0, asked.find(' ')) +
           (asked.find("\r\n\r\nhello") == std::string::npos ? "" : " with a body");
  };
  EXPECT_EQ(send(Request::Method::kGet, ""), "GET");
  EXPECT_EQ(send(Request::Method::kDelete, ""), "DELETE");
  EXPECT_EQ(send(Request::Method::kPatch, "hello"), "PATCH with a body");
  EXPECT_EQ(send(Request::Method::kPost, "hello"), "POST with a body");
}

TEST_F(ClientTest, AConnectionThatIsClosedMidwayIsNoAnswer) {
  Peer peer([](int fd) {
    Peer::Read(fd);
    Peer::Write(fd, "HTTP/1.1 200 OK\r\nContent-Le");
  });
  Open();
  const auto response = Post(peer.Url());
  EXPECT_EQ(ReasonOf(response.status()), "BROKEN_OFF") << response.status();
}

TEST_F(ClientTest, ErrorsDoNotHoldTheUrl) {
  Open();
  for (const char* url : {"http://127.0.0.1:1/x?token=s3cr3t", "ftp://127.0.0.1/s3cr3t",
                          "http://no-such-host.invalid/s3cr3t"}) {
    const auto response = Post(url);
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(std::string(response.status().message()).find("s3cr3t"), std::string::npos)
        << response.status();
  }
}

TEST_F(ClientTest, AHeaderWithALineBreakIsRefused) {
  Open();
  Request request;
  request.url = Secret("http://127.0.0.1:1/");
  request.headers.push_back(Secret("X: 1\r\nY: 2"));
  EXPECT_EQ(ReasonOf(Send(std::move(request)).status()), "BAD_HEADER");
}

Request MailTo(int port) {
  Request request;
  request.url = Secret(absl::StrCat("smtp://127.0.0.1:", port));
  request.mail = Mail{"a@example.com", "b@example.com", "", {}, false};
  request.body = "Subject: x\r\n\r\nhello\r\n";
  request.timeout = absl::Seconds(10);
  return request;
}

// A server that takes a mail for whom it answers RCPT so.
void ServeMail(int fd, const std::string& to_recipient, bool says_farewell,
               const std::string& farewell = "221 bye\r\n") {
  Peer::Write(fd, "220 here\r\n");
  for (;;) {
    const std::string line = Peer::Read(fd);
    if (line.empty()) return;
    if (line.rfind("EHLO", 0) == 0) {
      Peer::Write(fd, "250 peer\r\n");
    } else if (line.rfind("RCPT", 0) == 0) {
      Peer::Write(fd, to_recipient);
    } else if (line.rfind("DATA", 0) == 0) {
      Peer::Write(fd, "354 go on\r\n");
    } else if (line.find("\r\n.\r\n") != std::string::npos || line == ".\r\n") {
      Peer::Write(fd, "250 taken\r\n");
    } else if (line.rfind("QUIT", 0) == 0) {
      if (!says_farewell) return Peer::Hang(fd);
      Peer::Write(fd, farewell);
    } else if (line.rfind("MAIL", 0) == 0) {
      Peer::Write(fd, "250 fine\r\n");
    }
  }
}

TEST_F(ClientTest, AMailServerThatDoesNotAnswerQuitHoldsNothingUpForLong) {
  Peer peer([](int fd) { ServeMail(fd, "250 fine\r\n", false); });
  Open();
  const absl::Duration begin = clock_->Monotonic();
  const auto response = Send(MailTo(peer.port()));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code / 100, 2) << response->code;
  EXPECT_LT(clock_->Monotonic() - begin, absl::Seconds(8));
}

TEST_F(ClientTest, WithWhatWordsAMailWasTakenIsKeptAndNotTheFarewell) {
  Peer peer([](int fd) { ServeMail(fd, "250 fine\r\n", true); });
  Open();
  const auto response = Send(MailTo(peer.port()));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code, 250);
  EXPECT_EQ(response->body, "250 taken");
}

TEST_F(ClientTest, AMailThatWasTakenIsNotRefusedByAServerThatCloses) {
  Peer peer([](int fd) { ServeMail(fd, "250 fine\r\n", true, "421 closing\r\n"); });
  Open();
  const auto response = Send(MailTo(peer.port()));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "250 taken");
}

TEST_F(ClientTest, ARefusedRecipientIsAnAnswer) {
  Peer peer([](int fd) { ServeMail(fd, "550 nobody here\r\n", true); });
  Open();
  const auto response = Send(MailTo(peer.port()));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code, 550);
  EXPECT_NE(response->body.find("nobody here"), std::string::npos);
}

TEST_F(ClientTest, TlsThatTheServerDoesNotOfferIsNotDoneWithout) {
  Peer peer([](int fd) { ServeMail(fd, "250 fine\r\n", false); });
  Open();
  Request request = MailTo(peer.port());
  request.mail->starttls = true;
  request.mail->user = "u";
  request.mail->password = Secret("s3cr3t");
  EXPECT_EQ(ReasonOf(Send(std::move(request)).status()), "TLS_FAILED");
}

TEST_F(ClientTest, AnAddressCannotHoldACommand) {
  Open();
  Request request = MailTo(1);
  request.mail->to = "b@example.com>\r\nRCPT TO:<c@example.com";
  EXPECT_EQ(ReasonOf(Send(std::move(request)).status()), "BAD_ADDRESS");
}

TEST_F(ClientTest, ANameServerThatDoesNotAnswerHoldsUpNeitherOthersNorTheEnd) {
  Peer quick([](int fd) {
    Peer::Read(fd);
    Peer::Write(fd, "HTTP/1.1 204 Good\r\n\r\n");
  });
  Open();
  const absl::Duration begin = clock_->Monotonic();
  EXPECT_EQ(ReasonOf(Post("http://hangs.example/", absl::Seconds(1)).status()), "TIMED_OUT");
  Request web;
  web.url = Secret("http://hangs.example/");
  Request mail = MailTo(25);
  mail.url = Secret("smtp://hangs.example");
  client_->Start(std::move(web), [](absl::StatusOr<Response>) {});
  client_->Start(std::move(mail), [](absl::StatusOr<Response>) {});
  EXPECT_TRUE(Post(quick.Url()).ok());
  client_->Stop();
  client_.reset();
  EXPECT_LT(clock_->Monotonic() - begin, absl::Seconds(6));
}

TEST_F(ClientTest, StoppingBreaksOffWhatHangs) {
  Peer web([](int fd) { Peer::Hang(fd); });
  Peer mail([](int fd) { Peer::Hang(fd); });
  Open();
  std::atomic<int> stopped{0};
  const auto count = [&](absl::StatusOr<Response> response) {
    if (ReasonOf(response.status()) == "STOPPED") ++stopped;
  };
  Request request;
  request.url = Secret(web.Url());
  client_->Start(std::move(request), count);
  client_->Start(MailTo(mail.port()), count);
  const absl::Duration begin = clock_->Monotonic();
  while (web.connections + mail.connections < 2 && clock_->Monotonic() - begin < absl::Seconds(5)) {
    std::this_thread::yield();
  }
  client_->Stop();
  EXPECT_LT(clock_->Monotonic() - begin, absl::Seconds(5));
  EXPECT_EQ(stopped, 2);
  client_->Start(MailTo(mail.port()), count);
  EXPECT_EQ(stopped, 3);
}

}  // namespace
}  // namespace dbfleet::transfer
