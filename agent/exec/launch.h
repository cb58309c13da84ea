#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

#include "agent/exec/child.h"

namespace dbfleet::agent {

// A file descriptor that is closed once. Movable; not thread-safe.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Reset(); }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Release();
  void Reset();

 private:
  int fd_ = -1;
};

// One started process of a pipeline, with the reading end of its stderr.
struct Stage {
  pid_t pid = -1;  // -1: it did not start; `error` says why.
  std::string error;
  UniqueFd stderr_end;
};

// The processes of a pipeline, started in one process group, each one's stdout piped into the next.
struct LaunchedPipeline {
  std::vector<Stage> stages;
  pid_t group = -1;
  UniqueFd stdout_end;  // Of the last one; not open if the pipeline has no output file.
  bool all_started = false;
};

// Starts a pipeline from the supervisor, which must have one thread only. Children die with the
// supervisor (PR_SET_PDEATHSIG), inherit nothing but stdin, stdout and stderr, and carry the
// marker. When one cannot be started, the later ones are not tried. The error is about pipes or
// files, before anything was started.
absl::Status Launch(const PipelineSpec& spec, const std::string& marker,
                    LaunchedPipeline* pipeline);

}  // namespace dbfleet::agent
