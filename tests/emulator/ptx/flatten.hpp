// SPDX-License-Identifier: MIT
// One kernel as a flat list of instructions: names resolved, scopes gone, device functions inlined.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "syntax.hpp"

namespace cuemu {

struct Operand {
  enum class Kind : uint8_t {
    none,
    reg,
    immediate,
    symbol,
    special,
    address,
    vector,
    label,
    sink,
    name
  };
  Kind kind = Kind::none;
  bool negated = false;
  Space space = Space::generic;  // of a symbol, or of the symbol an address starts at
  Token::Kind number = Token::Kind::integer;
  uint32_t reg = 0;     // register; the base of an address when has_base
  uint32_t second = 0;  // register q of "p|q" when has_second
  bool has_base = false, has_second = false;
  uint64_t bits = 0;      // immediate, label number, displacement (with the symbol's address)
  std::string_view name;  // special register, or a name that could not be resolved
  std::vector<Operand> items;
};

inline constexpr uint32_t kNoRegister = ~0u;

struct FlatInstruction {
  std::string_view opcode;  // in full
  std::string_view text;
  uint32_t guard = kNoRegister;
  bool guard_negated = false;
  bool in_entry = true;  // not inlined from a device function
  std::vector<Operand> operands;
  SourceLocation location;
  std::string error;  // why this cannot be run, if so
};

struct FlatProgram {
  std::vector<FlatInstruction> code;
  std::vector<Type> registers;                        // virtual registers
  std::vector<uint32_t> labels;                       // label number -> index into code
  std::vector<std::vector<uint32_t>> branch_targets;  // of brx.idx: tables of label numbers
  uint32_t static_shared_bytes = 0;
  uint32_t dynamic_shared_align = 16;
  uint32_t local_bytes = 0;
  std::vector<uint32_t> parameter_offsets;
  uint32_t parameter_bytes = 0;
};

// What the module knows of variables outside the kernel: a host address.
using ModuleVariableLookup = std::function<std::optional<uint64_t>(std::string_view name)>;

FlatProgram flatten(const Function& entry, const ModuleIndex& module,
                    const ModuleVariableLookup& variables);

}  // namespace cuemu
