// Reading two-dimensional .npy files (float32, float16, int32, uint8, bool; C order, version 1 to 3).
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

struct Npy {
  std::string type;  ///< for example "<f2"
  size_t rows = 0;
  size_t columns = 1;
  std::vector<uint8_t> bytes;

  template <class T>
  const T* as() const { return reinterpret_cast<const T*>(bytes.data()); }
};

inline void fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(2);
}

inline Npy readNpy(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) fail("cannot open " + path);
  std::vector<uint8_t> all;
  std::fseek(file, 0, SEEK_END);
  all.resize(static_cast<size_t>(std::ftell(file)));
  std::fseek(file, 0, SEEK_SET);
  if (std::fread(all.data(), 1, all.size(), file) != all.size()) fail("cannot read " + path);
  std::fclose(file);
  if (all.size() < 12 || std::memcmp(all.data(), "\x93NUMPY", 6) != 0) fail(path + " is not an npy file");
  const size_t begin = all[6] == 1 ? 10 : 12;
  const size_t length = all[8] | all[9] << 8 | (begin == 12 ? all[10] << 16 : 0);
  const std::string header(reinterpret_cast<const char*>(all.data()) + begin, length);
  Npy npy;
  const size_t descr = header.find("'descr':");
  const size_t open = header.find('\'', descr + 8);
  npy.type = header.substr(open + 1, header.find('\'', open + 1) - open - 1);
  const size_t shape = header.find('(', header.find("'shape':"));
  char* next = nullptr;
  npy.rows = std::strtoull(header.c_str() + shape + 1, &next, 10);
  while (*next == ',' || *next == ' ') ++next;
  if (*next != ')') npy.columns = std::strtoull(next, nullptr, 10);
  npy.bytes.assign(all.begin() + static_cast<std::ptrdiff_t>(begin + length), all.end());
  return npy;
}
