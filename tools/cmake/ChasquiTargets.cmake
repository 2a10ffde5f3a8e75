# SPDX-License-Identifier: Apache-2.0
# The three helpers every folder uses, and the flags every target shares through chasqui::cxx.

option(CHASQUI_WERROR "Warnings are errors" OFF)
set(CHASQUI_SANITIZE "" CACHE STRING "Sanitizers, comma separated (address,undefined or thread)")

add_library(chasqui_cxx INTERFACE)
add_library(chasqui::cxx ALIAS chasqui_cxx)
target_compile_features(chasqui_cxx INTERFACE cxx_std_23)
target_include_directories(chasqui_cxx INTERFACE "${PROJECT_SOURCE_DIR}")
# A designated initialiser names what it sets; what it leaves out has its default on purpose.
target_compile_options(chasqui_cxx INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wno-missing-field-initializers
  $<$<BOOL:${CHASQUI_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
if(CHASQUI_SANITIZE)
  target_compile_options(chasqui_cxx INTERFACE
    -fsanitize=${CHASQUI_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # With these, GCC takes no address of a function for a constant, and Abseil's tables do not
    # compile. AddressSanitizer reports a null pointer where it is followed.
    $<$<CXX_COMPILER_ID:GNU>:-fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute>)
  # Under AddressSanitizer the inline half of Abseil's tables would lay them out with a generation,
  # of which the half in the system's library knows nothing.
  target_compile_definitions(chasqui_cxx INTERFACE NDEBUG_SANITIZER)
  target_link_options(chasqui_cxx INTERFACE -fsanitize=${CHASQUI_SANITIZE})
endif()

# chasqui_add_library(NAME [SRCS x.cc...] [HDRS x.h...] [PUBLIC lib...] [PRIVATE lib...])
# One folder is one target: chasqui_NAME, linked as chasqui::NAME.
function(chasqui_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SRCS;HDRS;PUBLIC;PRIVATE")
  add_library(chasqui_${name} STATIC)
  add_library(chasqui::${name} ALIAS chasqui_${name})
  target_sources(chasqui_${name} PRIVATE ${ARG_SRCS}
    PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${ARG_HDRS})
  target_link_libraries(chasqui_${name} PUBLIC chasqui::cxx ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  set_target_properties(chasqui_${name} PROPERTIES
    LINKER_LANGUAGE CXX
    VERIFY_INTERFACE_HEADER_SETS ON)  # make lint-headers
endfunction()

# chasqui_add_binary(NAME [SRCS main.cc...] [LIBS lib...])
# An executable build/<preset>/bin/NAME.
function(chasqui_add_binary name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SRCS;LIBS")
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE chasqui::cxx ${ARG_LIBS})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin"
    # All descriptors, referenced or not: reflection must know every service that is served.
    LINK_LIBRARY_OVERRIDE_chasqui_proto WHOLE_ARCHIVE)
endfunction()

# Every program that the tests of the labels unit and integration run: what the sanitizers build.
add_custom_target(chasqui_tests)

# chasqui_add_test(NAME LABEL unit|integration SRCS x_test.cc... LIBS lib...)
# One test binary a folder; each of its tests is a ctest test of its own.
function(chasqui_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "LABEL" "SRCS;LIBS")
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE chasqui::cxx ${ARG_LIBS})
  if(ARG_LABEL STREQUAL integration)
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/integration_main.cc")
    target_link_libraries(${name} PRIVATE GTest::gmock absl::synchronization)
  else()
    target_link_libraries(${name} PRIVATE GTest::gmock_main)
  endif()
  add_dependencies(chasqui_tests ${name})
  # Only what is tested is worth optimising: this takes a third off the compile time of a test.
  target_compile_options(${name} PRIVATE -O0)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT 120)
endfunction()
include(GoogleTest)
