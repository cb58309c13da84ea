#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/actions/action.h"
#include "agent/actions/backup/child_tools.h"
#include "agent/exec/child.h"
#include "common/time/clock.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// Rereads a stored backup to level L1: the manifest, nothing missing and nothing besides, sizes,
// SHA-256 of every stored file, decompressed to the end with the source's SHA-256, the dump's own
// end, and the engine's reader over archives and RDBs. It proves that the files are whole and
// readable, not that a restore gives the right rows (that is L2). Changes nothing. Thread-safe.
//
// A damaged backup is FAILED with a reason (NO_MANIFEST, BAD_MANIFEST, BACKUP_CORRUPT,
// BACKUP_INCOMPLETE) and a message that names the file; a sound one that is not the one which the
// controller knows is MANIFEST_MISMATCH. NO_REPOSITORY says nothing of the backup: the repository
// is not there, or was not there all the time.
class VerifyAction : public Action {
 public:
  struct Options {
    std::string backup_dir;
    std::string exec_path;                     // The dbfleet-exec binary.
    absl::Duration timeout = absl::Hours(24);  // Per file.
    std::string repository_id = {};  // Of its mark (repository_mark.h); "": not looked at.
  };
  VerifyAction(Options options, Clock& clock);

  absl::string_view name() const override { return "verify"; }
  absl::Status Supports(Engine& engine) override;
  ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) override;
  // FAILED (AGENT_RESTARTED): nothing was changed, and it can be run again.
  ActionResult Recover(ActionContext& context, const work::v1::JobSpec& spec,
                       absl::string_view checkpoint) override;

 private:
  absl::StatusOr<work::v1::VerifyResult> Verify(ActionContext& context,
                                                const work::v1::VerifySpec& spec,
                                                ChildTools& tools);

  const Options options_;
  Clock& clock_;
  PipelineRunner runner_;
};

}  // namespace dbfleet::agent
