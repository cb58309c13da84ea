#include "tests/bench/floors/rpc_floor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <iostream>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/rpc/x509.h"
#include "common/time/clock.h"
#include "tests/bench/floors/usage.h"

namespace dbfleet::bench {
namespace {

// A process of our own that ends with us at the latest, and what it wrote.
struct Child {
  pid_t pid = -1;
  int output = -1;
};

absl::StatusOr<Child> Fork(const std::function<void(int out)>& body) {
  std::array<int, 2> ends;
  if (pipe(ends.data()) != 0) return ErrnoStatus(errno, "pipe");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    close(ends[0]);
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  return Child{pid, ends[0]};
}

void End(const Child& child) {
  kill(child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
  close(child.output);
}

template <typename T>
absl::StatusOr<T> ReadFrom(const Child& child, const char* whose) {
  T value;
  if (read(child.output, &value, sizeof(value)) == static_cast<ssize_t>(sizeof(value))) {
    return value;
  }
  return absl::InternalError(absl::StrCat("the ", whose, " process failed"));
}

absl::StatusOr<RpcRun> RunOnce(const Certificates& certificates, int streams, double seconds) {
  ASSIGN_OR_RETURN(const Child server, Fork([&](int out) { ServePings(certificates, out); }));
  const absl::Cleanup end_server = [&] { End(server); };
  ASSIGN_OR_RETURN(const int port, ReadFrom<int>(server, "server's"));
  ASSIGN_OR_RETURN(const Child client, Fork([&](int out) {
                     const auto run = RunPings(certificates, port, server.pid, streams, seconds);
                     if (!run.ok()) std::cerr << run.status() << std::endl;
                     if (!run.ok() || write(out, &*run, sizeof(*run)) != sizeof(*run)) _exit(1);
                   }));
  const absl::Cleanup end_client = [&] { End(client); };
  return ReadFrom<RpcRun>(client, "client's");
}

}  // namespace

absl::StatusOr<Certificates> MakeCertificates() {
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  const absl::Time now = clock->Now();
  ASSIGN_OR_RETURN(const rpc::CaMaterial ca, rpc::MakeCa("floors", now, absl::Hours(1)));
  Certificates certificates;
  certificates.ca_pem = ca.certificate_pem;
  for (const bool server : {true, false}) {
    const char* const name = server ? "127.0.0.1" : "client";
    ASSIGN_OR_RETURN(const rpc::KeyAndRequest key, rpc::MakeKeyAndRequest(name));
    rpc::IssueRequest request;
    request.csr_pem = key.csr_pem;
    request.common_name = name;
    if (server) request.ip_addresses = {name};
    request.not_before = now - absl::Minutes(1);
    request.not_after = now + absl::Hours(1);
    request.server = server;
    ASSIGN_OR_RETURN(const std::string leaf, rpc::Issue(ca, request));
    // The chain ends with the CA, as the controller's and the agents' do.
    (server ? certificates.server_pem : certificates.client_pem) = leaf + ca.certificate_pem;
    (server ? certificates.server_key_pem : certificates.client_key_pem) = key.key_pem;
  }
  return certificates;
}

absl::StatusOr<RpcRun> MeasureRpc(const Certificates& certificates, int streams, int repetitions,
                                  double seconds) {
  std::vector<RpcRun> runs;
  for (int i = 0; i < repetitions; ++i) {
    ASSIGN_OR_RETURN(RpcRun run, RunOnce(certificates, streams, seconds));
    runs.push_back(run);
  }
  RpcRun median;
  for (double RpcRun::*const figure :
       {&RpcRun::connect_seconds, &RpcRun::round_trips_per_second, &RpcRun::server_kib_per_stream,
        &RpcRun::server_cpu_us, &RpcRun::client_cpu_us}) {
    std::vector<double> values;
    for (const RpcRun& run : runs) values.push_back(run.*figure);
    median.*figure = Median(std::move(values));
  }
  return median;
}

}  // namespace dbfleet::bench
