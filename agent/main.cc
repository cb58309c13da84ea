#include "agent/app/commands.h"
#include "common/base/exit.h"

int main(int argc, char** argv) { dbfleet::ExitWithoutStatics(dbfleet::agent::Main(argc, argv)); }
