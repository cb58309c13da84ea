#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "agent/exec/child.h"
#include "agent/exec/launch.h"
#include "agent/exec/output_file.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// The heart of `dbfleet-exec`: runs the pipeline that the specification in a record folder names,
// and writes the record when everything has ended. One object and one thread per process; Run once.
//
// It is the leader of a session, adopts the pipeline's orphans, copies the last process's output
// into the file itself (so that a full disk is seen by the one who keeps the record) and keeps the
// end of each stderr. SIGTERM ends the group, SIGKILL follows 5 s later. When a process fails, the
// ones before it get SIGTERM, for nobody reads them any more.
class Supervisor {
 public:
  Supervisor(std::string record_folder, Clock& clock);

  // OK if the record was written, whatever it says.
  absl::Status Run();

 private:
  absl::Status Prepare();
  void Supervise();
  void PollOnce();
  void ReadSignals();
  void ReadStdout();
  void ReadStderr(size_t index);
  void Reap();
  void NoteEnd(size_t index, int wait_status);
  void Terminate();
  void KillIfDue();
  // True once no descendant is left; kills those that stay.
  bool DescendantsGone();
  bool PipesClosed() const;
  absl::Status WriteRecord();

  const std::string folder_;
  Clock& clock_;
  PipelineSpec spec_;
  std::string marker_;
  UniqueFd signals_;
  OutputFile output_;
  LaunchedPipeline pipeline_;
  std::vector<bool> alive_;
  int alive_count_ = 0;
  int ended_ = 0;
  PipelineStatus status_;
  std::vector<std::string> stderr_;
  absl::Duration kill_at_ = absl::InfiniteDuration();
  absl::Duration leftovers_since_ = absl::InfiniteDuration();
  bool leftovers_killed_ = false;
  std::vector<char> buffer_;
};

// The program: checks its place in the world (lock, session), then runs a Supervisor. The exit
// status is 0 if the record was written.
int RunSupervisor(const std::string& record_folder);

}  // namespace dbfleet::agent
