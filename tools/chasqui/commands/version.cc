// SPDX-License-Identifier: Apache-2.0
#include "common/version/version.h"

#include <iostream>

#include <grpcpp/grpcpp.h>
#include <nlohmann/json.hpp>

#include "tools/chasqui/commands/command.h"

namespace chasqui::cli {

void AddVersion(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("version", "Tell what this program is");
  AddJsonFlag(sub, choice);
  sub.callback([&choice] {
    choice.run = [&choice](Interrupts&) {
      if (choice.json) {
        const nlohmann::ordered_json json = {{"version", version::Version()},
                                             {"revision", version::Revision()},
                                             {"grpc", grpc::Version()}};
        std::cout << json.dump() << "\n";
      } else {
        std::cout << "chasqui " << version::Version() << " (" << version::Revision() << "), gRPC "
                  << grpc::Version() << "\n";
      }
      return absl::OkStatus();
    };
  });
}

}  // namespace chasqui::cli
