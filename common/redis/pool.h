// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/redis/link.h"

namespace chasqui::redis {

// Several links to one server, so that more than one thread reads its answers. What concerns one
// key goes over one link, in order, unless that is down. Owned by what speaks through it.
// Thread-safe.
class Pool {
 public:
  // `options` makes those of each link, counted from 0; what they call may come before this
  // returns.
  Pool(std::size_t links, absl::FunctionRef<Link::Options(std::size_t index)> options);

  // Whether any link is up.
  bool up() const;

  // As Link::Send(), over the link of `hash`, or another when that is down or full.
  void Send(std::uint64_t hash, std::vector<std::string> words, Callback done);

 private:
  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace chasqui::redis
