#include "common/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/http/routes.h"

namespace dbfleet::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout = {20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { close(fd_); }

  bool connected() const { return connected_; }
  void Send(const std::string& text) {
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t n = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += n;
    }
  }
  // Until the server closes.
  std::string ReadAll() {
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = recv(fd_, buffer, sizeof buffer, 0)) > 0;) out.append(buffer, n);
    return out;
  }
  std::string ReadUntil(const std::string& end) {
    std::string out;
    char c;
    while (out.find(end) == std::string::npos && recv(fd_, &c, 1, 0) == 1) out.push_back(c);
    return out;
  }

 private:
  const int fd_;
  bool connected_ = false;
};

class ServerTest : public testing::Test {
 protected:
  void StartServer(Options options = {}) {
    if (options.listen.empty()) options.listen = "127.0.0.1:0";
    server_ = Server::Create(options);
    server_->Handle("GET", "/hello", [](const Request& request) {
      auto name = request.query.find("name");
      return Response{.body =
                          absl::StrCat("hello ", name == request.query.end() ? "" : name->second)};
    });
    server_->Handle("POST", "/echo", [](const Request& request) {
      return Response{.content_type = "application/json", .body = request.body};
    });
    server_->Handle("GET", "/things/",
                    [](const Request& request) { return Response{.body = request.path}; });
    server_->Handle("GET", "/throws",
                    [](const Request&) -> Response { throw std::runtime_error("inside"); });
    ASSERT_TRUE(server_->Start().ok());
    ASSERT_GT(server_->port(), 0);
  }

  std::string Ask(const std::string& request_line, const std::string& rest = "") {
    Connection connection(server_->port());
    connection.Send(request_line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                    (rest.empty() ? "\r\n" : rest));
    return connection.ReadAll();
  }

  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersExactPathsWithQuery) {
  StartServer();
  const std::string answer = Ask("GET /hello?name=a%20b+c&x");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 11\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nhello a b c"));
}

TEST_F(ServerTest, AnswersPrefixesAndBodies) {
  StartServer();
  EXPECT_THAT(Ask("GET /things/a%2fb"), HasSubstr("\r\n\r\n/things/a/b"));
  EXPECT_THAT(Ask("POST /echo", "Content-Length: 2\r\n\r\n{}"), HasSubstr("\r\n\r\n{}"));
}

TEST_F(ServerTest, HeadHasTheLengthButNoBody) {
  StartServer();
  const std::string answer = Ask("HEAD /hello?name=bob");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("hello")));
}

TEST_F(ServerTest, UnknownPathsAndMethodsAreToldApart) {
  StartServer();
  EXPECT_THAT(Ask("GET /nothing"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask("GET /hello/"), StartsWith("HTTP/1.1 404 "));
  const std::string answer = Ask("DELETE /echo");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: POST\r\n"));
}

TEST_F(ServerTest, BadRequestsGet400) {
  StartServer();
  EXPECT_THAT(Ask("GET /things/../hello"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET /%zz"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET /a%00b"), StartsWith("HTTP/1.1 400 "));
  Connection connection(server_->port());
  connection.Send("nonsense\r\n\r\n");
  EXPECT_THAT(connection.ReadAll(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ServerTest, AThrowingHandlerIs500WithoutItsText) {
  StartServer();
  const std::string answer = Ask("GET /throws");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("inside")));
}

TEST_F(ServerTest, TooLargeBodiesGet413AndTheClientSeesIt) {
  StartServer({.max_body_bytes = 1000});
  const std::string body(4 << 20, 'x');
  EXPECT_THAT(Ask("POST /echo", absl::StrCat("Content-Length: ", body.size(), "\r\n\r\n", body)),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask("GET /hello"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, TooLargeHeadersGet431) {
  StartServer();
  EXPECT_THAT(Ask("GET /hello", "X: " + std::string(20000, 'y') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerTest, AConnectionIsKeptForFurtherRequests) {
  StartServer();
  Connection connection(server_->port());
  for (int i = 0; i < 3; ++i) {
    connection.Send("GET /hello?name=x HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(connection.ReadUntil("hello x"), HasSubstr("hello x"));
  }
}

TEST_F(ServerTest, ASlowClientIsCutOff) {
  StartServer({.request_timeout = absl::Milliseconds(200)});
  Connection connection(server_->port());
  connection.Send("GET /hello HTT");
  EXPECT_EQ(connection.ReadAll(), "");
}

TEST_F(ServerTest, ConnectionsAboveTheLimitAreClosed) {
  StartServer({.max_connections = 1});
  Connection first(server_->port());
  first.Send("GET /hello?name=x HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_THAT(first.ReadUntil("hello x"), HasSubstr("hello x"));
  EXPECT_EQ(Ask("GET /hello"), "");
}

TEST_F(ServerTest, StopEndsIdleConnectionsAtOnce) {
  StartServer();
  Connection connection(server_->port());
  connection.Send("GET /hello?name=x HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_THAT(connection.ReadUntil("hello x"), HasSubstr("hello x"));
  const int port = server_->port();
  server_->Stop();
  server_->Stop();
  EXPECT_EQ(connection.ReadAll(), "");
  EXPECT_FALSE(Connection(port).connected());
}

TEST_F(ServerTest, ManyClientsAtOnceAreServedByTwoThreads) {
  StartServer({.threads = 2});
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int k = 0; k < 20; ++k) {
        if (Ask("GET /hello?name=y").find("hello y") != std::string::npos) ++good;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 160);
}

TEST_F(ServerTest, ATakenPortAndABadAddressAreToldApart) {
  StartServer();
  auto second = Server::Create({.listen = absl::StrCat("127.0.0.1:", server_->port())});
  const absl::Status taken = second->Start();
  EXPECT_EQ(taken.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(taken), "ADDRESS_IN_USE");
  for (const char* bad : {"", "7480", ":7480", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"}) {
    auto server = Server::Create({.listen = bad});
    EXPECT_EQ(server->Start().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(ParseTargetTest, SplitsAndDecodes) {
  Request request;
  ASSERT_TRUE(ParseTarget("/a%C3%BC/b?x=%3D&y", &request).ok());
  EXPECT_EQ(request.path, "/aü/b");
  EXPECT_EQ(request.query["x"], "=");
  EXPECT_EQ(request.query.count("y"), 1u);
  for (const char* bad : {"", "a", "*", "/%", "/%2", "/a/./b", "/a/%2e%2e", "/x?a=%"}) {
    Request ignored;
    EXPECT_FALSE(ParseTarget(bad, &ignored).ok()) << bad;
  }
}

TEST(RoutesTest, TheLongestPrefixWins) {
  Routes routes;
  routes.Add("GET", "/", [](const Request&) { return Response{.body = "root"}; });
  routes.Add("GET", "/a/", [](const Request&) { return Response{.body = "a"}; });
  routes.Add("GET", "/a/b", [](const Request&) { return Response{.body = "exact"}; });
  std::string allow;
  const auto body = [&](const char* path) {
    return routes.Dispatch({.method = "GET", .path = path}, &allow).body;
  };
  EXPECT_EQ(body("/a/b"), "exact");
  EXPECT_EQ(body("/a/b/c"), "a");
  EXPECT_EQ(body("/x"), "root");
}

}  // namespace
}  // namespace dbfleet::http
