// SPDX-License-Identifier: MIT
#include "cubin.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace cuemu::runtime {
namespace {

// .nv.info sections are lists of (format, attribute, value); with format 4 the value is a length
// and bytes follow.
constexpr uint8_t format_bytes = 4;
constexpr uint8_t attribute_frame_size = 0x11;
constexpr uint8_t attribute_register_count = 0x2f;
constexpr uint8_t attribute_barrier_count = 0x4c;

// From sm_90 on the driver's own share, at the start of shared memory, is part of a kernel's
// section.
constexpr std::string_view reserved_shared_section = ".nv.shared.reserved.0";
constexpr uint64_t reserved_shared_bytes = 1024;

constexpr std::string_view text_prefix = ".text.", shared_prefix = ".nv.shared.",
                           info_prefix = ".nv.info.";

class Elf {
 public:
  explicit Elf(std::span<const uint8_t> bytes) : bytes_(bytes) {
    const auto header = read<Elf64_Ehdr>(0);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64) {
      throw std::runtime_error("not a 64-bit ELF file");
    }
    for (size_t i = 0; i < header.e_shnum; ++i) {
      sections_.push_back(read<Elf64_Shdr>(header.e_shoff + i * header.e_shentsize));
    }
    names_ = section_at(header.e_shstrndx);
  }

  template <typename T>
  T read(uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) {
      throw std::runtime_error("truncated ELF file");
    }
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  std::string_view string(const Elf64_Shdr& table, uint64_t offset) const {
    const uint64_t start = table.sh_offset + offset;
    if (start >= bytes_.size()) throw std::runtime_error("ELF string out of range");
    const auto* const text = reinterpret_cast<const char*>(bytes_.data() + start);
    return {text, strnlen(text, bytes_.size() - start)};
  }

  const std::vector<Elf64_Shdr>& sections() const { return sections_; }
  const Elf64_Shdr& section_at(size_t index) const {
    if (index >= sections_.size()) throw std::runtime_error("ELF section out of range");
    return sections_[index];
  }
  std::string_view name(const Elf64_Shdr& section) const { return string(names_, section.sh_name); }

  std::string symbol_name(const Elf64_Shdr& symbol_table, uint32_t index) const {
    const auto symbol = read<Elf64_Sym>(symbol_table.sh_offset + index * sizeof(Elf64_Sym));
    return std::string(string(section_at(symbol_table.sh_link), symbol.st_name));
  }

 private:
  std::span<const uint8_t> bytes_;
  std::vector<Elf64_Shdr> sections_;
  Elf64_Shdr names_{};
};

template <typename Visitor>
void for_each_attribute(const Elf& elf, const Elf64_Shdr& section, Visitor&& visit) {
  uint64_t position = section.sh_offset;
  const uint64_t end = position + section.sh_size;
  while (position + 4 <= end) {
    const auto format = elf.read<uint8_t>(position);
    const auto attribute = elf.read<uint8_t>(position + 1);
    const auto value = elf.read<uint16_t>(position + 2);
    position += 4;
    visit(attribute, format, value, position);
    if (format == format_bytes) position += value;
  }
}

}  // namespace

std::unordered_map<std::string, KernelResources> read_cubin(std::span<const uint8_t> bytes) {
  const Elf elf(bytes);
  std::unordered_map<std::string, KernelResources> kernels;
  bool shared_includes_reserved = false;
  int constant_bytes = 0;
  for (const Elf64_Shdr& section : elf.sections()) {
    const std::string_view name = elf.name(section);
    if (name.starts_with(text_prefix)) kernels[std::string(name.substr(text_prefix.size()))];
    if (name == reserved_shared_section) shared_includes_reserved = true;
    if (name == ".nv.constant3") constant_bytes = static_cast<int>(section.sh_size);
  }

  const auto find = [&](std::string_view name) -> KernelResources* {
    const auto found = kernels.find(std::string(name));
    return found != kernels.end() ? &found->second : nullptr;
  };
  for (const Elf64_Shdr& section : elf.sections()) {
    const std::string_view name = elf.name(section);
    if (name.starts_with(shared_prefix)) {
      if (KernelResources* const kernel = find(name.substr(shared_prefix.size()))) {
        const uint64_t reserved = shared_includes_reserved ? reserved_shared_bytes : 0;
        kernel->shared_bytes =
            static_cast<int>(section.sh_size - std::min(section.sh_size, reserved));
      }
    } else if (name.starts_with(info_prefix)) {
      if (KernelResources* const kernel = find(name.substr(info_prefix.size()))) {
        for_each_attribute(elf, section, [&](uint8_t attribute, uint8_t, uint16_t value, uint64_t) {
          if (attribute == attribute_barrier_count) kernel->barriers = value;
        });
      }
    } else if (name == ".nv.info") {
      const Elf64_Shdr& symbols = elf.section_at(section.sh_link);
      for_each_attribute(
          elf, section, [&](uint8_t attribute, uint8_t format, uint16_t size, uint64_t at) {
            if (format != format_bytes || size < 8) return;
            if (attribute != attribute_register_count && attribute != attribute_frame_size) return;
            KernelResources* const kernel = find(elf.symbol_name(symbols, elf.read<uint32_t>(at)));
            if (kernel == nullptr) return;
            const int value = static_cast<int>(elf.read<uint32_t>(at + 4));
            (attribute == attribute_register_count ? kernel->registers : kernel->stack_bytes) =
                value;
          });
    }
  }
  for (auto& [name, kernel] : kernels) kernel.constant_bytes = constant_bytes;
  return kernels;
}

}  // namespace cuemu::runtime
