// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "services/router/auth/api_key.h"
#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {

// A router that asks for keys, and a file of keys that the test writes.
class KeysFixture : public RouterFixture {
 protected:
  static std::string Entry(const NewApiKey& key, const std::string& rest) {
    return "- {id: \"" + key.id + "\", hashed_api_key: \"" + FormatKeyHash(HashApiKey(key.key)) +
           "\", " + rest + "}\n";
  }

  // Puts another file in its place.
  void WriteKeys(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    std::filesystem::rename(path_ + ".new", path_);
  }

  // The client's key, which has `client` beside its id and hash, the worker's and the operator's.
  std::string UsualKeys(const std::string& client) const {
    return "keys:\n" + Entry(client_, client) + Entry(worker_, "tenant: fleet, roles: [worker]") +
           Entry(operator_, "tenant: ops, roles: [operator]");
  }

  // `config` with the file of keys.
  Config WithKeys(Config config) const {
    config.mutable_auth()->set_keys_file(path_);
    *config.mutable_auth()->mutable_reload_interval() =
        service::ToProto(std::chrono::milliseconds(50));
    return config;
  }

  // A client's metadata with this key.
  static std::vector<std::pair<std::string, std::string>> Bearer(const std::string& key) {
    return {{"authorization", "Bearer " + key}};
  }

  // The end of a Generate call with this key; no key when it is empty.
  grpc::Status Ask(const std::string& key, const std::string& model = "tiny") {
    grpc::ClientContext context;
    if (!key.empty()) context.AddMetadata("authorization", "Bearer " + key);
    inference::v1::GenerateRequest request = testing::Prompt("hello");
    request.set_model(model);
    inference::v1::GenerateResponse response;
    return inference_->Generate(&context, request, &response);
  }
  std::string AskForReason(const std::string& key, const std::string& model = "tiny") {
    return Reason(Ask(key, model));
  }

  const std::string path_ = ::testing::TempDir() + "/router-keys-" +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                            ".yaml";
  const NewApiKey client_ = MakeApiKey();
  const NewApiKey worker_ = MakeApiKey();
  const NewApiKey operator_ = MakeApiKey();
};

}  // namespace chasqui::router
