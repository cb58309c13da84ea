#pragma once

#include <string>

namespace CLI {
class App;
}

namespace dbfleet::controller {

// dbfleet-controller backup|restore|recover|audit-key rotate. `exit_code` gets what they return.
// All but backup want the controller to be stopped.
void AddRecoveryCommands(CLI::App& app, std::string* config_path, int* exit_code);

}  // namespace dbfleet::controller
