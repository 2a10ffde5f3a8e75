// SPDX-License-Identifier: Apache-2.0
#include "tests/support/inference-worker/tiny_variant.h"

#include <filesystem>
#include <map>
#include <memory>

#include <ggml.h>
#include <gguf.h>
#include <unistd.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

using Gguf = std::unique_ptr<gguf_context, decltype(&gguf_free)>;
using Weights = std::unique_ptr<ggml_context, decltype(&ggml_free)>;

void SetControlTokens(gguf_context* file, const std::vector<std::string>& names) {
  const auto texts_key = gguf_find_key(file, "tokenizer.ggml.tokens");
  const auto types_key = gguf_find_key(file, "tokenizer.ggml.token_type");
  const std::size_t count = gguf_get_arr_n(file, texts_key);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.emplace_back(gguf_get_arr_str(file, texts_key, i));
  const auto* known = static_cast<const std::int32_t*>(gguf_get_arr_data(file, types_key));
  std::vector<std::int32_t> types(known, known + count);
  for (std::size_t i = 0; i < names.size(); ++i) {
    texts[count - names.size() + i] = names[i];
    types[count - names.size() + i] = LLAMA_TOKEN_TYPE_CONTROL;
  }
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  gguf_set_arr_str(file, "tokenizer.ggml.tokens", pointers.data(), count);
  gguf_set_arr_data(file, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), count);
}

void Write(const TinyVariant& variant, const std::filesystem::path& path) {
  ggml_context* loaded = nullptr;
  const Gguf tiny(gguf_init_from_file(TinyModelPath().c_str(), {.no_alloc = false, .ctx = &loaded}),
                  gguf_free);
  CHECK(tiny != nullptr);
  const Weights weights(loaded, ggml_free);
  const Gguf file(gguf_init_empty(), gguf_free);
  gguf_set_kv(file.get(), tiny.get());
  gguf_set_val_str(file.get(), "tokenizer.chat_template", variant.chat_template.c_str());
  SetControlTokens(file.get(), variant.control_tokens);
  for (auto* t = ggml_get_first_tensor(loaded); t != nullptr; t = ggml_get_next_tensor(loaded, t)) {
    if (gguf_find_tensor(tiny.get(), ggml_get_name(t)) >= 0) gguf_add_tensor(file.get(), t);
  }
  CHECK(gguf_write_to_file(file.get(), path.c_str(), /*only_meta=*/false));
}

// Files of this process; removed at its end.
class Files {
 public:
  Files()
      : folder_(std::filesystem::temp_directory_path() /
                absl::StrCat("chasqui-tiny-variants-", getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string Path(const TinyVariant& variant) {
    const auto path = folder_ / absl::StrCat(variant.name, ".gguf");
    if (!std::filesystem::exists(path)) Write(variant, path);
    return path.string();
  }

 private:
  const std::filesystem::path folder_;
};

}  // namespace

TokenId TinyVariant::Token(std::size_t index) const {
  return static_cast<TokenId>(TinyModel()->vocabulary().size() - control_tokens.size() + index);
}

std::string TinyVariantPath(const TinyVariant& variant) {
  static Files files;
  return files.Path(variant);
}

}  // namespace chasqui::worker
