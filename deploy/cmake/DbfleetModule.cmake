# dbfleet_module(DEPS ...) makes the folder it is called from one static library, all modules alike:
#   - every *.cc of the folder (not of its subfolders), but main*.cc
#   - the unit tests tests/unit/<folder>/*_test.cc as one executable <name>_test, run by ctest
#     with the label "unit"
#   - the tests against real servers tests/integration/<folder>/*_test.cc as <name>_itest, label
#     "integration"
#   - the benchmarks tests/bench/<folder>/*_bench.cc as <name>_bench, not run by ctest
# The library's name is the folder with "_" for "/": agent/engine is agent_engine.
# DEPS is the module's whole list of dependencies, so the calls together are the dependency table;
# tests/lint/include_rules_test checks that the #include lines agree with it.
function(dbfleet_module)
  cmake_parse_arguments(ARG "" "" "DEPS;TEST_DEPS" ${ARGN})
  file(RELATIVE_PATH folder "${CMAKE_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  string(REPLACE "/" "_" name "${folder}")

  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  list(FILTER sources EXCLUDE REGEX "/main[^/]*\\.cc$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
    target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE dbfleet_flags)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE "${CMAKE_SOURCE_DIR}")
    target_link_libraries(${name} INTERFACE ${ARG_DEPS})
  endif()
  set_property(GLOBAL APPEND PROPERTY DBFLEET_MODULES "${folder}")

  if(DBFLEET_BUILD_TESTS)
    dbfleet_test_binary(${name}_test "${CMAKE_SOURCE_DIR}/tests/unit/${folder}" unit
                        ${name} ${ARG_TEST_DEPS})
    dbfleet_test_binary(${name}_itest "${CMAKE_SOURCE_DIR}/tests/integration/${folder}" integration
                        ${name} tests_mini ${ARG_TEST_DEPS})
  endif()
  if(DBFLEET_BUILD_BENCH)
    file(GLOB benches CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/bench/${folder}/*_bench.cc")
    if(benches)
      add_executable(${name}_bench ${benches})
      target_link_libraries(${name}_bench PRIVATE ${name} benchmark::benchmark_main dbfleet_flags)
    endif()
  endif()
endfunction()

# What test executables take their precompiled header from. Not with ccache: it would have to keep the
# compiled header of each build folder, and would find nothing again in another folder. Threads: their
# flag defines a macro, and who uses the header has to be compiled with the same ones.
set(CMAKE_PCH_WARN_INVALID OFF)  # Whoever cannot use it all the same is compiled without.
if(DBFLEET_BUILD_TESTS AND NOT CCACHE_PROGRAM)
  add_library(tests_precompiled OBJECT "${CMAKE_SOURCE_DIR}/tests/precompiled.cc")
  target_link_libraries(tests_precompiled PRIVATE absl::status absl::statusor absl::strings absl::time
                        GTest::gtest GTest::gmock Threads::Threads dbfleet_flags)
  target_include_directories(tests_precompiled PRIVATE "${CMAKE_SOURCE_DIR}")
  target_precompile_headers(tests_precompiled PRIVATE "${CMAKE_SOURCE_DIR}/tests/precompiled.h")
endif()

# One test executable out of every *_test.cc in a folder, if there is one.
function(dbfleet_test_binary name folder label)
  file(GLOB tests CONFIGURE_DEPENDS "${folder}/*_test.cc")
  if(NOT tests)
    return()
  endif()
  add_executable(${name} ${tests})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARGN} tests_fakes GTest::gtest_main GTest::gmock
                        Threads::Threads dbfleet_flags)
  target_compile_definitions(${name} PRIVATE
    DBFLEET_SOURCE_DIR="${CMAKE_SOURCE_DIR}" DBFLEET_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(TARGET tests_precompiled)
    target_precompile_headers(${name} REUSE_FROM tests_precompiled)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set(seconds 600)
  if(DBFLEET_SANITIZE STREQUAL "thread")
    set(seconds 1800)  # Under ThreadSanitizer a test runs about ten times slower.
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds})
endfunction()

# dbfleet_binary(name main DEPS ...): an executable, put into bin/ of the build folder.
function(dbfleet_binary name main)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} dbfleet_flags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
endfunction()
