// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/text/utf8_assembler.h"

namespace chasqui::worker {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What may follow the first byte of a character: table 3-7 of the Unicode standard.
struct Lead {
  int missing;  // 0: no first byte of a longer character
  unsigned char low;
  unsigned char high;
};

Lead Classify(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};  // no surrogates
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};  // nothing above U+10FFFF
  return {0, 0, 0};
}

}  // namespace

void Utf8Assembler::Append(std::string_view bytes, std::string& text) {
  for (const char byte : bytes) Take(static_cast<unsigned char>(byte), text);
}

void Utf8Assembler::Take(unsigned char byte, std::string& text) {
  if (missing_ > 0) {
    if (byte >= low_ && byte <= high_) {
      held_.push_back(static_cast<char>(byte));
      low_ = 0x80;
      high_ = 0xBF;
      if (--missing_ == 0) {
        text += held_;
        held_.clear();
      }
      return;
    }
    Finish(text);  // ill-formed up to here; `byte` begins anew
  }
  if (byte < 0x80) {
    text.push_back(static_cast<char>(byte));
    return;
  }
  const Lead lead = Classify(byte);
  if (lead.missing == 0) {
    text += kReplacement;
    return;
  }
  held_.push_back(static_cast<char>(byte));
  missing_ = lead.missing;
  low_ = lead.low;
  high_ = lead.high;
}

void Utf8Assembler::Finish(std::string& text) {
  if (missing_ > 0) text += kReplacement;
  held_.clear();
  missing_ = 0;
}

}  // namespace chasqui::worker
