// float16 as the kernels use it: 16 bits, converted from and to float. (_Float16 would do, but g++
// knows it in C++ from 13 on only.)
#pragma once

#include <cmath>
#include <cstdint>

struct __half {
  std::uint16_t bits;

  __half() = default;
  explicit __half(float value) : bits(std::signbit(value) ? 0x8000 : 0) {
    const float size = std::fabs(value);
    if (size != size) {
      bits |= 0x7fff;
    } else if (size >= 65520.0f) {  // halfway between the largest half and the next power of two
      bits |= 0x7c00;
    } else {
      int exponent = 0;  // of the last place: 2^-24 for subnormals, 11 significant bits above
      std::frexp(size, &exponent);
      exponent = size == 0 || exponent < -13 ? -24 : exponent - 11;
      const auto digits = std::uint16_t(std::nearbyint(std::ldexp(size, -exponent)));
      bits |= std::uint16_t((exponent + 24) * 1024 + digits);
    }
  }
  explicit operator float() const {
    const int exponent = bits >> 10 & 31, digits = bits & 1023;
    float size = exponent == 0 ? std::ldexp(float(digits), -24)
                               : std::ldexp(float(digits + 1024), exponent - 25);
    if (exponent == 31) size = digits ? NAN : INFINITY;
    return bits & 0x8000 ? -size : size;
  }
};
