#include "agent/app/commands.h"

int main(int argc, char** argv) { return dbfleet::agent::Main(argc, argv); }
