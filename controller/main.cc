#include "common/base/exit.h"
#include "controller/app/commands.h"

int main(int argc, char** argv) {
  dbfleet::ExitWithoutStatics(dbfleet::controller::RunCommandLine(argc, argv));
}
