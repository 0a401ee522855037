// SPDX-License-Identifier: MIT
// Results of probes, in memory and as JSON.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "probe/device.hpp"
#include "probe/probe.hpp"

namespace foldconv::probes {

struct Outcome {
  std::string group, name;
  Kind kind = Kind::exact;
  // "ok", "failed: ...", "not supported here: ..."; of the emulator "unprobed: ..." (nobody knows what a GPU does),
  // "unknown-opcode: ..." and "forbidden: ..." (it stopped what the PTX ISA forbids)
  std::string status;
  Result result;
  std::uint64_t wall_ns = 0;

  bool ok() const { return status == "ok"; }
};

bool is_not_modelled(const std::string& status);

struct Results {
  Device device;
  std::vector<Outcome> outcomes;
};

void write_json(std::ostream& out, const Results& results);
// The same on a single line, for pipes.
std::string to_line(const Results& results);
// Written beside and renamed, so that a run that is cut off leaves the last complete file.
void write_file(const std::string& path, const Results& results);

Results read_json(const std::string& text, const std::string& origin);
// A file, or all *.json below a folder. Throws std::runtime_error with the path.
Results read_results(const std::string& path);

}  // namespace foldconv::probes
