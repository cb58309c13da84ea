# dbfleet_fuzz(<folder>/<name> DEPS ... [SOURCES ...]): tests/fuzz/<folder>/<name>_fuzz.cc becomes
# the libFuzzer executable fuzz_<name>, put into fuzz/ of the build folder; the target "fuzz" builds
# them all. The preset "fuzz" instruments the libraries; only the executables link libFuzzer's main.
# SOURCES (from the root) are for a file whose own library would bring far more than the target needs.
add_custom_target(fuzz)
function(dbfleet_fuzz target)
  cmake_parse_arguments(ARG "" "" "DEPS;SOURCES" ${ARGN})
  get_filename_component(name "${target}" NAME)
  list(TRANSFORM ARG_SOURCES PREPEND "${CMAKE_SOURCE_DIR}/")
  add_executable(fuzz_${name} "${CMAKE_SOURCE_DIR}/tests/fuzz/${target}_fuzz.cc" ${ARG_SOURCES})
  target_include_directories(fuzz_${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_DEPS} dbfleet_flags)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  add_dependencies(fuzz fuzz_${name})
endfunction()
