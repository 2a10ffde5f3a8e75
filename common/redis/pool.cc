// SPDX-License-Identifier: Apache-2.0
#include "common/redis/pool.h"

#include <algorithm>
#include <utility>

namespace chasqui::redis {

Pool::Pool(std::size_t links, absl::FunctionRef<Link::Options(std::size_t index)> options) {
  for (std::size_t i = 0; i < links; ++i) links_.push_back(std::make_unique<Link>(options(i)));
}

bool Pool::up() const {
  return std::ranges::any_of(links_, [](const auto& link) { return link->up(); });
}

void Pool::Send(std::uint64_t hash, std::vector<std::string> words, Callback done) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (links_[(hash + i) % links_.size()]->TrySend(words, done)) return;
  }
  if (done) done(Away("the server is away, or too much waits for it"));
}

}  // namespace chasqui::redis
