#pragma once

#include <string>

namespace dbfleet::agent {

// Ends what a former life of the agent left running below an attempt's scratch folder, when nobody
// is there any more to finish it: its instance is gone from the configuration. Stops the tools,
// then removes their credentials and what they wrote of an unfinished backup. Does nothing for the
// folder of an attempt that ran no tools. Blocks for some seconds if a tool will not end.
void EndOrphanedBackup(const std::string& scratch);

}  // namespace dbfleet::agent
