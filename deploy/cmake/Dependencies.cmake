# All third-party libraries come from the distribution; deploy/packages.txt lists the packages.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(MySQLConnectorCpp REQUIRED)
find_package(PgQuery REQUIRED)

# These have no CMake package, or (hiredis 0.14) a broken one.
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
# 7.87: CURLOPT_QUICK_EXIT.
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl>=7.87)
pkg_check_modules(libpqxx REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
# Not "re2": that name is the one by which gRPC looks for it.
pkg_check_modules(regex_re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)

find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)

if(DBFLEET_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(DBFLEET_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()
