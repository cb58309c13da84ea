include(GNUInstallDirs)
set(binaries dbfleet dbfleet-agent dbfleet-controller dbfleet-exec)

# Before anything is copied. Binaries with failpoints stop, or tell lies, on the word of an
# environment variable. The option alone is not asked: a build folder keeps what it was once given,
# and a binary may be older than that.
if(DBFLEET_FAILPOINTS)
  install(CODE [[message(FATAL_ERROR "this build has the failpoints of the crash tests and is not "
    "to be installed; configure with the release preset, or with -DDBFLEET_BUILD_TESTS=OFF "
    "-DDBFLEET_FAILPOINTS=OFF, and build again")]])
endif()
foreach(binary ${binaries})
  if(TARGET ${binary})
    install(CODE "file(STRINGS \"$<TARGET_FILE:${binary}>\" found REGEX DBFLEET_FAILPOINT LIMIT_COUNT 1)
      if(found)
        message(FATAL_ERROR \"$<TARGET_FILE:${binary}> has failpoints; build it again\")
      endif()")
  endif()
endforeach()

foreach(binary ${binaries})
  if(TARGET ${binary})
    install(TARGETS ${binary} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

if(DBFLEET_BUILD_TESTS)
  add_test(NAME install_refuses_failpoints
           COMMAND ${CMAKE_COMMAND} --install ${CMAKE_BINARY_DIR} --prefix ${CMAKE_BINARY_DIR}/refused)
  set_tests_properties(install_refuses_failpoints PROPERTIES
    LABELS unit PASS_REGULAR_EXPRESSION "has the failpoints of the crash tests")
endif()
