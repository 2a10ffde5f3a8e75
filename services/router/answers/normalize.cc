// SPDX-License-Identifier: Apache-2.0
#include "services/router/answers/normalize.h"

#include <cstdlib>
#include <memory>

#include <utf8proc.h>

#include "absl/strings/ascii.h"

namespace chasqui::router {
namespace {

using Config = config::v1::PromptNormalizationConfig;

struct Free {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

std::string Composed(std::string_view text) {
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(out);
  if (size < 0) return std::string(text);
  return std::string(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
}

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

std::string Collapsed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!IsSpace(c)) {
      out.push_back(c);
    } else if (out.empty() || out.back() != ' ') {
      out.push_back(' ');
    }
  }
  return out;
}

}  // namespace

std::string Normalize(std::string_view text, const Config& config) {
  std::string out = config.nfc() ? Composed(text) : std::string(text);
  if (config.collapse_white_space()) out = Collapsed(out);
  if (config.trim()) out = std::string(absl::StripAsciiWhitespace(out));
  return out;
}

void Normalize(const Config& config, inference::v1::GenerateRequest& request) {
  if (!config.nfc() && !config.collapse_white_space() && !config.trim()) return;
  if (request.has_prompt()) request.set_prompt(Normalize(request.prompt(), config));
  if (!request.has_chat()) return;
  for (auto& message : *request.mutable_chat()->mutable_messages()) {
    for (auto& part : *message.mutable_parts()) {
      if (part.has_text()) part.set_text(Normalize(part.text(), config));
    }
  }
}

}  // namespace chasqui::router
