// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/log/check.h"
#include "services/inference-worker/format/utf8_decode.h"
#include "services/inference-worker/text/utf8_assembler.h"

namespace chasqui::worker {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// How many bytes at the beginning of `text`, where no character is, some character begins with.
std::size_t MaximalSubpart(std::string_view text) {
  std::size_t longest = 1;
  for (std::size_t size = 2; size < 4 && size <= text.size(); ++size) {
    bool begins = false;
    std::string probe(text.substr(0, size));
    // A character begins with these bytes if one does after bytes of the whole range follow.
    for (const char last : {'\x80', '\xBF'}) {
      for (std::size_t more = 1; size + more <= 4; ++more) {
        const std::string whole = probe + std::string(more, last);
        begins = begins || DecodeUtf8(whole).size == whole.size();
      }
    }
    if (!begins) break;
    longest = size;
  }
  return longest;
}

std::string Reference(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t valid = DecodeUtf8(bytes).size;
    text += valid > 0 ? bytes.substr(0, valid) : kReplacement;
    bytes.remove_prefix(valid > 0 ? valid : MaximalSubpart(bytes));
  }
  return text;
}

}  // namespace
}  // namespace chasqui::worker

// However the bytes are cut, the text is valid and that of the reference.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string expected = chasqui::worker::Reference(bytes);
  CHECK(!chasqui::worker::FirstInvalidUtf8(expected));
  for (const std::size_t cut : {1, 2, 3, 7}) {
    chasqui::worker::Utf8Assembler assembler;
    std::string text;
    for (std::size_t at = 0; at < size; at += cut) assembler.Append(bytes.substr(at, cut), text);
    assembler.Finish(text);
    CHECK(text == expected);
  }
  return 0;
}
