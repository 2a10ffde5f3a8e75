// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"

namespace chasqui::cache {

// What is asked of something that answers by a callback on any thread, and awaited on a loop.
//
//   auto asked = std::make_shared<Asked<absl::Status>>(loop);
//   tier.Put(answer, Setter(asked));
//   absl::Status status = co_await asked->answer;
template <typename T>
struct Asked {
  explicit Asked(rpc::Loop& its_loop) : loop(its_loop) {}
  rpc::Loop& loop;
  rpc::OneShot<T> answer;
};

// The callback. Thread-safe.
template <typename T>
auto Setter(std::shared_ptr<Asked<T>> asked) {
  return [asked = std::move(asked)](T value) {
    rpc::Loop& loop = asked->loop;
    loop.Post([asked, value = std::move(value)]() mutable { asked->answer.Set(std::move(value)); });
  };
}

}  // namespace chasqui::cache
