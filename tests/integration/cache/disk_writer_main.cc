// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>

#include <unistd.h>

#include "common/time/clock.h"
#include "services/cache/answer/packing.h"
#include "services/cache/disk/disk_store.h"
#include "tests/support/cache/answers.h"

// usage: cache_disk_writer DIRECTORY FIRST BYTES
//
// Writes the answers of the numbers from FIRST on into a DiskStore until it is killed, and tells
// each number on standard output as soon as its answer is acknowledged. 1: something failed.
int main(int argc, char** argv) {
  namespace cache = chasqui::cache;
  if (argc != 4) return 64;
  std::uint64_t first = 0;
  std::size_t bytes = 0;
  std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), first);
  std::from_chars(argv[3], argv[3] + std::strlen(argv[3]), bytes);

  const auto store = cache::DiskStore::Open({.path = argv[1], .max_bytes = std::uint64_t{1} << 30},
                                            chasqui::time::RealClock(), {});
  if (!store.ok()) {
    std::cerr << store.status() << "\n";
    return 1;
  }
  for (std::uint64_t number = first;; ++number) {
    const cache::AnswerPtr answer = chasqui::testing::MakeAnswer(number, {.bytes = bytes});
    cache::v1::DiskRecord record;
    record.set_expires_us(answer->expires_us());
    record.set_cost_us(answer->cost_us());
    const absl::Status status =
        (*store)->Put(cache::KeyOf(*answer), cache::Pack(*answer, {}), record);
    if (!status.ok()) {
      std::cerr << status << "\n";
      return 1;
    }
    // At once, and whole: a number of eight bytes fits what a pipe takes as one.
    if (write(STDOUT_FILENO, &number, sizeof(number)) != sizeof(number)) return 1;
  }
}
