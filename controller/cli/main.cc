#include <string>
#include <vector>

#include "common/base/exit.h"
#include "common/time/clock.h"
#include "controller/cli/app.h"
#include "controller/cli/interrupt.h"

int main(int argc, char** argv) {
  dbfleet::cli::InstallInterruptHandler();
  const auto clock = dbfleet::MakeSystemClock();
  dbfleet::ExitWithoutStatics(dbfleet::cli::Run(dbfleet::cli::SystemWorld(clock.get()),
                                                std::vector<std::string>(argv + 1, argv + argc)));
}
