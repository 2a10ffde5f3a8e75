# SPDX-License-Identifier: Apache-2.0
# Every library the project uses, found on the system: nothing is downloaded, nothing is vendored.
# The versions are those of Debian forky, where the project is built and tested.

find_package(Threads REQUIRED)
find_package(absl 20260526 CONFIG REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(gRPC 1.51 CONFIG REQUIRED)
find_package(llama CONFIG REQUIRED)
find_package(spdlog 1.15 CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(yaml-cpp 0.8 CONFIG REQUIRED)
find_package(CLI11 2.4 CONFIG REQUIRED)
find_package(ftxui 6 CONFIG REQUIRED)
find_package(nlohmann_json 3.11 CONFIG REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(CURL 8 REQUIRED)
find_package(ZLIB 1.2 REQUIRED)
find_package(GTest 1.15 CONFIG REQUIRED)
find_package(benchmark 1.8 CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

# Abseil's matchers for Status are packaged, but not in its CMake package.
find_library(ABSL_STATUS_MATCHERS absl_status_matchers REQUIRED)
add_library(absl::status_matchers STATIC IMPORTED)
set_target_properties(absl::status_matchers PROPERTIES
  IMPORTED_LOCATION "${ABSL_STATUS_MATCHERS}"
  INTERFACE_LINK_LIBRARIES "absl::status;absl::statusor;absl::strings;GTest::gmock")
