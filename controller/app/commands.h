#pragma once

namespace dbfleet::controller {

// dbfleet-controller run|check-config|version. Exit codes: 0 ok, 1 failed, 2 usage or
// configuration.
int RunCommandLine(int argc, char** argv);

}  // namespace dbfleet::controller
