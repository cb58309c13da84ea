#include "controller/app/commands.h"

int main(int argc, char** argv) { return dbfleet::controller::RunCommandLine(argc, argv); }
