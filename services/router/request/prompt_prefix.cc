// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/prompt_prefix.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <xxhash.h>

namespace chasqui::router {
namespace {

constexpr std::size_t kMostBlocks = 1024;

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// The number of blocks after `blocks` whose beginning is remembered.
std::size_t NextLength(std::size_t blocks) {
  std::size_t step = 1;
  while (blocks >= 8 * step) step *= 2;
  return blocks + step;
}

// Takes a prompt's bytes in pieces and keeps the hash at each length.
class Hasher {
 public:
  explicit Hasher(std::size_t block_bytes) : block_bytes_(block_bytes), state_(XXH3_createState()) {
    XXH3_64bits_reset(state_.get());
  }

  void Text(std::string_view text) {
    // Its length first, so that no other division into texts gives the same bytes.
    Number(text.size());
    Add(text);
  }

  // The last piece: it may go on in another prompt, so that its length must not count.
  void OpenText(std::string_view text) { Add(text); }

  template <typename T>
    requires std::is_arithmetic_v<T>
  void Number(T number) {
    Add({reinterpret_cast<const char*>(&number), sizeof(number)});
  }

  std::vector<std::uint64_t> Take() && { return std::move(hashes_); }

 private:
  void Add(std::string_view bytes) {
    while (!bytes.empty() && length_ <= kMostBlocks) {
      const std::size_t count = std::min(bytes.size(), length_ * block_bytes_ - bytes_);
      XXH3_64bits_update(state_.get(), bytes.data(), count);
      bytes.remove_prefix(count);
      bytes_ += count;
      if (bytes_ < length_ * block_bytes_) return;
      hashes_.push_back(XXH3_64bits_digest(state_.get()));
      length_ = NextLength(length_);
    }
  }

  const std::size_t block_bytes_;
  const std::unique_ptr<XXH3_state_t, FreeState> state_;
  std::size_t bytes_ = 0;
  std::size_t length_ = 1;  // blocks at whose end the next hash is taken
  std::vector<std::uint64_t> hashes_;
};

void Add(const inference::v1::ChatMessage& message, Hasher& hasher) {
  hasher.Number(static_cast<int>(message.role()));
  hasher.Text(message.name());
  for (const auto& part : message.parts()) {
    hasher.Number(static_cast<int>(part.content_case()));
    hasher.Text(part.has_image()   ? part.image().data()
                : part.has_audio() ? part.audio().data()
                                   : part.text());
  }
  for (const auto& call : message.tool_calls()) {
    hasher.Text(call.id());
    hasher.Text(call.name());
    hasher.Text(call.arguments_json());
  }
  hasher.Text(message.tool_call_id());
}

}  // namespace

std::vector<std::uint64_t> PromptPrefix(const inference::v1::GenerateRequest& request,
                                        std::size_t block_bytes) {
  Hasher hasher(block_bytes);
  for (const auto& adapter : request.lora_adapters()) {
    hasher.Text(adapter.name());
    hasher.Number(adapter.has_scale() ? adapter.scale() : -9.0f);  // no scale is below -8
  }
  hasher.Number(static_cast<int>(request.input_case()));
  if (request.has_tokens()) {
    for (const std::uint32_t id : request.tokens().ids()) hasher.Number(id);
  } else if (request.has_chat()) {
    for (const auto& tool : request.chat().tools()) {
      hasher.Text(tool.name());
      hasher.Text(tool.description());
      hasher.Text(tool.parameters_json_schema());
    }
    for (const auto& message : request.chat().messages()) Add(message, hasher);
  } else {
    hasher.OpenText(request.prompt());
  }
  return std::move(hasher).Take();
}

}  // namespace chasqui::router
