//! Sums of products over many templates: the hot loop of the gallery.
//!
//! The loops are plain and the compiler makes vector instructions of them. For x86-64 it may assume only those of
//! 2003, with which the whole numbers of the coarse search are three times slower than with AVX2, so the same
//! loops are compiled again for AVX2 and AVX-512 and chosen when the processor has them. On 64-bit Arm the basic
//! instructions are good enough. Results do not depend on the choice: whole numbers are exact, and floats are
//! added in the same order, without fused products.
#![expect(
    unsafe_code,
    reason = "calls of functions compiled for newer processors, each after asking the processor"
)]

/// Sums kept side by side while floats are added.
const LANES: usize = 16;

/// The cosine of two vectors of unit length. Vectors of different lengths resemble each other not at all.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() == b.len() { float_product(a, b).clamp(-1.0, 1.0) } else { 0.0 }
}

/// The sum of products of `probe` and each of the vectors of its length that lie one after the other.
pub(super) fn float_products(vectors: &[f32], probe: &[f32], sums: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just said that it has AVX2, all that the function asks for.
        return unsafe { float_products_avx2(vectors, probe, sums) };
    }
    each_float_product(vectors, probe, sums);
}

/// The same for whole numbers. No sum overflows as long as the probe's values are at most [`MOST`] and there are
/// no more than 4,096.
pub(super) fn whole_products(vectors: &[i8], probe: &[i16], sums: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512bw") {
        // SAFETY: as above, with AVX-512 BW.
        return unsafe { whole_products_avx512(vectors, probe, sums) };
    } else if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: as above.
        return unsafe { whole_products_avx2(vectors, probe, sums) };
    }
    each_whole_product(vectors, probe, sums);
}

/// The greatest value of a probe: 4096 * 127 * 4096 is less than 2^31.
pub(super) const MOST: i16 = 4096;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn float_products_avx2(vectors: &[f32], probe: &[f32], sums: &mut [f32]) {
    each_float_product(vectors, probe, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bw")]
fn whole_products_avx512(vectors: &[i8], probe: &[i16], sums: &mut [i32]) {
    each_whole_product(vectors, probe, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn whole_products_avx2(vectors: &[i8], probe: &[i16], sums: &mut [i32]) {
    each_whole_product(vectors, probe, sums);
}

#[inline(always)]
fn each_float_product(vectors: &[f32], probe: &[f32], sums: &mut [f32]) {
    for (vector, sum) in vectors.chunks_exact(probe.len().max(1)).zip(sums) {
        *sum = float_product(vector, probe);
    }
}

#[inline(always)]
fn each_whole_product(vectors: &[i8], probe: &[i16], sums: &mut [i32]) {
    for (vector, sum) in vectors.chunks_exact(probe.len().max(1)).zip(sums) {
        let products = vector.iter().zip(probe).map(|(a, b)| i32::from(*a) * i32::from(*b));
        *sum = products.sum();
    }
}

// Written with iterators, the sums leave their registers and it takes four times as long.
#[inline(always)]
fn float_product(a: &[f32], b: &[f32]) -> f32 {
    let ((a_chunks, a_rest), (b_chunks, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    let mut sums = [0.0_f32; LANES];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_vector_resembles_itself_fully_and_its_opposite_not() {
        let vector = [0.6, -0.8];
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-6);
        assert!((cosine(&vector, &[-0.6, 0.8]) + 1.0).abs() < 1e-6);
        assert!(cosine(&vector, &vector[1..]).abs() < 1e-6);
    }

    #[test]
    fn the_greatest_values_do_not_overflow() {
        let (vector, probe) = (vec![-127_i8; 4096], vec![MOST; 4096]);
        let mut sums = [0];
        whole_products(&vector, &probe, &mut sums);
        assert_eq!(sums, [-127 * 4096 * i32::from(MOST)]);
    }

    proptest! {
        #[test]
        fn whichever_instructions_the_processor_has_the_sums_are_the_same(
            length in 1_usize..200,
            values in prop::collection::vec((-127_i8..=127, -MOST..=MOST), 600),
        ) {
            let count = values.len() / length;
            let whole: Vec<i8> = values.iter().map(|v| v.0).collect();
            let probe: Vec<i16> = values[..length].iter().map(|v| v.1).collect();
            let (mut fast, mut plain) = (vec![0; count], vec![0; count]);
            whole_products(&whole, &probe, &mut fast);
            each_whole_product(&whole, &probe, &mut plain);
            prop_assert_eq!(fast, plain);
            let floats: Vec<f32> = whole.iter().map(|v| f32::from(*v) / 91.0).collect();
            let (mut fast, mut plain) = (vec![0.0; count], vec![0.0; count]);
            float_products(&floats, &floats[..length], &mut fast);
            each_float_product(&floats, &floats[..length], &mut plain);
            let bits = |sums: &[f32]| sums.iter().map(|s| s.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&fast), bits(&plain));
        }
    }
}
