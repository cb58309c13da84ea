# Language, warnings and sanitizers: everything that every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(THREADS_PREFER_PTHREAD_FLAG ON)

option(DBFLEET_BUILD_TESTS "Build the tests" ON)
option(DBFLEET_BUILD_BENCH "Build the benchmarks" OFF)
option(DBFLEET_BUILD_FUZZ "Build the fuzz targets (Clang only)" OFF)
option(DBFLEET_FAILPOINTS "Compile the failpoints of the crash tests in (never in what is installed)"
       ${DBFLEET_BUILD_TESTS})
if(DBFLEET_BUILD_TESTS AND NOT DBFLEET_FAILPOINTS)
  message(FATAL_ERROR "the tests need the failpoints: set DBFLEET_FAILPOINTS to ON, or "
                      "DBFLEET_BUILD_TESTS to OFF for binaries that are to be installed")
endif()
option(DBFLEET_WERROR "Treat warnings as errors" ON)
set(DBFLEET_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# One interface target carries our own flags, so that third-party code (the
# generated protos) is compiled without them.
add_library(dbfleet_flags INTERFACE)
target_compile_options(dbfleet_flags INTERFACE -Wall -Wextra -Wpedantic -Wno-unused-parameter
                       -Wno-missing-field-initializers)
if(NOT DBFLEET_FAILPOINTS)
  target_compile_definitions(dbfleet_flags INTERFACE DBFLEET_NO_FAILPOINTS)
endif()
if(DBFLEET_WERROR)
  target_compile_options(dbfleet_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(dbfleet_flags INTERFACE -Wthread-safety -Werror=thread-safety)
else()
  # GCC 12 reports these inside its own <string>/<regex> when optimising.
  target_compile_options(dbfleet_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized
                         -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(DBFLEET_SANITIZE)
  add_compile_options(-fsanitize=${DBFLEET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DBFLEET_SANITIZE})
  if(DBFLEET_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # -Wno-tsan: Boost.Asio's fences, which GCC's ThreadSanitizer does not model. Without the compiler's
    # own macro, because under it Protobuf's headers give maps a member which the distribution's library,
    # built without ThreadSanitizer, does not know: the two would disagree about the fields behind it.
    add_compile_options(-Wno-tsan -U__SANITIZE_THREAD__)
    add_compile_definitions(DBFLEET_TSAN=1)
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Relative paths let several build folders share one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
endif()
