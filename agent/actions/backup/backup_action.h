#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/actions/action.h"
#include "agent/exec/child.h"
#include "common/time/clock.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// Dumps an instance with its own tools into the local repository (repository.h has the layout; each
// engine's recipe is a DumpTool). Succeeds only with a complete, reread backup and its manifest
// (level L0); on any failure nothing of the backup remains. Running it again for a backup that is
// complete returns that one's result. Thread-safe.
class BackupAction : public Action {
 public:
  struct Options {
    std::string backup_dir;
    std::string exec_path;                          // The dbfleet-exec binary.
    absl::Duration dump_timeout = absl::Hours(24);  // Per file.
    std::string repository_id = {};  // Of its mark (repository_mark.h); "": not looked at.
  };
  BackupAction(Options options, Clock& clock);

  absl::string_view name() const override { return "backup"; }
  absl::Status Supports(Engine& engine) override;
  ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) override;
  ActionResult Recover(ActionContext& context, const work::v1::JobSpec& spec,
                       absl::string_view checkpoint) override;

 private:
  ActionResult RunOrRecover(ActionContext& context, const work::v1::BackupSpec& spec,
                            const absl::string_view* checkpoint);

  const Options options_;
  Clock& clock_;
  PipelineRunner runner_;
};

}  // namespace dbfleet::agent
