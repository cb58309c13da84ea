#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/time/clock.h"

namespace dbfleet::agent {

// A pipeline of outside tools, run under `dbfleet-exec`: a supervisor in a session of its own that
// owns the pipes and durably records every process's exit status in `record_folder`. When the agent
// dies the pipeline runs on, and a restarted agent reads what became of it.
struct PipelineSpec {
  struct Command {
    std::vector<std::string> argv;           // argv[0] is an absolute path. Never a secret.
    std::map<std::string, std::string> env;  // The whole environment but for one variable that
                                             // marks the pipeline. Never a secret.
  };
  std::vector<Command> commands;  // stdout of each feeds the next one's stdin.
  std::string stdout_path;        // Where the last one's output goes; "": /dev/null.
                                  // Created O_EXCL, mode 0600, fsynced at the end.
  std::string stdin_path;         // What the first one reads; "": /dev/null.
  std::string record_folder;      // Made by the caller, mode 0700; one per pipeline.
  std::string working_folder;     // "" is record_folder.
};

struct ProcessStatus {
  std::string program;  // Base name of argv[0].
  int exit_code = -1;   // -1 if it ended by a signal or never started.
  int signal = 0;
  std::string error;        // Why it never started.
  std::string stderr_tail;  // Last 4 KiB, made printable.
  int end_order = 0;        // 1 for the one that ended first; 0: never started.
  bool ok() const { return exit_code == 0 && signal == 0 && error.empty(); }
};

struct PipelineStatus {
  std::vector<ProcessStatus> processes;
  int64_t stdout_bytes = 0;
  std::string stdout_sha256;  // Of what was written, hex; "" without an output file.
  std::string stdout_error;   // Writing or syncing the output failed ("DISK_FULL: ...").
  bool ok() const;
  // The failure that came first, for a message; "" when ok. A process that only broke because its
  // neighbour had ended is named last.
  std::string Problem() const;
};

// Starts pipelines and reads their records. Thread-safe.
//
// A pipeline has succeeded only if every process exited 0 and the output was written and synced. A
// process that outlives the pipeline's own is killed and makes it fail, for nobody knows what it
// still had to write. `record_folder` holds the specification, the lock that the living supervisor
// holds (inherited from the agent, so that there is no moment without it), and in the end the
// record.
class PipelineRunner {
 public:
  // `exec_path`: the dbfleet-exec binary.
  explicit PipelineRunner(std::string exec_path);
  ~PipelineRunner();

  // Runs to the end. CANCELLED when `cancelled` became true, DEADLINE_EXCEEDED after `timeout`: the
  // whole group then got SIGTERM, and SIGKILL 5 s later. Any other error: it could not be started
  // or its record is missing or broken. A tool's failure is not an error but a PipelineStatus.
  absl::StatusOr<PipelineStatus> Run(const PipelineSpec& spec, absl::Duration timeout,
                                     const std::function<bool()>& cancelled,
                                     const std::function<void(int64_t bytes_written)>& progress);

  // After a restart: waits (at most `wait`) for the pipeline that wrote into `record_folder` and
  // returns its status. NOT_FOUND (NO_RECORD) if no supervisor lives and no record exists; what is
  // left of its process group has then been killed. CANCELLED as in Run; DEADLINE_EXCEEDED
  // (STILL_RUNNING) after `wait`, and the pipeline runs on.
  absl::StatusOr<PipelineStatus> Adopt(const std::string& record_folder, absl::Duration wait,
                                       const std::function<bool()>& cancelled);

 private:
  absl::Status Start(const PipelineSpec& spec, pid_t* supervisor) const;

  const std::string exec_path_;
  const std::unique_ptr<Clock> clock_;
};

// Looks a tool up in the usual folders (/usr/bin, /usr/local/bin, /usr/lib/postgresql/*/bin, ...).
// NOT_FOUND (TOOL_MISSING) names the Debian package.
absl::StatusOr<std::string> FindTool(absl::string_view tool, absl::string_view package);

// First line of `tool --version`, cached per path.
absl::StatusOr<std::string> ToolVersion(const std::string& path);

}  // namespace dbfleet::agent
