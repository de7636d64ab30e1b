// Functions over vectors of 16 floats, written once for every instruction set. V is a struct of static functions
// (generic/vec16.h says which); each is one IEEE operation per lane, so all instantiations give the same bits.
#pragma once

namespace jesus {

// e^x, within 2 units in the last place; 0 below -87.33 (results there would be subnormal), e^88 above 88.
template <class V>
inline typename V::Reg exp16(typename V::Reg x) {
    const typename V::Reg lowest = V::set(-87.33654f);
    const typename V::Reg clamped = V::min(V::max(x, lowest), V::set(88.0f));
    const typename V::Reg n = V::round(V::mul(clamped, V::set(1.44269504f)));
    typename V::Reg r = V::fma(n, V::set(-0.693359375f), clamped);
    r = V::fma(n, V::set(2.12194440e-4f), r);
    typename V::Reg p = V::set(1.9875691500e-4f);
    p = V::fma(p, r, V::set(1.3981999507e-3f));
    p = V::fma(p, r, V::set(8.3334519073e-3f));
    p = V::fma(p, r, V::set(4.1665795894e-2f));
    p = V::fma(p, r, V::set(1.6666665459e-1f));
    p = V::fma(p, r, V::set(5.0000001201e-1f));
    const typename V::Reg y = V::add(V::fma(p, V::mul(r, r), r), V::set(1.0f));
    return V::select_less(x, lowest, V::zero(), V::mul(y, V::exp2i(n)));
}

template <class V>
inline float exp1(float x) {
    alignas(64) float lanes[16];
    V::store(lanes, exp16<V>(V::set(x)));
    return lanes[0];
}

// The first `count` lanes of memory, the others `other`.
template <class V>
inline typename V::Reg load_first(const float* from, int count, float other) {
    alignas(64) float lanes[16];
    for (int lane = 0; lane < 16; ++lane) {
        lanes[lane] = lane < count ? from[lane] : other;
    }
    return V::load(lanes);
}

template <class V>
inline void store_first(float* to, int count, typename V::Reg value) {
    alignas(64) float lanes[16];
    V::store(lanes, value);
    for (int lane = 0; lane < count; ++lane) {
        to[lane] = lanes[lane];
    }
}

}  // namespace jesus
