#pragma once

namespace dbfleet {

// What an agent declares among the capabilities of its Hello that looks for the backup of a grant
// before it begins. Those of a version before that begin without a look.
inline constexpr char kLooksForBackup[] = "gate-backup";

}  // namespace dbfleet
