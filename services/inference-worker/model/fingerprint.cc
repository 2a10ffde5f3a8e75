// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/fingerprint.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <vector>

#include <openssl/evp.h>

#include "absl/status/status_macros.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chasqui::worker {
namespace {

constexpr std::uint64_t kWholeBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kBlockBytes = std::uint64_t{64} << 10;
constexpr std::uint64_t kBlocks = 256;

struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

Digest Begin() {
  Digest digest(EVP_MD_CTX_new());
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  return digest;
}

std::string End(const Digest& digest) {
  constexpr std::size_t kKeptBytes = 16;
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  EVP_DigestFinal_ex(digest.get(), hash.data(), nullptr);
  return absl::BytesToHexString(
      std::string_view(reinterpret_cast<const char*>(hash.data()), kKeptBytes));
}

absl::Status HashRange(std::ifstream& file, std::uint64_t from, std::uint64_t to,
                       EVP_MD_CTX* digest) {
  std::vector<char> buffer(std::uint64_t{1} << 20);
  file.seekg(static_cast<std::streamoff>(from));
  while (from < to) {
    const auto count = std::min<std::uint64_t>(buffer.size(), to - from);
    if (!file.read(buffer.data(), static_cast<std::streamsize>(count)))
      return absl::UnavailableError("reading failed");
    EVP_DigestUpdate(digest, buffer.data(), count);
    from += count;
  }
  return absl::OkStatus();
}

absl::Status HashWeights(std::ifstream& file, std::uint64_t from, std::uint64_t to,
                         EVP_MD_CTX* digest) {
  if (to - from <= kWholeBytes) return HashRange(file, from, to, digest);
  const std::uint64_t last = to - kBlockBytes;
  for (std::uint64_t i = 0; i < kBlocks; ++i) {
    const std::uint64_t at = from + (last - from) / (kBlocks - 1) * i;
    const std::uint64_t begin = i + 1 == kBlocks ? last : at;
    ABSL_RETURN_IF_ERROR(HashRange(file, begin, begin + kBlockBytes, digest));
  }
  return absl::OkStatus();
}

absl::Status HashPart(const std::string& path, std::uint64_t header_bytes, EVP_MD_CTX* digest) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return absl::UnavailableError("it cannot be opened");
  const std::string size_text = absl::StrCat("size ", size, "\n");
  EVP_DigestUpdate(digest, size_text.data(), size_text.size());
  ABSL_RETURN_IF_ERROR(HashRange(file, 0, header_bytes, digest));
  return HashWeights(file, header_bytes, size, digest);
}

}  // namespace

absl::StatusOr<std::string> Fingerprint(const GgufFacts& facts) {
  const Digest digest = Begin();
  for (std::size_t i = 0; i < facts.paths.size(); ++i) {
    const auto done = HashPart(facts.paths[i], facts.header_bytes[i], digest.get());
    if (!done.ok())
      return absl::UnavailableError(absl::StrCat(facts.paths[i], ": ", done.message()));
  }
  return End(digest);
}

std::string FingerprintOf(std::string_view text) {
  const Digest digest = Begin();
  EVP_DigestUpdate(digest.get(), text.data(), text.size());
  return End(digest);
}

}  // namespace chasqui::worker
